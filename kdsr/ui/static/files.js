// Pictures that are pasted or dropped anywhere on the tab Restore, and marks that are painted on its big picture: they
// go through the tab's own fields for files.
{
  const FIELDS = "#upload, #truth, #mask";
  const field = (name) => [...document.querySelectorAll(`${name} input[type=file]`)]
    .find((input) => input.closest("#stage")?.offsetParent);
  const pictureIn = (data) => [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));

  /** Put `file` into `input`, as if it had been chosen there. */
  const give = (input, file) => {
    const data = new DataTransfer();
    data.items.add(file);
    input.files = data.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData), input = field("#upload");
    if (!file || !input) return;
    give(input, file);
    event.preventDefault();
  });

  /** Whether files are dragged over the tab, beside the fields that take them on their own. */
  const isOurs = (event) => event.dataTransfer?.types.includes("Files") && field("#upload")
    && !event.target.closest?.(FIELDS);
  const show = (isOver) => document.body.classList.toggle("dropping", Boolean(isOver));

  document.addEventListener("dragover", (event) => {
    const takes = isOurs(event);
    show(takes);
    if (takes) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) show(false); });
  document.addEventListener("drop", (event) => {
    const takes = isOurs(event), [file] = event.dataTransfer?.files ?? [];
    show(false);
    if (!takes) return;
    event.preventDefault(); // the browser would open it in place of the page
    if (file) give(field("#upload"), file);
  });

  // Restore takes what is painted with it: the mask goes to its field, which orders the run
  document.addEventListener("click", async (event) => {
    const compare = document.querySelector("#hero kdsr-compare");
    if (!event.target.closest?.("#run") || !compare?.isPainting || !compare.marks.strokes.length) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    const mask = await compare.marks.file(), input = field("#mask");
    if (mask && input) give(input, mask); else compare.say("Nothing is marked yet.");
  }, true);
}
