"""The report, downloaded from the page and opened from disk: no request, and its pictures can be compared.

What is copied is what the page shows.
"""

import base64
import io
import time

import numpy as np
import pytest
from helpers.accessible import small_targets, violations
from PIL import Image

from kdsr.ui.restore import run

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_it_opens_from_disk_with_its_slider_and_its_crops(browser, address, tmp_path):
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#status .line.done", state="attached")
    with page.expect_download() as download:
        page.click("#report")
    download.value.save_as(tmp_path / "report.html")
    sentence = page.inner_text("#summary .headline")
    page.goto("about:blank")  # the page's own requests end before those of the report are counted
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    assert page.inner_text(".headline") == sentence
    page.wait_for_function("[...document.querySelectorAll('.spot canvas')].every(({ dataset }) => 'drawn' in dataset)")
    crop = page.evaluate("document.querySelector('.spot canvas').getContext('2d').getImageData(0, 0, 9, 9).data.length")
    assert crop == 9 * 9 * 4 and page.evaluate("document.querySelector('.spot .boxed img').naturalWidth") == 512
    page.focus("[role=slider] >> nth=0")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("[role=slider] >> nth=0", "aria-valuenow") == "51"
    assert [url for url in asked if not url.startswith("data:")] == [page.url]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme
    assert small_targets(page, 24) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


_COPIED = """async () => {
  const [item] = await navigator.clipboard.read(), reader = new FileReader();
  reader.readAsDataURL(await item.getType("image/png"));
  await new Promise((resolve) => { reader.onload = resolve; });
  return reader.result.split(",")[1];
}"""


def opened(browser, address):
    """The tab Restore of a page that may use the clipboard, restored."""
    page = browser.new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#status .line.done", state="attached")
    return page


def copied(page):
    """The picture on the clipboard as an array, once the page says that it is there."""
    page.click("#share [data-does=figure]")
    page.wait_for_selector("#share p:has-text('Copied as PNG')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(page.evaluate(_COPIED)))).convert("RGB"))


def test_what_is_copied_is_what_the_page_shows_pixel_for_pixel(browser, address):
    page = opened(browser, address)
    with page.expect_download() as download:
        page.click("#student-file")
    student = np.asarray(Image.open(download.value.path()).convert("RGB"))
    figure = copied(page)
    assert np.array_equal(figure[:512, 520:1032], student) and figure.shape[1] == 1032
    assert (figure[512:] < 128).any()  # titles and figures
    page.click("#hero [data-act=spot]")
    page.click("#hero [data-act=exact]")
    height, width = (length for length in copied(page).shape[:2])
    assert width > 8 and height > 46
    page.wait_for_function("location.search.includes('spot=')")
    page.click("#share [data-does=link]")
    page.wait_for_selector("#share p:has-text('Link copied: it opens the same')")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    with page.expect_download() as download:
        page.click("#share [data-does=moving]")
    with Image.open(download.value.path()) as moving:
        assert (moving.n_frames, moving.size) == (36, (256, 256))
    page.context.close()


def hold_until_stopped(monkeypatch):
    """Networks take no picture before a stop is heard: a quick machine would be done before it is pressed."""

    def held(*given, should_stop=None, **named):
        while should_stop is not None and not should_stop():
            time.sleep(0.01)
        return restore(*given, should_stop=should_stop, **named)

    restore = run.restore_picture
    monkeypatch.setattr(run, "restore_picture", held)


def test_chosen_examples_are_restored_for_the_pdf_and_a_stop_writes_none(browser, address, monkeypatch):
    page = opened(browser, address)
    page.click("#report-choice > button")
    page.check("#report-pictures label:has-text('Cat') input")
    with page.expect_download() as download:
        page.click("#report-pdf")
    with open(download.value.path(), "rb") as file:
        assert download.value.suggested_filename == "astronaut-sr_x4-report.pdf" and file.read(5) == b"%PDF-"
    page.check("#report-pictures label:has-text('Motorcycle') input")
    page.wait_for_selector("#report-stop", state="hidden")  # else the next press may be of the first report's button
    hold_until_stopped(monkeypatch)
    page.click("#report")
    page.click("#report-stop")
    page.wait_for_selector("#report-status .line.stopped")
    assert not page.is_visible("#report-stop")
    page.context.close()


def test_what_is_too_large_to_be_copied_is_one_sentence(browser, address):
    page = opened(browser, address)
    page.evaluate("() => { HTMLCanvasElement.prototype.toBlob = (done) => done(null); }")  # as over Chromium's limit
    page.click("#share [data-does=figure]")
    page.wait_for_selector("#share p:has-text('too large for one picture')")
    page.context.close()
