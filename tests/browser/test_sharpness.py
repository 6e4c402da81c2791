"""The dial from faithful to sharp in a headless Chromium: where it is shown, and that it changes the result.

Networks are small and random, made on the spot.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from helpers.networks import add_network, add_sharp_partner
from helpers.serving import served
from PIL import Image

from kdsr.image import Picture, read_picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings
from kdsr.zoo import Catalog

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
WAIT_MS = 120_000
TIMED = "#live .headline:has-text('Restored in your browser in')"
FAITHFUL, SHARP, OTHER = "sr_x4-student", "sr_x4-sharp", "sr_x4-lone"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("sharpness")
    weights = folder / "weights"
    weights.mkdir()
    add_network(weights, "sr_x4-teacher", "sr_x4", "teacher", "residual", {"width": 16, "blocks": 2})
    for name, width in ((FAITHFUL, 16), (OTHER, 8)):
        add_network(weights, name, "sr_x4", "student", "plain", {"width": width, "depth": 3}, title=f"Network {name}")
    add_sharp_partner(weights, FAITHFUL, SHARP)
    add_network(weights, "denoise-student", "denoise", "student", "plain", {"width": 8, "depth": 3})
    return Settings(weights_dir=weights, home=folder / "home", device="cpu", threads=1)


@pytest.fixture(scope="module")
def address(browser, settings) -> Iterator[str]:
    with served(settings) as address:
        yield address


@pytest.fixture
def page(browser, address) -> Iterator["sync_api.Page"]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    yield page
    context.close()


def choose_student(page: "sync_api.Page", title: str) -> None:
    if not page.is_visible("#student input"):
        page.click("#advanced > button")
    page.click("#student input")
    page.click(f"[role=option]:has-text('{title}')")


def set_dial(page: "sync_api.Page", value: str) -> None:
    """Drag the dial to `value`, as a pointer does: the page hears of it on release."""
    page.locator("#sharpness input[type=range]").fill(value)
    page.locator("#sharpness input[type=range]").dispatch_event("pointerup")


def test_the_dial_is_shown_for_a_student_with_a_partner_only(page):
    page.wait_for_selector("#sharpness", state="visible")
    choose_student(page, f"Network {OTHER}")
    page.wait_for_selector("#sharpness", state="hidden")
    choose_student(page, f"Network {FAITHFUL}, for looks")
    page.wait_for_selector("#sharpness", state="visible")
    page.wait_for_function("document.querySelector('#sharpness input[type=range]').value === '1'")
    page.click("#task label:has-text('Denoising')")
    page.wait_for_selector("#sharpness", state="hidden")


def test_moving_the_dial_restores_again_at_that_sharpness(page):
    page.wait_for_selector(".tag.right.student")
    before = page.get_attribute("#hero .layer.right img", "src")
    set_dial(page, "0.5")
    page.wait_for_selector(".tag.right:has-text('Student at sharpness 0.5')")
    page.wait_for_selector("#status .line.done", state="attached")
    assert "sharpness 0.5" in page.inner_text("#summary .about")
    assert f"Network {FAITHFUL}, sharpness 0.5" in page.inner_text("#figures tr.student")
    assert page.get_attribute("#hero .layer.right img", "src") != before
    with page.expect_download() as download:
        page.click("#student-file")
    assert download.value.suggested_filename.endswith("-student-sharpness-0.5.png")


def test_the_invented_map_is_one_of_the_pictures_and_is_explained(page):
    assert not page.is_visible("#explained .about")
    page.click("#right input")
    page.click("[role=option]:has-text('Invented by the student')")
    page.wait_for_selector("#explained .about:has-text('bright where the result, shrunk again')")
    assert "dB" in page.inner_text("#explained") and page.inner_text(".tag.right b") == "Invented by the student"


def test_live_has_the_dial_and_restores_at_its_sharpness_as_the_server_does(page, settings, tmp_path):
    page.click("button[role=tab]:has-text('Live')")
    page.wait_for_selector(TIMED)
    path, dial = tmp_path / "mine.png", "#live [data-choice=sharpness]"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    page.set_input_files("#live input[type=file]", path)
    page.wait_for_selector("#live .about:has-text('mine.png')")
    page.select_option("#live [data-choice=network]", OTHER)
    page.wait_for_selector(f"#live .about:has-text('{OTHER}')")
    assert not page.is_visible(dial)
    page.select_option("#live [data-choice=network]", FAITHFUL)
    page.wait_for_selector(dial, state="visible")
    page.locator(dial).fill("0.5")
    page.wait_for_selector(f"#live .about:has-text('Network {FAITHFUL}, sharpness 0.5')")
    page.wait_for_selector(TIMED)
    with page.expect_download() as download:
        page.click("#live [data-act=download]")
    assert download.value.suggested_filename == f"mine-{FAITHFUL}-sharpness-0.5-student.png"
    catalog = Catalog(settings.weights_dir)
    runtime = open_runtime(catalog.find(FAITHFUL), catalog, sharpness=0.5, settings=settings)
    wanted = restore_picture(Picture(read_picture(str(path), settings).pixels), runtime).pixels.astype(int)
    assert np.abs(np.asarray(Image.open(download.value.path())).astype(int) - wanted).max() <= 1
    page.click("#live [data-act=compare]")
    page.wait_for_selector("#live tr[data-row=serverTeacher]")
    assert page.inner_text("#live [data-part=apart]").startswith("The student's result")
