"""The presentation: its screens by keyboard, its address, without faults by axe-core, and without another server."""

import pytest
from helpers.accessible import faults

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]
STAGE = "document.querySelector('#present kdsr-compare')"
SHOWN = f"() => [{STAGE}.columns, {STAGE}.pair.map((picture) => picture.key), Math.round({STAGE}.at)]"


@pytest.fixture
def page(browser, address):
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#status .line.done", state="attached")
    yield page
    page.context.close()


def on(page, screen):
    """Wait until `screen` is shown."""
    page.wait_for_function(f"{STAGE}?.shown?.pictures.length > 3")
    page.wait_for_selector(f"#present h2:text-is('{screen}')")


def test_seven_screens_by_keyboard_alone_and_back_on_the_page(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.focus("#present-open")
    page.keyboard.press("Enter")
    on(page, "Before")
    page.wait_for_selector("#present-plot .about", state="attached")  # random networks have no figures
    screens = []
    for _ in range(7):
        screens.append((page.inner_text("#present h2"), *page.evaluate(SHOWN)[:2]))
        assert faults(page) == []
        page.keyboard.press("PageDown")
    assert screens[:3] == [
        ("Before", 1, ["input", "student"]),
        ("Student", 1, ["student", "input"]),
        ("Teacher", 1, ["teacher", "student"]),
    ]
    assert screens[3][:2] == ("Side by side", 3)
    assert [name for name, *_ in screens[4:]] == ["The figures", "Quality against latency", "Train your own"]
    assert page.evaluate("location.search") == "?present=7" and page.is_disabled("#present [data-does=next]")
    assert page.inner_text("#present .own li >> nth=0").startswith("Add photographs")
    page.keyboard.press("5")
    sentence, table = page.inner_text("#summary .headline"), page.inner_text("#figures table.figures")
    assert page.inner_text("#present .headline") == sentence and page.inner_text("#present table.figures") == table
    page.keyboard.press("Escape")
    if page.evaluate("document.querySelector('#present').open"):  # the first Escape leaves the full screen
        page.keyboard.press("Escape")
    page.wait_for_selector("#present", state="hidden")
    assert page.evaluate("[location.search, document.activeElement.id]") == ["", "present-open"]
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


def test_one_picture_slider_spot_figures_and_the_next_picture(page):
    page.goto(page.url + "?present=2")
    on(page, "Student")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(SHOWN) == [0, ["student", "input"], 55]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(SHOWN)[2] == 45
    page.keyboard.press("o")
    on(page, "Original")
    assert page.evaluate(SHOWN)[:2] == [1, ["truth", "student"]]
    page.keyboard.press("z")
    page.wait_for_function(f"!{STAGE}.view.isFit")
    spot = page.evaluate(f"{STAGE}.state.centre")
    page.keyboard.press("t")
    on(page, "Teacher")
    assert page.evaluate(f"{STAGE}.state.centre") == spot
    page.keyboard.press("0")
    assert page.evaluate(f"{STAGE}.view.isFit")
    page.keyboard.press("i")
    assert not page.is_visible("#present kdsr-compare .tag") and not page.is_visible("#present .where")
    page.keyboard.press("i")
    assert page.is_visible("#present kdsr-compare .tag")
    before = page.evaluate(f"{STAGE}.shown.name")
    page.keyboard.press("n")
    page.wait_for_function(f"(before) => {STAGE}.shown.name !== before", arg=before)
    on(page, "Teacher")
    page.keyboard.press("7")
    page.click("#present [data-does=distill]")
    page.wait_for_selector("#start")
    assert "present" not in page.url


def test_once_open_it_needs_no_network_and_its_table_has_no_band_of_another_colour(page):
    page.goto(page.url + "?present")
    on(page, "Before")
    page.wait_for_function(f"{STAGE}.kept.every(({{ image }}) => image.naturalWidth > 0)")
    page.context.set_offline(True)
    for key in "1234sto":
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        seen = page.evaluate(f"[...{STAGE}.shadowRoot.querySelectorAll('.stage img')].map((each) => each.naturalWidth)")
        assert seen and all(width > 0 for width in seen), key
    page.context.set_offline(False)
    page.keyboard.press("5")
    covers = page.evaluate("""() => {
      const [dialog, table] = ["#present", "#present .scroll"].map((each) => document.querySelector(each));
      return [getComputedStyle(dialog).backgroundColor, getComputedStyle(table).backgroundImage];
    }""")
    assert covers[1].count(covers[0]) == 2  # what hides the shadow of an edge where nothing lies beyond it
