"""The tab Restore on paper, in a headless Chromium: picture, captions, sentence and figures, and nothing to press."""

import re

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]
WAIT_MS = 120_000
PAPER_PX = (718, 1048)
"""A4 at 96 pixels per inch, without its margins."""
_LIGHT = """(place) => { const words = getComputedStyle(document.querySelector(place)).color.match(/\\d+/g).map(Number);
    return (words[0] + words[1] + words[2]) / 3; }"""


def test_paper_is_white_with_the_whole_picture_its_captions_and_figures(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")
    page.evaluate("document.querySelector('#hero kdsr-compare').place({at: 30, zoom: 200, centre: [0.25, 0.5]})")
    spot = page.evaluate("document.querySelector('#hero kdsr-compare').state.centre")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) <= 2
    assert "dark" in page.get_attribute("body", "class")  # as it was before

    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_PX[0], "height": PAPER_PX[1]})
    page.wait_for_timeout(500)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert all(page.evaluate(_LIGHT, place) < 120 for place in (".headline", "#figures tr.student td", "#masthead h1"))
    pressed = page.locator("button, input, select, [role=tab], [role=slider] i")
    assert [each.inner_text() for each in pressed.all() if each.is_visible()] == []
    for shown in ("#hero .tag.left", "#hero .tag.right", ".headline", "#figures tr.teacher"):
        box = page.locator(shown).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PAPER_PX[0] + 1, shown
    stage = page.locator("#hero .stage").bounding_box()
    assert 500 < stage["width"] <= PAPER_PX[0] and stage["y"] + stage["height"] < PAPER_PX[1]
    assert page.evaluate("document.querySelector('#hero kdsr-compare').state.centre") == pytest.approx(spot, abs=0.01)
    page.close()
