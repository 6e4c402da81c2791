"""The tab Restore by keyboard alone, in a headless Chromium."""

from collections.abc import Iterator

import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]
WAIT_MS = 120_000
_IS_IN = """(place) => { let at = document.activeElement, all = [at];
    while (at?.shadowRoot) { at = at.shadowRoot.activeElement; all.push(at); }
    return all.some((each) => each?.closest(place)); }"""


@pytest.fixture
def page(browser, address) -> Iterator["sync_api.Page"]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")
    yield page
    page.close()


def tab_to(page: "sync_api.Page", place: str, *, most: int = 60) -> None:
    """Press Tab until the focus is in `place`."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(_IS_IN, place):
            return
    raise AssertionError(f"{most} presses of Tab do not reach {place}")


def test_task_slider_zoom_pair_and_download_need_no_mouse(page):
    tab_to(page, "#task")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#summary .about:has-text('Denoising')")
    page.wait_for_selector("#figures tr.teacher")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")

    tab_to(page, "[role=slider]")
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", *["ArrowLeft"] * 5, "1"):
        page.keyboard.press(key)
    assert page.get_attribute("#hero [role=slider]", "aria-valuenow") == "25"
    assert page.inner_text("#hero [data-part=zoom]") == "100 %"

    tab_to(page, "#right")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('kdsr-compare').shown.right !== 'student'")
    assert page.get_attribute("#hero [role=slider]", "aria-valuenow") == "25"

    tab_to(page, "#student-file")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    with Image.open(download.value.path()) as picture:
        assert picture.size == (600, 400)
