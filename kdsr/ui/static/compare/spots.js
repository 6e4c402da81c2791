// Where two pictures differ most: the blocks with the largest mean difference, apart from each other.

const BLOCK = 32, COUNT = 24;

/** Up to 24 spots, as fractions [x, y], the largest difference first, of two loaded images or canvases of one size. */
export function differences(left, right, [width, height]) {
  const [a, b] = [left, right].map((image) => pixels(image, width, height));
  const columns = Math.ceil(width / BLOCK), rows = Math.ceil(height / BLOCK);
  const sums = new Float64Array(columns * rows), counts = new Float64Array(columns * rows);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = 4 * (y * width + x), block = Math.floor(y / BLOCK) * columns + Math.floor(x / BLOCK);
      sums[block] += Math.abs(a[at] - b[at]) + Math.abs(a[at + 1] - b[at + 1]) + Math.abs(a[at + 2] - b[at + 2]);
      counts[block] += 1;
    }
  }
  const order = [...sums.keys()].sort((one, other) => sums[other] / counts[other] - sums[one] / counts[one]);
  const found = [];
  for (const block of order) {
    if (!sums[block] || found.length === COUNT) break;
    const [row, column] = [Math.floor(block / columns), block % columns];
    if (found.some((other) => Math.abs(other.row - row) <= 2 && Math.abs(other.column - column) <= 2)) continue;
    found.push({ row, column });
  }
  return found.map(({ row, column }) => [
    Math.min(1, ((column + 0.5) * BLOCK) / width), Math.min(1, ((row + 0.5) * BLOCK) / height),
  ]);
}

function pixels(image, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
