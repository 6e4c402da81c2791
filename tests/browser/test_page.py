"""The real page in a headless Chromium: what a visitor sees, drops, downloads and stops.

Networks are small and random, made on the spot.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdsr.image import read_picture, to_tensor
from kdsr.metrics import measure
from kdsr.settings import Settings
from kdsr.tasks import TASKS, find_task

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
WAIT_MS = 120_000


@pytest.fixture
def page(browser, address) -> Iterator["sync_api.Page"]:
    """The page at 1280 px, opened and restored."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    finished(page)
    yield page
    page.close()


def finished(page: "sync_api.Page") -> None:
    """Wait until a run has ended with its result."""
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")


def upload(page: "sync_api.Page", path: Path, field: str = "upload") -> None:
    page.set_input_files(f"#{field} input[type=file]", path)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    rows, columns = np.mgrid[:512, :512]
    pixels = np.stack([rows // 2, columns // 2, (rows * columns // 64) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "my photo.png")
    return tmp_path / "my photo.png"


def test_the_page_opens_on_an_example_already_restored(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(WAIT_MS)
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(address)
    finished(page)
    assert [tag.inner_text().split("\n")[0] for tag in page.query_selector_all("#hero .tag b")] == ["Before", "Student"]
    assert page.inner_text(".headline").startswith("The student is ")
    widths = page.eval_on_selector_all("#hero img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == 2 and widths[0] == widths[1] > 100
    box = page.query_selector("#hero").bounding_box()
    assert box["y"] < 200 and box["width"] > 600 and box["height"] > 350
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert foreign == [] and wrong == []
    page.close()


def test_an_uploaded_small_picture_comes_back_four_times_as_large(page, tmp_path):
    Image.new("RGB", (128, 128), (200, 90, 30)).save(tmp_path / "small.png")
    upload(page, tmp_path / "small.png")
    page.wait_for_selector("#summary .about:has-text('small')")
    page.wait_for_selector("#figures tr.student")
    assert "512 × 512" in page.inner_text("#summary .about")
    assert page.is_checked("#mode label:has-text('Restore it') input")


def test_an_upload_goes_through_student_and_teacher_and_its_downloads_are_the_measured_arrays(page, photo):
    upload(page, photo)
    page.wait_for_selector("#summary .about:has-text('my photo')")
    page.click("#mode label:has-text('Test: degrade it')")
    page.click("#run")
    page.wait_for_selector("#figures tr.student td:has-text('dB')")
    finished(page)
    assert "512 × 512" in page.inner_text("#chosen")
    cells = page.inner_text("#figures tr.student").split()
    page.click("#all-files button")
    with page.expect_download() as student:
        page.click("#student-file")
    with page.expect_download() as truth:
        page.click("#files a[download$='truth.png'], #files a[href$='truth.png']")
    settings = Settings()
    restored, clean = (to_tensor(read_picture(str(each.value.path()), settings)) for each in (student, truth))
    figures = measure(restored, clean, find_task("sr_x4"))
    assert f"{figures.psnr_db:.2f}" in cells and f"{figures.ssim:.4f}" in cells
    assert student.value.suggested_filename.endswith("-sr_x4-student.png")


def test_a_bad_file_is_one_sentence_and_the_page_goes_on(page, photo, tmp_path):
    before = page.get_attribute("#hero img", "src")
    (tmp_path / "notes.png").write_text("This is no picture.")
    upload(page, tmp_path / "notes.png")
    page.wait_for_selector("#status .line.error")
    page.wait_for_timeout(2_000)  # nothing that comes later may empty the page
    assert "notes.png" in page.inner_text("#status") and page.get_attribute("#hero img", "src") == before
    assert page.inner_text("#run") == "Restore" and page.inner_text(".headline").startswith("The student is ")
    upload(page, photo)
    page.wait_for_selector("#summary .about:has-text('my photo')")
    finished(page)


def test_a_picture_can_be_pasted(page):
    page.evaluate("""async () => {
        const canvas = document.createElement('canvas'); canvas.width = 64; canvas.height = 48;
        canvas.getContext('2d').fillRect(5, 5, 30, 30);
        const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
        const data = new DataTransfer(); data.items.add(new File([blob], 'pasted.png', {type: 'image/png'}));
        document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
    }""")
    page.wait_for_selector("#summary .about:has-text('pasted')")


def test_task_strength_and_another_pair(page):
    assert not page.is_visible("#strength")
    page.click("#task label:has-text('Denoising')")
    page.wait_for_selector("#summary .about:has-text('noise level 25')")
    finished(page)
    assert page.is_visible("#strength")
    page.click("#right input")
    page.click("[role=option]:has-text('Original')")
    page.wait_for_selector(".tag.right.truth")
    assert page.get_attribute("#hero .layer.right img", "src").endswith("truth.png")


def test_an_example_is_one_click_or_key_away(page):
    page.focus("#examples button >> nth=7")
    page.keyboard.press("Enter")
    page.wait_for_selector("#summary .about:has-text('Printed page')")
    finished(page)


_STOPS_THE_TEACHER = """() => {
  const status = document.querySelector('#status'), now = Date.now();
  const isAtWork = status.innerText.includes('Teacher at work');
  if (isAtWork && now - (window.pressed ?? 0) > 5000) {
    window.pressed = now;
    window.presses = (window.presses ?? 0) + 1;
    document.querySelector('#stop')?.click();
  }
  return status.querySelector('.line.stopped') !== null;
}"""
"""Presses Stop in the step that sees the teacher at work. The words may be of the run before, which the upload has just
ended: then a visitor presses again.
"""


def test_stop_works_while_the_teacher_is_at_work(page, tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (1600, 1600, 3), np.uint8)).save(tmp_path / "large.png")
    page.click("#task label:has-text('Denoising')")
    upload(page, tmp_path / "large.png")  # while the run before is still going: it is stopped for this one
    page.wait_for_function("document.querySelector('kdsr-compare').shown.size[0] === 1600")
    page.wait_for_function(_STOPS_THE_TEACHER)
    assert page.evaluate("Date.now() - pressed") < 10_000 and page.evaluate("presses") <= 2
    assert page.is_enabled("#run") and not page.is_visible("#stop")
    assert page.inner_text(".tag.right b") == "Student"


def test_a_closed_tab_does_not_leave_its_run_going(browser, address, tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (2400, 2400, 3), np.uint8)).save(tmp_path / "larger.png")
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    finished(page)
    page.click("#task label:has-text('Denoising')")
    upload(page, tmp_path / "larger.png")
    page.wait_for_selector("#status :has-text('Teacher at work')")
    page.close()
    until = time.monotonic() + 20
    while any(thread.name.startswith("restore") for thread in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.2)
    assert time.monotonic() < until


def test_a_reference_of_another_size_is_one_sentence(page, photo):
    page.click("#mode label:has-text('Compare with an original')")
    page.wait_for_selector("#second", state="visible")
    upload(page, photo)
    page.wait_for_selector("#chosen:has-text('my photo')")
    upload(page, photo, "truth")
    page.wait_for_selector("#second:has-text('my photo')")
    page.click("#run")
    page.wait_for_selector("#status .line.error:has-text('must have 2048 x 2048 pixels')")


@pytest.mark.parametrize("scheme, widths", [("light", (390, 1280)), ("dark", (1280, 390))])
def test_the_page_fits_phones_and_both_schemes(browser, address, scheme, widths):
    page = browser.new_page(viewport={"width": widths[0], "height": 844}, color_scheme=scheme)
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    finished(page)
    assert ("dark" in (page.get_attribute("body", "class") or "")) == (scheme == "dark")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 844})
        fits(page, width)
    page.close()


