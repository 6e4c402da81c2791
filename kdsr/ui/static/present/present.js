// The presentation: seven screens over the page, dark and large, for a stage. It shows what *Restore* shows: the
// pictures, the sentence and the table are read there, and another picture is chosen there.
//
// Not here: the comparison (`compare.js`), the plot and the words, which the server writes (`ui.present`).

import { KEYS, PICTURES, SCREENS, viewOf } from "./keys.js";

const SLIDE_PERCENT = 5;
const COPIED = {
  sentence: "#summary .headline", table: "#figures table.figures",
  plot: "#present-plot .zoo-plot, #present-plot .about",
};

/** Wire the dialog `#present` and the buttons that open it; `ask()` tells the server that the plot is wanted. */
export function start(ask) {
  const dialog = document.getElementById("present");
  if (dialog && !dialog.presentation) dialog.presentation = new Presentation(dialog, ask);
}

class Presentation {
  constructor(dialog, ask) {
    Object.assign(this, { dialog, ask, screen: SCREENS[0], alone: "", isSlid: false, applied: "" });
    this.stage = dialog.querySelector("kdsr-compare");
    this.words = JSON.parse(dialog.dataset.words);
    document.addEventListener("click", ({ target }) => this.onClick(target));
    dialog.addEventListener("keydown", (event) => this.onKey(event), true);
    dialog.addEventListener("close", () => this.onClose());
    document.addEventListener("fullscreenchange", () => this.raise());
    this.stage.addEventListener("compare-shown", () => this.apply());
    new MutationObserver(() => { if (dialog.open) this.draw(); })
      .observe(document.body, { subtree: true, childList: true, characterData: true });
    const asked = new URLSearchParams(location.search).get("present");
    if (asked !== null) this.open(SCREENS[Number(asked) - 1] ?? SCREENS[0]);
  }

  open(screen = SCREENS[0]) {
    if (this.dialog.open) return;
    this.ask();
    this.show();
    this.go(screen);
  }

  /** What becomes full screen lies over every open dialog, until that is opened again. */
  raise() {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.show();
    this.draw();
  }

  show() {
    this.dialog.showModal();
    this.dialog.querySelector("h2").focus();
  }

  onClose() {
    if (this.dialog.open) return; // raised
    if (document.fullscreenElement) document.exitFullscreen();
    this.remember(null);
    document.getElementById("present-open")?.focus();
  }

  /** The screen in the address, so that a link and a reload open it. */
  remember(screen) {
    const query = new URLSearchParams(location.search);
    if (screen) query.set("present", SCREENS.indexOf(screen) + 1); else query.delete("present");
    const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
    history.replaceState(history.state, "", location.pathname + (text && `?${text}`) + location.hash);
  }

  go(screen) {
    Object.assign(this, { screen, alone: "", isSlid: false, applied: "" });
    this.remember(screen);
    this.apply();
    this.draw();
  }

  step(by) {
    const next = SCREENS[SCREENS.indexOf(this.screen) + by];
    if (next) this.go(next);
  }

  // What is seen

  /** The pictures of this screen. A picture that is not there yet comes when *Restore* has it. */
  apply() {
    const given = this.stage.data && JSON.parse(this.stage.data);
    if (!given || !this.dialog.open) return;
    const { left, right, columns } = viewOf(this.alone || this.screen, given.pictures.map(({ key }) => key));
    const wanted = JSON.stringify([given, left, right, columns]);
    if (wanted === this.applied) return;
    const isOther = this.stage.shown?.name !== given.name, { zoom, centre } = this.stage.state;
    const spot = zoom && columns === 1 && !isOther ? { zoom, centre } : {}; // one spot in one picture after the other
    this.applied = wanted;
    this.stage.show({ ...given, pictures: inOrder(given.pictures), left, right, paint: false });
    this.stage.load(PICTURES);
    if (!this.isSlid) this.stage.place({ columns, at: 50, ...spot });
    if (!this.isSlid && this.screen === "both" && columns > 2) this.stage.nextSpot();
  }

