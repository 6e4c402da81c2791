"""The tab Live in a headless Chromium with a fake camera: restored here, equal to the server, nothing sent unasked,
alive offline.

Networks are small and random, made on the spot.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import frames_of, make_clip
from helpers.live import TIMED, WAIT_MS, downloaded, drop, opened, picture, student_here
from helpers.networks import add_network
from helpers.serving import served
from PIL import Image

from kdsr.settings import Settings

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
STUDENT = "sr_x4-student"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("live")
    (folder / "weights").mkdir()
    for seed, task in enumerate(("sr_x4", "denoise", "jpeg")):
        add_network(
            folder / "weights",
            f"{task}-student",
            task,
            "student",
            "plain",
            {"width": 8, "depth": 3},
            seed=seed,
            title=f"Student for {task}",
        )
        add_network(
            folder / "weights", f"{task}-teacher", task, "teacher", "residual", {"width": 8, "blocks": 2}, seed=seed
        )
    add_network(folder / "weights", "inpaint-student", "inpaint", "student", "plain", {"width": 8, "depth": 3})
    return Settings(weights_dir=folder / "weights", home=folder / "home", device="cpu", threads=1)


@pytest.fixture(scope="module")
def address(browser, settings) -> Iterator[str]:
    with served(settings) as address:
        yield address


@pytest.fixture
def page(browser, address) -> Iterator["sync_api.Page"]:
    """The tab, opened and at rest on its example."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    page = context.new_page()
    opened(page, address)
    yield page
    context.close()


def test_the_tab_opens_on_a_restored_example_and_asks_its_own_server_only(browser, address):
    page = browser.new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    assert not any("onnxruntime-web" in url or "wasm" in url for _, url in asked)
    opened(page, address)
    page.wait_for_selector("#live .live-examples img >> nth=7")
    assert {tag.inner_text().split("\n")[0] for tag in page.query_selector_all("#live .tag b")} == {
        "Before",
        "Student",
    }
    assert re.search(r"WebAssembly, \d threads?", page.inner_text("#live tr[data-row=student]"))
    assert page.locator("#live tbody tr").count() == 1
    assert [url for _, url in asked if not url.startswith((address, "data:", "blob:"))] == [] and wrong == []
    assert any(url.endswith("ort-wasm-simd-threaded.wasm.gz") for _, url in asked)
    page.close()


@pytest.mark.parametrize("size", [(128, 128), (61, 37), (1, 1)])
def test_a_picture_restored_in_the_browser_is_the_servers_to_one_level_and_downloaded_exactly(
    page, settings, tmp_path, size
):
    path = picture(tmp_path / "mine.png", *size)
    drop(page, path)
    name, pixels = downloaded(page)
    assert name == f"mine-{STUDENT}-student.png" and pixels.shape == (4 * size[1], 4 * size[0], 3)
    wanted = student_here(path, settings, STUDENT)
    assert np.abs(pixels.astype(int) - wanted.astype(int)).max() <= 1


def test_nothing_is_sent_before_the_server_is_asked_and_then_its_pictures_stand_beside(page, tmp_path):
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    drop(page, picture(tmp_path / "mine.png", 40, 30))
    assert not any(len(body) > 1000 for body in sent)
    assert "40 × 30 (3.6 KB)" in page.inner_text("#live [data-part=offer]")
    page.click("#live [data-act=compare]")
    page.wait_for_selector("#live tr[data-row=serverTeacher]")
    page.wait_for_function("!document.querySelector('#live [data-part=status]').textContent")
    assert sum(len(body) > 4000 for body in sent) == 2  # student and teacher
    assert re.search(r"bit for bit|at most 1 of 255", page.inner_text("#live [data-part=apart]"))
    assert page.inner_text("#live .headline").startswith("Your browser takes ")
    cells = [cell.inner_text() for cell in page.query_selector_all("#live tr[data-row=serverStudent] td")]
    assert len(cells) == 3 and all(re.fullmatch(r"[\d.]+ m?s", cell) for cell in cells)
    page.select_option("#live [data-choice=right]", "serverTeacher")
    assert page.inner_text("#live .tag.right b") == "Teacher, server"
    assert downloaded(page)[0] == f"mine-{STUDENT}-serverTeacher.png"
    drop(page, picture(tmp_path / "other.png", 30, 30))  # what the server said was of the picture before
    assert page.locator("#live tbody tr").count() == 1 and page.inner_text("#live .tag.right b") == "Student"


def test_the_webcam_shows_frames_per_second_is_held_for_a_comparison_and_let_go(page):
    page.click("#live [data-act=webcam]")
    page.wait_for_selector("#live .headline:has-text('frames per second')")
    page.focus("#live [role=slider]")
    assert float(page.inner_text("#live .headline").split()[0]) > 0
    assert "Webcam, shrunk to 148 × 111" in page.inner_text("#live .about")
    page.click("#live [data-act=compare]")
    page.wait_for_selector("#live tr[data-row=serverTeacher]")
    assert page.inner_text("#live [data-act=webcam]") == "Continue with the webcam"
    page.click("#live [data-act=webcam]")
    page.wait_for_selector("#live .headline:has-text('frames per second')")
    page.click("#live [data-act=webcam]")
    page.wait_for_selector(TIMED)  # the last frame stays, as a picture
    page.click("#live [data-act=webcam]")
    page.wait_for_selector("#live .headline:has-text('frames per second')")
    page.click("button[role=tab]:has-text('Restore')")  # who leaves the tab is not filmed on
    page.wait_for_function("document.querySelector('#live [data-act=webcam]').textContent === 'Use the webcam'")


