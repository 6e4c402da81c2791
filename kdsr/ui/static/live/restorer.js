// The worker as the page sees it: each job a promise.

import { NOT_ON_GPU, placeOf } from "./texts.js";

/**
 * {restorer, place} that run the student at `graph` from now on: `restorer`, or one of `openWasm` where the GPU cannot
 * run it. place: where that is, and why it is not the GPU.
 */
export async function loaded(restorer, graph, scale, openWasm) {
  try {
    return { restorer, place: placeOf(restorer, (await restorer.load(graph, scale)).levels) };
  } catch (error) {
    return withoutGpu(restorer, error, graph, scale, openWasm);
  }
}

/** The same after an `error` of the GPU, which runs nothing any more; any other error is thrown. */
export async function withoutGpu(restorer, error, graph, scale, openWasm) {
  if (restorer?.backend !== "webgpu" || !error.isOfWorker) throw error;
  const opened = await openWasm();
  try {
    await opened.load(graph, scale);
  } catch (failure) {
    opened.close();
    throw failure;
  }
  restorer.close();
  return { restorer: opened, place: `${placeOf(opened)}. ${NOT_ON_GPU(error)}` };
}

/**
 * A started worker with ONNX Runtime on `backend` (`wasm`, `webgpu`), whose gzipped binary lies at `binary`;
 * `onProgress` hears how the download goes.
 */
export async function openRestorer(backend, binary, onProgress) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const waiting = new Map();
  let next = 0;

  worker.onmessage = ({ data: { id, value, error, progress } }) => {
    const { done, failed, onProgress: report } = waiting.get(id);
    if (progress) return report?.(progress);
    waiting.delete(id);
    if (error) failed(Object.assign(new Error(error.text), { name: error.name, isOfWorker: true }));
    else done(value);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    const error = Object.assign(new Error(event.message || "the worker could not start"), { isOfWorker: true });
    for (const { failed } of waiting.values()) failed(error);
    waiting.clear();
  };

  function ask(job, given, { moved = [], onProgress: report } = {}) {
    return new Promise((done, failed) => {
      waiting.set(++next, { done, failed, onProgress: report });
      worker.postMessage({ id: next, job, given }, moved);
    });
  }

  const restorer = {
    backend,
    load: (graph, scale) => ask("load", { graph, scale }),
    restore: (source, settings) => ask("restore", { source, ...settings }, { moved: [source] }),
    close: () => worker.terminate(),
  };
  try {
    return Object.assign(restorer, await ask("open", { backend, binary }, { onProgress }));
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
