// Each group of choices, and the row of tabs, is one tab stop; arrows move inside. gradio gives every radio button a
// name of its own, so that a browser sees no groups.
{
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const RADIO = "input[type=radio]", TAB = "[role=tab]";

  /** The choices beside `element` that can be chosen, itself among them; none where the browser knows the group. */
  const group = (element) => {
    if (element.matches(TAB)) return [...element.closest("[role=tablist]").querySelectorAll(TAB)].filter(isSeen);
    const radios = [...(element.closest(".block, fieldset") ?? document.body).querySelectorAll(RADIO)];
    const isNoGroup = new Set(radios.map(({ name }) => name)).size === radios.length;
    return isNoGroup ? radios.filter((radio) => !radio.disabled) : [];
  };
  const isSeen = (element) => element.offsetParent !== null;
  const isChosen = (element) => element.checked || element.getAttribute("aria-selected") === "true";

  const makeOneStop = () => {
    const done = new Set();
    for (const element of document.querySelectorAll(`${RADIO}, ${TAB}`)) {
      if (done.has(element)) continue;
      const choices = group(element), stop = choices.find(isChosen) ?? choices[0];
      for (const choice of choices) { choice.tabIndex = choice === stop ? 0 : -1; done.add(choice); }
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") { makeOneStop(); return; }
    const step = STEPS[event.key], isPlain = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (!step || !isPlain || !event.target.matches?.(`${RADIO}, ${TAB}`)) return;
    const choices = group(event.target), next = choices.at((choices.indexOf(event.target) + step) % choices.length);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  }, true);
}
