// The current frame of the tab Live: its pictures, the pair that is shown, and the rows of the table.

import { milliseconds, named } from "./texts.js";

export class Pair {
  constructor(view) {
    Object.assign(this, { view, result: null, pictures: {}, rows: {}, sides: { left: "before", right: "student" } });
  }

  /** Another frame: the server's results for the one before are dropped. */
  renew(result, network) {
    Object.assign(this, { result, network, pictures: { before: result.before, student: result.student } });
    this.rows = this.rows.student ? { student: this.rows.student } : {};
    this.view.say("apart", "");
    this.draw();
  }

  /** A picture of the server's with its times. */
  add(key, { image, place, networkMs, roundTripMs, totalMs }) {
    this.pictures[key] = image;
    this.row(key, { place, network: networkMs, roundTrip: roundTripMs, total: totalMs });
    this.draw();
  }

  /** The line `key` of the table: where it ran, and its times in milliseconds. */
  row(key, times) {
    this.rows[key] = { key, title: this.title(key), ...times };
    this.view.table(Object.values(this.rows));
    this.tag();
  }

  title(key) { return named(key, this.network); }

  draw() {
    for (const side of ["left", "right"]) {
      if (!this.pictures[this.sides[side]]) this.sides[side] = side === "left" ? "before" : "student";
      const options = Object.keys(this.pictures).map((key) => [key, this.title(key)]);
      this.view.picture(side, this.pictures[this.sides[side]]);
      this.view.select(side, options, this.sides[side], (key) => { this.sides[side] = key; this.draw(); });
    }
    this.tag();
    this.view.label("download", `Download “${this.title(this.sides.right)}” (PNG)`);
  }

  /** The names on the picture. */
  tag() {
    for (const [side, key] of Object.entries(this.sides)) {
      const kind = /teacher/i.test(key) ? "teacher" : /student/i.test(key) ? "student" : "";
      this.view.tag(side, this.title(key), this.rows[key] ? milliseconds(this.rows[key].total) : "", kind);
    }
  }

  /** Save the picture on the right as it is: a PNG is exact. */
  download(title, network) {
    const name = `${title.replace(/\.[^.]*$/, "")}-${network}-${this.sides.right}.png`;
    this.view.canvas("right").toBlob((blob) => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }, "image/png");
  }
}
