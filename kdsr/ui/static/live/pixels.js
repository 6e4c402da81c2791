// Converts between RGBA bytes of canvases and RGB bytes of networks, both row by row.

/** The colours of `image`, an ImageData, without its alpha. */
export function rgbOf(image) {
  const from = image.data, target = new Uint8ClampedArray((from.length / 4) * 3);
  for (let at = 0, into = 0; at < from.length; at += 4, into += 3) {
    target[into] = from[at];
    target[into + 1] = from[at + 1];
    target[into + 2] = from[at + 2];
  }
  return target;
}

/** `rgb` as an ImageData that covers what is behind it. */
export function withAlpha(rgb, width, height) {
  const target = new Uint8ClampedArray(width * height * 4);
  for (let at = 0, into = 0; at < rgb.length; at += 3, into += 4) {
    target[into] = rgb[at];
    target[into + 1] = rgb[at + 1];
    target[into + 2] = rgb[at + 2];
    target[into + 3] = 255;
  }
  return new ImageData(target, width, height);
}

/** The ImageData of an ImageData or of an ImageBitmap. */
export function bytesOf(image) {
  if (image.data) return image;
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.width, image.height);
}

/** The largest difference of two ImageData of one size in levels of 255, and how many `values` `of` how many differ. */
export function apart(one, other) {
  let most = 0, unequal = 0;
  for (let at = 0; at < one.data.length; at++) {
    const difference = Math.abs(one.data[at] - other.data[at]);
    if (difference > 0) unequal++;
    if (difference > most) most = difference;
  }
  return { levels: most, values: unequal, of: (one.data.length / 4) * 3 };
}
