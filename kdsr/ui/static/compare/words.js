// What scripts say, in the language of the page: `said` of an English sentence. The server sends the table of the
// language, `kdsrWords`, with the page; there is none in English. Keys and order of search: `ui/languages/table.py`.

const PLACE = /\{(\w+)\}/;
const KINDS = { n: "[~+\\-−]?\\d+(?:,\\d{3})*(?:\\.\\d+)?", w: "[^\\s<>]*[^\\s<>,;.]" };
const PHRASE = "(?:(?![.!?;] )[^<>])+?";
const FIRM = 6; // signs that stand for themselves: a key with fewer fits by chance, so all in its places must be known
const COMMA = /, (?![^()]*\))/; // outside of brackets
const MEETING = /([\u4e00-\u9fff])([A-Za-z0-9])|([A-Za-z0-9])([\u4e00-\u9fff])/g;
const table = globalThis.kdsrWords ?? {}, whole = new Map(), placed = [], known = new Map();

for (const [sentence, said] of Object.entries(table)) {
  const isStopped = sentence.endsWith(".") && said.endsWith("。"); // it fits with and without its full stop
  const key = isStopped ? sentence.slice(0, -1) : sentence, translation = isStopped ? said.slice(0, -1) : said;
  if (PLACE.test(key)) placed.push({ key, translation, weight: key.replaceAll(/\{\w+\}| /g, "").length });
  else whole.set(key.toLowerCase(), translation);
}
placed.sort((one, other) => other.weight - one.weight);
for (const each of placed) each.pattern = new RegExp(`^${patternOf(each.key)}$`, "i");

/** `text`, or its sentences one by one, in the language of the page; what the table lacks stays English. */
export function said(text) {
  if (!whole.size || typeof text !== "string") return text;
  const found = find(text.trim());
  if (found !== null) return found;
  const parts = text.replaceAll(/([.!?])\s+/g, "$1\n").split("\n");
  return parts.length > 1 ? parts.map(said).join("") : text;
}

/** The words of `root` and of all that is in it: texts, titles and names for screen readers. */
export function sayAll(root) {
  if (!whole.size) return root;
  for (const element of root.querySelectorAll("*")) {
    for (const name of ["title", "aria-label"]) {
      if (element.hasAttribute(name)) element.setAttribute(name, said(element.getAttribute(name)));
    }
    for (const node of element.tagName === "STYLE" ? [] : element.childNodes) {
      const text = node.nodeType === Node.TEXT_NODE ? node.data.trim() : "";
      if (text) node.data = node.data.replace(text, () => said(text));
    }
  }
  return root;
}

globalThis.kdsrSaid = said; // for scripts in the head of the page, which are no modules

function find(text) {
  if (!/[A-Za-z]{2}/.test(text)) return text;
  if (!known.has(text)) known.set(text, translated(text));
  return known.get(text);
}

function translated(text) {
  const key = text.toLowerCase();
  return whole.get(key) ?? whole.get(key.replace(/^the /, "")) ?? ended(text, ".", "。")
    ?? placedIn(text, true) ?? clauses(text) ?? placedIn(text) ?? ended(text, ":", "：")
    ?? (/^(\S*[\d_]\S*|[A-Z]{2,}\S*)$/.test(text) ? text : null);
}

function clauses(text) {
  for (const [mark, between] of [[/; (?![^()]*\))/, "；"], [COMMA, "，"]]) {
    const parts = text.split(mark);
    if (parts.length > 1 && !parts.map(find).includes(null)) return parts.map(find).join(between);
  }
  return null;
}

/** By a key with places; `isFirm`: by one that no clause of another key can have filled. */
function placedIn(text, isFirm = false) {
  for (const { key, pattern, translation, weight } of placed) {
    const match = pattern.exec(text), held = match?.slice(1) ?? [];
    if (!match || (isFirm && key.endsWith("}") && COMMA.test(held.at(-1)))) continue;
    const unsure = weight < FIRM ? held : isFirm ? held.filter((each) => COMMA.test(each)) : [];
    if (unsure.map(find).includes(null)) continue;
    const filled = translation.replaceAll(/\{(\w+)\}/g, (_, name) => find(match.groups[name]) ?? match.groups[name]);
    return filled.replaceAll(MEETING, (_, ...met) => met.slice(0, 4).filter(Boolean).join(" "));
  }
  return null;
}

function ended(text, end, translated) {
  const found = text.endsWith(end) ? find(text.slice(0, -1)) : null;
  return found && found + translated;
}

function patternOf(key) {
  const seen = new Set();
  return key.split(/\{(\w+)\}/).map((part, index) => {
    if (index % 2 === 0) return part.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    if (seen.has(part)) return `\\k<${part}>`;
    seen.add(part);
    return `(?<${part}>${KINDS[part.replace(/\d+$/, "")] ?? PHRASE})`;
  }).join("");
}
