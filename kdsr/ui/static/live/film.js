// While frames come in the tab Live: the size that holds the rate which the visitor chose, and the result as a file.
// Not here: where frames come from (`webcam.js`).

import { FILM, median } from "./texts.js";

const LEAST_PX = 48, STEP_PX = 16; // of the side of a square with as many pixels as the student's input
const NEEDED = 6; // warm runs at one size before it is judged
const BUSY = 0.9, IDLE = 0.5; // share of a frame's time: above the first the size shrinks, below the second it grows
const EARLY = 0.25; // of a frame's time: frames come before or after theirs
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

/** Holds a rate: `side` is what the input may have now, at most what the visitor chose. */
export class Rate {
  constructor() { Object.assign(this, { fps: 0, side: null, due: 0 }); }

  /** Frames a second to hold; 0 takes each as it comes. */
  choose(fps) { Object.assign(this, { fps, side: null }); }

  /** The side for a chosen `largest`, from the times of the runs at the side before; `isFixed` keeps it. */
  sideFor(largest, runs, isFixed) {
    if (!this.fps) return largest;
    const side = Math.min(this.side ?? largest, largest);
    this.side = side;
    if (isFixed || runs.length < NEEDED) return side;
    const share = (median(runs.slice(-NEEDED).map(({ totalMs }) => totalMs)) * this.fps) / 1000;
    if (share > BUSY) this.side = rounded(side * Math.max(0.5, Math.sqrt((0.8 * BUSY) / share)));
    else if (share < IDLE && side < largest) this.side = Math.min(largest, rounded(side * 1.2) + STEP_PX);
    return this.side;
  }

  /** Whether a frame at the time `now` comes too early for the rate; if not, the next is due one frame's time later. */
  isEarly(now) {
    if (!this.fps) return false;
    const lasts = 1000 / this.fps;
    if (now < this.due - EARLY * lasts) return true;
    this.due = now - this.due < lasts / 2 ? this.due + lasts : now + lasts; // who is late does not hurry
    return false;
  }
}

const rounded = (side) => Math.max(LEAST_PX, Math.floor(side / STEP_PX) * STEP_PX);

/** Records what a canvas shows, and saves it when it is stopped. */
export class Recorder {
  constructor(view) { Object.assign(this, { view, recorder: null }); }

  get isRecording() { return Boolean(this.recorder); }

  /** Save what was recorded, or record `canvas`, if there is one. */
  toggle(canvas, name) {
    if (this.isRecording) this.stop();
    else if (canvas) this.start(canvas, name);
  }

  /** `canvas` from now on, under `name`; an Error where the browser records nothing. */
  start(canvas, name) {
    const kind = KINDS.find((each) => globalThis.MediaRecorder?.isTypeSupported(each));
    if (!kind || !canvas.captureStream) throw new Error(FILM.cannotRecord);
    const stream = canvas.captureStream(), parts = [];
    this.recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 8_000_000 });
    this.recorder.ondataavailable = ({ data }) => parts.push(data);
    this.recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      const link = Object.assign(document.createElement("a"), {
        href: URL.createObjectURL(new Blob(parts, { type: kind })),
        download: `${name}.${kind.includes("mp4") ? "mp4" : "webm"}`,
      });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    };
    this.recorder.start(1000);
    this.draw();
  }

  stop() {
    this.recorder?.stop();
    this.recorder = null;
    this.draw();
  }

  draw() {
    this.view.label("record", this.isRecording ? FILM.save : FILM.record);
    this.view.press("record", this.isRecording);
  }
}
