// The visitor's camera, or a video file in its place: opened on request, held on a frame, closed on request or when the
// tab is left.

import { CAMERA, FILM, cameraSentence } from "./texts.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };
const LONGEST_WAIT_MS = 1000; // for a frame: a camera that was unplugged sends none

export class Webcam {
  constructor(view, { onStart, onStop, onError }) {
    Object.assign(this, { view, onStart, onStop, onError, video: null, isHeld: false, isFresh: false, onFresh: null });
    Object.assign(this, { title: "Webcam", isFile: false });
  }

  get isFilming() { return Boolean(this.video) && !this.isHeld; }

  /** Open it, go on with it, or close it: what its button says. */
  async toggle() {
    if (this.isFilming) return this.onStop();
    this.isHeld = false;
    if (!this.video) {
      this.view.status(CAMERA.asking, { fraction: null });
      try {
        this.video = await opened();
        this.watch();
      } catch (error) {
        return this.onError(cameraSentence(error.name));
      }
    }
    this.draw();
    this.onStart();
  }

  /** A video file of the visitor's, again and again; false where the browser does not play it. */
  async openFile(file) {
    const video = document.createElement("video");
    Object.assign(video, { src: URL.createObjectURL(file), muted: true, loop: true, playsInline: true });
    try {
      await video.play();
    } catch {
      URL.revokeObjectURL(video.src);
      return false;
    }
    this.close();
    Object.assign(this, { video, title: file.name, isFile: true });
    this.watch();
    this.draw();
    this.onStart();
    return true;
  }

  /** Stay on the frame that is there. */
  hold() {
    if (!this.video) return;
    this.isHeld = true;
    this.video.pause();
    this.draw();
  }

  close() {
    for (const track of this.video?.srcObject?.getTracks() ?? []) track.stop();
    if (this.isFile) { this.video.pause(); URL.revokeObjectURL(this.video.src); }
    Object.assign(this, { video: null, title: "Webcam", isFile: false, isHeld: false });
    this.draw();
  }

  /** The frame that is there as a VideoFrame, which nothing has copied; null where the browser has none. */
  frame() {
    const { video } = this;
    if (!globalThis.VideoFrame || !(video?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA)) return null;
    const frame = new VideoFrame(video);
    if (frame.displayWidth === video.videoWidth && frame.displayHeight === video.videoHeight) return frame;
    frame.close(); // a video that is turned: not all browsers turn its frames
    return null;
  }

  /** Resolves at once if the camera has shown a frame since the last one, else when it does, or when none comes. */
  async nextFrame() {
    const { video } = this;
    if (video.paused) await video.play();
    if (!this.isFresh) {
      const fresh = new Promise((done) => { this.onFresh = done; });
      await Promise.race([fresh, new Promise((done) => setTimeout(done, LONGEST_WAIT_MS))]);
    }
    this.isFresh = false;
  }

  /** Note each frame that the camera shows. */
  watch() {
    const { video } = this;
    const again = (does) => video.requestVideoFrameCallback?.(does) ?? requestAnimationFrame(does);
    const seen = () => {
      this.isFresh = true;
      this.onFresh?.();
      if (this.video === video) again(seen);
    };
    again(seen);
  }

  draw() {
    const { stop, resume } = this.isFile ? FILM : CAMERA;
    this.view.label("webcam", !this.video ? CAMERA.use : this.isHeld ? resume : stop);
    this.view.press("webcam", this.isFilming);
    for (const each of this.view.filmOnly) each.hidden = !this.isFilming;
  }
}

/** The camera as a <video> that plays; rejects with an Error named as browsers name them, or `Insecure`. */
async function opened() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw Object.assign(new Error("no camera on this page"), { name: "Insecure" });
  }
  const stream = await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, facingMode: "user" }, audio: false });
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  return video;
}
