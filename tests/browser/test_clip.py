"""A clip in *Restore* in a browser: two players in step under one divider, by mouse and keys, and its frames as
pictures.
"""

import pytest
from helpers.accessible import faults
from helpers.clips import make_clip

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
PLAYER = "document.querySelector('kdsr-clip')"
APART_S = f"Math.abs({PLAYER}.left.currentTime - {PLAYER}.right.currentTime)"


@pytest.fixture
def page(browser, address):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    yield page
    page.context.close()


def drop(page, path):
    page.set_input_files("#upload input[type=file]", str(path))
    page.wait_for_selector("#clip-file:not([disabled])")
    page.wait_for_function(f"{PLAYER}.left.readyState === 4 && {PLAYER}.right.readyState === 4")


def test_two_players_stay_in_step_by_mouse_and_keys(page, tmp_path):
    make_clip(tmp_path / "a.mp4", frames=75, channels=2)
    drop(page, tmp_path / "a.mp4")
    assert page.evaluate(f"[{PLAYER}.left.videoWidth, {PLAYER}.right.videoWidth]") == [64, 256]
    assert page.is_hidden("#figure") and page.is_hidden("#details")
    page.focus("kdsr-clip [role=slider]")
    page.keyboard.press("Space")
    page.wait_for_function(f"{PLAYER}.left.currentTime > 1")
    assert page.evaluate(APART_S) < 0.25
    page.keyboard.press("Space")
    page.wait_for_function(f"{PLAYER}.left.paused && {PLAYER}.right.paused && {APART_S} < 0.001")
    before = page.evaluate(f"{PLAYER}.left.currentTime")
    page.keyboard.press(".")
    page.wait_for_function(f"Math.abs({PLAYER}.left.currentTime - {before} - 0.04) < 0.005 && {APART_S} < 0.001")
    page.keyboard.press("Shift+ArrowRight")
    assert page.get_attribute("kdsr-clip [role=slider]", "aria-valuetext") == "60 % Before, 40 % Student"
    page.focus("kdsr-clip input[type=range]")
    page.keyboard.press("Home")
    page.wait_for_function(f"{PLAYER}.left.currentTime === 0 && {PLAYER}.right.currentTime === 0")
    page.click("kdsr-clip [data-act=play]")
    page.wait_for_function(f"{PLAYER}.left.ended && {PLAYER}.right.paused")


def test_a_paused_frame_is_compared_and_a_picture_closes_the_clip(page, tmp_path):
    make_clip(tmp_path / "a.mp4", frames=50)
    drop(page, tmp_path / "a.mp4")
    page.evaluate(f"{PLAYER}.seek(1)")
    page.click("#clip-compare")
    page.wait_for_selector("text=Below: the frame at 1.00 s, by student and teacher.")
    page.wait_for_selector("#chosen :text('a-1.00s')")
    page.wait_for_selector("#figures tr.teacher")
    assert page.is_visible("#figure") and page.is_visible("#clip")
    page.click("#examples button >> nth=1")
    page.wait_for_selector("#clip", state="detached")
    assert page.is_visible("#figure")


def test_a_clip_that_cannot_be_read_is_one_sentence_and_nothing_changes(page, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"junk")
    page.set_input_files("#upload input[type=file]", str(tmp_path / "a.mp4"))
    page.wait_for_selector("#status .line.error:has-text('a.mp4 cannot be read as a video')")
    assert page.is_visible("#figure") and page.query_selector("#clip") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_players_have_no_fault_and_fit_a_phone(browser, address, tmp_path, scheme):
    make_clip(tmp_path / "a.mp4", frames=10)
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": scheme}
    page = browser.new_context(**phone).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    drop(page, tmp_path / "a.mp4")
    page.wait_for_selector("#clip-status .line.done", state="attached")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.context.close()
