// Marks of missing pixels, painted over the picture of a <kdsr-compare>: strokes, an eraser, undo, and the mask.

const INK = "#e11d48"; // rare in photographs, light or dark

export class Marks {
  constructor(compare) {
    this.compare = compare;
    this.canvas = Object.assign(document.createElement("canvas"), { className: "pixels" });
    this.begin([1, 1]);
  }

  /** Nothing is marked, on a picture of that size. */
  begin([width, height]) {
    Object.assign(this.canvas, { width, height });
    Object.assign(this, { strokes: [], now: null, erases: false, brush: 28 }); // the brush in CSS pixels
  }

  /** A stroke begins, or goes on, at a place of the pane; it belongs to the strokes when it ends. */
  down(place) {
    this.now = { erases: this.erases, width: this.brush / this.compare.view.scale, points: [this.at(place)] };
    this.draw();
  }

  move(place) {
    if (!this.now) return;
    this.now.points.push(this.at(place));
    this.draw();
  }

  up() {
    if (this.now) this.strokes.push(this.now);
    this.now = null;
  }

  /** The stroke was none: a second finger came. */
  drop() { this.now = null; this.draw(); }

  undo() { this.strokes.pop(); this.draw(); }

  /** Everything is erased; that can be undone as well. */
  clear() { if (this.strokes.length) this.strokes.push({ clears: true }); this.draw(); }

  at(place) { return this.compare.view.spot(place).map((value, axis) => value * this.compare.shown.size[axis]); }

  draw() {
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: INK });
    for (const { clears, erases, width, points } of [...this.strokes, ...(this.now ? [this.now] : [])]) {
      if (clears) { context.clearRect(0, 0, this.canvas.width, this.canvas.height); continue; }
      context.globalCompositeOperation = erases ? "destination-out" : "source-over";
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of [points[0], ...points]) context.lineTo(...point);
      context.stroke();
    }
    context.globalCompositeOperation = "source-over";
  }

  /** The mask as a PNG file, white where a pixel was painted; null where none was. */
  async file() {
    const { width, height } = this.canvas, context = this.canvas.getContext("2d");
    const pixels = context.getImageData(0, 0, width, height);
    let isMarked = false;
    for (let at = 0; at < pixels.data.length; at += 4) {
      const value = pixels.data[at + 3] ? 255 : 0;
      isMarked ||= value > 0;
      pixels.data.set([value, value, value, 255], at);
    }
    if (!isMarked) return null;
    const mask = Object.assign(document.createElement("canvas"), { width, height });
    mask.getContext("2d").putImageData(pixels, 0, 0);
    const blob = await new Promise((done) => mask.toBlob(done, "image/png"));
    return new File([blob], "marks.png", { type: "image/png" });
  }
}
