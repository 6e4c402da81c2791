// The choices of the tab Live: style, student and its sharpness, size and crop of its input, strength of the
// degradation, and backend.

import { BACKENDS, NO_STYLE, PARTS } from "./texts.js";

const SIDES_PX = { same: [128, 256, 384, 512], larger: [96, 128, 192, 256] };
const USUAL_PX = { same: 256, larger: 128 };

export class Choices {
  /** on: what to do with another `network`, another `sharpness` of it, another `backend`, and anything `other`. */
  constructor(view, on) {
    Object.assign(this, { view, on, networks: [], network: null, part: "whole", backend: "wasm" });
    Object.assign(this, { strength: null, sharpness: null });
    this.sides = { ...USUAL_PX };
  }

  /** usual: the name of the student that the tab opens with; asked: that of the address, if it is here. */
  offer(networks, usual, asked) {
    Object.assign(this, { networks, usual });
    this.use(this.named(asked) ?? this.named(usual));
    this.draw();
  }

  named(wanted) { return this.networks.find(({ name }) => name === wanted); }

  use(network) {
    if (network.task !== this.network?.task) this.strength = network.strength?.default ?? null;
    this.network = network;
    this.sharpness = network.sharpness?.default ?? null;
  }

  /** The styles, each once, after that of networks that restore; none where no network draws in a style. */
  get styles() {
    const styles = new Map(this.networks.filter(({ style }) => style).map((each) => [each.style, each.styleTitle]));
    return styles.size ? [["", NO_STYLE], ...styles] : [];
  }

  /** The network for a style that was chosen: the first of it; without one, that the tab opens with. */
  styled(style) { return style ? this.networks.find((each) => each.style === style) : this.named(this.usual); }

  /** What the server must know to give the student. */
  get order() { return { network: this.network.name, sharpness: this.sharpness }; }

  /** Where the dial was moved to; null at the student's own end, and without a dial. */
  get dial() { return this.sharpness === this.network.sharpness?.default ? null : this.sharpness; }

  /** What the worker must know; `pixels`: the most that the student is given. */
  get settings() {
    const { part, strength, network: { scale, degradation } } = this;
    return { pixels: this.sides[this.kind] ** 2, part, scale, degradation, strength };
  }

  get kind() { return this.network.scale === 1 ? "same" : "larger"; }

  draw() {
    const { view, network, kind } = this;
    const networks = this.networks.map(({ name, title, parameters, task }) => [name, `${title} (${parameters})`, task]);
    const sizes = SIDES_PX[kind].map((side) => [side, `${side} px`]);
    if (this.styles.length) {
      view.pills("style", this.styles, network.style, (style) => this.on.network(this.styled(style)));
    }
    view.select("network", networks, network.name, (name) => this.on.network(this.named(name)));
    view.pills("size", sizes, this.sides[kind], (side) => { this.sides[kind] = side; this.on.other(); });
    view.pills("part", Object.entries(PARTS), this.part, (part) => { this.part = part; this.on.other(); });
    view.range("sharpness", network.sharpness, this.sharpness, { onChange: (value) => this.on.sharpness(value) });
    view.range("strength", network.strength, this.strength, {
      onInput: (value) => { this.strength = value; this.on.other(); },
    });
    view.address(network.name === this.usual ? "" : `network=${encodeURIComponent(network.name)}`);
    if (!navigator.gpu) return;
    view.pills("backend", Object.entries(BACKENDS), this.backend, (backend) => this.on.backend(backend));
  }
}

/** The name of the student that the address asks for; null where it asks for another tab, or for none. */
export function asked() {
  const query = new URLSearchParams(location.search);
  return query.get("tab") === "live" ? query.get("network") : null;
}
