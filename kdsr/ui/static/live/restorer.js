// The worker as the page sees it: each job a promise.

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
    if (error) failed(Object.assign(new Error(error.text), { name: error.name }));
    else done(value);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    for (const { failed } of waiting.values()) failed(new Error(event.message || "the worker could not start"));
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
    load: (graph) => ask("load", { graph }),
    restore: (bitmap, settings) => ask("restore", { bitmap, ...settings }, { moved: [bitmap] }),
    close: () => worker.terminate(),
  };
  try {
    return Object.assign(restorer, await ask("open", { backend, binary }, { onProgress }));
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
