// The pictures of a report's figures, taken from the data of its comparisons, so that no picture is in the file twice.
for (const figure of document.querySelectorAll(".spot")) {
  const data = document.querySelector(`#${figure.dataset.source} [data-pictures]`).dataset.pictures;
  const sources = new Map(JSON.parse(data).pictures.map(({ key, src }) => [key, src]));
  for (const place of figure.querySelectorAll("[data-of]")) {
    const image = place.matches("img") ? place : new Image();
    image.src = sources.get(place.dataset.of);
    if (image !== place) image.decode().then(() => drawSquare(place, image));
  }
}

/** The square of `image` at the place `data-at` of `canvas`, pixel for pixel. */
function drawSquare(canvas, image) {
  const [left, top] = canvas.dataset.at.split(",").map(Number), { width: side } = canvas;
  canvas.getContext("2d").drawImage(image, left, top, side, side, 0, 0, side, side);
  canvas.dataset.drawn = "";
}
