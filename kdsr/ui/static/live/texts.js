// Every sentence that the scripts of the tab Live say, and how its numbers are written.

export const BACKENDS = { wasm: "WebAssembly", webgpu: "WebGPU" };
export const PARTS = { whole: "All of it, made small", middle: "The middle, pixel by pixel" };
export const NO_NETWORKS = "No student that runs in a browser lies in the weights folder yet; add weights with their card and reload.";
export const NO_EXAMPLE = "Drop a picture, paste one, or use the webcam.";
export const CAMERA = { use: "Use the webcam", stop: "Stop the webcam", resume: "Go on with the webcam", asking: "Asking for the camera" };
export const TIMING = "Restored in your browser, and timed now.";
export const HELD = "The camera is held on this frame; go on when you like.";
export const OLD_BROWSER = "This browser cannot run networks (it lacks WebAssembly or DecompressionStream); use a current Chrome, Edge, Firefox or Safari.";
export const NO_WEBGPU = "WebGPU is not to be had on this device; the student goes on with WebAssembly.";
export const OFFLINE = "That could not be fetched; check the connection and try again.";
export const SERVER_GONE = "The server did not answer; what runs in your browser goes on without it.";
export const NO_PICTURE = (name) => `${name} is not a picture that this browser can read; give a PNG, JPEG or WebP.`;
export const TOO_LARGE = (megapixels, most) => `This picture has ${megapixels} megapixels, and at most ${most} are taken here; give a smaller one.`;
export const DISAGREES = (what) => `WebGPU gave another picture than WebAssembly on the tile that was tried (${what}), so WebAssembly goes on.`;
export const FAILED = (what) => `The student could not run in this browser (${what}); reload the page, or choose another student.`;

/** Why a webcam gives no pictures, from the name of the browser's error. */
export function cameraSentence(name) {
  if (name === "NotAllowedError" || name === "SecurityError") return "The camera was not allowed; allow it in the address bar of your browser and press again.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "No camera was found; plug one in, or drop a picture.";
  if (name === "NotReadableError" || name === "AbortError") return "The camera is in use by another program; close that and press again.";
  if (name === "Insecure") return "Browsers give the camera to https pages only; open this page by https, or drop a picture.";
  return `The camera could not be opened (${name}); drop a picture instead.`;
}

/** An error whose message is a sentence for the visitor. */
export const sentence = (text) => Object.assign(new Error(text), { isSentence: true });

/** The name of a picture of the pair. */
export function named(key, network) {
  if (key === "before") return network.scale > 1 ? "Bicubic" : "As given";
  return { student: "Student, browser", serverStudent: "Student, server", serverTeacher: "Teacher, server" }[key];
}

/** What is seen, under the picture. */
export function about(title, { width, height, shrunk }, network, strength) {
  const given = `${title}, ${shrunk ? "shrunk to" : "given as"} ${width} × ${height}`;
  const spoilt = network.strength ? `, ${network.strength.title} ${strength}` : "";
  const made = network.scale > 1 ? `restored to ${width * network.scale} × ${height * network.scale}` : "restored";
  return `${given}${spoilt}; ${made} by ${network.title}.`;
}

/** The first thing that is read. `rows`: of the table; `fps`: frames per second of the camera, or null. */
export function headline({ student, serverStudent, serverTeacher }, fps) {
  if (fps) return `${fps.toFixed(1)} frames per second in your browser, ${milliseconds(student.network)} in the network for each.`;
  if (!serverStudent) return `Restored in your browser in ${milliseconds(student.whole)}.`;
  const teacher = serverTeacher ? `; its teacher ${milliseconds(serverTeacher.whole)}` : "";
  return `Your browser takes ${milliseconds(student.whole)}, the server and back ${milliseconds(serverStudent.whole)}${teacher}.`;
}

/** What the student really runs on. `levels`: between WebGPU and WebAssembly on a tile. */
export function placeOf({ backend, threads, adapter }, levels) {
  if (backend === "wasm") return `WebAssembly, ${threadsOf(threads)}`;
  const equal = levels === 0 ? "equal to WebAssembly on a tile" : `${levels} of 255 from WebAssembly on a tile`;
  return `WebGPU${adapter && ` (${adapter})`}, ${equal}`;
}

/** What would be sent to the server. */
export function offer(width, height) {
  return `Sends this one picture of ${width} × ${height} (${size(width * height * 3)}) to the server, which does not keep it.`;
}

/** How far the student's pictures of browser and server differ. */
export function apartSentence({ levels, values, of }) {
  if (levels === 0) return "The student's picture is the same in the browser and on the server, to the bit.";
  const most = `at most ${levels} level${levels > 1 ? "s" : ""} of 255 apart`;
  return `The student's pictures of browser and server are ${most}, in ${values.toLocaleString("en")} of ${of.toLocaleString("en")} values.`;
}

export const threadsOf = (count) => (count === 1 ? "1 thread" : `${count} threads`);

/** `value` with about three digits, never in exponents. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en", { maximumFractionDigits: value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2 });
}

export const milliseconds = (value) => (value >= 1000 ? `${number(value / 1000)} s` : `${number(value)} ms`);
export const size = (bytes) => (bytes >= 1e6 ? `${number(bytes / 1e6)} MB` : `${number(bytes / 1e3)} KB`);
export const median = (values) => {
  const sorted = [...values].sort((one, other) => one - other), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
