"""The comparison of pictures of one size: the element <kdsr-compare> of `static/compare`, and its data."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from kdsr.ui.html import file_address, importing

SCRIPTS = Path(__file__).parent / "static" / "compare"


@dataclass(frozen=True)
class Shown:
    """One picture of a comparison."""

    key: str
    title: str
    figure: str
    """What stands beside the title: its figures, or nothing."""
    file: Path
    """A picture that browsers can show, below a folder that gradio serves."""


def add_comparison(name: str, ratio: float) -> gr.HTML:
    """The element, with the id `name`; returns the component for its data, which `comparison` makes.

    ratio: width by height of the first picture, whose place is kept until it is there.
    """
    gr.set_static_paths([SCRIPTS])
    element = Markup('<kdsr-compare source="{}-pictures" style="--ratio: {:.4f}"></kdsr-compare>').format(name, ratio)
    gr.HTML(element, elem_id=name, js_on_load=importing(SCRIPTS / "compare.js"))
    return gr.HTML(elem_id=f"{name}-pictures", elem_classes="compare-data")


def comparison(
    name: str, size: tuple[int, int], pictures: Sequence[Shown], left: str, right: str, *, is_painted: bool = False,
    address: Callable[[Path], str] = file_address,
) -> Markup:  # fmt: skip
    """The data of a comparison of `pictures` of one scene `name`, all of `size` (width, height).

    left, right: keys of the pair on the divider. Unchanged data leaves what the visitor sees as it is.
    is_painted: the left picture alone is shown, and marks can be painted over it.
    address: of the file of a picture.
    """
    data: dict[str, Any] = {
        "name": name,
        "size": size,
        "left": left,
        "right": right,
        "paint": is_painted,
        "pictures": [
            {"key": each.key, "title": each.title, "figure": each.figure, "kind": each.key,
             "src": address(each.file)}
            for each in pictures
        ],
    }  # fmt: skip
    return Markup('<div data-pictures="{}"></div>').format(json.dumps(data))
