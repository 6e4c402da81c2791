"""The page's own small HTML as plain data for the PDF: paragraphs, lists and tables, with bold, code and small print.

Both kinds of report therefore have the same words and figures. Not here: HTML of others.
"""

import re
from html.parser import HTMLParser
from typing import Any

Block = dict[str, Any]
_PARAGRAPHS = ("p", "li", "figcaption")
_SPACE = re.compile(r"[ \t\r\n]+")


def blocks_of(html: str) -> list[Block]:
    """The paragraphs and tables of `html`, in order.

    Returns:
        `{"kind": "p", "class": "foot", "runs": [...]}`, or `{"kind": "table", "columns": 9, "head": [...],
        "rows": [[...]]}` with cells `{"runs": [...], "small": "...", "span": 1, "strong": false}`. A run is
        `{"text": "...", "bold": false, "code": false}`, or `{"shape": "teacher"}` for a mark of the plot's key.
    """
    reading = _Parts()
    reading.feed(html)
    return [block for block in reading.blocks if block["kind"] == "table" or block["runs"]]


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self._open: Block | None = None
        """The paragraph or cell that takes what comes."""
        self._marks: list[str] = []
        self._is_drawing = False
        self._is_strong = False
        """The row is that of the student or the teacher."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag in _PARAGRAPHS:
            self._open = {"kind": "p", "class": " ".join(classes) or tag, "runs": []}
            self.blocks.append(self._open)
        elif tag == "table":
            self.blocks.append({"kind": "table", "head": [], "rows": []})
        elif tag == "tr":
            self.blocks[-1]["rows"].append([])
            self._is_strong = bool({"student", "teacher"} & set(classes))
        elif tag in ("td", "th"):
            strong = self._is_strong or "best" in classes
            self._open = {"runs": [], "small": "", "span": int(given.get("colspan", 1)), "strong": strong}
            self.blocks[-1]["rows"][-1].append(self._open)
        elif tag == "i" and "shape" in classes and self._open is not None:
            self._open["runs"].append({"shape": classes[-1]})
        elif tag == "span":
            self._add(" ")
        elif tag == "br":
            self._add("\n")
        elif tag == "svg":
            self._is_drawing = True
        elif tag in ("b", "code", "small"):
            self._marks.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("b", "code", "small") and tag in self._marks:
            self._marks.remove(tag)
        elif tag == "thead":
            self.blocks[-1]["head"] = self.blocks[-1]["rows"].pop()
            self.blocks[-1]["columns"] = sum(cell["span"] for cell in self.blocks[-1]["head"])
        elif tag == "svg":
            self._is_drawing = False
        elif tag in (*_PARAGRAPHS, "td", "th"):
            self._open = None

    def handle_data(self, data: str) -> None:
        self._add(_SPACE.sub(" ", data))

    def _add(self, text: str) -> None:
        if self._is_drawing or self._open is None or not (text.strip() or self._open["runs"]):
            return
        if "small" in self._marks and "small" in self._open:
            self._open["small"] += text
            return
        self._open["runs"].append({"text": text, "bold": "b" in self._marks, "code": "code" in self._marks})