def fits(page: "sync_api.Page", width: int) -> None:
    """The page is as wide as the window, with the picture and the button in it, also scrolled."""
    page.wait_for_function("(width) => document.documentElement.scrollWidth === width", arg=width)
    box = page.query_selector("#hero").bounding_box()
    assert box["y"] + box["height"] < 844 and box["width"] > 0.45 * width
    for scrolled in (0, 300):
        page.evaluate("(y) => scrollTo(0, y)", scrolled)
        page.wait_for_function("(y) => scrollY === y", arg=scrolled)
        button = page.query_selector("#run").bounding_box()
        assert button["y"] >= 0 and button["y"] + button["height"] <= 844
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(
        "(width) => { const box = document.querySelector('#task label.selected').getBoundingClientRect();"
        " return box.left >= 0 && box.right <= width }",
        arg=width,
    )


LOADED = {
    "restore": "#figures tr.teacher", "live": ".live-examples img", "models": "#zoo-head [data-address]",
    "distill": "#run-head h2",
}  # fmt: skip


@pytest.mark.parametrize(
    "tab, size", [("restore", (1280, 900)), *itertools.product(LOADED, [(390, 844), (1920, 1080)])]
)
def test_nothing_jumps_while_the_page_loads(browser, address, tab, size):
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}?tab={tab}")
    page.wait_for_selector(LOADED[tab])
    assert shift_of(page) < 0.05
    page.close()


