// What of a picture a pane shows: its scale and its centre. Pure arithmetic, no element.

export const LARGEST = 32;
/** CSS pixels per picture pixel at most. */
const STEP = 1.25;

export class Viewport {
  constructor() {
    Object.assign(this, { picture: [1, 1], pane: [1, 1], corner: [0, 0], dpr: 1 });
    Object.assign(this, { isFit: true, scale: 1, centre: [0.5, 0.5] });
  }

  /** The scale at which all of the picture is seen. */
  get fit() { return Math.min(this.pane[0] / this.picture[0], this.pane[1] / this.picture[1]); }

  /** The scale at which a picture pixel is a pixel of the screen. */
  get oneToOne() { return 1 / this.dpr; }

  /** Percent of 1:1. */
  get percent() { return Math.round(100 * this.scale * this.dpr); }

  /** Other sizes, and the place of the pane on the screen, in CSS pixels; a fitted picture stays fitted. */
  measure(picture, pane, corner, dpr) {
    Object.assign(this, { picture, pane, corner, dpr });
    if (this.isFit) this.reset(); else this.settle();
  }

  reset() { Object.assign(this, { isFit: true, scale: this.fit, centre: [0.5, 0.5] }); }

  /** Zoom to `scale` so that the place `at` of the pane (CSS pixels) keeps its spot of the picture. */
  zoomTo(scale, at = [this.pane[0] / 2, this.pane[1] / 2]) {
    const before = this.spot(at);
    this.scale = this.bounded(scale);
    this.isFit = Math.abs(this.scale / this.fit - 1) < 1e-6;
    const after = this.spot(at);
    this.centre = this.centre.map((value, axis) => value + before[axis] - after[axis]);
    this.settle();
  }

  bounded(scale) { return Math.min(Math.max(scale, Math.min(this.fit, this.oneToOne)), Math.max(LARGEST, this.fit)); }

  zoomBy(steps, at) { this.zoomTo(this.scale * STEP ** steps, at); }

  /** Fit and 1:1 in turn, or twice 1:1 where the two are alike. */
  toggle(at) {
    if (!this.isFit) { this.reset(); return; }
    const wanted = Math.abs(this.oneToOne / this.fit - 1) < 0.05 ? 2 * this.oneToOne : this.oneToOne;
    this.zoomTo(wanted, at);
  }

  /** Move the picture by CSS pixels. */
  pan(dx, dy) {
    const [width, height] = this.picture;
    this.centre = [this.centre[0] - dx / (width * this.scale), this.centre[1] - dy / (height * this.scale)];
    this.settle();
  }

  /** Show the spot (fractions of the picture) in the middle at `scale`. */
  show(centre, scale) {
    Object.assign(this, { scale: this.bounded(scale), centre, isFit: false });
    this.settle();
  }

  /** The spot, in fractions of the picture, at a place of the pane. */
  spot([x, y]) {
    const [width, height] = this.picture;
    return [
      this.centre[0] + (x - this.pane[0] / 2) / (width * this.scale),
      this.centre[1] + (y - this.pane[1] / 2) / (height * this.scale),
    ];
  }

  /** Left, top, width and height of the picture in the pane, CSS pixels; it begins at a whole pixel of the screen. */
  get box() {
    const [width, height] = this.picture.map((length) => length * this.scale);
    const start = (length, axis) => {
      const exact = this.corner[axis] + this.pane[axis] / 2 - this.centre[axis] * length;
      return Math.round(exact * this.dpr) / this.dpr - this.corner[axis];
    };
    return [start(width, 0), start(height, 1), width, height];
  }

  /** Of `spots` the first of each view at `scale`: spots near the border are shown alike. */
  distinct(spots, scale) {
    const found = [];
    for (const spot of spots) {
      const centre = this.settled(spot, scale);
      const moves = (other) => other.map((value, axis) =>
        (Math.abs(value - centre[axis]) * this.picture[axis] * scale) / this.pane[axis]);
      if (found.every((other) => Math.max(...moves(other.centre)) > 1 / 3)) found.push({ spot, centre });
    }
    return found.map(({ spot }) => spot);
  }

  settle() { this.centre = this.settled(this.centre, this.scale); }

  /** The centre nearest to `centre` that keeps the pane filled; a picture smaller than the pane is in the middle. */
  settled(centre, scale) {
    return centre.map((value, axis) => {
      const half = this.pane[axis] / (2 * this.picture[axis] * scale);
      return half >= 0.5 ? 0.5 : Math.min(Math.max(value, half), 1 - half);
    });
  }
}
