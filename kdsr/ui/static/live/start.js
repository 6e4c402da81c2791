// The tab Live: a student restores the visitor's picture, an example or the webcam in the browser itself. gradio calls
// `start` when the tab is first shown. Only `compare` sends anything to the server, when its button is pressed.
//
// One loop applies requested changes, then restores a picture, so that no picture meets a half-changed student.

import "../compare/compare.js";
import { apart } from "./pixels.js";
import { Choices, asked } from "./choices.js";
import { Rate, Recorder } from "./film.js";
import { loaded, openRestorer, withoutGpu } from "./restorer.js";
import { compared } from "./server.js";
import { Pair } from "./pair.js";
import * as texts from "./texts.js";
import { View } from "./view.js";
import { Webcam } from "./webcam.js";

const WARM_RUNS = 9; // behind the median of a still picture
const TIMING_MS = 1200;
const FILM_RUNS = 30; // behind the median while the camera runs
const RATE_MS = 2000; // over which frames per second are counted
const HEADLINE_MS = 500; // between two headlines while the camera runs
const MOST_MEGAPIXELS = 50;

/** Bring the tab in `element` to life. server: the functions of `live_session`; served: where gradio's files lie. */
export function start(element, server, served) {
  const live = new Live(element, server, served);
  live.begin().catch((error) => live.tell(error));
}

class Live {
  constructor(element, server, served) {
    Object.assign(this, { element, server, served, view: new View(element) });
    this.pair = new Pair(this.view);
    this.choices = new Choices(this.view, {
      network: (network) => this.change(() => this.useNetwork(network)),
      sharpness: (sharpness) => this.change(() => this.useSharpness(sharpness)),
      backend: (backend) => this.change(() => this.useBackend(backend)),
      other: () => this.renew(),
    });
    this.webcam = new Webcam(this.view, {
      onStart: () => this.filming(),
      onStop: () => this.stopFilming(),
      onError: (sentence) => this.view.status(sentence, { isError: true }),
    });
    Object.assign(this, { rate: new Rate(), recorder: new Recorder(this.view), side: 0 });
    this.changes = [];
    this.isWanted = false;
    this.turn = null;
    this.runs = []; // of warm results
    this.times = []; // at which frames were shown
  }

  // Beginning

  async begin() {
    const needed = [globalThis.WebAssembly, globalThis.DecompressionStream, globalThis.OffscreenCanvas];
    if (needed.some((each) => each === undefined)) throw texts.sentence(texts.OLD_BROWSER);
    this.view.status("Starting", { fraction: null });
    this.wire();
    const opening = this.open("wasm");
    opening.catch(() => {}); // its error is shown below, after the offer
    const { networks, start, examples } = await this.ask("offer");
    this.view.examples(examples.map((example) => [example.title, () => this.change(() => this.takeExample(example))]));
    if (!networks.length) throw texts.sentence(texts.NO_NETWORKS);
    this.choices.offer(networks, start, asked());
    const graph = this.ask("graph", { network: this.choices.network.name }); // while ONNX Runtime is fetched
    graph.catch(() => {});
    if (examples.length) this.change(() => this.takeExample(examples[0]));
    else this.view.say("chosen", texts.NO_EXAMPLE);
    this.restorer = await opening;
    this.change(() => this.useNetwork(this.choices.network, graph));
    await this.turn; // the first picture is worth more than the small ones
    this.view.thumbnails((await this.ask("thumbnails")).thumbnails.map((thumbnail) => this.served + thumbnail));
  }

  /** ONNX Runtime on `backend`, from the server. */
  async open(backend) {
    const { binary } = await this.ask("binary");
    return openRestorer(backend, this.served + binary, (progress) => this.fetching(progress));
  }

  wire() {
    const { element, view } = this;
    view.onFile((file) => this.change(() => this.takeBlob(file, file.name)));
    view.onPress("webcam", () => this.webcam.toggle());
    view.onPress("record", () => this.record());
    view.pills("rate", Object.entries(texts.RATES), "0", (fps) => this.rate.choose(Number(fps)));
    this.webcam.draw(); // what is for frames that come is hidden
    view.onPress("compare", () => { this.recorder.stop(); this.compare(); }); // a held frame is no film
    view.onPress("download", () => this.pair.download(this.title, texts.fileName(this.choices)));
    addEventListener("popstate", () => {
      const network = this.choices.named(asked() ?? this.choices.usual);
      if (this.multiple && network && network !== this.choices.network) this.change(() => this.useNetwork(network));
    });
    new IntersectionObserver(() => {
      if (!element.isConnected) this.restorer?.close();
      if (!element.isConnected || !element.offsetParent) this.stopFilming();
    }).observe(element);
  }

  // Changes, each done by the loop

