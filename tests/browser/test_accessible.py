"""The four tabs by axe-core in light and dark, the size of what is pressed, and how menus close.

Networks are small and random.
"""

import pytest
from helpers.accessible import faults, small_targets

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
FOLDS = ("#advanced > button", "#all-files > button", "#report-choice > button", "#scripts > button")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def opened(browser, address, **context):
    """The tab Restore of a new page, restored and at rest."""
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | context).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#stale .line", state="detached")
    return page


def show(page, tab, until):
    page.click(f"button[role=tab]:has-text('{tab}')")
    page.wait_for_selector(until)


def show_models(page):
    show(page, "Models", "#zoo-head h2")
    page.evaluate("document.querySelectorAll('#models-tab details').forEach((fold) => { fold.open = true; })")


def menu_closes(page, field, key):
    """The open menu of `field` closes by `key` and leaves its choice as it was."""
    chosen = page.input_value(f"{field} input")
    page.keyboard.press(key)
    page.wait_for_selector("[role=option]", state="detached")
    is_there = page.evaluate(f"document.activeElement.closest('{field}') !== null")
    return page.input_value(f"{field} input") == chosen and is_there == (key == "Escape")


def test_restore_has_no_fault_stale_side_by_side_under_a_menu_after_an_error_or_painted(browser, address, tmp_path):
    page = opened(browser, address)
    assert faults(page) == []
    for fold in FOLDS:
        page.click(fold)
    page.check("#teacher-plus input")
    page.wait_for_selector("#stale .line")
    page.evaluate("scrollTo(0, 0)")  # no control is half below the button, which stays in sight
    assert faults(page) == []
    page.uncheck("#teacher-plus input")
    page.wait_for_selector("#stale .line", state="detached")
    for tool in ("columns", "columns", "loupe", "spot"):
        page.click(f"#hero [data-act={tool}]")
    page.click("#right input")
    page.wait_for_selector("[role=option]")
    assert faults(page) == [] and menu_closes(page, "#right", "Escape")
    page.click("#mode label:has-text('Compare with an original')")
    page.wait_for_selector("#status .line.needed")  # else it may come after the error, on a busy machine
    (tmp_path / "notes.png").write_text("This is no picture.")
    page.set_input_files("#upload input[type=file]", tmp_path / "notes.png")
    page.wait_for_selector("#status .line.error")
    page.wait_for_selector(".toast-body")
    page.evaluate("scrollTo(0, 0)")
    assert faults(page) == []
    page.click("#mode label:has-text('Restore it')")
    page.wait_for_selector("#status .line.done", state="attached")
    page.click("#task label:has-text('Inpainting')")
    page.wait_for_selector("#cancel-marks", state="visible")
    page.evaluate("scrollTo(0, 0)")
    assert page.is_visible("#hero [data-act=erase]") and faults(page) == []
    page.context.close()


def test_live_models_and_distill_have_no_fault(browser, address):
    page = opened(browser, address)
    show(page, "Live", "#live .headline:has-text('Restored in your browser in')")
    page.wait_for_selector("#live .live-examples img >> nth=7")
    page.click("#live [data-act=compare]")
    page.wait_for_selector("#live tr[data-row=serverTeacher]")
    assert faults(page) == []
    show_models(page)
    page.click("#zoo-filter label:has-text('All')")
    page.wait_for_selector("#zoo-tables table >> nth=2")
    assert faults(page) == []
    show(page, "Distill", "#start")
    page.click("#preset label:has-text('Custom')")
    page.click("#start")
    page.wait_for_selector("#form-status .error")
    page.click("#distill-student input")
    page.wait_for_selector("[role=option]")
    assert faults(page) == [] and menu_closes(page, "#distill-student", "Tab")
    page.context.close()


def test_whatever_is_pressed_has_room_for_a_finger(browser, address):
    page = opened(browser, address, **PHONE)
    page.click("#task label:has-text('Denoising')")
    page.wait_for_selector("#strength input")
    for fold in FOLDS:
        page.click(fold)
    assert small_targets(page, 44) == []
    show(page, "Live", "#live .live-examples img >> nth=7")
    assert small_targets(page, 44) == []
    show_models(page)
    assert small_targets(page, 44) == []
    show(page, "Distill", "#start")
    page.click("#preset label:has-text('Custom')")
    page.wait_for_selector("#custom-steps input")
    page.click("#distill-student input")
    page.wait_for_selector("[role=option]")
    assert small_targets(page, 44) == []
    page.context.close()