def shift_of(page: "sync_api.Page") -> float:
    return page.evaluate("""() => new Promise((done) => { let sum = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries())
            if (!entry.hadRecentInput) sum += entry.value; }).observe({type: 'layout-shift', buffered: true});
        setTimeout(() => done(sum), 1000); })""")


CHOICES = (
    *("upload", "examples", "task", "style", "mode", "strength"),
    *("sharpness", "kind", "open-marks", "mask"),
)


def test_choices_of_every_task_fit_one_screen_and_a_phone_shows_the_task_that_was_tapped(browser, crowded_address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(crowded_address)
    finished_student(page, "sr_x4")
    for task in TASKS:
        page.click(f"#task label:has(input[value={task}])")
        finished_student(page, task)
        assert page.is_visible("#sharpness") == (task == "photo_x4") and page.is_visible("#mask") == (task == "inpaint")
        boxes = page.evaluate(
            """(names) => names.map((each) => document.querySelector(each)?.getBoundingClientRect())
            .filter((box) => box?.height).map(({ left, top, right, bottom }) => [left, top, right, bottom])""",
            ["#hero", *(f"#{name}" for name in CHOICES), "#go"],
        )
        assert all(left >= 0 and top >= 0 and right <= 1280 and bottom <= 900 for left, top, right, bottom in boxes)
        for a, b in itertools.combinations(boxes, 2):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (task, a, b)
    assert page.evaluate("scrollY") == 0
    page.close()
    a_task_tapped_at_the_end_of_the_row_stays_in_sight(browser, crowded_address)


def finished_student(page: "sync_api.Page", task: str) -> None:
    page.wait_for_selector(f"#summary .about:has-text('{find_task(task).title}')")
    page.wait_for_selector("#status .line.done", state="attached")


def a_task_tapped_at_the_end_of_the_row_stays_in_sight(browser: "sync_api.Browser", crowded_address: str) -> None:
    """On a phone."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT_MS)
    page.goto(crowded_address)
    page.wait_for_selector("#status .line.done", state="attached")
    last = page.locator("#task label").last
    last.click()
    page.wait_for_selector("#task label:last-of-type.selected")
    page.wait_for_selector("#status .line.done", state="attached")
    row, label = page.locator("#task").bounding_box(), last.bounding_box()
    assert label["x"] >= 0 and label["x"] + label["width"] <= 390
    assert row["y"] <= label["y"] and label["y"] + label["height"] <= row["y"] + row["height"] + 1
    page.close()
