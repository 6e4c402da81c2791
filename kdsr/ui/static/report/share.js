// Copy what *Restore* shows: the pictures on screen as one PNG with their captions, or a link that shows the same.
// Not here: the moving slider, which the server makes (`kdsr/ui/report/moving.py`).

const GAP = 8, TITLE_PX = 15, FIGURE_PX = 13, CAPTION_PX = 46;

/** The buttons work; `move()` asks the server for the moving slider. */
export function start(move) {
  const bar = document.querySelector("#share"), words = JSON.parse(bar.querySelector("[data-words]").dataset.words);
  const say = (text) => { bar.querySelector("[role=status]").textContent = text; };
  const does = { moving: move, figure: () => copyFigure(words, say), link: () => copyLink(words, say) };
  bar.addEventListener("click", ({ target }) => {
    const act = does[target.closest("[data-does]")?.dataset.does];
    if (!act) return;
    say(""); // what was said of the copy before
    act();
  });
}

async function copyLink(words, say) {
  const isOwn = /^own(-|$)/.test(new URLSearchParams(location.search).get("example") ?? "");
  try {
    await navigator.clipboard.writeText(location.href);
    say(isOwn ? words.own : words.link);
  } catch {
    say(`${words.refused} ${location.href}`);
  }
}

async function copyFigure(words, say) {
  const compare = document.querySelector("#hero kdsr-compare");
  if (!compare?.shown || compare.isPainting) { say(words.nothing); return; }
  const canvas = await figureOf(compare), size = `${canvas.width} × ${canvas.height}`;
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
  if (!blob) { say(words.large); return; } // a browser has a limit, about 268 megapixels
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    say(words.figure.replace("{size}", size));
  } catch { // not in every browser, and not without https
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob) });
    link.download = `${compare.shown.name}.png`;
    link.click();
    URL.revokeObjectURL(link.href);
    say(words.saved.replace("{size}", size));
  }
}

/** A canvas with the pictures on screen side by side, each pixel a pixel, and below each its title and figures. */
export async function figureOf(compare) {
  const pictures = compare.columns ? compare.row : compare.pair;
  const images = [...compare.shadowRoot.querySelectorAll(".layer > *")].slice(0, pictures.length);
  await Promise.all(images.map((image) => image.decode?.()));
  const [left, top, width, height] = seenIn(compare.view);
  const canvas = document.createElement("canvas"), count = images.length;
  Object.assign(canvas, { width: count * width + (count - 1) * GAP, height: height + CAPTION_PX });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#24211e";
  context.textBaseline = "top";
  images.forEach((image, index) => {
    const x = index * (width + GAP), { title, figure } = pictures[index];
    context.drawImage(image, left, top, width, height, x, 0, width, height);
    context.font = `600 ${TITLE_PX}px system-ui, sans-serif`;
    context.fillText(title, x, height + 6, width);
    context.font = `${FIGURE_PX}px system-ui, sans-serif`;
    context.fillText(figure, x, height + 6 + TITLE_PX + 4, width);
  });
  return canvas;
}

/** Left, top, width and height of what of the picture is seen, in its whole pixels. */
function seenIn({ picture, pane, centre, scale, isFit }) {
  if (isFit) return [0, 0, ...picture];
  const sides = picture.map((length, axis) => Math.min(length, Math.round(pane[axis] / scale)));
  const starts = picture.map((length, axis) =>
    Math.min(Math.max(Math.round(centre[axis] * length - sides[axis] / 2), 0), length - sides[axis]));
  return [...starts, ...sides];
}
