// What gradio's own elements lack: a menu closes when Tab leaves it, and a message is no button around a button.
{
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[role=combobox][aria-expanded=true]");
    if (event.key !== "Tab" || !menu) return;
    event.stopPropagation(); // gradio would open it again
    menu.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  }, true);

  // what gradio says in English only
  const NAMED = ["Thumbnail ", "Click to upload", "number input for ", "range slider for ", "Reset to ", "Close"]
    .map((start) => `[aria-label^="${start}"]`).join();
  const mend = () => {
    for (const head of document.querySelectorAll(".toast-header[role]")) {
      head.removeAttribute("role");
      head.removeAttribute("tabindex");
    }
    for (const box of document.querySelectorAll("input[type=checkbox][title]")) box.removeAttribute("title"); // its key
    for (const element of document.querySelectorAll(NAMED)) {
      const name = element.getAttribute("aria-label"), said = kdsrSaid(name);
      if (said !== name) element.setAttribute("aria-label", said);
    }
    for (const { childNodes } of document.querySelectorAll(".toast-title, [data-testid=toast-text]")) {
      for (const node of childNodes) {
        if (node.data && kdsrSaid(node.data) !== node.data) node.data = kdsrSaid(node.data);
      }
    }
  };
  new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
}
