// Degrades the input of a student for noise or JPEG in the browser, so that nothing is sent. Results are 8-bit.

import { rgbOf, withAlpha } from "./pixels.js";

/** `rgb` of `width` x `height` as the task of `network` has it at `strength`; every other leaves it as it is. */
export async function degraded(rgb, width, height, degradation, strength, seed) {
  if (degradation === "noise") return strength > 0 ? noisy(rgb, strength, seed) : rgb;
  if (degradation === "jpeg") return compressed(rgb, width, height, strength);
  return rgb;
}

/** White Gaussian noise of standard deviation `sigma`, of 255; the same `seed` gives the same noise. */
function noisy(rgb, sigma, seed) {
  const random = uniform(seed), target = new Uint8ClampedArray(rgb.length);
  for (let at = 0; at < rgb.length; at += 2) { // Box and Muller: two at a time
    const radius = sigma * Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
    target[at] = rgb[at] + radius * Math.cos(angle);
    if (at + 1 < rgb.length) target[at + 1] = rgb[at + 1] + radius * Math.sin(angle);
  }
  return target;
}

/** Numbers from 0 to below 1; mulberry32. */
function uniform(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Once through the browser's own JPEG encoder, at `quality` of 100. */
async function compressed(rgb, width, height, quality) {
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.putImageData(withAlpha(rgb, width, height), 0, 0);
  const file = await canvas.convertToBlob({ type: "image/jpeg", quality: quality / 100 });
  const picture = await createImageBitmap(file);
  context.drawImage(picture, 0, 0);
  picture.close();
  return rgbOf(context.getImageData(0, 0, width, height));
}
