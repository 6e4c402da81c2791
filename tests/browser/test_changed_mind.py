"""A visitor who chooses again while a run is at work gets the last choice. In a headless Chromium."""

from threading import Event

import pytest

from kdsr.ui.restore import run

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]
WAIT_MS = 60_000


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Networks wait until it is set, as in a tile that takes long; a stop signal is not heard before."""
    event, restore = Event(), run.restore_picture

    def restored(*arguments: object, **options: object) -> object:
        event.wait(WAIT_MS / 1000)
        return restore(*arguments, **options)

    monkeypatch.setattr(run, "restore_picture", restored)
    return event


def test_another_task_chosen_while_a_run_cannot_stop_at_once_is_restored_afterwards(browser, address, held):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(WAIT_MS)
    held.set()
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    held.clear()
    page.click("#task label:has-text('Denoising')")
    page.wait_for_selector("#status :has-text('Student')")
    page.click("#task label:has-text('Super-resolution x4')")
    page.wait_for_timeout(5000)  # the page has heard of the second order, and the first run is still held
    held.set()
    page.wait_for_selector("#stop", state="hidden")
    page.wait_for_selector("#status .line.done", state="attached")
    assert "Super-resolution x4" in page.inner_text("#summary .about")
    assert page.is_enabled("#run")
    page.close()


def test_of_two_tasks_chosen_at_once_the_last_is_restored(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    page.evaluate("""() => { for (const task of ['denoise', 'sr_x4', 'denoise'])
        document.querySelector(`#task input[value='${task}']`).click(); }""")
    page.wait_for_selector("#summary .about:has-text('Denoising')")
    page.wait_for_selector("#stop", state="hidden")
    assert "Denoising" in page.inner_text("#summary .about") and page.is_checked("#task input[value='denoise']")
    page.close()


def test_the_estimate_is_of_the_form_as_it_is_now(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.click("button[role=tab]:has-text('Distill')")
    page.click("#preset label:has-text('Custom')")
    for key, value in {"batch_size": "1", "patch_px": "16", "steps": "700"}.items():
        page.fill(f"#custom-{key} input", value)
    for _ in range(3):  # while the first estimate is still measured; the field loses its focus as well
        page.click("#prove input")
    page.wait_for_selector("#estimate :text('2 x 700 steps')")
    page.click("#prove input")
    page.wait_for_selector("#estimate .estimate:not(:has-text('2 x')):has-text('700 steps')")
    page.close()
