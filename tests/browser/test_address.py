"""The address of the page in a headless Chromium: it follows what is chosen, and the page follows it."""

from collections.abc import Iterator

import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]
STATE = "document.querySelector('#hero kdsr-compare').state"


def opened(browser, address: str, *, width: int = 1280) -> "sync_api.Page":
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    return page


def finished(page: "sync_api.Page", about: str = "") -> None:
    page.wait_for_selector(f"#summary .about:has-text('{about}')")
    page.wait_for_selector("#status .line.done", state="attached")
    page.wait_for_selector("#figures tr.teacher")


def query_is(page: "sync_api.Page", query: str) -> None:
    page.wait_for_function("(query) => location.search === query", arg=query)


@pytest.fixture
def page(browser, address) -> Iterator["sync_api.Page"]:
    page = opened(browser, address)
    finished(page)
    yield page
    page.context.close()


def test_what_is_chosen_is_in_the_address_and_opens_again_in_a_fresh_browser(page, browser):
    query_is(page, "")
    page.click("#task label:has-text('Denoising')")
    query_is(page, "?task=denoise")
    page.click("#examples button >> nth=6")
    query_is(page, "?task=denoise&example=cat")
    finished(page, "Cat")
    page.click("#right input")
    page.click("[role=option]:has-text('Original')")
    query_is(page, "?task=denoise&example=cat&pair=before,original")
    page.click("#hero [data-act=exact]")
    page.wait_for_function("location.search.includes('&spot=0.5,0.5,100')")
    page.locator("#hero [role=slider]").press("Shift+ArrowLeft")
    page.wait_for_function("location.search.endsWith('&split=40')")
    state = page.evaluate(STATE)

    fresh = opened(browser, page.url)
    finished(fresh, "Cat")
    assert fresh.url == page.url and fresh.evaluate(STATE) == state and state["zoom"] == 100
    assert fresh.inner_text("#hero .tag.left b") == "Before" and fresh.inner_text("#hero .tag.right b") == "Original"
    assert fresh.is_checked("#task label:has-text('Denoising') input") and not fresh.is_visible("#place .line")
    fresh.reload()
    finished(fresh, "Cat")
    assert fresh.url == page.url and fresh.evaluate(STATE) == state
    fresh.context.close()


def test_back_and_forward_keep_the_place(page):
    page.click("#task label:has-text('Denoising')")
    query_is(page, "?task=denoise")
    finished(page, "Denoising")
    page.click("#left input")
    page.click("[role=option]:has-text('Teacher')")
    query_is(page, "?task=denoise&pair=teacher,student")
    page.click("#models-tab-button")
    query_is(page, "?tab=models&model=denoise-student")
    page.click("#zoo-tables tr[data-network=denoise-teacher]")
    query_is(page, "?tab=models&model=denoise-teacher")
    length = page.evaluate("history.length")

    page.go_back()
    page.wait_for_selector("#zoo-head [data-address='model=denoise-student']")
    page.go_back()
    page.wait_for_selector("#hero .tag.left.teacher", state="visible")
    page.go_back()
    page.wait_for_selector("#hero .tag.left.input", state="visible")
    page.go_back()
    finished(page, "Super-resolution x4")
    query_is(page, "")
    assert page.is_checked("#task label:has-text('Super-resolution x4') input")
    for _ in range(4):
        page.go_forward()
        page.wait_for_timeout(100)  # before the server has answered
    page.wait_for_selector("#zoo-head [data-address='model=denoise-teacher']", state="visible")
    query_is(page, "?tab=models&model=denoise-teacher")
    assert page.evaluate("history.length") == length


LOSES_CLICKS = """let left = 2;
addEventListener('click', (event) => {
  if (event.isTrusted || !event.target.closest('[role=tab]') || !left--) return;
  event.stopImmediatePropagation();
}, true);"""
"""As gradio does while it still sets its tabs up."""


def test_a_link_opens_its_tab_where_the_first_clicks_are_lost(browser, address):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(LOSES_CLICKS)
    page.goto(f"{address}?model=denoise-teacher")
    page.wait_for_selector("#zoo-head [data-address='model=denoise-teacher']", state="visible")
    query_is(page, "?tab=models&model=denoise-teacher")
    page.context.close()