  async useNetwork(network, asked = this.ask("graph", { network: network.name })) {
    await this.load(asked, network, network.title, () => this.choices.use(network));
  }

  async useSharpness(sharpness) {
    const { network } = this.choices;
    const asked = this.ask("graph", { network: network.name, sharpness });
    const title = `${network.title}, sharpness ${sharpness}`;
    await this.load(asked, network, title, () => { this.choices.sharpness = sharpness; });
  }

  /** Open what the server was asked for, of `network`, then note the choice; the choices show what holds. */
  async load(asked, network, title, choose) {
    this.view.status(`Fetching ${title}`, { fraction: null });
    try {
      const { graph, multiple } = await asked;
      this.useRestorer(await loaded(this.restorer, this.served + graph, network.scale, () => this.open("wasm")));
      Object.assign(this, { multiple, graph });
      choose();
      this.isWanted = true;
    } finally {
      this.choices.draw();
    }
  }

  /** What runs the student from now on, and where that is. */
  useRestorer({ restorer, place }) {
    Object.assign(this, { restorer, place, runs: [] });
    this.choices.backend = restorer.backend;
  }

  async useBackend(backend) {
    let opened;
    try {
      opened = await this.open(backend);
      this.view.status(`Trying ${texts.BACKENDS[backend]} on one tile`, { fraction: null });
      const { levels } = await opened.load(this.served + this.graph, this.choices.network.scale);
      this.restorer.close();
      this.useRestorer({ restorer: opened, place: texts.placeOf(opened, levels) });
    } catch (error) {
      opened?.close();
      this.choices.draw();
      throw texts.sentence(texts.NOT_ON_GPU(error));
    }
    this.isWanted = true;
  }

  async takeExample(example) {
    const response = await fetch(this.served + example.picture).catch(() => null);
    if (!response?.ok) throw texts.sentence(texts.OFFLINE);
    await this.takeBlob(await response.blob(), example.title);
  }

  async takeBlob(blob, title) {
    if (blob.type.startsWith("video/")) {
      if (!(await this.webcam.openFile(blob))) throw texts.sentence(texts.NO_VIDEO(title));
      return;
    }
    const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none" }).catch(() => null);
    if (!bitmap) throw texts.sentence(texts.NO_PICTURE(title));
    const megapixels = (bitmap.width * bitmap.height) / 1e6;
    if (megapixels > MOST_MEGAPIXELS) throw texts.sentence(texts.TOO_LARGE(Math.ceil(megapixels), MOST_MEGAPIXELS));
    this.recorder.stop();
    this.webcam.close();
    this.bitmap?.close();
    Object.assign(this, { bitmap, title });
    this.view.chosen(title, `${bitmap.width} × ${bitmap.height}`);
    this.isWanted = true;
  }

  filming() {
    const { video } = this.webcam;
    this.title = this.webcam.title;
    this.view.chosen(this.title, `${video.videoWidth} × ${video.videoHeight}`);
    Object.assign(this, { runs: [], times: [] });
    this.renew();
  }

  /** Let go of the camera; its last frame stays, as a picture. */
  async stopFilming() {
    const { video } = this.webcam;
    if (!video) return;
    const last = await createImageBitmap(video).catch(() => null);
    if (this.webcam.video !== video) return last?.close();
    this.recorder.stop();
    this.webcam.close();
    if (!last) return;
    this.bitmap?.close();
    this.bitmap = last;
    this.renew();
  }

  /** Record what the student makes, or save what was recorded. */
  record() {
    const name = `${this.title?.replace(/\.[^.]*$/, "")}-${texts.fileName(this.choices)}`;
    try {
      this.recorder.toggle(this.webcam.isFilming ? this.pair.canvases.student : null, name);
    } catch (error) {
      this.view.status(error.message, { isError: true });
    }
  }

  // The loop

  change(does) {
    this.changes.push(does);
    this.renew(false);
  }

  renew(isWanted = true) {
    this.isWanted ||= isWanted;
    this.turn ??= this.work().finally(() => { this.turn = null; });
  }

  async work() {
    while (this.changes.length || this.isWanted || this.webcam.isFilming) {
      try {
        while (this.changes.length) await this.changes.shift()();
        if (!this.multiple) return;
        if (!this.source) return this.view.status("");
        if (this.webcam.isFilming) await this.filmOnce();
        else if (this.isWanted) await this.restoreStill();
      } catch (error) {
        await this.recover(error).catch(() => {
          this.tell(error);
          this.isWanted = false;
          if (!error.isSentence) this.webcam.close();
        });
      }
    }
  }

  /** Where the GPU failed, WebAssembly goes on; any other `error` is thrown. */
  async recover(error) {
    const { scale } = this.choices.network ?? {}, graph = this.served + this.graph;
    this.useRestorer(await withoutGpu(this.restorer, error, graph, scale, () => this.open("wasm")));
    this.isWanted = true;
    this.choices.draw();
  }

