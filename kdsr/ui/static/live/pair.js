// The current frame of the tab Live: its pictures, the pair that is shown, and the rows of the table.

import { milliseconds, named } from "./texts.js";

export class Pair {
  constructor(view) {
    Object.assign(this, { view, result: null, canvases: {}, rows: {}, sides: { left: "before", right: "student" } });
  }

  /** Another frame of the picture `name`: the server's results for the one before are dropped. */
  renew(result, network, name) {
    this.result?.input.close?.(); // of the GPU
    Object.assign(this, { result, network, name });
    const { before, student } = this.canvases;
    this.canvases = { before: painted(before, result.before), student: painted(student, result.student) };
    this.rows = this.rows.student ? { student: this.rows.student } : {};
    this.view.say("apart", "");
    this.draw();
  }

  /** Let go of a frame that is not shown. */
  drop({ input, before, student }) {
    for (const image of [input, before, student]) image.close?.();
  }

  /** A picture of the server's with its times. */
  add(key, { image, place, networkMs, roundTripMs, totalMs }) {
    this.canvases[key] = painted(this.canvases[key], image);
    this.row(key, { place, network: networkMs, roundTrip: roundTripMs, total: totalMs });
  }

  /** The line `key` of the table: where it ran, and its times in milliseconds. */
  row(key, times) {
    this.rows[key] = { key, title: this.title(key), ...times };
    this.view.table(Object.values(this.rows));
    this.draw();
  }

  title(key) { return named(key); }

  /** The pixels of a picture that is shown, as an ImageData. */
  pixels(key) {
    const canvas = this.canvases[key];
    return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  }

  /** What stands beside the title on the picture. */
  figure(key) {
    if (this.rows[key]) return milliseconds(this.rows[key].total);
    return key === "before" && this.network.scale > 1 ? "bicubic" : "";
  }

  draw() {
    const { canvases, sides, name } = this, keys = Object.keys(canvases);
    const options = keys.map((key) => [key, named(key)]);
    for (const side of ["left", "right"]) {
      if (!canvases[sides[side]]) sides[side] = side === "left" ? "before" : "student";
      this.view.select(side, options, sides[side], (key) => this.choose(side, key));
    }
    const pictures = keys.map((key) => {
      const kind = /teacher/i.test(key) ? "teacher" : /student/i.test(key) ? "student" : "";
      return { key, kind, title: named(key), figure: this.figure(key), element: canvases[key] };
    });
    const { width, height } = canvases.student;
    this.view.compare({ name, size: [width, height], pictures, ...sides });
    this.view.label("download", `Download ${named(sides.right).toLowerCase()} (PNG)`);
  }

  /** Another picture on a side; one that is on the other side already changes places with it. */
  choose(side, key) {
    const other = side === "left" ? "right" : "left";
    if (this.sides[other] === key) this.sides[other] = this.sides[side];
    this.sides[side] = key;
    this.draw();
  }

  /** Save the picture on the right as it is: a PNG is exact. */
  download(title, network) {
    const name = `${title.replace(/\.[^.]*$/, "")}-${network}-${this.sides.right}.png`;
    this.canvases[this.sides.right].toBlob((blob) => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }, "image/png");
  }
}

/** `canvas`, or a new one, with the pixels of an ImageData, or of an ImageBitmap, which is let go. */
function painted(canvas = document.createElement("canvas"), image) {
  const { width, height } = image;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  if (image.data) context.putImageData(image, 0, 0);
  else { context.drawImage(image, 0, 0); image.close(); }
  return canvas;
}
