// <kdsr-compare>: restored pictures of one size over each other with a divider, or side by side, at one spot.
//
// Its pictures are the JSON in `data-pictures` of the element that its attribute `source` names:
// {name, size: [width, height], pictures: [{key, src, title, figure, kind}], left, right, paint}. A new value keeps
// zoom and divider. `show()` takes the same with `element`, a canvas, instead of `src`. With `paint` marks are painted
// over the left picture alone (`marks.js`).
// It sends "compare-change" with its state, which `place()` takes again, and "compare-shown" after `show()`. Not here:
// arithmetic (`viewport.js`).

import { CSS, TEMPLATE } from "./template.js";
import { drawLoupe } from "./loupe.js";
import { Marks } from "./marks.js";
import { addPaper } from "./paper.js";
import { addPointers } from "./pointers.js";
import { address, imageOf } from "./sources.js";
import { differences } from "./spots.js";
import { Viewport } from "./viewport.js";
import { said, sayAll } from "./words.js";

const FLICKER_MS = 600, MOST_SPOTS = 6;
const NARROWEST_PX = 120; // of a picture in a row
const TAG_PX = 96; // a caption leaves a side that is narrower

class Compare extends HTMLElement {
  constructor() {
    super();
    this.view = new Viewport();
    this.marks = new Marks(this);
    Object.assign(this, { at: 50, columns: 0, shown: null, images: new Map(), spots: null, spotAt: -1, flicker: 0,
      kept: [] });
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${CSS}</style>${TEMPLATE}`;
    sayAll(root);
    this.stage = root.querySelector(".stage");
    this.slider = root.querySelector("[role=slider]");
    this.loupe = root.querySelector(".loupe");
    for (const button of root.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => this.act(button.dataset.act));
    }
    this.brush = root.querySelector("[data-part=brush]");
    this.brush.addEventListener("input", () => { this.marks.brush = Number(this.brush.value); });
    this.addEventListener("keydown", (event) => this.onKey(event));
    addPointers(this);
    addPaper(this);
    new ResizeObserver(() => this.measure()).observe(this.stage);
    document.addEventListener("fullscreenchange", () => this.onFullscreen());
  }

  connectedCallback() {
    const source = document.getElementById(this.getAttribute("source"));
    const read = () => {
      const data = source.querySelector("[data-pictures]")?.dataset.pictures;
      if (data && data !== this.data) { this.data = data; this.show(JSON.parse(data)); }
    };
    this.observer = new MutationObserver(read);
    if (source) { this.observer.observe(source, { childList: true, subtree: true, attributes: true }); read(); }
  }

  disconnectedCallback() { this.observer?.disconnect(); clearInterval(this.flicker); }

  // What is shown

  /** Other pictures, or another pair of them. */
  show(shown) {
    const before = this.shown;
    this.shown = shown;
    this.stage.style.setProperty("--ratio", shown.size[0] / shown.size[1]);
    if (!before || String(before.size) !== String(shown.size)) { this.view.isFit = true; }
    this.spots = null;
    this.spotAt = -1;
    this.say("");
    if (this.isPainting) this.beginPainting();
    this.build();
    this.dispatchEvent(new CustomEvent("compare-shown", { bubbles: true, composed: true }));
  }

  get isPainting() { return Boolean(this.shown?.paint); }

  beginPainting() {
    this.marks.begin(this.shown.size);
    this.brush.value = this.marks.brush;
    this.chooseTool(false);
    if (this.flicker) this.toggleFlicker();
    if (!this.loupe.hidden) this.toggleLoupe();
  }

  chooseTool(erases) {
    this.marks.erases = erases;
    this.press("paint", !erases);
    this.press("erase", erases);
  }

  picture(key) { return this.shown.pictures.find((picture) => picture.key === key) ?? this.shown.pictures[0]; }

  get pair() { return [this.picture(this.shown.left), this.picture(this.shown.right)]; }

  /** The pictures side by side: the pair first, then the others. */
  get row() {
    const pair = this.pair, others = this.shown.pictures.filter((picture) => !pair.includes(picture));
    return [...pair, ...others].slice(0, this.columns);
  }

  /** The elements of the pictures that are shown. Each picture is loaded once. */
  build() {
    const isRow = this.columns > 0 && !this.isPainting, isAlone = isRow || this.isPainting;
    const wanted = isRow ? this.row.map((picture) => [picture]) : [this.pair.slice(0, this.isPainting ? 1 : 2)];
    this.stage.querySelectorAll(".pane").forEach((pane) => pane.remove());
    wanted.forEach((pictures, number) => {
      const pane = document.createElement("div");
      pane.className = "pane";
      pictures.forEach((picture, index) => {
        const side = isAlone ? "alone" : ["left", "right"][index];
        pane.append(layerOf(side, this.image(picture, `${number}${side}`)), tag(picture, side));
      });
      if (this.isPainting) pane.append(layerOf("ink", this.marks.canvas));
      this.slider.before(pane); // the slider stays where it is, and keeps the focus
    });
    this.stage.classList.toggle("columns", isRow);
    for (const element of [this, this.stage]) element.classList.toggle("painting", this.isPainting);
    this.shadowRoot.querySelector("[data-part=paint]").hidden = !this.isPainting;
    for (const name of ["spot", "flicker", "loupe", "columns"]) this.tool(name).hidden = this.isPainting;
    this.stage.style.setProperty("--count", wanted.length);
    this.slider.hidden = isAlone;
    this.shadowRoot.querySelector(".empty").hidden = true;
    this.tool("columns").textContent = this.columns ? said(`${this.columns} columns`) : said("Side by side");
    this.measure();
  }

  /** The loaded picture at a place of the stage; the place keeps its element, so that nothing flashes. */
  image(picture, place) {
    if (picture.element) return named(picture.element, picture, this.shown);
    const key = `${place} ${picture.src}`;
    if (!this.images.has(key)) {
      for (const old of [...this.images.keys()].filter((each) => each.startsWith(`${place} `))) this.images.delete(old);
      const image = new Image();
      Object.assign(image, { src: address(picture.src), draggable: false, decoding: "sync" });
      this.images.set(key, image);
    }
    return named(this.images.get(key), picture, this.shown);
  }

  /** Load the pictures of `keys` now, so that each can be shown later without the network. */
  load(keys) {
    const wanted = this.shown.pictures.filter(({ key, src }) => src && keys.includes(key)).map(({ src }) => src);
    if (String(wanted) === String(this.kept.map(({ src }) => src))) return;
    this.kept = wanted.map((src) => ({ src, image: imageOf(src) }));
  }

  measure() {
    const pane = this.stage.querySelector(".pane");
    if (!pane || !pane.clientWidth) return;
    const { left, top, width, height } = pane.getBoundingClientRect();
    this.view.measure(this.shown.size, [width, height], [left + scrollX, top + scrollY], window.devicePixelRatio || 1);
    this.draw();
  }

  /** Places of the pictures, divider, captions and sentences, from the state. */
  draw() {
    const [left, top, width, height] = this.view.box;
    for (const image of this.shadowRoot.querySelectorAll(".layer > *")) {
      image.style.cssText = `left:${left}px;top:${top}px;width:${width}px;height:${height}px`;
      image.classList.toggle("pixels", this.view.scale * this.view.dpr >= 1);
    }
    this.stage.style.setProperty("--at", `${this.at}%`);
    const room = (this.at / 100) * this.stage.clientWidth;
    for (const [side, seen] of [["left", room], ["right", this.stage.clientWidth - room]]) {
      this.stage.querySelector(`.tag.${side}`)?.classList.toggle("away", seen < TAG_PX);
    }
    const value = Math.round(this.at);
    const [one, other] = this.pair.map(({ title }) => said(title));
    const says = { valuenow: value, valuetext: `${value} % ${one}, ${100 - value} % ${other}`,
      label: said(`${one} against ${other}`) };
    for (const [name, text] of Object.entries(says)) this.slider.setAttribute(`aria-${name}`, text);
    this.shadowRoot.querySelector("[data-part=zoom]").textContent = `${this.view.percent} %`;
    this.dispatchEvent(new CustomEvent("compare-change", { bubbles: true, composed: true, detail: this.state }));
  }

  // The state, for an address

  get state() {
    const { columns, view } = this, at = this.flicker ? 50 : Math.round(this.at);
    const state = { at, columns }, centre = view.centre.map((value) => Number(value.toFixed(4)));
    return view.isFit ? state : { ...state, zoom: view.percent, centre };
  }

  place({ at = 50, columns = 0, zoom, centre }) {
    Object.assign(this, { at, columns });
    if (zoom && centre) this.view.show(centre, zoom / 100 / this.view.dpr); else this.view.reset();
    if (this.shown) this.build();
  }

  // What a visitor does

  slideTo(percent) {
    this.at = Math.min(100, Math.max(0, percent));
    this.draw();
  }

  zoom(does) {
    if (!this.shown) return;
    does(this.view);
    this.draw();
  }

  act(name) {
    if (!this.shown || this.tool(name).hidden) return;
    this.say("");
    const acts = {
      in: () => this.zoom((view) => view.zoomBy(2)),
      out: () => this.zoom((view) => view.zoomBy(-2)),
      fit: () => this.zoom((view) => view.reset()),
      exact: () => this.zoom((view) => view.zoomTo(view.oneToOne)),
      flicker: () => this.toggleFlicker(),
      loupe: () => this.toggleLoupe(),
      spot: () => this.nextSpot(),
      columns: () => this.nextColumns(),
      fullscreen: () => this.toggleFullscreen(),
      paint: () => this.chooseTool(false),
      erase: () => this.chooseTool(true),
      undo: () => this.marks.undo(),
      clear: () => this.marks.clear(),
    };
    acts[name]?.();
  }

  onKey(event) {
    if (this.isPainting && (event.ctrlKey || event.metaKey) && event.key === "z") {
      this.marks.undo();
      event.preventDefault();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const bar = event.composedPath()[0].closest?.(".tools"), tools = [...(bar?.querySelectorAll("[data-act]") ?? [])]
      .filter((each) => !each.hidden), tool = tools.indexOf(event.composedPath()[0]);
    if (tool >= 0 && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
      this.focusTool(tools, tool + (event.key === "ArrowRight" ? 1 : -1));
      event.preventDefault();
      return;
    }
    if (bar && event.key.startsWith("Arrow")) return; // the size of the brush
    const step = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: 10, PageDown: -10 };
    const acts = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "exact", f: "flicker", l: "loupe" };
    if (event.key in moves) this.slideTo(this.at + moves[event.key]);
    else if (event.key === "Home") this.slideTo(0);
    else if (event.key === "End") this.slideTo(100);
    else if (event.key.toLowerCase() in acts) this.act(acts[event.key.toLowerCase()]);
    else return;
    event.preventDefault();
  }

  /** The toolbar is one tab stop; arrows move inside. */
  focusTool(tools, number) {
    const next = tools.at(number % tools.length);
    for (const each of tools) each.tabIndex = each === next ? 0 : -1;
    next.focus();
  }

  toggleFlicker() {
    const goes = !this.flicker;
    clearInterval(this.flicker);
    this.flicker = goes ? setInterval(() => this.slideTo(this.at > 50 ? 0 : 100), FLICKER_MS) : 0;
    this.press("flicker", goes);
    this.slideTo(goes ? 100 : 50);
  }

  toggleLoupe() {
    this.loupe.hidden = !this.loupe.hidden;
    this.press("loupe", !this.loupe.hidden);
    if (!this.loupe.hidden) this.moveLoupe([this.stage.clientWidth / 2, this.stage.clientHeight / 2]);
  }

  /** Magnify the spot under a place of the stage. */
  moveLoupe([x, y]) {
    if (this.loupe.hidden || !this.shown) return;
    const pane = this.view.pane[0], inside = this.columns ? x % (pane + 2) : x;
    const places = this.columns ? ["0alone", "1alone"] : ["0left", "0right"];
    const images = this.pair.map((picture, index) => this.image(picture, places[index]));
    if (images.some((image) => image.naturalWidth === 0)) return; // not loaded yet
    drawLoupe(this.loupe, images, this.shown.size, this.view.spot([inside, y]), this.view.dpr);
    this.loupe.style.left = `${x}px`;
    this.loupe.style.top = `${y}px`;
  }

  /** Go to where the two differ most, then to the next such spot. */
  async nextSpot() {
    const images = this.pair.map((picture) => picture.element ?? imageOf(picture.src));
    await Promise.all(images.map((image) => image.decode?.()));
    const scale = Math.max(2 * this.view.fit, 2 * this.view.oneToOne);
    this.spots ??= this.view.distinct(differences(...images, this.shown.size), scale).slice(0, MOST_SPOTS);
    if (!this.spots.length) { this.say("These two pictures are equal."); return; }
    this.spotAt = (this.spotAt + 1) % this.spots.length;
    this.zoom((view) => view.show(this.spots[this.spotAt], scale));
    this.say(`Spot ${this.spotAt + 1} of ${this.spots.length}: where the two differ most.`);
  }

  nextColumns() {
    const fitting = Math.max(2, Math.floor(this.clientWidth / NARROWEST_PX));
    const most = Math.min(5, fitting, this.shown.pictures.length);
    this.columns = this.columns >= most ? 0 : Math.max(2, this.columns + 1);
    this.build();
  }

  toggleFullscreen() {
    if (document.fullscreenElement === this) document.exitFullscreen();
    else if (this.requestFullscreen) this.requestFullscreen();
    else { this.classList.toggle("filled"); this.onFullscreen(); } // iPhones: no element can be full screen
  }

  onFullscreen() {
    const isFull = document.fullscreenElement === this || this.classList.contains("filled");
    this.press("fullscreen", isFull);
    this.view.isFit = true;
    requestAnimationFrame(() => this.measure());
  }

  get isFull() { return document.fullscreenElement === this || this.classList.contains("filled"); }

  tool(name) { return this.shadowRoot.querySelector(`[data-act=${name}]`); }

  press(name, isPressed) { this.tool(name).setAttribute("aria-pressed", isPressed); }

  say(text) { this.shadowRoot.querySelector("[role=status]").textContent = said(text); }
}

/** `element`, an image or a canvas, with the name of its picture. */
function named(element, { title }, { name }) {
  element.setAttribute("role", "img");
  element.setAttribute(element.tagName === "IMG" ? "alt" : "aria-label", `${said(title)}: ${said(name)}`);
  return element;
}

function layerOf(side, element) {
  const layer = document.createElement("div");
  layer.className = `layer ${side}`;
  layer.append(element);
  return layer;
}

function tag({ title, figure, kind }, side) {
  const [element, name, small] = ["div", "b", "small"].map((kind) => document.createElement(kind));
  element.className = `tag ${side} ${kind}`;
  name.textContent = said(title);
  small.textContent = said(figure);
  element.append(name, small);
  return element;
}

if (!customElements.get("kdsr-compare")) customElements.define("kdsr-compare", Compare);
