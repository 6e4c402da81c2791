// The crops of a report: the pictures side by side, at the spot where the first two differ most.
for (const crops of document.querySelectorAll("kdsr-compare.crops")) {
  const place = () => {
    crops.place({ columns: Math.min(crops.shown.pictures.length, Math.max(2, Math.floor(crops.clientWidth / 200))) });
    crops.nextSpot();
  };
  if (crops.shown) place(); else crops.addEventListener("compare-shown", place, { once: true });
}
