"""The element <kdsr-compare> alone, in a headless Chromium: its keys, its pixels, its captions, fingers on it."""

import html
import io
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdsr.ui.compare import SCRIPTS

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("default")]
HOST = "http://compare.test"
SIZE = (320, 240)
PLANTED = (250, 40)
"""Where the two pictures differ, in pixels."""


def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    after = before.copy()
    x, y = PLANTED
    after[y - 10 : y + 10, x - 10 : x + 10] = 255 - after[y - 10 : y + 10, x - 10 : x + 10]
    return {"input": before, "student": after, "teacher": np.full_like(before, 90)}


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def document(right: str) -> str:
    titles = {"input": "Before", "student": "Student", "teacher": "Teacher"}
    shown = {
        "name": "scene", "size": SIZE, "left": "input", "right": right,
        "pictures": [
            {"key": key, "src": f"/{key}.png", "title": title, "figure": "30.1 dB", "kind": key}
            for key, title in titles.items()
        ],
    }  # fmt: skip
    return (
        '<!doctype html><meta name="viewport" content="width=device-width"><body style="margin:0">'
        '<kdsr-compare source="data"></kdsr-compare>'
        f'<div id="data"><i data-pictures="{html.escape(json.dumps(shown))}"></i></div>'
        '<p style="height:3000px"></p><script type="module" src="/compare.js"></script>'
    )


def opened(context: "sync_api.BrowserContext", right: str = "student") -> "sync_api.Page":
    def answer(route: "sync_api.Route") -> None:
        name = route.request.url.removeprefix(HOST).strip("/")
        if name.endswith(".js"):
            route.fulfill(body=(SCRIPTS / name).read_text(encoding="utf-8"), content_type="text/javascript")
        elif name.endswith(".png"):
            route.fulfill(body=png(pictures()[Path(name).stem]), content_type="image/png")
        else:
            route.fulfill(body=document(right), content_type="text/html")

    page = context.new_page()
    page.route(f"{HOST}/**", answer)
    page.goto(HOST)
    page.wait_for_function("document.querySelector('kdsr-compare')?.shown")
    page.wait_for_timeout(300)
    return page


@pytest.fixture
def page(browser) -> Iterator["sync_api.Page"]:
    context = browser.new_context(viewport={"width": 640, "height": 700})
    yield opened(context)
    context.close()


def seen(page: "sync_api.Page", number: int = 0) -> tuple[np.ndarray, tuple[int, int]]:
    """The pixels of a pane without captions and divider, and the place in it where the picture begins."""
    page.evaluate("""() => { for (const part of document.querySelector('kdsr-compare').shadowRoot
        .querySelectorAll('.tag, .slider')) part.style.visibility = 'hidden'; }""")
    page.evaluate("document.querySelector('kdsr-compare').stage.style.borderRadius = 0")
    pane = page.locator("kdsr-compare .pane").nth(number)
    box, image = pane.bounding_box(), pane.locator("img").first.bounding_box()
    left, top = math.ceil(box["x"]), math.ceil(box["y"])
    right, bottom = math.floor(box["x"] + box["width"]), math.floor(box["y"] + box["height"])
    shown = np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))[top:bottom, left:right]
    return shown, (round(image["x"]) - left, round(image["y"]) - top)


