// The worker behind the tab Live: fetches ONNX Runtime Web, opens students and restores pictures, one job after the
// other, so that the page never waits. It fetches from the server of this file only, and sends nothing anywhere.

import { degraded } from "./degrade.js";
import { apart, rgbOf, withAlpha } from "./pixels.js";
import { resized } from "./resample.js";

const INPUT = "image", OUTPUT = "restored"; // as kdsr.restore.graph names them
const MOST_THREADS = 4;
const START_MS = 30_000; // what WebAssembly may take to start: threads that a browser blocks never answer
const TILE = 16; // side of the tile on which WebGPU must agree with WebAssembly
const ALLOWED_LEVELS = 1;
const FILES = {
  wasm: { script: "ort.wasm.min.mjs", megabytes: 3.7 },
  webgpu: { script: "ort.webgpu.min.mjs", megabytes: 6.6 },
};

let ort, backend, session, warmFor;
let queue = Promise.resolve();

onmessage = ({ data }) => { queue = queue.then(() => answer(data)); };

const JOBS = { open, load, restore };

async function answer({ id, job, given }) {
  try {
    const { value, moved = [] } = await JOBS[job](given, (progress) => postMessage({ id, progress }));
    postMessage({ id, value }, moved);
  } catch (error) {
    postMessage({ id, error: { name: error?.name ?? "Error", text: String(error?.message ?? error) } });
  }
}

/** Fetch and start ONNX Runtime for `backend`; {threads, adapter}. */
async function open(given, tell) {
  backend = given.backend;
  const adapter = backend === "webgpu" ? await adapterName() : "";
  const { script: name, megabytes } = FILES[backend];
  const script = import(new URL(`onnxruntime-web/${name}`, import.meta.url));
  const binary = await inflated(await fetched(given.binary, megabytes, tell));
  ort = await script;
  ort.env.wasm.wasmBinary = binary;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  ort.env.wasm.initTimeout = START_MS;
  ort.env.logLevel = "error";
  return { value: { threads: ort.env.wasm.numThreads, adapter } };
}

/** The GPU as the browser names it; an error where there is none. */
async function adapterName() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("no GPU");
  return [adapter.info?.vendor, adapter.info?.architecture].filter(Boolean).join(" ");
}

/** Open the student whose graph lies at `graph`; on WebGPU {levels} between it and WebAssembly on one tile. */
async function load({ graph }) {
  const response = await fetch(graph);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const fresh = await ort.InferenceSession.create(bytes, { executionProviders: [backend] });
  let levels = null;
  if (backend === "webgpu") {
    const reference = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    levels = await disagreement(fresh, reference);
    await reference.release();
    if (!(levels <= ALLOWED_LEVELS)) {
      await fresh.release();
      throw Object.assign(new Error(`${levels} levels apart`), { name: "Disagreement" });
    }
  }
  await session?.release();
  session = fresh;
  warmFor = null;
  return { value: { levels } };
}

/**
 * A window of `bitmap` as the student's input, its baseline (bicubic, or as given), and the student's result.
 * pixels: how many the student gets at most; part: `whole` shrinks the picture to them, `middle` cuts them out of it.
 */
async function restore({ bitmap, pixels, part, multiple, scale, degradation, strength, seed }) {
  const begun = performance.now();
  const window = taken(bitmap, pixels, part, multiple);
  bitmap.close();
  const { width, height } = window;
  const input = await degraded(window.rgb, width, height, degradation, strength, seed);
  const { restored, networkMs, isWarm } = await run(input, width, height);
  const large = [width * scale, height * scale];
  const student = withAlpha(restored, ...large);
  const totalMs = performance.now() - begun;
  const before = withAlpha(resized(input, width, height, ...large), ...large);
  const value = { input, width, height, before, student, networkMs, totalMs, isWarm, shrunk: window.shrunk };
  return { value, moved: [before.data.buffer, student.data.buffer] };
}

async function run(rgb, width, height) {
  const shape = `${width}x${height}`, isWarm = warmFor === shape;
  const tensor = new ort.Tensor("uint8", new Uint8Array(rgb.buffer, rgb.byteOffset, rgb.length), [height, width, 3]);
  const begun = performance.now();
  const restored = (await session.run({ [INPUT]: tensor }))[OUTPUT];
  const bytes = await restored.getData();
  const networkMs = performance.now() - begun;
  warmFor = shape;
  return { restored: bytes, networkMs, isWarm };
}

/** {rgb, width, height, shrunk} of a window of `bitmap`, sides multiples of `multiple`; transparency becomes white. */
function taken(bitmap, pixels, part, multiple) {
  const fraction = Math.sqrt(pixels / (bitmap.width * bitmap.height));
  const rounded = (side) => Math.max(multiple, Math.floor(side / multiple) * multiple);
  const width = fraction < 1 ? rounded(Math.round(bitmap.width * fraction)) : rounded(bitmap.width);
  const height = fraction < 1 ? rounded(Math.round(bitmap.height * fraction)) : rounded(bitmap.height);
  const shrunk = part === "whole" && fraction < 1;
  const [cutWidth, cutHeight] = shrunk ? [bitmap.width, bitmap.height] : [width, height];
  const canvas = new OffscreenCanvas(cutWidth, cutHeight);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, cutWidth, cutHeight);
  const offset = (side, cut) => -Math.max(0, Math.floor((side - cut) / 2));
  context.drawImage(bitmap, offset(bitmap.width, cutWidth), offset(bitmap.height, cutHeight));
  const rgb = rgbOf(context.getImageData(0, 0, cutWidth, cutHeight));
  return { rgb: resized(rgb, cutWidth, cutHeight, width, height), width, height, shrunk };
}

/** Levels of 255 between two sessions on a tile of random pixels. */
async function disagreement(one, other) {
  const bytes = crypto.getRandomValues(new Uint8Array(TILE * TILE * 3));
  const results = [];
  for (const each of [one, other]) {
    const restored = (await each.run({ [INPUT]: new ort.Tensor("uint8", bytes, [TILE, TILE, 3]) }))[OUTPUT];
    results.push({ data: await restored.getData() });
  }
  return apart(...results).levels;
}

/** The bytes at `url`, telling how far they have come. */
async function fetched(url, megabytes, tell) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  let got = 0;
  const counted = new TransformStream({
    transform(chunk, controller) {
      got += chunk.length;
      tell({ got: got / 1e6, of: megabytes });
      controller.enqueue(chunk);
    },
  });
  return response.body.pipeThrough(counted);
}

async function inflated(stream) {
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
