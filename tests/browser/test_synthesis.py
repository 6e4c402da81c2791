"""The fold of *Models* that draws pictures, in a headless Chromium and on a phone's width."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.networks import add_network
from helpers.serving import served
from helpers.synthesis import add_generators

from kdsr.settings import Settings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
WAIT_MS = 120_000


@pytest.fixture
def drawing_address(browser, tmp_path: Path) -> Iterator[str]:
    """The page on a free port, with one network and random generators."""
    weights = tmp_path / "weights"
    weights.mkdir()
    add_network(weights, "sr_x4-student", "sr_x4", "student", "plain", {"width": 8, "depth": 3})
    add_generators(weights)
    with served(Settings(weights_dir=weights, home=tmp_path / "home", device="cpu", threads=1)) as address:
        yield address


def test_teacher_and_student_draw_side_by_side_and_follow_slider_and_button(browser, drawing_address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT_MS)
    page.goto(drawing_address + "?model=sr_x4-student")
    page.wait_for_selector("#zoo-head :text('sr_x4-student')")
    page.click("#synthesis button.label-wrap")
    page.wait_for_selector("#synthesis .drawn img")
    drawn = "[...document.querySelectorAll('#synthesis .drawn img')].map((each) => each.src)"
    first = page.evaluate(drawn)
    assert len(first) == 6 and page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.querySelector('#synthesis .one').naturalWidth") == 64
    pictures = "[...document.querySelectorAll('#synthesis .one')]"
    tops = f"{pictures}.map((each) => Math.round(each.getBoundingClientRect().top))"
    assert len(set(page.evaluate(tops))) == 1  # all three in a row
    page.fill("#synthesis-step input[type=number]", "20")
    page.keyboard.press("Tab")
    page.wait_for_function(f"(first) => ({drawn})[0] !== first", arg=first[0])
    moved = page.evaluate(drawn)
    page.click("#synthesis-another")
    page.wait_for_function(f"(moved) => ({drawn})[5] !== moved", arg=moved[5])
    page.close()