  /** What pictures are taken from now. */
  get source() { return this.webcam.video ?? this.bitmap; }

  async restoreStill() {
    this.isWanted = false;
    this.runs = [];
    this.show(await this.restoreOnce(1));
    this.view.status("");
    this.view.say("headline", texts.timing(this.pair.network));
    const until = performance.now() + TIMING_MS;
    while (this.runs.length < WARM_RUNS && (performance.now() < until || !this.runs.length)) {
      if (this.changes.length || this.isWanted || this.webcam.isFilming) return;
      this.pair.drop(await this.restoreOnce(1));
    }
    this.report();
  }

  async filmOnce() {
    this.isWanted = false;
    await this.webcam.nextFrame();
    if (!this.webcam.isFilming || this.rate.isEarly(performance.now())) return;
    const largest = Math.sqrt(this.choices.settings.pixels);
    const side = this.rate.sideFor(largest, this.runs, this.recorder.isRecording);
    if (side !== this.side) Object.assign(this, { side, runs: [] });
    const result = await this.restoreOnce(this.times.length + Math.floor(performance.now()));
    if (!this.webcam.isFilming) return this.pair.drop(result);
    if (!this.view.isTellingError) this.view.status("");
    this.show(result);
    const now = performance.now();
    this.times = [...this.times.filter((time) => now - time < RATE_MS), now];
    if (now - (this.headlineAt ?? 0) < HEADLINE_MS || this.times.length < 3) return;
    this.headlineAt = now;
    this.report();
  }

  /** What the worker makes of the source; a warm run is noted. seed: of the noise. */
  async restoreOnce(seed) {
    const source = this.webcam.frame() ?? (await createImageBitmap(this.source));
    const settings = { ...this.choices.settings, multiple: this.multiple, seed };
    if (this.webcam.isFilming) settings.pixels = this.side ** 2;
    const result = await this.restorer.restore(source, settings);
    const { isWarm, networkMs, totalMs } = result;
    if (isWarm) this.runs = [...this.runs, { networkMs, totalMs }].slice(-FILM_RUNS);
    return result;
  }

  // What is seen

  show(result) {
    this.pair.renew(result, this.choices.network, this.title);
    this.view.say("about", texts.about(this.title, result, this.choices));
    this.view.say("offer", texts.offer(result.width, result.height));
    this.view.enable("compare", "download");
  }

  report() {
    if (!this.runs.length) return;
    const fps = this.webcam.isFilming ? (1000 * (this.times.length - 1)) / (this.times.at(-1) - this.times[0]) : null;
    const [network, total] = ["networkMs", "totalMs"].map((name) => texts.median(this.runs.map((run) => run[name])));
    this.pair.row("student", { place: this.place, network, total });
    this.view.say("headline", texts.headline(this.pair.rows, fps, this.pair.network));
  }

  /** How far the server's picture of the student is from the browser's. */
  tellApart(image) { this.view.say("apart", texts.apartSentence(apart(this.pair.pixels("student"), image))); }

  fetching({ got, of }) {
    this.view.status(`Fetching ONNX Runtime, ${texts.number(Math.min(got, of))} of ${of} MB`, { fraction: got / of });
  }

  /** An error as one sentence. */
  tell(error) {
    const isOffline = error instanceof TypeError && /fetch|import/i.test(error.message);
    const text = error.isSentence ? error.message : isOffline ? texts.OFFLINE : texts.FAILED(error.message);
    this.view.status(text, { isError: true });
  }

  // The server

  /** Send the picture that is shown, and show what the server makes of it. */
  async compare() {
    const { result } = this.pair, { network, order } = this.choices;
    this.webcam.hold();
    this.view.enable();
    try {
      for (const role of network.teacher ? ["student", "teacher"] : ["student"]) {
        this.view.status(`The server's ${role} at work`, { fraction: null });
        const asked = compared(this.server, { order, role, ...result });
        const answer = await asked.catch(() => ({ error: texts.SERVER_GONE }));
        if (this.pair.result !== result) return; // another picture came meanwhile
        if (answer.error) return this.view.status(answer.error, { isError: true });
        this.pair.add(role === "student" ? "serverStudent" : "serverTeacher", answer);
        if (role === "student") this.tellApart(answer.image);
        this.report();
      }
      this.view.status(this.webcam.video ? (this.webcam.isFile ? texts.FILM_HELD : texts.HELD) : "");
    } finally {
      this.view.enable("compare", "download");
    }
  }

  /** What a function of the server answers; its sentence is thrown. */
  async ask(name, given = "") {
    const answer = await this.server[name](given).catch(() => null); // without a connection gradio gives null or throws
    if (!answer || answer.error) throw texts.sentence(answer?.error ?? texts.OFFLINE);
    return answer;
  }
}
