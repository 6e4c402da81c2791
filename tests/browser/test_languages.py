"""The page in Chinese in a headless Chromium: from its first paint, by the switch, and by axe-core. Networks are small
and random.
"""

import json

import pytest
from helpers.accessible import faults
from helpers.chinese import english_on

from kdsr.ui.languages.table import table_of, words_of

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
SCRIPTED = (
    "Restored in your browser in 188 ms.", "3 columns", "Nobody knows this.",
    "OpenVINO, 1 thread", "ONNX Runtime, 2 threads",
    "house.png, shrunk to 128 × 128; restored to 512 × 512 by Plain 16x7 学生网络 ×4.",
    "Your browser takes 188 ms; the server takes 20.1 ms with the round trip, the teacher there 1.2 s.",
)  # fmt: skip
"""What scripts say: the table of the server has these as well."""


def opened(context, address):
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#status .line.done", state="attached")
    return page


def english(page):
    """What the page says in English, without names: of the tests' own networks, and of authors."""
    return [
        text
        for text in english_on(page)
        if not text.startswith(("denoise-", "inpaint-", "nothing: ")) and "作者" not in text
    ]


def tabs_of(page):
    return [tab.inner_text() for tab in page.query_selector_all("button[role=tab]") if tab.is_visible()]


@pytest.fixture
def chinese(browser):
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def test_a_chinese_browser_gets_every_tab_in_chinese_without_a_fault(chinese, address):
    page = opened(chinese, address)
    assert tabs_of(page) == ["复原", "实时", "模型", "蒸馏"]
    assert page.evaluate("[document.documentElement.lang, navigator.language]") == ["zh-CN", "zh-CN"]
    assert page.inner_text("#summary .headline").startswith("学生网络")
    assert page.locator("#hero [data-act=spot]").inner_text() == "差异"
    assert "把图片拖到这里" in page.evaluate(
        "getComputedStyle(document.querySelector('#upload .wrap'), '::before').content"
    )
    page.click("#report-choice > button")
    page.click("#advanced > button")
    page.wait_for_selector("#report-pictures label")
    assert english(page) == [] and faults(page) == []
    for name, until in (("模型", "#zoo-head h2"), ("蒸馏", "#start"), ("实时", "#live .live-figures td")):
        page.click(f"button[role=tab]:has-text('{name}')")
        page.wait_for_selector(until)
        assert english(page) == [] and faults(page) == []
    assert page.inner_text("#live .headline").startswith("在浏览器中复原")


@pytest.mark.parametrize(
    "locale, chosen, tag, first_tab, other",
    [("en-US", "zh", "zh-CN", "复原", "English"), ("zh-CN", "en", "en", "Restore", "中文")],
)
def test_what_was_chosen_holds_in_a_browser_of_the_other_language(
    browser, address, locale, chosen, tag, first_tab, other
):
    context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 900})
    page = opened(context, f"{address}?lang={chosen}")
    assert page.evaluate("[document.documentElement.lang, navigator.language]") == [tag, tag]
    assert tabs_of(page)[0] == first_tab
    assert [link.inner_text() for link in page.query_selector_all("#language a") if link.is_visible()] == [other]
    context.close()


def test_scripts_translate_as_the_server_does(chinese, address):
    page = opened(chinese, address)
    said = page.evaluate("(texts) => texts.map((text) => kdsrSaid(text))", list(SCRIPTED))
    assert said == [table_of("zh").say(text) for text in SCRIPTED]
    assert page.evaluate("kdsrWords") == json.loads(json.dumps(words_of("zh", "browser")))


def test_the_switch_works_by_keyboard_keeps_the_address_and_is_remembered(browser, address):
    context = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    page = opened(context, address + "?task=denoise")
    assert tabs_of(page)[0] == "Restore"
    assert [link.inner_text() for link in page.query_selector_all("#language a") if link.is_visible()] == ["中文"]
    page.focus("#language a:visible")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector("button[role=tab]:has-text('复原')")
    page.wait_for_selector("#task label.selected:has-text('去噪')")
    assert "lang=zh" in page.url and "task=denoise" in page.url
    page.close()
    page = opened(context, address)  # the cookie, without a word in the address
    assert tabs_of(page)[0] == "复原"
    page.goto(address + "?lang=en")
    page.wait_for_selector("button[role=tab]:has-text('Restore')")
    context.close()


def test_an_error_is_told_in_the_language_of_its_page(chinese, address, tmp_path):
    page = opened(chinese, address)
    (tmp_path / "no.png").write_text("no picture")
    page.set_input_files("#upload input[type=file]", tmp_path / "no.png")
    page.wait_for_selector("#status .line.error:has-text('请另存为 PNG 或 JPEG')")
    assert page.locator(".toast-title").first.inner_text().strip() == "提示"
    (tmp_path / "notes.txt").write_text("no picture")
    page.set_input_files("#upload input[type=file]", tmp_path / "notes.txt")
    page.wait_for_selector("[data-testid=toast-text]:has-text('不支持的文件类型：notes.txt')")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_title_and_table_fit_a_tablet_and_a_phone(browser, address, language):
    page = browser.new_context(viewport={"width": 390, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{address}?lang={language}")
    page.wait_for_selector("#figures tr.teacher")
    page.wait_for_selector("#status .line.done", state="attached")
    top = "(name) => document.querySelector(name).getBoundingClientRect().top"
    for width in (390, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("(width) => document.documentElement.scrollWidth === width", arg=width)
        switch = page.evaluate(top, f"#language a:not([data-lang={language}])")
        assert switch < page.evaluate(top, "#masthead p")  # beside the title
        widths = page.evaluate("(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])"
                               "(document.querySelector('#figures table.figures').parentElement)")  # fmt: skip
        assert widths[0] <= widths[1]
    page.context.close()
