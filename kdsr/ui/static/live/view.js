// The elements of the tab Live: the comparison, sentences, table. Not here: networks and cameras.

import { said } from "../compare/words.js";
import { milliseconds } from "./texts.js";

const COLUMNS = ["Picture", "Network", "Round trip", "Total"];

const ERROR_MS = 8000; // that an error stays while frames come

export class View {
  constructor(element) {
    this.element = element;
    this.shown = "";
  }

  choice(name) { return this.element.querySelector(`[data-choice="${name}"]`); }
  part(name) { return this.element.querySelector(`[data-part="${name}"]`); }

  /** Plain text into a named place. */
  say(name, text) {
    const place = this.part(name), words = said(text);
    if (place.textContent !== words) place.textContent = words;
  }

  /** The tab's part of the page's address; the first answers what the address asked for. */
  address(part) {
    const { dataset } = this.element.querySelector(".live-stage");
    dataset.answer = "live";
    dataset.address = part;
  }

  /** Whether an error came a moment ago: frames that come do not clear it. */
  get isTellingError() { return performance.now() - this.toldAt < ERROR_MS; }

  /** What goes on: nothing, a line with a bar, or an error. `fraction`: null for a bar without an end. */
  status(text, { isError = false, fraction } = {}) {
    const place = this.part("status");
    this.toldAt = isError ? performance.now() : -Infinity;
    place.replaceChildren();
    if (!text) return;
    const line = document.createElement("div");
    line.className = `line${isError ? " error" : ""}`;
    line.append(said(text));
    if (fraction !== undefined) {
      const bar = document.createElement("span"), done = document.createElement("i");
      bar.className = `bar${fraction === null ? " endless" : ""}`;
      if (fraction !== null) done.style.width = `${100 * Math.min(1, fraction)}%`;
      bar.append(done);
      line.append(bar);
    }
    place.append(line);
  }

  /** The pictures of the comparison, whose canvases may have changed: what `show()` of <kdsr-compare> takes. */
  compare(shown) {
    const told = JSON.stringify({ ...shown, pictures: shown.pictures.map(({ element, ...rest }) => rest) });
    if (told === this.shown) return;
    this.shown = told;
    this.element.querySelector("kdsr-compare").show(shown);
  }

  /** The rows {key, title, place, network, roundTrip, total}, times in milliseconds or undefined. */
  table(rows) {
    const table = this.element.querySelector("table.live-figures");
    const cell = (kind, text) => Object.assign(document.createElement(kind), { textContent: said(text) });
    const head = document.createElement("tr");
    head.append(...COLUMNS.map((title) => Object.assign(cell("th", title), { scope: "col" })));
    const lines = rows.map(({ key, title, place, network, roundTrip, total }) => {
      const line = document.createElement("tr"), dot = document.createElement("span");
      const first = Object.assign(cell("th", title), { scope: "row" });
      line.dataset.row = key;
      dot.className = `dot ${/teacher/i.test(key) ? "teacher" : "student"}`;
      first.prepend(dot);
      first.append(cell("small", place));
      const times = [network, roundTrip, total].map((value) => (value === undefined ? "–" : milliseconds(value)));
      line.append(first, ...times.map((text) => cell("td", text)));
      return line;
    });
    const thead = document.createElement("thead"), tbody = document.createElement("tbody");
    thead.append(head);
    tbody.append(...lines);
    table.replaceChildren(thead, tbody);
  }

  /** A choice of one, as pills; `options` are [value, title]. */
  pills(name, options, chosen, onChange) {
    const place = this.choice(name), wanted = JSON.stringify(options);
    place.closest("fieldset").hidden = false;
    if (place.dataset.options !== wanted) {
      place.replaceChildren(...options.map(([value, title]) => pill(name, value, title)));
    }
    place.dataset.options = wanted;
    for (const [index, input] of place.querySelectorAll("input").entries()) {
      input.checked = options[index][0] === chosen;
      input.onchange = () => onChange(options[index][0]);
    }
  }

  /** A list of choices; `options` are [value, title, group]. */
  select(name, options, chosen, onChange) {
    const select = this.choice(name), wanted = JSON.stringify(options), groups = new Map();
    select.onchange = () => onChange(select.value);
    if (select.dataset.options !== wanted) {
      select.replaceChildren();
      for (const [value, title, group] of options) {
        if (group && !groups.has(group)) {
          const made = Object.assign(document.createElement("optgroup"), { label: said(group) });
          groups.set(group, select.appendChild(made));
        }
        (groups.get(group) ?? select).append(new Option(said(title), value));
      }
      select.dataset.options = wanted;
    }
    select.value = chosen;
  }

  /** A strength {title, unit, minimum, maximum} on a slider, or none; `onChange` hears the last of its moves. */
  range(name, strength, value, { onInput, onChange }) {
    const input = this.choice(name), field = input.closest(".live-field"), output = field.querySelector("output");
    field.hidden = !strength;
    if (!strength) return;
    field.querySelector("span").textContent = `${said(strength.title)}, ${said(strength.unit)}`;
    Object.assign(input, { min: strength.minimum, max: strength.maximum, value });
    output.textContent = value;
    input.oninput = () => { output.textContent = input.value; onInput?.(Number(input.value)); };
    input.onchange = () => onChange?.(Number(input.value));
  }

  /** The examples: [title, what a press does]. */
  examples(examples) {
    const place = this.element.querySelector(".live-examples");
    place.hidden = !examples.length;
    place.replaceChildren(...examples.map(([title, onPress]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", title, onclick: onPress });
      button.setAttribute("aria-label", title);
      return button;
    }));
  }

  /** Their small pictures, in their order. */
  thumbnails(addresses) {
    for (const [index, button] of this.element.querySelectorAll(".live-examples button").entries()) {
      button.replaceChildren(Object.assign(document.createElement("img"), { src: addresses[index], alt: "" }));
    }
  }

  /** What pictures are taken from. */
  chosen(title, size) {
    this.part("chosen").replaceChildren(Object.assign(document.createElement("b"), { textContent: said(title) }), size);
    for (const button of this.element.querySelectorAll(".live-examples button")) {
      button.setAttribute("aria-pressed", button.title === title);
    }
  }

  // Buttons, by name

  /** What is seen while frames come only. */
  get filmOnly() { return this.element.querySelectorAll(".live-film"); }

  button(name) { return this.element.querySelector(`[data-act="${name}"]`); }
  label(name, text) { this.button(name).textContent = said(text); }
  press(name, isPressed) { this.button(name).setAttribute("aria-pressed", isPressed); }
  onPress(name, does) { this.button(name).addEventListener("click", does); }

  /** Let only these of the buttons for the result be pressed. */
  enable(...names) {
    for (const name of ["compare", "download"]) this.button(name).disabled = !names.includes(name);
  }

  /** A picture that was chosen, dropped or pasted. */
  onFile(does) {
    const input = this.element.querySelector("input[type=file]");
    input.addEventListener("change", () => {
      if (input.files[0]) does(input.files[0]);
      input.value = "";
    });
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (file && this.element.offsetParent) does(file);
    });
  }
}

function pill(name, value, title) {
  const label = document.createElement("label");
  label.append(
    Object.assign(document.createElement("input"), { type: "radio", name: `live-${name}`, value: String(value) }),
    Object.assign(document.createElement("span"), { textContent: said(title) }),
  );
  return label;
}
