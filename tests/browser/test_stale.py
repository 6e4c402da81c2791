"""The tab Restore in a headless Chromium: a stale picture is dimmed, and marks are painted on the big picture."""

import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]


@pytest.fixture
def page(browser, address):
    """The page at 1280 x 900, opened and restored."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(address)
    finished(page)
    yield page
    page.close()


def finished(page):
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#stale .line", state="detached")


def is_faded(page):
    """Whether the old picture is faded, and the old words grey."""
    page.wait_for_timeout(400)
    veil = page.eval_on_selector("#hero .pane", "each => Number(getComputedStyle(each, '::after').opacity)")
    quiet, headline, figure = (
        page.eval_on_selector(name, "each => getComputedStyle(each).color")
        for name in (".about", ".headline", "#figures tr.student td")
    )
    assert (veil > 0.5) == (headline == quiet) == (figure == quiet)
    return veil > 0.5


def test_a_setting_that_was_not_run_dims_the_picture_until_restore(page):
    assert not is_faded(page) and not page.is_visible("#stale")
    box = page.query_selector("#run").bounding_box()
    assert box["y"] + box["height"] <= 900
    page.click("#advanced button")
    page.check("#teacher-plus input")
    page.wait_for_selector("#stale:has-text('Settings changed: press Restore.')")
    assert is_faded(page)
    button, said = (page.query_selector(name).bounding_box() for name in ("#run", "#stale"))
    assert 0 <= said["y"] - button["y"] - button["height"] < 40
    page.uncheck("#teacher-plus input")
    page.wait_for_selector("#stale .line", state="detached")
    page.check("#teacher-plus input")
    page.wait_for_selector("#stale .line")
    page.click("#run")
    page.wait_for_selector("#figures tr.teacher:has-text('Teacher+')")
    finished(page)
    assert not is_faded(page)


def test_an_upload_to_inpaint_is_marked_on_the_big_picture_with_one_button(page, tmp_path):
    Image.new("RGB", (160, 120), (200, 90, 30)).save(tmp_path / "wall.png")
    page.click("#task label:has-text('Inpainting')")
    page.wait_for_selector("#summary .about:has-text('Inpainting')")
    page.set_input_files("#upload input[type=file]", tmp_path / "wall.png")
    page.wait_for_selector("#status .line.needed:has-text('Paint over the missing parts')")
    canvas = page.wait_for_selector("#figure #marks-editor canvas")
    assert page.is_visible("#use-marks") and not page.is_visible("#run") and not page.is_visible("#hero")
    page.wait_for_timeout(1_500)
    box = canvas.bounding_box()
    assert box["width"] > 400
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(middle[0] - 20, middle[1])
    page.mouse.down()
    page.mouse.move(middle[0] + 20, middle[1] + 10, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    page.click("#use-marks")
    page.wait_for_selector("#summary .about:has-text('wall')")
    finished(page)
    assert page.is_visible("#hero") and page.is_visible("#run") and not page.is_visible("#use-marks")
