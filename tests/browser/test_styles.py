"""Style transfer in a headless Chromium: *Restore*, *Live* with a fake camera, and the addresses of both. The networks
are small and random.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.accessible import faults
from helpers.networks import add_network
from helpers.serving import served
from helpers.styles import add_styles

from kdsr.settings import Settings

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
DRAWN = "#live .headline:has-text('Drawn in your browser in')"
FILMED = "#live .headline:has-text('frames per second')"
CANVASES = "[...document.querySelector('#live kdsr-compare').shadowRoot.querySelectorAll('.layer > canvas')]"
APART = f"""() => {{
  const [one, other] = {CANVASES}.map((canvas) =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);
  let sum = 0;
  for (let at = 0; at < one.length; at += 1) sum += Math.abs(one[at] - other[at]);
  return [sum / one.length, Math.max(...other.filter((_, at) => at % 4 < 3).slice(0, 60_000))];
}}"""
FRAME = f"{CANVASES}.at(-1).toDataURL()"
"""Mean distance of the two pictures in levels, and the brightest value of the second."""


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("styles")
    (folder / "weights").mkdir()
    add_network(folder / "weights", "sr_x4-student", "sr_x4", "student", "plain", {"width": 8, "depth": 3})
    add_network(folder / "weights", "sr_x4-teacher", "sr_x4", "teacher", "residual", {"width": 8, "blocks": 2})
    add_styles(folder / "weights")
    with served(Settings(weights_dir=folder / "weights", home=folder / "home", device="cpu", threads=1)) as address:
        yield address


def opened(browser, address: str, width: int = 1280) -> "sync_api.Page":
    page = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    return page


def finished(page: "sync_api.Page", about: str) -> None:
    page.wait_for_selector(f"#summary .about:has-text('{about}')")
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")


def test_a_style_is_chosen_drawn_and_downloaded_and_nothing_of_an_original_is_offered(browser, address):
    page = opened(browser, address)
    finished(page, "Super-resolution x4")
    assert not page.is_visible("#style") and page.is_visible("#mode")
    page.click("#task label:has-text('Style transfer')")
    finished(page, "Style transfer · Engraving")
    page.wait_for_selector("#mode", state="hidden")
    assert page.inner_text("#run") == "Draw" and page.is_checked("#style label:has-text('Engraving') input")
    assert page.inner_text("#hero .tag.left b") == "Before" and page.inner_text("#hero .tag.right b") == "Student"
    page.click("#style label:has-text('Mosaic')")
    finished(page, "Style transfer · Mosaic")
    assert page.evaluate("location.search") == "?task=style&style=mosaic"
    told = page.inner_text("#summary .headline")
    assert "matches the teacher's picture at" in told and "original" not in told
    assert faults(page) == []
    page.click("#advanced > button")
    assert page.input_value("#student input") == "Student 32x7, mosaic"
    assert page.input_value("#teacher input") == "Teacher, mosaic"
    with page.expect_download() as download:
        page.click("#student-file")
    assert download.value.suggested_filename.endswith("-style-student.png")
    page.click("#task label:has-text('Super-resolution x4')")
    finished(page, "Super-resolution x4")
    page.wait_for_selector("#style", state="hidden")
    assert page.is_visible("#mode") and page.inner_text("#run") == "Restore"
    page.go_back()
    finished(page, "Style transfer · Mosaic")
    page.context.close()


def test_an_address_opens_on_its_style_and_a_phone_shows_all_of_it(browser, address):
    page = opened(browser, f"{address}?task=style&student=style_mosaic-student-16x7", width=390)
    finished(page, "Style transfer · Mosaic")
    assert page.is_checked("#style label:has-text('Mosaic') input")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.context.close()


def test_the_webcam_is_drawn_in_the_style_that_is_chosen(browser, address):
    page = opened(browser, f"{address}?tab=live")
    page.wait_for_selector("#live .headline:has-text('Restored in your browser in')")
    assert page.is_checked("#live [data-choice=style] label:has-text('No style') input")
    page.click("#live [data-choice=style] label:has-text('Mosaic')")
    page.wait_for_selector(DRAWN)
    assert page.input_value("#live [data-choice=network]") == "style_mosaic-student-16x7"
    assert page.evaluate("location.search") == "?tab=live&network=style_mosaic-student-16x7"
    page.click("#live [data-act=compare]")
    page.wait_for_selector("#live tr[data-row=serverTeacher]")
    assert faults(page) == []
    page.click("#live [data-act=webcam]")
    page.wait_for_selector(FILMED)
    first = page.evaluate(FRAME)
    page.wait_for_timeout(2000)
    assert page.evaluate(FRAME) != first
    apart, brightest = page.evaluate(APART)
    assert apart > 3 and brightest > 60
    page.click("#live [data-choice=style] label:has-text('Engraving')")
    page.wait_for_selector("#live .about:has-text('drawn by Student 16x7, engraving')")
    page.wait_for_selector(FILMED)
    page.click("#live [data-choice=style] label:has-text('No style')")
    page.wait_for_selector("#live .about:has-text('restored to')")
    page.context.close()


def test_a_film_is_drawn_too_and_recorded_under_the_name_of_its_student(browser, address, tmp_path: Path):
    from helpers.clips import make_clip

    make_clip(tmp_path / "film.mp4", frames=60, width=320, height=240, rate=30)
    page = opened(browser, f"{address}?tab=live&network=style_engraving-student-32x7")
    page.wait_for_selector(DRAWN)
    assert page.is_checked("#live [data-choice=style] label:has-text('Engraving') input")
    page.set_input_files("#live input[type=file]", tmp_path / "film.mp4")
    page.wait_for_selector(FILMED)
    page.click("#live [data-act=record]")
    page.wait_for_timeout(1500)
    with page.expect_download() as download:
        page.click("#live [data-act=record]")
    assert download.value.suggested_filename == "film-style_engraving-student-32x7.webm"
    page.context.close()


def test_models_shows_a_style_without_figures_and_tries_it_beside_its_teacher(browser, address):
    page = opened(browser, f"{address}?model=style_mosaic-student-16x7")
    page.wait_for_selector("#zoo-head h2:has-text('Student 16x7, mosaic')")
    page.wait_for_selector("#zoo-tables h2:has-text('No PSNR: a style has no original')")
    page.wait_for_selector("#zoo-compare canvas, #zoo-compare img")
    assert "Nothing to plot" in page.inner_text("#zoo") and faults(page) == []
    page.click("button:has-text('Try it in Restore')")
    finished(page, "Style transfer · Mosaic")
    assert page.inner_text("#hero .tag.left b") == "Teacher"
    page.context.close()


def test_another_style_in_distill_offers_its_own_students_without_a_word_of_error(browser, address):
    page = opened(browser, f"{address}?tab=distill")
    page.wait_for_selector("#run-page .empty")  # what the page has looked up as it opened

    def choose(name: str, title: str) -> None:
        page.click(f"#distill-{name} input")
        page.locator("[role=option]", has_text=title).first.click()

    choose("task", "Style transfer")
    page.wait_for_function("document.querySelector('#distill-teacher input').value.startsWith('Teacher')")
    first = page.input_value("#distill-teacher input").split(", ")[1]
    other = "engraving" if first == "mosaic" else "mosaic"
    choose("student", f"Fine-tune Student 32x7, {first}")
    choose("teacher", f"Teacher, {other}")
    page.wait_for_function("document.querySelector('#distill-student input').value.startsWith('New')")
    page.wait_for_selector("#estimate :text('steps at')")  # of the new pair
    page.click("#distill-student input")
    offered = page.locator("[role=option]").all_inner_texts()
    assert len(offered) == 4 and all(first not in each for each in offered)
    assert page.locator("[data-testid=toast-body]").all_inner_texts() == [] and faults(page) == []
    page.context.close()
