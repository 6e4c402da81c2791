"""The length "Find the best for my photographs" in a headless Chromium, from its photographs to the network in Restore.

Networks are small and random; the search runs in a worker of its own, whose minutes go by with its steps.
"""

import re

import pytest
from helpers.accessible import faults
from helpers.chinese import english_on
from helpers.running import photograph
from helpers.searching import MINUTES, counted_searches, small_steps

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
WAIT_MS = 150_000
PHONE = {"viewport": {"width": 390, "height": 844}}


def opened(context: "sync_api.BrowserContext", address: str) -> "sync_api.Page":
    """The tab Distill in a new page of `context`."""
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.click("button[role=tab]:has-text('Distill')")
    page.wait_for_selector("#start", state="visible")
    return page


def test_a_search_is_watched_stopped_continued_and_its_network_is_compared(browser, address, tmp_path, monkeypatch):
    # Over 40 lines: one visit from start to Restore; each step needs the one before.
    gate = tmp_path / "gate"
    counted_searches(monkeypatch, gate)
    small_steps(monkeypatch)
    anna = browser.new_context(viewport={"width": 1280, "height": 860})
    page = opened(anna, address)
    page.click("#preset label:has-text('Find the best')")
    page.wait_for_selector("#search-minutes input")
    assert not page.is_visible("#search-others") and not page.is_visible("#custom-steps")
    page.set_input_files("#photos input[type=file]", [photograph(tmp_path / f"{i}.png", 96, 104) for i in range(3)])
    page.wait_for_selector("#photos-chosen :text('3 photographs')")
    page.click("#start")
    page.wait_for_selector("#form-status .error:has-text('at least 4, got 3')")
    page.set_input_files("#photos input[type=file]", [photograph(tmp_path / f"{i}.png", 96, 104) for i in (3, 4)])
    page.wait_for_selector("#photos-chosen :text('5 photographs')")
    page.click("#distill-student input")
    page.click("[role=option]:has-text('16 channels')")
    page.fill("#search-minutes input", str(MINUTES))
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#run-search table.trials tbody tr")
    page.click("#run-stop")
    page.wait_for_selector("#run-head .badge.stopped")
    assert "the trials so far are kept" in page.inner_text("#run-progress")
    assert not page.is_visible("#run-files")
    link = page.get_attribute("#run-head a.share", "href")
    gate.unlink()
    page.click("#run-resume")
    page.wait_for_selector("#run-search .chosen:has-text('In training'), #run-head .badge.done")
    page.wait_for_selector("#run-head .badge.done")
    assert re.search("found a better recipe|preset itself won|too short to compare", page.inner_text("#run-search"))
    assert "Trained to the end" in page.inner_text("#run-search tr.chosen") and faults(page) == []
    assert "dB" in page.inner_text("#run-progress .headline") and page.locator("#run-previews img").count() == 5
    with page.expect_download() as waited:
        page.click("#run-trials")
    assert waited.value.suggested_filename == "sr_x4-my-16x7-trials.zip"
    phone = browser.new_context(**PHONE, locale="zh-CN", color_scheme="dark")
    watched = phone.new_page()
    watched.set_default_timeout(WAIT_MS)
    watched.goto(address + link)  # the link opens the tab: a click on it meanwhile may take the run's place
    watched.wait_for_selector("#run-search table.trials")
    assert watched.evaluate("document.documentElement.scrollWidth") == 390 and english_on(watched) == []
    phone.close()
    page.click("#run-compare")
    page.wait_for_selector("#status .line.done", state="attached")
    page.click("#advanced button")
    assert page.input_value("#student input") == "sr_x4-my-16x7 (yours)"
    anna.close()
