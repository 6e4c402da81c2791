"""The tab Distill in a headless Chromium: a run from its photographs to the network that is taken home.

Networks are small and random; the run trains in a worker of its own, as for a visitor.
"""

import re
from pathlib import Path

import pytest
from helpers.accessible import faults
from helpers.running import photograph
from helpers.workers import closed_gate, workers_begin_with

from kdsr.image import read_picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings
from kdsr.zoo import Catalog

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
WAIT_MS = 150_000
STEPS = 600
CUSTOM = {"steps": STEPS, "batch_size": 1, "patch_px": 16}
CHANGES = ("stop", "resume", "delete", "compare", "files")


def opened(context: "sync_api.BrowserContext", address: str) -> "sync_api.Page":
    """The tab in a new page of `context`."""
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.click("button[role=tab]:has-text('Distill')")
    page.wait_for_selector("#start", state="visible")
    return page


def fill_form(page: "sync_api.Page", photos: list[Path]) -> None:
    page.set_input_files("#photos input[type=file]", photos)
    page.wait_for_selector(f"#photos-chosen :text('{len(photos)} photographs')")
    page.click("#distill-student input")
    page.click("[role=option]:has-text('Fine-tune')")
    page.click("#preset label:has-text('Custom')")
    for name, value in CUSTOM.items():
        page.fill(f"#custom-{name} input", str(value))
    page.fill("#run-name input, #run-name textarea", "my network")
    page.wait_for_selector(f"#estimate :text('{STEPS:,} steps')")


def state(page: "sync_api.Page", *names: str) -> None:
    """Wait until the run is in one of the states."""
    page.wait_for_selector(", ".join(f"#run-head .badge.{name}" for name in names))


def step(page: "sync_api.Page") -> int:
    """The step that the run's page tells."""
    page.wait_for_selector("#run-progress :text('steps/s')")
    words = page.inner_text("#run-progress").replace(",", "").split()
    return int(words[words.index("Step") + 1])


def downloaded(page: "sync_api.Page", button: str, folder: Path) -> Path:
    with page.expect_download() as waited:
        page.click(button)
    target = folder / waited.value.suggested_filename
    waited.value.save_as(target)
    return target


def test_a_run_outlives_its_page_and_its_network_is_taken_home(browser, address, tmp_path, monkeypatch):
    # Over 40 lines: one visit from start to download; each step needs the one before.
    gate = tmp_path / "gate"
    workers_begin_with(monkeypatch, closed_gate(gate, 250))
    anna = browser.new_context(viewport={"width": 1280, "height": 860})
    page = opened(anna, address)
    assert "Train your own student" in page.inner_text("#run-page")
    fill_form(page, [photograph(tmp_path / f"photo {index}.png", 96, 104) for index in range(5)])
    page.click("#start")
    before = step(page)
    page.close()

    page = opened(anna, address)
    assert step(page) >= before
    link = page.get_attribute("#run-head a.share", "href")
    page.click("#run-stop")
    state(page, "stopped")
    watched = another_browser_only_watches(browser, address + link)
    gate.unlink()
    page.click("#run-resume")
    state(page, "running", "done")  # on a quick machine it may be done already
    assert faults(page) == []
    state(page, "done")
    assert faults(page) == []
    watched.wait_for_selector("#run-head .badge.done")
    assert not any(watched.is_visible(f"#run-{name}") for name in CHANGES)
    watched.context.close()
    assert page.locator("#run-curves polyline").count() >= 2 and page.locator("#run-previews img").count() == 5
    assert "dB" in page.inner_text("#run-progress .headline")
    files = [downloaded(page, f"#run-{name}", tmp_path / "home") for name in ("weights", "card", "onnx", "recipe")]
    assert [path.name for path in files] == [
        "my-network.safetensors",
        "my-network.json",
        "my-network.onnx",
        "my-network-recipe.json",
    ]

    page.click("#run-compare")
    page.wait_for_selector(".tag.left.before")  # first: the run before it is done as well
    page.wait_for_selector("#status .line.done", state="attached")
    assert "than before" in page.inner_text("#summary")
    page.click("#advanced button")
    assert page.input_value("#student input") == "my network (yours)"
    page.click("#all-files button")
    given, made = (
        downloaded(page, f"#files a[download$='{end}'], #files a[href$='{end}']", tmp_path)
        for end in ("-input.png", "-student.png")
    )
    catalog = Catalog(tmp_path / "home")
    ran = re.search(r"float32, (\w+)", page.inner_text("#figures"))  # another one may round a value the other way
    runtime = open_runtime(
        catalog.find("my-network"), catalog, runtime=ran[1], settings=Settings(device="cpu", threads=1)
    )
    settings = Settings()
    assert (restore_picture(read_picture(given, settings), runtime).pixels == read_picture(made, settings).pixels).all()
    deleted_for_good(page)
    anna.close()


def another_browser_only_watches(browser: "sync_api.Browser", link: str) -> "sync_api.Page":
    """The page of the run in a browser of somebody else, on a phone."""
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(link)
    state(page, "stopped")
    assert "belongs to another browser" in page.inner_text("#run-progress")
    assert not any(page.is_visible(f"#run-{name}") for name in CHANGES) and not page.is_visible("#runs")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    return page


def deleted_for_good(page: "sync_api.Page") -> None:
    """The run is deleted after a question, which may be answered with no."""
    page.click("button[role=tab]:has-text('Distill')")
    page.click("#run-delete")
    page.click("#run-keep")
    page.wait_for_selector("#run-confirm", state="hidden")
    page.click("#run-delete")
    page.click("#run-delete-really")
    page.wait_for_selector("#run-page .empty")
    assert not page.is_visible("#runs")


def test_what_is_wrong_is_one_sentence_and_the_form_stays(browser, address, tmp_path):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = opened(context, address)
    page.click("#start")
    page.wait_for_selector("#form-status .error:has-text('no photographs')")
    (tmp_path / "notes.png").write_text("This is no picture.")
    page.set_input_files("#photos input[type=file]", tmp_path / "notes.png")
    page.wait_for_selector("#photos-chosen .error:has-text('notes.png')")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(address + "?run=rAAAAAAAAAAAAAAAAAAAA")
    page.wait_for_selector("#run-status .error:has-text('no such run')")
    context.close()