  /** Everything but the pictures. */
  draw() {
    const { dialog, screen } = this, number = SCREENS.indexOf(screen);
    const [title, about] = this.words[this.alone || screen];
    const place = [textOf("#task label.selected"), this.stage.shown?.name].filter(Boolean).join(" · ");
    set(dialog.querySelector("h2"), title);
    set(dialog.querySelector("header p"), about);
    set(dialog.querySelector(".where"), place);
    set(dialog.querySelector("[role=status]"), textOf("#status .line.busy, #status .line.error"));
    set(dialog.querySelector(".count"), `${number + 1} / ${SCREENS.length}`);
    for (const part of dialog.querySelectorAll("[data-screens]")) {
      part.hidden = !part.dataset.screens.split(" ").includes(this.alone ? "both" : screen);
    }
    for (const [name, source] of Object.entries(COPIED)) copy(source, dialog.querySelector(`[data-copy=${name}]`));
    dialog.querySelector("[data-does=back]").disabled = number === 0;
    dialog.querySelector("[data-does=next]").disabled = number === SCREENS.length - 1;
    const isFull = Boolean(document.fullscreenElement);
    dialog.querySelector("[data-does=full]").setAttribute("aria-pressed", isFull);
  }

  // What a presenter does

  onClick(target) {
    if (target.closest?.("#present-open")) {
      this.open();
      this.toggleFull();
    }
    const does = target.closest?.("#present [data-does]")?.dataset.does;
    if (does) this.act(does);
  }

  onKey(event) {
    const does = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key.toLowerCase()];
    if (!does || (event.key === " " && event.composedPath()[0].matches?.("button"))) return;
    event.preventDefault();
    event.stopPropagation(); // the comparison has arrows of its own
    this.act(does);
  }

  act(does) {
    const acts = {
      next: () => this.step(1),
      back: () => this.step(-1),
      picture: () => this.nextPicture(1),
      "picture-back": () => this.nextPicture(-1),
      wider: () => this.slide(SLIDE_PERCENT),
      narrower: () => this.slide(-SLIDE_PERCENT),
      spot: () => this.stage.nextSpot(),
      fit: () => this.stage.act("fit"),
      figures: () => this.stage.toggleAttribute("untagged", this.dialog.classList.toggle("bare")),
      full: () => this.toggleFull(),
      close: () => this.dialog.close(),
      distill: () => { this.dialog.close(); document.getElementById("distill-tab-button")?.click(); },
    };
    if (/^\d$/.test(does)) this.go(SCREENS[does - 1]);
    else if (does in acts) acts[does]();
    else this.showAlone(does);
  }

  /** One picture alone, on whatever screen: that of `key`, if there is one. */
  showAlone(key) {
    if (!this.stage.shown?.pictures.some((picture) => picture.key === key)) return;
    Object.assign(this, { alone: key, isSlid: false, applied: "" });
    this.apply();
    this.draw();
  }

  slide(by) {
    if (!this.stage.shown) return;
    this.isSlid = true;
    if (this.stage.columns) this.stage.place({ ...this.stage.state, columns: 0, at: 50 });
    this.stage.slideTo(this.stage.at + by);
  }

  nextPicture(by) {
    const all = [...document.querySelectorAll("#examples button.thumbnail-item")];
    if (!all.length) return;
    const shown = (this.stage.shown?.name ?? "").toLowerCase();
    const at = all.findIndex((each) => namesOf(each).includes(shown));
    this.example = ((this.example ?? at) + by + all.length) % all.length; // it may not be restored yet
    all[this.example].click();
  }

  async toggleFull() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen?.();
    } catch { /* where the browser refuses, the presentation fills the window */ }
  }
}

/** Before, student and teacher first, which are those side by side. */
function inOrder(pictures) {
  const first = ["input", "student", "teacher"];
  const place = ({ key }) => (first.includes(key) ? first.indexOf(key) : first.length);
  return [...pictures].sort((one, other) => place(one) - place(other));
}

/** By which an example can be known: its title, and the name of its file. */
function namesOf(thumbnail) {
  const { alt, src } = thumbnail.querySelector("img");
  return [alt, decodeURIComponent(src).split("/").pop().replace(/\.\w+$/, "")].map((name) => name.toLowerCase());
}

const textOf = (place) => document.querySelector(place)?.innerText.trim() ?? "";

function set(element, text) { if (element.textContent !== text) element.textContent = text; }

/** `target` holds a copy of the element at `source`; nothing is touched where it has not changed. */
function copy(source, target) {
  const html = document.querySelector(source)?.outerHTML ?? "";
  if (target.dataset.html === html) return;
  target.dataset.html = html;
  target.innerHTML = html;
}
