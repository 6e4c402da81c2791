// The server's own student and teacher on a picture that the visitor chose to send.

import { bytesOf, rgbOf } from "./pixels.js";
import { threadsOf } from "./texts.js";

/** The server's picture of `input` (an ImageData or ImageBitmap), and its times in ms. order: the student. */
export async function compared(server, { order, role, input, width, height }) {
  const pixels = base64(rgbOf(bytesOf(input))), begun = performance.now();
  const answer = await server.compare({ ...order, role, width, height, pixels });
  if (answer.error) return answer;
  const image = await decoded(answer.png);
  const roundTripMs = Math.max(0, performance.now() - begun - answer.busy_ms);
  const place = `${answer.runtime}, ${answer.device === "cpu" ? threadsOf(answer.threads) : answer.device}`;
  return { place, image, networkMs: answer.network_ms, roundTripMs, totalMs: roundTripMs + answer.end_to_end_ms };
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** The exact pixels of a PNG, without any conversion of colours. */
async function decoded(png) {
  const bytes = Uint8Array.from(atob(png), (each) => each.charCodeAt(0));
  const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }), exact);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
