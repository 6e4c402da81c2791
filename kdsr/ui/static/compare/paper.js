// A <kdsr-compare> on paper: narrower than on the screen, and at the same spot of the same pictures.

/** While the page is printed, the pictures of `compare` have their places in percent of their pane. */
export function addPaper(compare) {
  addEventListener("beforeprint", () => {
    if (!compare.shown) return;
    const { box, pane } = compare.view;
    const places = ["left", "top", "width", "height"].map((name, at) => `${name}:${(100 * box[at]) / pane[at % 2]}%`);
    for (const image of compare.shadowRoot.querySelectorAll(".layer > *")) image.style.cssText = places.join(";");
  });
  addEventListener("afterprint", () => { if (compare.shown) compare.draw(); });
}
