// The order of the screens, their pictures, and the keys of a presentation.

export const SCREENS = ["before", "student", "teacher", "both", "figures", "plot", "own"];

/** The pictures that a key shows alone: all are loaded as soon as there are any, since halls have bad networks. */
export const PICTURES = ["input", "student", "teacher", "truth"];

/** What a key does: a word of `Presentation.act`, the number of a screen, or the key of a picture. */
export const KEYS = {
  arrowright: "next", pagedown: "next", " ": "next", enter: "next",
  arrowleft: "back", pageup: "back", backspace: "back",
  arrowup: "wider", arrowdown: "narrower",
  n: "picture", p: "picture-back",
  b: "input", s: "student", t: "teacher", o: "truth",
  z: "spot", 0: "fit", i: "figures", f: "full",
  ...Object.fromEntries(SCREENS.map((_, number) => [String(number + 1), String(number + 1)])),
};

/** How `screen`, or the key of one picture, shows the pictures `keys`: {left, right, columns}. */
export function viewOf(screen, keys) {
  const alone = { before: "input" }[screen] ?? screen;
  const other = alone === "student" ? "input" : "student";
  if (keys.includes(alone)) return { left: alone, right: keys.includes(other) ? other : alone, columns: 1 };
  const trio = ["input", "student", "teacher"].filter((key) => keys.includes(key));
  return { left: trio[0] ?? keys[0], right: trio[1] ?? keys[0], columns: Math.max(1, trio.length) };
}
