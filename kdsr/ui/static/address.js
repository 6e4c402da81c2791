// The address of the page: the tab that is open, what it shows, and the view of the big picture, in the query.
//
// The server says what a tab shows in an element with `data-address` inside the tab. One choice of the visitor is one
// entry of the history; a view (`spot`, `split`, `columns`) replaces that of its entry. Not here: what the words mean.

const TABS = ["restore", "live", "models", "distill"];
const TAB_OF = { model: "models", run: "distill" }; // a link to a network or a run opens its tab
const VIEW = ["spot", "split", "columns"];
const FOREIGN = /^_|^(logs|view|present|lang)$/; // of gradio, Spaces, presentation and language: they stay
const SPACES = "https://huggingface.co";
const SETTLED_MS = 400;
const AGAIN_MS = 500, MOST_TRIES = 60; // while gradio sets the page up, it forgets which tab was clicked

/** Keep address and page in step; `follow()` asks the server for what the address names. */
export function start(follow) {
  const known = {}; // what each tab said last
  let shown = "restore", answer = "", going = tabOf(params()), held = viewOf(params()), view = held;
  let timer = 0, again = 0;

  const write = (how) => {
    const next = new URLSearchParams(shown === "restore" ? "" : { tab: shown });
    for (const [key, value] of new URLSearchParams(known[shown])) next.set(key, value);
    if (shown === "restore") for (const [key, value] of Object.entries(view)) next.set(key, value);
    for (const [key, value] of params()) if (FOREIGN.test(key)) next.set(key, value);
    if (text(next) === text(params())) return;
    const query = text(next);
    history[how](null, "", location.pathname + (query && `?${query}`) + location.hash);
    // a Space stands in a frame: the address that a visitor sees is its parent's
    if (parent !== window) parent.postMessage({ queryString: query, hash: location.hash }, SPACES);
  };

  /** What the page shows now goes into the address, once it is what the address asked for. */
  const look = () => {
    const tab = openTab(), said = document.querySelector(`#${tab}-tab [data-address]`);
    const part = said?.dataset.address ?? "", told = said?.dataset.answer ?? answer;
    const isAnswer = told !== answer, isOther = tab !== shown, isFirst = known[tab] === undefined;
    if (!isOther && !isAnswer && part === known[tab]) return;
    const isChanged = part !== (known[tab] ?? "");
    if (said) known[tab] = part;
    [shown, answer] = [tab, told];
    if (going) {
      if (tab !== going || !(isAnswer || isChanged || part === partOf(params()))) return;
      going = "";
      write("replaceState");
    } else write(isOther || !(isFirst || isAnswer) ? "pushState" : "replaceState");
  };

  const go = (otherwise = "restore") => {
    going = tabOf(params(), otherwise);
    open(MOST_TRIES);
  };

  /** Open that tab until it says what the address asked for. */
  const open = (tries) => {
    clearTimeout(again);
    if (!going) return;
    if (openTab() !== going) document.getElementById(`${going}-tab-button`)?.click();
    if (tries) again = setTimeout(open, AGAIN_MS, tries - 1);
  };

  // a hand is quicker than what the address asked for
  for (const hand of ["click", "keydown"]) {
    document.addEventListener(hand, ({ isTrusted, target }) => {
      if (isTrusted && target.closest?.(hand === "click" ? "button" : "[role=tab]")) going = "";
    }, true);
  }

  addEventListener("popstate", () => {
    held = view = viewOf(params());
    hero()?.place(stateOf(held));
    go();
    if (partOf(params()) !== (known[going] ?? "")) follow();
    look();
  });

  // the view: that of the address is held until a hand moves the picture
  document.addEventListener("compare-shown", ({ target }) => {
    if (held && target === hero()) target.place(stateOf(held));
  });
  document.addEventListener("compare-change", ({ target, detail }) => {
    if (held || target !== hero()) return;
    view = wordsOf(detail);
    clearTimeout(timer);
    timer = setTimeout(() => { if (!going && shown === "restore") write("replaceState"); }, SETTLED_MS);
  });
  for (const hand of ["pointerdown", "keydown", "wheel", "click"]) {
    document.addEventListener(hand, ({ target }) => { if (target === hero()) held = null; }, true);
  }

  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributeFilter: ["data-address", "data-answer", "aria-selected"],
  });
  hero()?.place?.(stateOf(held));
  go(openTab()); // who was quicker than this script stays on the tab of his choice
  look();
}

const params = () => new URLSearchParams(location.search);
const hero = () => document.querySelector("#hero kdsr-compare");
const text = (query) => query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");

function openTab() {
  const button = document.querySelector("[role=tab][aria-selected=true]");
  return TABS.find((tab) => button?.id === `${tab}-tab-button`) ?? "restore";
}

function tabOf(query, otherwise = "restore") {
  const named = query.get("tab") ?? Object.entries(TAB_OF).find(([key]) => query.has(key))?.[1];
  return TABS.includes(named) ? named : otherwise;
}

/** What the query says beside tab and view, as a tab would say it. */
function partOf(query) {
  for (const key of [...query.keys()]) if (key === "tab" || VIEW.includes(key) || FOREIGN.test(key)) query.delete(key);
  return text(query);
}

function viewOf(query) {
  return Object.fromEntries(VIEW.filter((key) => query.has(key)).map((key) => [key, query.get(key)]));
}

/** The words of a view, from the state of the comparison; what is usual is left out. */
function wordsOf({ at, columns, zoom, centre }) {
  const words = {
    spot: centre ? [...centre, zoom].join(",") : "",
    split: at === 50 ? "" : String(at),
    columns: columns ? String(columns) : "",
  };
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value));
}

/** The state of the comparison from the words of a view; what cannot be is usual. */
function stateOf({ spot, split, columns }) {
  const [x, y, zoom] = (spot ?? "").split(",").map(Number), at = Number(split ?? 50), count = Number(columns ?? 0);
  const state = { at: at >= 0 && at <= 100 ? at : 50, columns: count >= 2 && count <= 5 ? Math.floor(count) : 0 };
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 && zoom > 0 ? { ...state, zoom, centre: [x, y] } : state;
}
