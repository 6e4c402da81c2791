// Pictures that are dropped anywhere on a tab or pasted into Restore, and marks that are painted on its big picture:
// they go through the tab's own fields for files.
{
  const FIELDS = "#upload, #truth, #mask, #photos, .live-drop";
  const TAKERS = ["#upload", ".live-drop", "#photos"]; // of Restore, Live and Distill
  const field = (name) => [...document.querySelectorAll(`${name} input[type=file]`)]
    .find((input) => input.closest("#stage")?.offsetParent);
  const pictureIn = (data) => [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));

  /** The field of the open tab that takes what is dropped; none where it has none. */
  const taker = () => TAKERS.map((name) => document.querySelector(name)).find((each) => each?.offsetParent)
    ?.querySelector("input[type=file]");

  /** Put `files` into `input`, as if they had been chosen there. */
  const give = (input, ...files) => {
    const data = new DataTransfer();
    for (const file of files) data.items.add(file);
    input.files = data.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData), input = field("#upload");
    if (!file || !input) return;
    give(input, file);
    event.preventDefault();
  });

  /** Whether files are dragged over the page, beside the fields that take them on their own. */
  const isOurs = (event) => event.dataTransfer?.types.includes("Files") && !event.target.closest?.(FIELDS);
  const show = (isOver) => document.body.classList.toggle("dropping", Boolean(isOver));

  document.addEventListener("dragover", (event) => {
    const isTaken = isOurs(event);
    show(isTaken && taker());
    if (isTaken) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) show(false); });
  document.addEventListener("drop", (event) => {
    show(false);
    if (!isOurs(event)) return;
    event.preventDefault(); // the browser would open it in place of the page
    const input = taker(), files = [...event.dataTransfer.files];
    if (input && files.length) give(input, ...(input.multiple ? files : files.slice(0, 1)));
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
