"""The tab Models in a headless Chromium: a network is chosen by click and key, plotted, downloaded and tried."""

from threading import Event

import pytest
from helpers.networks import add_network
from helpers.published import NAME, only_tiny
from helpers.serving import served
from PIL import Image

from kdsr.settings import Settings
from kdsr.ui.models.sample import Samples

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
WAIT_MS = 120_000


def test_a_network_is_found_by_link_key_and_click_taken_home_and_tried(browser, address, tmp_path):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address + "?model=denoise-teacher")
    page.wait_for_selector("#zoo-head :text('denoise-teacher')")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#zoo-tables table:not(.absent)").count() == 1  # the tab opens on the network's task
    page.click("#zoo-filter label:has-text('All')")
    page.focus("#zoo-tables tr[data-network=sr_x4-twin] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#zoo-head :text('sr_x4-twin')")
    assert page.get_attribute("#zoo-tables tr[aria-current]", "data-network") == "sr_x4-twin"
    assert page.evaluate("document.activeElement.closest('tr')?.dataset.network") == "sr_x4-twin"
    page.click("#zoo-filter label:has-text('Denoising')")
    page.wait_for_selector("#zoo-head :text('denoise-student')")
    assert page.locator("#zoo-tables table:not(.absent)").count() == 1
    page.click("#zoo-filter label:has-text('All')")
    page.click("#zoo-tables tr[data-network=sr_x4-twin] td >> nth=1")
    page.wait_for_selector("#zoo-head :text('sr_x4-twin')")
    with page.expect_download() as weights:
        page.click("#zoo-weights")
    assert weights.value.suggested_filename == "sr_x4-twin.safetensors"
    page.click("#zoo-try")
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#summary .about:has-text('Astronaut')")
    page.click("#advanced button")
    page.wait_for_function("document.querySelector('#student input')?.value === 'The twin'")
    context.close()


def test_of_two_networks_picked_at_once_the_last_has_its_own_comparison(browser, address, monkeypatch):
    made, may = Samples.make, Event()
    asked = []

    def slow(self, card, cards, catalog):
        asked.append(card.name)
        may.wait(WAIT_MS / 1000)
        return made(self, card, cards, catalog)

    monkeypatch.setattr(Samples, "make", slow)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(address + "?model=inpaint-teacher")
    page.wait_for_selector("#zoo-head :text('inpaint-teacher')")
    page.evaluate("""() => { window.keys = []; const shown = document.querySelector('#zoo-compare-pictures');
        new MutationObserver(() => { const data = shown.querySelector('[data-pictures]');
            if (data) window.keys.push(data.innerHTML + data.outerHTML); }).observe(shown,
            {subtree: true, childList: true, attributes: true}); }""")
    for role in ("twin", "student"):
        page.evaluate(f"document.querySelector('#zoo-tables tr[data-network=inpaint-{role}]').click()")
    page.wait_for_selector("#zoo-head :text('inpaint-student')")
    may.set()
    page.wait_for_selector("#zoo-compare-pictures [data-pictures]", state="attached")
    assert asked[0] == "inpaint-teacher" and asked[-1] == "inpaint-student"
    assert all("student" in each for each in page.evaluate("window.keys"))
    page.close()


def test_on_a_phone_a_filter_tapped_at_the_end_of_the_row_stays_in_sight(browser, crowded_address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT_MS)
    page.goto(crowded_address + "?model=sr_x4-student")
    page.wait_for_selector("#zoo-head :text('sr_x4-student')")
    page.wait_for_function(
        "document.querySelector('#zoo-filter label.selected')?.parentElement.scrollLeft > 0"
    )  # to the task at hand
    last = page.locator("#zoo-filter label").last
    last.click()
    page.wait_for_selector("#zoo-filter label:last-of-type.selected")
    page.wait_for_function("document.querySelectorAll('#zoo-tables table:not(.absent)').length == 1")
    row, label = page.locator("#zoo-filter").bounding_box(), last.bounding_box()
    assert label["x"] >= 0 and label["x"] + label["width"] <= 390
    assert row["y"] <= label["y"] and label["y"] + label["height"] <= row["y"] + row["height"] + 1
    page.close()


def test_a_teacher_is_got_in_restore_and_is_there_in_every_tab_without_a_reload(browser, tmp_path, monkeypatch):
    only_tiny(tmp_path / "registry", monkeypatch)
    weights = tmp_path / "weights"
    weights.mkdir()
    add_network(weights, "photo_x4-teacher", "photo_x4", "teacher", "residual", {"width": 8, "blocks": 1})
    add_network(weights, "photo_x4-student", "photo_x4", "student", "plain", {"width": 8, "depth": 2})
    with served(Settings(weights_dir=weights, home=tmp_path / "home", device="cpu", threads=1)) as address:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        page.wait_for_selector("#status .line.done", state="attached")
        page.click("button[role=tab]:has-text('Distill')")
        page.wait_for_selector("#distill-get-teacher:has-text('Get this teacher, 1 MB, BSD-3-Clause')")
        page.click("button[role=tab]:has-text('Restore')")
        page.click("#advanced button")
        page.click("#restore-get-teacher:has-text('Get this teacher, 1 MB, BSD-3-Clause')")
        page.wait_for_selector("#restore-get-status .line.arrived:has-text('Tiny RRDB is installed')")
        page.wait_for_function("document.querySelector('#teacher input')?.value === 'Tiny RRDB'")
        page.wait_for_selector("#restore-get-teacher", state="hidden")
        page.click("#run")
        page.wait_for_selector("#figures tr.teacher:has-text('Tiny RRDB')")
        page.click("button[role=tab]:has-text('Models')")
        page.wait_for_selector(f"#zoo-tables tr[data-network={NAME}]")
        page.click("button[role=tab]:has-text('Distill')")
        page.wait_for_selector("#distill-get-teacher", state="hidden")
        page.click("#distill-teacher input")
        page.click("[role=option]:has-text('Tiny RRDB')")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.close()


def test_an_inpainting_network_that_is_tried_on_an_own_picture_asks_where_to_paint(browser, address, tmp_path):
    Image.new("RGB", (160, 120), (200, 90, 30)).save(tmp_path / "wall.png")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    page.set_input_files("#upload input[type=file]", tmp_path / "wall.png")
    page.wait_for_selector("#summary .about:has-text('wall')")
    page.click("button[role=tab]:has-text('Models')")
    page.click("#zoo-filter label:has-text('Inpainting')")
    page.wait_for_selector("#zoo-head :text('inpaint-student')")
    page.click("#zoo-try")
    page.wait_for_selector("#hero .stage.painting")
    page.wait_for_selector("#status .line.needed:has-text('Paint over the missing parts')")
    assert page.is_enabled("#run") and page.is_checked("#task input[value=inpaint]")
    page.close()