def test_who_opens_a_tab_while_the_script_of_the_address_still_loads_stays_on_it(browser, address):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    held = []
    page.route("**/static/address.js", lambda route: held.append(route))
    page.goto(address)
    page.click("#distill-tab-button")
    page.wait_for_selector("#distill-tab-button[aria-selected=true]")
    page.wait_for_timeout(200)  # the script is asked for
    [asked] = held
    asked.continue_()
    query_is(page, "?tab=distill")
    assert page.get_attribute("#distill-tab-button", "aria-selected") == "true"
    page.context.close()


def test_the_student_of_live_is_in_the_address(browser, address):
    chosen = "#live [data-choice=network]"
    for asked in ("denoise-student", "nothing"):
        page = opened(browser, f"{address}?tab=live&network={asked}")
        page.wait_for_selector("#live .headline:not(:empty)")
        query_is(page, "?tab=live&network=denoise-student" if asked == "denoise-student" else "?tab=live")
        usual = page.eval_on_selector(chosen, "(select) => select.value")
        other = "denoise-student" if asked == "nothing" else "sr_x4-student"
        assert (usual == asked) == (asked == "denoise-student") and usual != other
        page.select_option(chosen, other)
        page.wait_for_function("(usual) => !location.search.includes(usual)", arg=f"={usual}")
        page.wait_for_function("() => history.length > 2")
        page.go_back()
        page.wait_for_function(f"(usual) => document.querySelector('{chosen}').value === usual", arg=usual)
        page.context.close()


def test_an_unknown_word_is_one_line_and_the_address_becomes_what_is_shown(browser, address):
    page = opened(browser, f"{address}?task=denoise&example=nothing&spot=0.25,0.75,300&__theme=dark")
    page.wait_for_selector("#place .line.error:has-text(\"example 'nothing'\")")
    query_is(page, "?task=denoise&spot=0.25,0.75,300&__theme=dark")
    finished(page, "Denoising")
    page.wait_for_timeout(1_000)  # it went when the page had taken in what it had chosen itself
    assert page.is_visible("#place .line.error")
    page.click("#task label:has-text('Super-resolution x4')")
    page.wait_for_selector("#place .line", state="detached")
    page.context.close()


def test_an_upload_is_found_again_by_going_back_and_a_reload_and_a_link_to_it_has_its_task(page, browser, tmp_path):
    Image.new("RGB", (40, 30), (200, 90, 30)).save(tmp_path / "mine.png")
    page.click("#task label:has-text('Denoising')")
    query_is(page, "?task=denoise")
    page.set_input_files("#upload input[type=file]", tmp_path / "mine.png")
    page.wait_for_function("location.search.startsWith('?task=denoise&example=own-')")
    finished(page, "mine")
    link = page.url
    page.click("#examples button >> nth=6")
    query_is(page, "?task=denoise&example=cat")
    page.go_back()
    finished(page, "mine")
    page.click("#mode label:has-text('Test: degrade it')")
    query_is(page, f"?{link.partition('?')[2]}&mode=test")
    page.reload()
    finished(page, "mine")
    assert page.url == f"{link}&mode=test" and page.is_checked("#mode label:has-text('Test: degrade it') input")
    assert not page.is_visible("#place .line")
    fresh = opened(browser, link)
    fresh.wait_for_selector("#place .line:has-text('uploaded in another browser')")
    query_is(fresh, "?task=denoise")
    finished(fresh, "Coffee")
    fresh.context.close()


def test_a_reload_with_a_picture_to_paint_on_opens_the_painting(page, tmp_path):
    Image.new("RGB", (160, 120), (200, 90, 30)).save(tmp_path / "wall.png")
    page.click("#task label:has-text('Inpainting')")
    finished(page, "Inpainting")
    page.set_input_files("#upload input[type=file]", tmp_path / "wall.png")
    page.wait_for_selector("#hero .stage.painting")
    page.wait_for_function("location.search.includes('example=own-')")
    page.reload()
    page.wait_for_selector("#hero .stage.painting")
    page.wait_for_selector("#status .line.needed:has-text('Paint over the missing parts')")
    assert page.is_enabled("#run") and not page.is_visible("#stop")
