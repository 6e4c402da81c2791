// The crops of a report: as many pictures side by side as fit, at the spot where the first two differ most.
for (const crops of document.querySelectorAll("kdsr-compare.crops")) {
  const place = () => {
    const columns = Math.min(crops.shown.pictures.length, Math.max(2, Math.floor(crops.clientWidth / 200)));
    if (columns !== crops.columns) crops.place({ ...crops.state, columns });
  };
  const start = () => { place(); crops.nextSpot(); addEventListener("resize", place); };
  if (crops.shown) start(); else crops.addEventListener("compare-shown", start, { once: true });
}
