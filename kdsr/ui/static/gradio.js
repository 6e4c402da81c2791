// What gradio's own elements lack: a menu closes when Tab leaves it, and a message is no button around a button.
{
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[role=combobox][aria-expanded=true]");
    if (event.key !== "Tab" || !menu) return;
    event.stopPropagation(); // gradio would open it again
    menu.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  }, true);

  const mend = () => {
    for (const head of document.querySelectorAll(".toast-header[role]")) {
      head.removeAttribute("role");
      head.removeAttribute("tabindex");
    }
  };
  new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
}
