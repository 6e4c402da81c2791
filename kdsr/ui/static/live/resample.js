// Bicubic resampling as MATLAB's imresize does it: cubic with a = -0.5, antialiased when it shrinks, symmetric border.
// `kdsr.degrade.resample` is the same in Python.

const CHANNELS = 3;

/** `rgb` (bytes, row by row) of `width` x `height` as `toWidth` x `toHeight`; rounded once, at the end. */
export function resized(rgb, width, height, toWidth, toHeight) {
  if (width === toWidth && height === toHeight) return rgb;
  const rows = alongRows(rgb, width * CHANNELS, taps(height, toHeight));
  const across = taps(width, toWidth);
  const { count, indices, weights } = across;
  const target = new Uint8ClampedArray(toWidth * toHeight * CHANNELS);
  for (let y = 0, at = 0; y < toHeight; y++) {
    const row = y * width * CHANNELS;
    for (let x = 0; x < toWidth; x++, at += CHANNELS) {
      let red = 0, green = 0, blue = 0;
      for (let tap = x * count; tap < (x + 1) * count; tap++) {
        const from = row + indices[tap] * CHANNELS, weight = weights[tap];
        red += weight * rows[from];
        green += weight * rows[from + 1];
        blue += weight * rows[from + 2];
      }
      target[at] = red;
      target[at + 1] = green;
      target[at + 2] = blue;
    }
  }
  return target;
}

/** The rows of `values`, each of `length`, combined into as many as `taps` makes. */
function alongRows(values, length, { count, indices, weights }) {
  const made = indices.length / count, target = new Float32Array(made * length);
  for (let y = 0; y < made; y++) {
    const into = y * length;
    for (let tap = y * count; tap < (y + 1) * count; tap++) {
      const from = indices[tap] * length, weight = weights[tap];
      if (weight === 0) continue;
      for (let x = 0; x < length; x++) target[into + x] += weight * values[from + x];
    }
  }
  return target;
}

/** For each of `to` pixels on an axis: `count` pixels of the `from` that it is made of, with weights that sum to 1. */
export function taps(from, to) {
  const ratio = to / from, squeeze = Math.min(1, ratio), count = Math.ceil(4 / squeeze); // others weigh nothing
  const indices = new Int32Array(to * count), weights = new Float64Array(to * count);
  for (let pixel = 0; pixel < to; pixel++) {
    const centre = (pixel + 0.5) / ratio - 0.5, first = Math.floor(centre - 2 / squeeze) + 1;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const position = ((first + tap) % (2 * from) + 2 * from) % (2 * from);
      indices[pixel * count + tap] = Math.min(position, 2 * from - 1 - position);
      sum += weights[pixel * count + tap] = cubic(squeeze * (centre - first - tap));
    }
    for (let tap = 0; tap < count; tap++) weights[pixel * count + tap] /= sum;
  }
  return { count, indices, weights };
}

/** Keys, 1981, equation 8. */
function cubic(distance) {
  const x = Math.abs(distance);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