def part_of(pixels: np.ndarray, shown: np.ndarray, place: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """What `shown` and the file have in common, `place` being where the file's first pixel is."""
    x, y = place
    rows = slice(max(0, -y), min(len(pixels), len(shown) - y))
    columns = slice(max(0, -x), min(pixels.shape[1], shown.shape[1] - x))
    return shown[rows.start + y : rows.stop + y, columns.start + x : columns.stop + x], pixels[rows, columns]


def test_keys_move_the_divider_and_its_name_and_value_are_said(page):
    slider = page.locator("kdsr-compare [role=slider]")
    assert slider.get_attribute("aria-label") == "Before against Student"
    slider.focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert slider.get_attribute("aria-valuenow") == "31"
    assert slider.get_attribute("aria-valuetext") == "31 % Before, 69 % Student"
    page.keyboard.press("Home")
    assert "away" in page.get_attribute("kdsr-compare .tag.left", "class")
    assert "away" not in page.get_attribute("kdsr-compare .tag.right", "class")


CAPTIONS = """() => {
  const root = document.querySelector('kdsr-compare').shadowRoot, stage = root.querySelector('.stage');
  const line = stage.getBoundingClientRect().left + stage.clientWidth * document.querySelector('kdsr-compare').at / 100;
  const [left, right] = ['left', 'right'].map((side) => root.querySelector(`.tag.${side}`));
  const isIn = (tag, room) => tag.classList.contains('away') || room > 0;
  return isIn(left, line - left.getBoundingClientRect().right)
    && isIn(right, right.getBoundingClientRect().left - line);
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_captions_stay_on_their_side_of_the_divider(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("""for (const tag of document.querySelector('kdsr-compare').shadowRoot.querySelectorAll('.tag b')) {
        tag.textContent = 'The student without distillation, by another name';
    }""")
    slider = page.locator("kdsr-compare [role=slider]")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(11):
        assert page.evaluate(CAPTIONS), slider.get_attribute("aria-valuenow")
        page.keyboard.press("Shift+ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "100"
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("at, key", [("End", "input"), ("Home", "student")])
def test_at_one_to_one_every_pixel_is_the_file_s(page, at, key):
    page.locator("kdsr-compare [role=slider]").focus()
    for pressed in ("1", at):
        page.keyboard.press(pressed)
    assert page.inner_text("kdsr-compare [data-part=zoom]") == "100 %"
    found, wanted = part_of(pictures()[key], *seen(page))
    assert wanted.size > 200_000 and np.array_equal(found, wanted)


def test_above_one_to_one_a_pixel_is_a_square(page):
    page.evaluate("document.querySelector('kdsr-compare').place({at: 100, zoom: 400, centre: [0.5, 0.5]})")
    large = pictures()["input"].repeat(4, axis=0).repeat(4, axis=1)
    found, wanted = part_of(large, *seen(page))
    assert wanted.size > 200_000 and np.array_equal(found, wanted)


def test_two_to_five_columns_show_the_same_spot_of_the_files(page):
    page.click("kdsr-compare [data-act=columns]")
    page.click("kdsr-compare [data-act=columns]")
    assert page.locator("kdsr-compare .pane").count() == 3
    page.evaluate("document.querySelector('kdsr-compare').zoom((view) => view.zoomTo(1))")
    for number, key in enumerate(("input", "student", "teacher")):
        found, wanted = part_of(pictures()[key], *seen(page, number))
        assert wanted.size > 50_000 and np.array_equal(found, wanted), key
    page.click("kdsr-compare [data-act=columns]")
    assert page.locator("kdsr-compare .pane").count() == 1


def test_differences_leads_to_the_spot_where_the_two_differ(page):
    page.click("kdsr-compare [data-act=spot]")
    page.wait_for_selector("kdsr-compare .said:has-text('Spot 1 of')")
    centre = page.evaluate("document.querySelector('kdsr-compare').state.centre")
    assert abs(centre[0] * SIZE[0] - PLANTED[0]) < 32 and abs(centre[1] * SIZE[1] - PLANTED[1]) < 60


def test_equal_pictures_are_said_to_be_equal(browser):
    context = browser.new_context()
    page = opened(context, right="input")
    page.click("kdsr-compare [data-act=spot]")
    page.wait_for_selector("kdsr-compare .said:has-text('equal')")
    context.close()


def test_a_double_click_zooms_at_the_spot_and_back(page):
    box = page.locator("kdsr-compare .stage").bounding_box()
    place = (box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.dblclick(*place)
    assert page.evaluate("document.querySelector('kdsr-compare').view.isFit") is False
    page.mouse.dblclick(*place)
    assert page.evaluate("document.querySelector('kdsr-compare').view.isFit") is True


def test_the_wheel_scrolls_the_page_until_the_picture_was_clicked(page):
    box = page.locator("kdsr-compare .stage").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, 200)
    page.wait_for_function("scrollY > 100")
    page.evaluate("scrollTo(0, 0)")
    page.mouse.click(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, -200)
    page.wait_for_function("!document.querySelector('kdsr-compare').view.isFit")
    assert page.evaluate("scrollY") == 0


def test_in_full_screen_the_picture_is_whole_with_its_captions(page):
    page.click("kdsr-compare [data-act=fullscreen]")
    page.wait_for_function("document.fullscreenElement && document.querySelector('kdsr-compare').isFull")
    page.wait_for_timeout(400)
    screen = page.evaluate("[innerWidth, innerHeight]")
    image = page.locator("kdsr-compare .layer.right img").bounding_box()
    assert image["x"] >= 0 and image["y"] >= 0
    assert image["x"] + image["width"] <= screen[0] + 1 and image["y"] + image["height"] <= screen[1] + 1
    assert page.locator("kdsr-compare .tag.left").is_visible() and page.locator("kdsr-compare .tag.right").is_visible()
    beside = "each => getComputedStyle(each).backgroundColor"  # one colour, left and right of the divider
    parts = [page.locator(f"kdsr-compare {name}").evaluate(beside) for name in (".layer.left", ".stage")]
    assert parts == ["rgb(21, 20, 19)"] * 2


@pytest.fixture
def phone(browser) -> Iterator["sync_api.Page"]:
    context = browser.new_context(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    yield opened(context)
    context.close()


class Finger:
    """Real touches on `page`, as the browser gets them from a screen."""

    def __init__(self, page: "sync_api.Page") -> None:
        self.page, self.devtools = page, page.context.new_cdp_session(page)

    def touch(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self.devtools.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    def move(self, start: list[tuple[float, float]], end: list[tuple[float, float]], steps: int = 12) -> None:
        """The fingers go from `start` to `end`."""
        self.touch("Start", *start)
        for step in range(1, steps + 1):
            places = [
                tuple(a + (b - a) * step / steps for a, b in zip(one, other, strict=True))
                for one, other in zip(start, end, strict=True)
            ]
            self.touch("Move", *places)
            self.page.wait_for_timeout(16)
        self.touch("End")


def test_a_finger_that_goes_up_on_the_picture_scrolls_the_page(phone):
    Finger(phone).move([(195, 260)], [(195, 60)])
    phone.wait_for_function("scrollY > 100")
    assert phone.evaluate("document.querySelector('kdsr-compare').state") == {"at": 50, "columns": 0}


def test_a_finger_that_goes_sideways_moves_the_divider(phone):
    Finger(phone).move([(195, 150)], [(320, 150)])
    phone.wait_for_function("document.querySelector('kdsr-compare').at > 75")
    assert phone.evaluate("scrollY") == 0


def test_two_fingers_that_part_zoom_at_the_spot_between_them(phone):
    Finger(phone).move([(150, 150), (190, 150)], [(80, 150), (260, 150)])
    zoomed = phone.evaluate("(({ scale, fit }) => scale / fit)(document.querySelector('kdsr-compare').view)")
    spot = phone.evaluate("document.querySelector('kdsr-compare').view.spot([170, 150])")
    assert zoomed == pytest.approx(180 / 40, rel=0.1) and spot[0] == pytest.approx(170 / 390, abs=0.02)
    assert phone.evaluate("scrollY") == 0 and phone.evaluate("visualViewport.scale") == 1
    Finger(phone).move([(195, 150)], [(115, 150)])  # one finger then moves the picture
    assert phone.evaluate("document.querySelector('kdsr-compare').view.spot([90, 150])[0]") == pytest.approx(
        spot[0], abs=0.05
    )


def test_the_loupe_shows_each_pixel_as_a_square(page):
    page.locator("kdsr-compare [role=slider]").focus()
    for pressed in ("1", "l"):
        page.keyboard.press(pressed)
    box = page.locator("kdsr-compare .stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(200)
    data = page.evaluate("""() => { const canvas = document.querySelector('kdsr-compare').loupe;
        return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]; }""")
    loupe = np.array(data, np.uint8).reshape(168, 168, 4)[..., :3]
    squares = loupe[3::6, 3:84:6]
    x, y = SIZE[0] // 2 - 7, SIZE[1] // 2 - 14
    assert np.array_equal(squares[:, :13], pictures()["input"][y : y + 28, x : x + 13])
    assert np.array_equal(loupe[3::6, 87::6], pictures()["student"][y : y + 28, x : x + 14])


def test_spots_near_the_border_that_are_shown_alike_are_one(page):
    spots = "[[0.98, 0.5], [0.9, 0.52], [0.2, 0.5], [0.99, 0.02]]"
    found = page.evaluate(f"document.querySelector('kdsr-compare').view.distinct({spots}, 8)")
    assert found == [[0.98, 0.5], [0.2, 0.5], [0.99, 0.02]]


def test_through_the_holes_of_the_left_picture_the_right_one_is_not_seen(browser, monkeypatch):
    made = pictures()
    holed = np.dstack([made["input"], np.full(SIZE[::-1], 255, np.uint8)])
    holed[100:140, 20:60, 3] = 0
    monkeypatch.setattr(sys.modules[__name__], "pictures", lambda: made | {"input": holed})
    left = []
    for right in ("student", "teacher"):
        context = browser.new_context(viewport={"width": 640, "height": 700})
        shown, _ = seen(opened(context, right))
        left.append(shown[:, : shown.shape[1] // 2 - 2])
        context.close()
    assert np.array_equal(*left)
