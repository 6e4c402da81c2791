// Mouse, pen and fingers on a <kdsr-compare>: the divider, panning, pinching, wheel, double tap.

const TAP_PX = 6, TWICE_MS = 320;

/** Listen on the stage of `compare`. A vertical swipe of one finger stays the page's. */
export function addPointers(compare) {
  const { stage } = compare, down = new Map();
  let slides = false, pinch = null, start = null, lastTap = { time: 0, place: [0, 0] };

  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const inPane = ([x, y]) => (compare.columns ? [x % (compare.view.pane[0] + 2), y] : [x, y]);
  const slide = ([x]) => compare.slideTo((100 * x) / stage.clientWidth);

  stage.addEventListener("mousedown", (event) => event.preventDefault()); // it would take the focus away again
  stage.addEventListener("pointerdown", (event) => {
    if (!compare.shown || event.button > 0) return;
    (compare.isPainting ? compare.tool("paint") : compare.slider).focus({ preventScroll: true });
    down.set(event.pointerId, place(event));
    stage.setPointerCapture(event.pointerId);
    if (down.size === 1 && compare.isPainting) compare.marks.down(place(event));
    else if (down.size === 1) {
      start = place(event);
      const isOnLine = Math.abs(start[0] - (compare.at / 100) * stage.clientWidth) < 24;
      slides = !compare.columns && (compare.view.isFit || isOnLine);
    }
    if (down.size === 2) compare.marks.drop();
    if (down.size === 2) pinch = { ...between(down), scale: compare.view.scale };
  });

  stage.addEventListener("pointermove", (event) => {
    compare.moveLoupe(place(event));
    if (!down.has(event.pointerId)) return;
    const before = down.get(event.pointerId), now = place(event);
    down.set(event.pointerId, now);
    if (down.size === 2) {
      const { distance, middle } = between(down);
      compare.zoom((view) => {
        view.pan(middle[0] - pinch.middle[0], middle[1] - pinch.middle[1]);
        view.zoomTo((pinch.scale * distance) / pinch.distance, inPane(middle));
      });
      pinch.middle = middle;
    } else if (compare.isPainting) compare.marks.move(now);
    else if (slides) slide(now);
    else compare.zoom((view) => view.pan(now[0] - before[0], now[1] - before[1]));
  });

  const end = (event) => {
    if (!down.delete(event.pointerId)) return;
    pinch = null;
    compare.marks.up();
    if (compare.isPainting) return;
    const now = place(event), isTap = event.type === "pointerup" && start && distance(start, now) < TAP_PX;
    if (down.size || !isTap) return;
    const isTwice = event.timeStamp - lastTap.time < TWICE_MS && distance(lastTap.place, now) < 24;
    if (isTwice) compare.zoom((view) => view.toggle(inPane(now)));
    else if (slides) slide(now);
    lastTap = { time: isTwice ? 0 : event.timeStamp, place: now };
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);

  stage.addEventListener("wheel", (event) => {
    // a page is scrolled by the wheel, until the picture was clicked
    const isMeant = event.ctrlKey || compare.isFull || compare.matches(":focus-within");
    if (!compare.shown || !isMeant) return;
    event.preventDefault();
    compare.zoom((view) => view.zoomBy(-Math.sign(event.deltaY), inPane(place(event))));
  }, { passive: false });
}

function between(down) {
  const [a, b] = [...down.values()];
  return { distance: Math.max(1, distance(a, b)), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
}

function distance(a, b) { return Math.hypot(a[0] - b[0], a[1] - b[1]); }
