// The worker behind the tab Live: fetches ONNX Runtime Web, opens students and restores pictures, one job after the
// other, so that the page never waits. It fetches from the server of this file only, and sends nothing anywhere.

import { degraded } from "./degrade.js";
import { Gpu } from "./gpu/gpu.js";
import { apart, bytesOf, rgbOf, withAlpha } from "./pixels.js";
import { resized } from "./resample.js";

const INPUT = "image", OUTPUT = "restored"; // as kdsr.restore.graph names them
const MOST_THREADS = 4;
const START_MS = 30_000; // what WebAssembly may take to start: threads that a browser blocks never answer
const TILE = 16; // side of the tile on which WebGPU must agree with WebAssembly
const ALLOWED_LEVELS = 1;
const SCRIPT = "onnxruntime-web/ort.wasm.min.mjs", MEGABYTES = 3.7; // of its binary, as browsers fetch it

let ort, gpu, session, warmFor;
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

/** Fetch and start ONNX Runtime, and the GPU for the backend `webgpu`; {threads, adapter}. */
async function open({ backend, binary: address }, tell) {
  gpu = backend === "webgpu" ? await Gpu.open() : null;
  const script = import(new URL(SCRIPT, import.meta.url));
  const binary = await inflated(await fetched(address, MEGABYTES, tell));
  ort = await script;
  ort.env.wasm.wasmBinary = binary;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  ort.env.wasm.initTimeout = START_MS;
  ort.env.logLevel = "error";
  return { value: { threads: ort.env.wasm.numThreads, adapter: gpu?.device.name ?? "" } };
}

/** Open the student whose graph lies at `graph`; on WebGPU {levels} between it and WebAssembly on one tile. */
async function load({ graph, scale }) {
  const response = await fetch(graph);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const fresh = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  await session?.release();
  session = fresh;
  warmFor = null;
  if (!gpu) return { value: { levels: null } };
  gpu.load(bytes);
  const levels = await disagreement(scale);
  if (!(levels <= ALLOWED_LEVELS)) throw Object.assign(new Error(`${levels} levels apart`), { name: "Disagreement" });
  return { value: { levels } };
}

/**
 * A part of `source`, a VideoFrame or an ImageBitmap, as the student's input, its baseline (bicubic, or as given), and
 * the student's result.
 * pixels: how many the student gets at most; part: `whole` shrinks the picture to them, `middle` cuts them out of it.
 */
async function restore({ source, pixels, part, multiple, scale, degradation, strength, seed }) {
  const begun = performance.now();
  const size = [source.displayWidth ?? source.width, source.displayHeight ?? source.height];
  const cut = partOf(size, pixels, part, multiple), { width, height, shrunk } = cut;
  try {
    if (gpu && !degradation) return moved(await gpu.restore({ source, size, cut, scale }));
    const input = await degraded(taken(source, cut), width, height, degradation, strength, seed);
    if (gpu) return moved(await gpu.restore({ size, cut, scale, bytes: withAlpha(input, width, height).data }));
    const { restored, networkMs, isWarm } = await run(input, width, height);
    const large = [width * scale, height * scale];
    const student = withAlpha(restored, ...large);
    const totalMs = performance.now() - begun;
    const before = withAlpha(resized(input, width, height, ...large), ...large);
    return moved({ input: withAlpha(input, width, height), before, student, networkMs, totalMs, isWarm });
  } finally {
    source.close();
  }

  function moved({ input, before, student, totalMs = performance.now() - begun, ...times }) {
    const pictures = [input, before, student];
    const value = { input, before, student, width, height, shrunk, totalMs, ...times };
    return { value, moved: pictures.map((picture) => picture.data?.buffer ?? picture) };
  }
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

/** {left, top, cutWidth, cutHeight} of a picture that become an input of {width, height}, multiples of `multiple`. */
function partOf(size, pixels, part, multiple) {
  const fraction = Math.min(1, Math.sqrt(pixels / (size[0] * size[1])));
  const rounded = (side) => Math.max(multiple, Math.floor(side / multiple) * multiple);
  const [width, height] = size.map((side) => rounded(fraction < 1 ? Math.round(side * fraction) : side));
  const shrunk = part === "whole" && fraction < 1;
  const [cutWidth, cutHeight] = shrunk ? size : [width, height];
  const [left, top] = [size[0] - cutWidth, size[1] - cutHeight].map((rest) => Math.max(0, Math.floor(rest / 2)));
  return { left, top, cutWidth, cutHeight, width, height, shrunk };
}

/** The colours of the part `cut` of `source`; transparency becomes white. */
function taken(source, { left, top, cutWidth, cutHeight, width, height }) {
  const canvas = new OffscreenCanvas(cutWidth, cutHeight);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, cutWidth, cutHeight);
  context.drawImage(source, -left, -top);
  return resized(rgbOf(context.getImageData(0, 0, cutWidth, cutHeight)), cutWidth, cutHeight, width, height);
}

/** Levels of 255 between the GPU and WebAssembly on a tile of random pixels, as it is shown. */
async function disagreement(scale) {
  const rgb = crypto.getRandomValues(new Uint8Array(TILE * TILE * 3)), sides = [TILE, TILE];
  const cut = partOf(sides, TILE * TILE, "middle", 1), bytes = withAlpha(rgb, ...sides).data;
  const { student } = await gpu.restore({ size: sides, cut, scale, bytes });
  const { restored } = await run(rgb, ...sides);
  return apart(bytesOf(student), withAlpha(restored, TILE * scale, TILE * scale)).levels;
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
