// The visitor's camera: opened on request, held on a frame, closed on request or when the tab is left.

import { CAMERA, cameraSentence } from "./texts.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };
const LONGEST_WAIT_MS = 1000; // for a frame: a camera that was unplugged sends none

export class Webcam {
  constructor(view, { onStart, onError }) {
    Object.assign(this, { view, onStart, onError, video: null, isHeld: false });
  }

  get isFilming() { return Boolean(this.video) && !this.isHeld; }

  /** Open it, go on with it, or close it: what its button says. */
  async toggle() {
    if (this.isFilming) return this.close();
    this.isHeld = false;
    if (!this.video) {
      this.view.status(CAMERA.asking, { fraction: null });
      try {
        this.video = await opened();
      } catch (error) {
        return this.onError(cameraSentence(error.name));
      }
    }
    this.draw();
    this.onStart();
  }

  /** Stay on the frame that is there. */
  hold() {
    if (!this.video) return;
    this.isHeld = true;
    this.video.pause();
    this.draw();
  }

  close() {
    for (const track of this.video?.srcObject.getTracks() ?? []) track.stop();
    this.video = null;
    this.isHeld = false;
    this.draw();
  }

  /** Resolves when the camera has shown a frame that was not seen yet, or none comes. */
  async nextFrame() {
    const { video } = this;
    if (video.paused) await video.play();
    const frame = new Promise((done) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(done) : requestAnimationFrame(done)));
    await Promise.race([frame, new Promise((done) => setTimeout(done, LONGEST_WAIT_MS))]);
  }

  draw() {
    this.view.label("webcam", !this.video ? CAMERA.use : this.isHeld ? CAMERA.resume : CAMERA.stop);
    this.view.press("webcam", this.isFilming);
  }
}

/** The camera as a <video> that plays; rejects with an Error named as browsers name them, or `Insecure`. */
async function opened() {
  if (!navigator.mediaDevices?.getUserMedia) throw Object.assign(new Error("no camera on this page"), { name: "Insecure" });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, facingMode: "user" }, audio: false });
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  return video;
}
