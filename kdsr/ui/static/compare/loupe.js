// A magnifier under the pointer: the same spot of two pictures, each pixel a square, half beside half.

const SIDE = 168, ZOOM = 6;

/** Draw around `spot` (fractions of the picture): the left picture in the left half, the right one beside it. */
export function drawLoupe(canvas, [left, right], [width, height], spot, dpr) {
  const side = Math.round(SIDE * dpr), zoom = Math.round(ZOOM * dpr), seen = side / zoom;
  if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#888";
  context.fillRect(0, 0, side, side);
  const x = Math.round(spot[0] * width - seen / 4), y = Math.round(spot[1] * height - seen / 2);
  for (const [index, image] of [left, right].entries()) {
    context.drawImage(image, x, y, seen / 2, seen, (index * side) / 2, 0, side / 2, side);
  }
  context.fillStyle = "#fff";
  context.fillRect(side / 2 - dpr / 2, 0, dpr, side);
}
