"""The plot of the zoo: every mark inside its frame, no caption over another."""

from xml.etree import ElementTree

import pytest
from helpers.drawings import drawings

from kdsr.ui.charts.captions import LETTER, Box, Wanted, placed
from kdsr.ui.charts.curves import Level
from kdsr.ui.charts.scatter import Mark, Quantity, scatter
from kdsr.ui.models.published import REFERENCES


@pytest.mark.parametrize("task", ["sr_x4", "denoise"])
def test_no_two_captions_of_a_crowded_plot_overlap_and_hardly_one_is_left_out(task):
    for measure in REFERENCES[task][0].psnr_db:
        field = [
            Mark(each.title, "published", each.parameters, each.psnr_db[measure], "")
            for each in REFERENCES[task]
            if each.parameters
        ]
        low = min(mark.y for mark in field)
        ours = [
            Mark(f"student-{n}x7", kind, n * 1900.0, low + n / 400, "")
            for n in (16, 32, 48)
            for kind in ("student", "twin")
        ]
        for svg in drawings(scatter("title", field + ours, [], Quantity("", str), Quantity("", str))):
            captions = [
                (text, float(text.get("style")[10:-2]))
                for text in svg.iter("text")
                if text.get("class", "").startswith("name")
            ]
            boxes = [box_of(text, font_px) for text, font_px in captions]
            assert len(boxes) >= len(field + ours) - 1
            assert not any(one.meets(other) for index, one in enumerate(boxes) for other in boxes[:index])


def box_of(text: ElementTree.Element, font_px: float) -> Box:
    """What a caption takes, as far as that is known without a browser."""
    x, y, width = float(text.get("x")), float(text.get("y")), len(text.text) * font_px * LETTER
    left = x - {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor")]
    return Box(left, y - 0.8 * font_px, left + width, y + 0.2 * font_px)


def test_a_caption_that_fits_nowhere_is_left_out():
    assert placed([Wanted("a caption", 5, 5, 4, 12)], Box(0, 0, 20, 10)) == [None]


@pytest.mark.parametrize("values", [[(1000.0, 30.0)], [(1.0, 30.0), (1.0, 30.0)], [(0.1, -5.0), (1e9, 60.0)]])
def test_a_plot_of_any_numbers_is_drawn_inside_its_frame(values):
    marks = [Mark("one", "student", x, y, "tip") for x, y in values]
    axes = Quantity("x", str), Quantity("y", str)
    for svg in drawings(scatter("title", marks, [Level("level", "published", values[0][1])], *axes)):
        _, _, width, height = map(float, svg.get("viewBox").split())
        circles = list(svg.iter("circle"))
        assert len(circles) == len(values) and all(
            0 < float(each.get("cx")) < width and 0 < float(each.get("cy")) < height for each in circles
        )
        assert svg.find("title").text.endswith("title") and "tip" in svg.find("desc").text
        lowest = max(float(each.get("y")) for each in svg.iter("text"))
        assert lowest + 0.25 * 12 <= height  # what hangs below the line, such as of "y", is not cut
    assert scatter("title", [], [], *axes) == ""
