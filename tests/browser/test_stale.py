"""The tab Restore in a headless Chromium: a stale picture is dimmed, and marks are painted on the big picture."""

import numpy as np
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
    page.wait_for_selector("#hero .stage.painting")
    assert page.inner_text("#hero .tag b") == "Before" and page.inner_text("#run") == "Restore"
    box = page.locator("#hero .layer.ink canvas").bounding_box()
    assert box["width"] > 400
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    stroke(page, middle, 40)
    stroke(page, (middle[0], middle[1] + 90), 40)
    assert painted(page) == [True, True]
    page.click("#hero [data-act=undo]")
    assert painted(page) == [True, False]
    page.click("#hero [data-act=erase]")
    stroke(page, (middle[0] + 20, middle[1]), 20)
    page.click("#run")
    page.wait_for_selector("#summary .about:has-text('wall')")
    finished(page)
    assert page.locator("#hero .painting").count() == 0
    page.click("#all-files button")
    with page.expect_download() as given:
        page.click("#files a[download$='input.png'], #files a[href$='input.png']")
    with Image.open(given.value.path()) as picture:
        holes = np.asarray(picture)[..., 3] == 0
    assert holes[60, 76] and not holes[60, 84] and not holes[78:].any() and 10 < holes.sum() < 400


def stroke(page, middle, length):
    page.mouse.move(middle[0] - length / 2, middle[1])
    page.mouse.down()
    page.mouse.move(middle[0] + length / 2, middle[1], steps=5)
    page.mouse.up()


def painted(page):
    """Whether the middle of the picture is painted, and a spot below it."""
    return page.evaluate("""() => { const { canvas } = document.querySelector('#hero kdsr-compare').marks;
        const context = canvas.getContext('2d'), down = 90 / canvas.getBoundingClientRect().height * canvas.height;
        return [0, down].map((y) => context.getImageData(80, 60 + y, 1, 1).data[3] > 0); }""")


DROP = """(place) => { const canvas = document.createElement('canvas'); canvas.width = 64; canvas.height = 48;
    return new Promise((done) => canvas.toBlob((blob) => { const data = new DataTransfer();
        data.items.add(new File([blob], 'dropped.png', {type: 'image/png'}));
        done(['dragover', 'drop'].map((kind) => !document.querySelector(place).dispatchEvent(
            new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true})))); })); }"""
"""Whether the page has taken the file from the browser, which would open it in place of the page."""


def test_what_is_dropped_anywhere_on_a_tab_is_taken(page):
    page.click("button[role=tab]:has-text('Models')")
    page.wait_for_selector("#zoo-head h2")
    assert page.evaluate(DROP, "#zoo-head") == [True, True]
    page.click("button[role=tab]:has-text('Live')")
    page.wait_for_selector("#live .headline:not(:empty)")
    assert page.evaluate(DROP, "#live .live-details") == [True, True]
    page.wait_for_selector("#live .about:has-text('dropped.png')")
    page.click("button[role=tab]:has-text('Distill')")
    assert page.evaluate(DROP, "#run-page") == [True, True]
    page.wait_for_selector("#photos-chosen :text('1 photograph')")


def test_a_picture_dropped_anywhere_on_restore_is_taken_and_a_mask_is_a_file_as_well(page, tmp_path):
    assert page.evaluate(DROP, "#figures") == [True, True]
    page.wait_for_selector("#summary .about:has-text('dropped')")
    finished(page)
    page.click("#task label:has-text('Inpainting')")
    page.wait_for_selector("#hero .stage.painting")
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 10:20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    page.set_input_files("#mask input[type=file]", tmp_path / "mask.png")
    page.wait_for_selector("#summary .about:has-text('Inpainting')")
    finished(page)
    Image.fromarray(mask[1:]).save(tmp_path / "small.png")
    page.set_input_files("#mask input[type=file]", tmp_path / "small.png")
    page.wait_for_selector("#status .line.error:has-text('must be as large as the picture, 64 x 48')")
