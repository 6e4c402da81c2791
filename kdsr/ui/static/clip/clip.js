// <kdsr-clip>: a clip before and after a student, two players in step under one divider.
//
// Its data are the JSON in `data-clip` of the element #clip-data: {name, size: [width, height], rate, before, student,
// by}; `student` is empty while it is not restored. `pausedAt()` pauses both and gives the time in seconds. The left
// player leads, and has the sound; the other follows it. Not here: what a student does.

import { address } from "../compare/sources.js";
import { said, sayAll } from "../compare/words.js";
import { CSS, TEMPLATE } from "./template.js";

const FAR_S = 0.25, NEAR_S = 0.02; // beyond the first the other player jumps; within the second nothing is done
const UNPLAYED = "This browser cannot play the clip; download it.";
const MOST_TURN = 0.1; // of the other player's speed

const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;

class Clip extends HTMLElement {
  constructor() {
    super();
    Object.assign(this, { at: 50, shown: null, frame: 0 });
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${CSS}</style>${TEMPLATE}`;
    sayAll(root);
    this.place = (name) => root.querySelector(`[data-part=${name}]`);
    [this.left, this.right] = [this.place("left"), this.place("right")];
    this.slider = this.place("slider");
    for (const button of root.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => this.act(button.dataset.act));
    }
    this.place("seek").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    this.addEventListener("keydown", (event) => this.onKey(event));
    for (const name of ["play", "pause", "ended", "loadedmetadata", "seeked", "timeupdate"]) {
      this.left.addEventListener(name, () => this.onPlayer(name));
    }
    this.right.addEventListener("loadedmetadata", () => this.follow());
    for (const video of [this.left, this.right]) {
      video.addEventListener("error", () => { if (video.getAttribute("src")) this.say(UNPLAYED); });
    }
    this.addPointers();
  }

  connectedCallback() {
    const source = document.getElementById("clip-data");
    const read = () => {
      const data = source.querySelector("[data-clip]")?.dataset.clip;
      if (data && data !== this.data) { this.data = data; this.show(JSON.parse(data)); }
    };
    this.observer = new MutationObserver(read);
    if (source) { this.observer.observe(source, { childList: true, subtree: true, attributes: true }); read(); }
  }

  disconnectedCallback() { this.observer?.disconnect(); this.left.pause(); this.right.pause(); }

  // What is shown

  show(shown) {
    this.shown = shown;
    this.say("");
    this.place("stage").style.setProperty("--ratio", shown.size[0] / shown.size[1]);
    const isOther = this.load(this.left, shown.before);
    if (isOther) this.right.pause();
    this.load(this.right, shown.student);
    const isAlone = !shown.student;
    for (const name of ["right", "slider", "right-tag"]) this.place(name).hidden = isAlone;
    this.place("by").textContent = said(shown.by);
    this.left.setAttribute("aria-label", `${said("Before")}: ${shown.name}`);
    this.right.setAttribute("aria-label", `${said("Student")}: ${shown.name}`);
    this.draw();
  }

  /** Whether another file is loaded now. */
  load(video, src) {
    if ((video.dataset.of ?? "") === src) return false;
    video.dataset.of = src;
    if (src) video.src = address(src); else { video.removeAttribute("src"); video.load(); }
    return true;
  }

  draw() {
    const isAlone = this.right.hidden, value = Math.round(this.at), [one, other] = [said("Before"), said("Student")];
    this.place("stage").style.setProperty("--at", isAlone ? "100%" : `${this.at}%`);
    this.slider.setAttribute("aria-valuenow", value);
    this.slider.setAttribute("aria-valuetext", `${value} % ${one}, ${100 - value} % ${other}`);
    this.place("left-tag").classList.toggle("away", !isAlone && this.at < 4);
    this.place("right-tag").classList.toggle("away", this.at > 96);
    const { currentTime: now, duration } = this.left, whole = Number.isFinite(duration) ? duration : 0;
    const seek = this.place("seek");
    seek.max = whole;
    seek.value = now;
    seek.setAttribute("aria-valuetext", `${now.toFixed(2)} s`);
    this.place("time").textContent = `${clock(now)} / ${clock(whole)}`;
    const play = this.tool("play"), text = said(this.left.paused ? "Play (space)" : "Pause (space)");
    play.textContent = this.left.paused ? "▶\uFE0E" : "❚❚";
    for (const name of ["title", "aria-label"]) play.setAttribute(name, text);
  }

  onPlayer(name) {
    if (name === "play") { this.right.play().catch(() => {}); this.watch(); }
    if (name === "pause" || name === "ended") { this.right.pause(); this.follow(); }
    if (name === "seeked" && this.left.paused) this.follow();
    this.draw();
  }

  /** While it plays: the position, and the other player in step. */
  watch() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (this.left.paused) return;
      this.keepInStep();
      this.draw();
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  keepInStep() {
    const { right, left } = this;
    if (right.hidden || right.seeking || left.seeking || left.currentTime > (right.duration || 0)) return;
    const ahead = right.currentTime - left.currentTime;
    if (Math.abs(ahead) > FAR_S) { right.currentTime = left.currentTime; right.playbackRate = 1; return; }
    right.playbackRate = Math.abs(ahead) < NEAR_S ? 1 : 1 - Math.max(-MOST_TURN, Math.min(MOST_TURN, 2 * ahead));
    if (right.paused) right.play().catch(() => {});
  }

  /** The other player at the leading one's frame. */
  follow() {
    const { right, left } = this;
    if (right.hidden || !Number.isFinite(right.duration)) return;
    right.playbackRate = 1;
    right.currentTime = Math.min(left.currentTime, right.duration);
  }

  // What a visitor does

  pausedAt() { this.left.pause(); return this.left.currentTime; }

  seek(seconds) {
    this.left.currentTime = Math.min(Math.max(0, seconds), this.left.duration || 0);
    this.follow();
    this.draw();
  }

  toggle() {
    if (!this.left.paused) { this.left.pause(); return; }
    this.left.play().catch(() => this.say(UNPLAYED));
  }

  act(name) {
    if (!this.shown) return;
    const step = 1 / (this.shown.rate || 25);
    const acts = {
      play: () => this.toggle(),
      back: () => { this.left.pause(); this.seek(this.left.currentTime - step); },
      on: () => { this.left.pause(); this.seek(this.left.currentTime + step); },
      sound: () => {
        this.left.muted = !this.left.muted;
        this.tool("sound").setAttribute("aria-pressed", !this.left.muted);
      },
      fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen?.()),
    };
    acts[name]?.();
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.composedPath()[0], isSlider = at === this.slider, step = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: 10, PageDown: -10,
      Home: -100, End: 100 };
    const acts = { k: "play", ",": "back", ".": "on", m: "sound", f: "fullscreen" };
    if (isSlider && event.key in moves) this.slideTo(this.at + moves[event.key]);
    else if (event.key === " " && at.tagName !== "BUTTON") this.toggle();
    else if (event.key.toLowerCase() in acts) this.act(acts[event.key.toLowerCase()]);
    else return;
    event.preventDefault();
  }

  slideTo(percent) {
    this.at = Math.min(100, Math.max(0, percent));
    this.draw();
  }

  /** Dragging moves the divider; a tap on the picture plays and pauses. */
  addPointers() {
    const stage = this.place("stage");
    let from = null;
    const place = (event) => {
      const { left, width } = stage.getBoundingClientRect();
      this.slideTo(100 * (event.clientX - left) / width);
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { x: event.clientX, isMoved: event.composedPath().includes(this.slider) };
      stage.setPointerCapture(event.pointerId);
      if (from.isMoved) this.slider.focus();
    });
    stage.addEventListener("pointermove", (event) => {
      if (!from || this.right.hidden) return;
      if (Math.abs(event.clientX - from.x) > 4) from.isMoved = true;
      if (from.isMoved) place(event);
    });
    stage.addEventListener("pointerup", () => { if (from && !from.isMoved) this.toggle(); from = null; });
    stage.addEventListener("pointercancel", () => { from = null; });
  }

  tool(name) { return this.shadowRoot.querySelector(`[data-act=${name}]`); }

  say(text) { this.place("said").textContent = said(text); }
}

if (!customElements.get("kdsr-clip")) customElements.define("kdsr-clip", Clip);