def test_a_video_file_is_a_source_too_its_rate_is_held_and_the_result_recorded(page, tmp_path):
    make_clip(tmp_path / "film.mp4", frames=60, width=320, height=240, rate=30)
    assert page.is_hidden("#live [data-act=record]") and page.is_hidden("#live [data-choice=rate]")
    page.set_input_files("#live input[type=file]", tmp_path / "film.mp4")
    page.wait_for_selector("#live .headline:has-text('frames per second')")
    assert "film.mp4, shrunk to" in page.inner_text("#live .about")
    page.click("#live [data-choice=rate] label:has-text('15')")
    page.wait_for_timeout(6000)  # at least two windows of frames
    assert 0 < float(page.inner_text("#live .headline").split()[0]) < 16.5  # a crowded machine reaches less
    page.click("#live [data-act=record]")
    page.wait_for_timeout(2500)
    with page.expect_download() as download:
        page.click("#live [data-act=record]")
    assert download.value.suggested_filename == f"film-{STUDENT}.webm"
    recorded = frames_of(Path(download.value.path()))
    assert len(recorded) >= 2 and recorded[0].shape[0] >= 4 * 48
    page.click("#live [data-act=webcam]:has-text('Stop the video')")
    page.wait_for_selector(TIMED)
    assert page.is_hidden("#live [data-act=record]")
    (tmp_path / "bad.mp4").write_bytes(b"junk")
    page.set_input_files("#live input[type=file]", tmp_path / "bad.mp4")
    page.wait_for_selector("#live .line.error:has-text('bad.mp4 is not a video that this browser plays')")


@pytest.mark.parametrize(
    "name, told",
    [
        ("NotAllowedError", "was denied"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "another program"),
    ],
)
def test_a_camera_that_cannot_be_had_is_one_sentence_and_the_picture_stays(page, name, told):
    page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name)); }", name
    )
    page.click("#live [data-act=webcam]")
    page.wait_for_selector(f"#live .line.error:has-text('{told}')")
    assert page.inner_text("#live [data-act=webcam]") == "Use the webcam" and page.is_visible(
        "#live kdsr-compare canvas >> nth=0"
    )


def test_without_a_connection_it_works_on_and_what_must_be_fetched_is_one_sentence(page, tmp_path):
    page.context.set_offline(True)
    drop(page, picture(tmp_path / "offline.png", 64, 48))
    page.select_option("#live [data-choice=network]", "denoise-student")
    page.wait_for_selector("#live .line.error:has-text('check the connection')")
    assert page.input_value("#live [data-choice=network]") == STUDENT
    page.click("#live [data-act=compare]")
    page.wait_for_selector("#live .line.error:has-text('The server did not answer')")
    page.context.set_offline(False)
    page.select_option("#live [data-choice=network]", "denoise-student")
    page.wait_for_selector("#live .about:has-text('Student for denoise')")


def test_what_is_no_picture_is_one_sentence(page, tmp_path):
    (tmp_path / "notes.png").write_text("This is no picture.")
    page.set_input_files("#live input[type=file]", tmp_path / "notes.png")
    page.wait_for_selector("#live .line.error:has-text('notes.png is not a picture')")
    drop(page, picture(tmp_path / "mine.png", 20, 20))
    assert not page.inner_text("#live [data-part=status]")


def test_noise_and_jpeg_are_made_in_the_browser_and_their_strength_can_be_set(page, settings, tmp_path):
    path = picture(tmp_path / "mine.png", 32, 24)
    drop(page, path)
    assert page.locator("#live option").count() == 3 + 2 + 2  # no student for inpainting
    page.select_option("#live [data-choice=network]", "denoise-student")
    page.wait_for_selector("#live .about:has-text('Noise level 25')")
    page.fill("#live [data-choice=strength]", "0")
    page.wait_for_selector("#live .about:has-text('Noise level 0;')")
    page.wait_for_selector(TIMED)
    assert (
        np.abs(downloaded(page)[1].astype(int) - student_here(path, settings, "denoise-student").astype(int)).max() <= 1
    )
    page.select_option("#live [data-choice=network]", "jpeg-student")
    page.wait_for_selector("#live .about:has-text('JPEG quality 20')")
    page.wait_for_selector(TIMED)
    page.select_option("#live [data-choice=right]", "before")
    spoilt = downloaded(page)[1].astype(int) - np.asarray(Image.open(path))
    assert spoilt.shape == (24, 32, 3) and 10 < np.abs(spoilt).mean() < 120


def test_the_slider_moves_by_key_and_a_smaller_size_is_a_choice(page):
    page.focus("#live [role=slider]")
    page.keyboard.press("End")
    assert page.get_attribute("#live [role=slider]", "aria-valuetext") == "100 % Before, 0 % Student"
    page.select_option("#live [data-choice=left]", "student")  # on the right already: the two change places
    assert page.get_attribute("#live [role=slider]", "aria-valuetext") == "100 % Student, 0 % Before"
    assert page.inner_text("#live [data-act=download]") == "Download before (PNG)"
    page.click("#live [data-choice=size] label:has-text('96 px')")
    page.wait_for_selector("#live .about:has-text('shrunk to 96 × 96')")
    page.click("#live [data-choice=part] label:has-text('Centre crop')")
    page.wait_for_selector("#live .about:has-text('Astronaut, 96 × 96')")


@pytest.mark.parametrize("scheme, widths", [("light", (1280, 390)), ("dark", (390, 1280))])
def test_the_tab_fits_phones_and_both_schemes(browser, address, scheme, widths):
    page = browser.new_page(viewport={"width": widths[0], "height": 844}, color_scheme=scheme)
    opened(page, address)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function("(width) => document.documentElement.scrollWidth === width", arg=width)
        box = page.query_selector("#live kdsr-compare").bounding_box()
        assert box["width"] > 0.45 * width and box["y"] < 450
    page.close()
