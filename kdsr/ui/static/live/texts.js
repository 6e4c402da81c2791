// Every sentence of the scripts of the tab Live, and the format of their numbers.

export const BACKENDS = { wasm: "WebAssembly", webgpu: "WebGPU" };
export const PARTS = { whole: "Whole picture, scaled down", middle: "Centre crop at 100 %" };
export const NO_STYLE = "No style";
export const NO_NETWORKS =
  "The weights folder has no student that runs in a browser. Add weights with their card and reload.";
export const NO_EXAMPLE = "Drop a picture, paste one, or use the webcam.";
export const CAMERA = {
  use: "Use the webcam",
  stop: "Stop the webcam",
  resume: "Continue with the webcam",
  asking: "Asking for the camera",
};
export const FILM = {
  stop: "Stop the video",
  resume: "Continue with the video",
  record: "Record the result",
  save: "Stop and save the recording",
  cannotRecord: "This browser records no video; use a current Chrome, Edge, Firefox or Safari.",
};
export const RATES = { 0: "As it comes", 15: "15", 30: "30" };
export const NO_VIDEO = (name) => `${name} is not a video that this browser plays; use MP4 (H.264) or WebM.`;
export const HELD = "The camera is paused on this frame.";
export const FILM_HELD = "The video is paused on this frame.";
export const OLD_BROWSER =
  "This browser cannot run networks: it lacks WebAssembly, DecompressionStream or OffscreenCanvas. " +
  "Use a current Chrome, Edge, Firefox or Safari.";
const NO_WEBGPU = (what) => `WebGPU cannot run this student here (${what}); it uses WebAssembly.`;
export const OFFLINE = "The download failed; check the connection and try again.";
export const SERVER_GONE = "The server did not answer; the student in your browser works without it.";
export const NO_PICTURE = (name) => `${name} is not a picture that this browser can read; use a PNG, JPEG or WebP.`;
export const TOO_LARGE = (megapixels, most) =>
  `This picture has ${megapixels} megapixels; the limit is ${most}. Use a smaller one.`;
const DISAGREES = (what) => `WebGPU and WebAssembly differ on a test tile (${what}); the student uses WebAssembly.`;

/** Why the student does not run on the GPU. */
export const NOT_ON_GPU = ({ name, message }) =>
  (name === "Disagreement" ? DISAGREES : NO_WEBGPU)(message.trim().split("\n")[0].slice(0, 120));
export const FAILED = (what) =>
  `The student could not run in this browser (${what}); reload the page, or choose another student.`;

const NO_CAMERA = "No camera was found; connect one, or use a picture.";
const NOT_ALLOWED = "Access to the camera was denied; allow it in the address bar of your browser and press again.";
const CAMERA_IN_USE = "The camera is used by another program; close that and press again.";
const CAMERA_ERRORS = {
  NotAllowedError: NOT_ALLOWED,
  SecurityError: NOT_ALLOWED,
  NotFoundError: NO_CAMERA,
  OverconstrainedError: NO_CAMERA,
  NotReadableError: CAMERA_IN_USE,
  AbortError: CAMERA_IN_USE,
  Insecure: "Browsers allow the camera on https pages only; open this page by https, or use a picture.",
};

/** Why a webcam gives no pictures, from the name of the browser's error. */
export const cameraSentence = (name) =>
  CAMERA_ERRORS[name] ?? `The camera could not be opened (${name}); use a picture instead.`;

/** An error whose message is a sentence for the visitor. */
export const sentence = (text) => Object.assign(new Error(text), { isSentence: true });

/** The name of a picture of the comparison; the browser's own are called as in *Restore*. */
export const named = (key) =>
  ({ before: "Before", student: "Student", serverStudent: "Student, server", serverTeacher: "Teacher, server" })[key];

/** The line under the picture: what was restored or drawn, and by which student. */
export function about(title, { width, height, shrunk }, { network, strength, dial }) {
  const given = `${title}, ${shrunk ? "shrunk to " : ""}${width} × ${height}`;
  const degraded = network.strength ? `, ${network.strength.title} ${strength}` : "";
  const larger = network.scale > 1 ? `restored to ${width * network.scale} × ${height * network.scale}` : "restored";
  const made = network.style ? "drawn" : larger;
  return `${given}${degraded}; ${made} by ${network.title}${dial === null ? "" : `, sharpness ${dial}`}.`;
}

/** The student's part of the name of a file. */
export const fileName = ({ network, dial }) => network.name + (dial === null ? "" : `-sharpness-${dial}`);

/** While the time of the student `network` is being measured. */
export const timing = (network) => `${done(network)} in your browser; measuring the time.`;

const done = ({ style }) => (style ? "Drawn" : "Restored");

/** The headline. The first argument holds the rows of the table; `fps`: frames per second of the camera, or null. */
export function headline({ student, serverStudent, serverTeacher }, fps, network) {
  if (fps) {
    const perFrame = milliseconds(student.network);
    return `${fps.toFixed(1)} frames per second in your browser, ${perFrame} per frame in the network.`;
  }
  if (!serverStudent) return `${done(network)} in your browser in ${milliseconds(student.total)}.`;
  const teacher = serverTeacher ? `, the teacher there ${milliseconds(serverTeacher.total)}` : "";
  const server = `the server takes ${milliseconds(serverStudent.total)} with the round trip`;
  return `Your browser takes ${milliseconds(student.total)}; ${server}${teacher}.`;
}

/** The backend that the student runs on. `levels`: between WebGPU and WebAssembly on a tile. */
export function placeOf({ backend, threads, adapter }, levels) {
  if (backend === "wasm") return `WebAssembly, ${threadsOf(threads)}`;
  const equal = levels === 0 ? "equal to WebAssembly on a tile" : `${levels} of 255 from WebAssembly on a tile`;
  return `WebGPU${adapter && ` (${adapter})`}, ${equal}`;
}

/** The sentence about what *Compare* sends. */
export function offer(width, height) {
  const bytes = size(width * height * 3);
  return `Sends this one picture of ${width} × ${height} (${bytes}) to the server, which does not store it.`;
}

/** How far the student's pictures of browser and server differ. */
export function apartSentence({ levels, values, of }) {
  if (levels === 0) return "The student's result is the same in the browser and on the server, bit for bit.";
  const counts = `${values.toLocaleString("en")} of ${of.toLocaleString("en")} values`;
  return `The student's results in the browser and on the server differ by at most ${levels} of 255, in ${counts}.`;
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
