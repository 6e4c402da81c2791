"""The tab Live in a headless Chromium: latency of a student against native ONNX Runtime, and the page's frame gaps.

    python benchmarks/live_browser.py [--seconds 5] [--networks NAME ...]

Serves the page with the weights of this repository, opens *Live*, and for each network restores the middle of the
first example, 128 x 128: median of warm runs of the network by WebAssembly with one thread, and of the same graph by
native ONNX Runtime with one thread in this process, before and after. Then the fake webcam of Chromium runs for some
seconds, as its frames come, and a video file of 640 x 480 at 15 frames a second, which the page holds by the size of
its input: frames per second, and meanwhile the gaps between the page's own frames (requestAnimationFrame) and its
longest task. Then the same on the page as it is served: isolated, so that WebAssembly may use threads. Prints one JSON
object; run it on an idle machine.
"""

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from helpers.clips import make_clip  # noqa: E402 - a module of the tests
from helpers.serving import served  # noqa: E402

from kdsr.restore import open_runtime  # noqa: E402
from kdsr.settings import Settings  # noqa: E402
from kdsr.zoo import Catalog  # noqa: E402

NETWORKS = ["sr_x4-student-16x7", "sr_x4-student-32x7", "photo_x4-sharp-32x7", "photo_x4-sharp-64x16"]
SIDE_PX = 128
NATIVE_RUNS = 30
WAIT_MS = 120_000
SETTLING_MS = 4_000  # until the size holds the rate
FLAGS = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DONE = "document.querySelector('[data-part=headline]').textContent.startsWith('Restored in your browser in')"
GAPS = """() => { const gaps = window.gaps = [], tasks = window.tasks = [0]; let last = performance.now();
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: "longtask" });
  const seen = (now) => { gaps.push(now - last); last = now; requestAnimationFrame(seen); };
  requestAnimationFrame((now) => { last = now; seen(now); }); }"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="that the webcam runs each time")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="names of students")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings(home=Path(folder) / "home", device="cpu", threads=1)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        with served(settings) as address:
            plain = browser.new_page()
            plain.route(address, not_isolated)
            measured = {"one_thread": measured_page(plain, address, settings, options)}
            plain.close()
            measured["isolated"] = measured_page(browser.new_page(), address, settings, options)
        browser.close()
    print(json.dumps(measured, indent=2))  # noqa: T201 - the output of a script


def not_isolated(route: Route) -> None:
    """Answer as the server does, without the header that isolates the page: WebAssembly has one thread then."""
    response = route.fetch()
    route.fulfill(
        response=response,
        headers={name: value for name, value in response.headers.items() if not name.startswith("cross-origin-")},
    )


def measured_page(page: Page, address: str, settings: Settings, options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one page."""
    page.set_default_timeout(WAIT_MS)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(address)
    page.wait_for_selector("#status .line.done", state="attached")
    since = time.perf_counter()
    page.click("button[role=tab]:has-text('Live')")
    page.wait_for_selector("#live .headline:has-text('Restored in your browser')")
    first_s = time.perf_counter() - since
    page.click("[data-choice=part] label:has-text('Centre crop')")
    return {"tab_opened_to_first_picture_s": first_s} | dict(measured_students(page, settings, options))


def measured_students(page: Page, settings: Settings, options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Figures of each student."""
    clip = settings.home / "clip.mp4"
    make_clip(clip, frames=90, width=640, height=480, rate=15)
    catalog = Catalog(settings.weights_dir)
    for name in options.networks:
        card = catalog.find(name)
        page.select_option("[data-choice=network]", card.name)
        page.wait_for_function(
            "name => document.querySelector('[data-part=about]').textContent.includes(`by ${name}.`)", arg=card.title
        )
        page.wait_for_function(DONE)
        native = [native_ms(card.name, catalog, settings)]
        page.click("[data-choice=size] label:has-text('96')")
        page.wait_for_function(DONE)
        page.click("[data-choice=size] label:has-text('128')")
        page.wait_for_timeout(300)
        page.wait_for_function(DONE)
        still = row(page)
        native.append(native_ms(card.name, catalog, settings))
        yield (
            card.name,
            {
                "native_ms": native,
                "ratio": still["network_ms"] / statistics.median(native),
                "still": still,
                "webcam": filmed(page, options.seconds, "0"),
                "file_at_15": filmed(page, options.seconds, "15", clip),
            },
        )


def native_ms(name: str, catalog: Catalog, settings: Settings) -> float:
    """Median of native ONNX Runtime, one thread, the graph that the browser runs."""
    runtime = open_runtime(catalog.find(name), catalog, runtime="onnx", settings=settings)
    pixels, taken = np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8), []
    for _ in range(NATIVE_RUNS):
        since = time.perf_counter()
        runtime.run_uint8(pixels)
        taken.append(1000 * (time.perf_counter() - since))
    return statistics.median(taken[3:])


def filmed(page: Page, seconds: float, rate: str, clip: Path | None = None) -> dict[str, Any]:
    """The webcam, or `clip`, for some seconds; `rate` is what the page shall hold, "0" none."""
    if clip is None:
        page.click("[data-act=webcam]")
    else:
        page.set_input_files("#live input[type=file]", clip)
    page.wait_for_selector(".headline:has-text('frames per second')")
    page.check(f"[data-choice=rate] input[value='{rate}']", force=True)
    page.wait_for_timeout(SETTLING_MS)
    page.evaluate(GAPS)
    page.wait_for_timeout(1000 * seconds)
    gaps, headline = sorted(page.evaluate("window.gaps")), page.inner_text("#live .headline")
    tasks, about = page.evaluate("window.tasks"), page.inner_text("#live .about")
    figures = row(page)
    page.click("[data-act=webcam]")
    page.click(".live-examples button >> nth=0")
    page.wait_for_selector("#live .headline:has-text('Restored in your browser in')")
    reached = re.match(r"[\d.]+", headline)
    page_gap_ms = {"median": gaps[len(gaps) // 2], "p99": gaps[int(0.99 * len(gaps))], "worst": gaps[-1]}
    size = re.search(r"\d+ × \d+", about)
    assert reached and size
    return figures | {
        "input": size[0],
        "frames_per_second": float(reached[0]),
        "page_gap_ms": page_gap_ms,
        "longest_task_ms": max(tasks),
    }


def row(page: Page) -> dict[str, Any]:
    """What the table says of the student in the browser."""
    cells = page.eval_on_selector_all("tr[data-row=student] > *", "cells => cells.map(cell => cell.innerText)")
    network, _, whole = (
        float(cell.split()[0]) * (1000 if cell.endswith(" s") else 1) for cell in (cells[1], "0 ms", cells[3])
    )
    return {"place": cells[0].splitlines()[-1], "network_ms": network, "whole_ms": whole}


if __name__ == "__main__":
    main()
