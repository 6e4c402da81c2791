"""The report, downloaded from the page and opened from disk: no request, and its pictures can be compared."""

import pytest
from helpers.accessible import small_targets, violations

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
