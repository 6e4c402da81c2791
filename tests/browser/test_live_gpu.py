"""The tab Live on WebGPU, in a headless Chromium whose GPU is made of software: every kind of student agrees with
WebAssembly, frames stay on the GPU, and what it cannot run is said. Networks are small and random.
"""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from helpers.live import downloaded, drop, opened, picture, student_here
from helpers.networks import add_network
from helpers.serving import served

from kdsr.settings import Settings
from kdsr.ui.live.files import SCRIPTS

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]
STUDENTS = {
    "sr_x4-student": ("sr_x4", {"width": 8, "depth": 3}),
    "sr_x3-student": ("sr_x3", {"width": 10, "depth": 3, "skip": 3}),
    "photo_x4-student": ("photo_x4", {"width": 72, "depth": 3, "prelu": 1}),
    "jpeg-student": ("jpeg", {"width": 16, "depth": 3, "unshuffle": 2, "colour": 8}),
}
"""What they are made of: rectified or not, an enlarged input beside them, tensors at half size, parts of channels."""
SOFTWARE_GPU = [
    "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan",
    "--use-vulkan=swiftshader", "--use-angle=swiftshader", "--disable-vulkan-surface",
]  # fmt: skip
ON_GPU = "#live tr[data-row=student] small:has-text('WebGPU (')"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("live")
    (folder / "weights").mkdir()
    for seed, (name, (task, arguments)) in enumerate(STUDENTS.items()):
        add_network(folder / "weights", name, task, "student", "plain", arguments, seed=seed, title=name)
    return Settings(weights_dir=folder / "weights", home=folder / "home", device="cpu", threads=1)


@pytest.fixture(scope="module")
def page(browser, chromium, settings) -> Iterator["sync_api.Page"]:
    """The tab on WebGPU; where the browser has none, there is nothing to test."""
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", *SOFTWARE_GPU]
    started = browser.browser_type.launch(executable_path=chromium, args=flags)
    with served(settings) as address:
        page = started.new_page()
        opened(page, address)
        if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this browser has no WebGPU, not even in software")
        yield page
        started.close()


@pytest.fixture
def on_gpu(page, tmp_path) -> "sync_api.Page":
    drop(page, picture(tmp_path / "small.png", 20, 20))  # a GPU of software takes its time
    page.click("#live [data-choice=backend] label:has-text('WebGPU')")
    page.wait_for_selector(ON_GPU)
    return page


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_restores_on_the_gpu_what_webassembly_does(on_gpu, settings, tmp_path, name):
    on_gpu.select_option("#live [data-choice=network]", name)
    on_gpu.wait_for_selector(f"#live .about:has-text('by {name}')")
    path = picture(tmp_path / "mine.png", 24, 20)
    drop(on_gpu, path)
    place = on_gpu.inner_text("#live tr[data-row=student]")
    assert re.search(r"WebGPU .*(equal to WebAssembly on a tile|1 of 255 from WebAssembly)", place)
    if not name.startswith("jpeg"):  # the browser's own JPEG comes before it
        wanted = student_here(path, settings, name)
        assert np.abs(downloaded(on_gpu)[1].astype(int) - wanted.astype(int)).max() <= 1


def test_a_picture_is_shrunk_and_cut_on_the_gpu_as_by_the_processor(on_gpu, tmp_path):
    on_gpu.select_option("#live [data-choice=network]", "sr_x4-student")
    on_gpu.click("#live [data-choice=size] label:has-text('96')")
    drop(on_gpu, picture(tmp_path / "wide.png", 200, 90))
    for part in ("Whole picture", "Centre crop"):
        on_gpu.click(f"#live [data-choice=part] label:has-text('{part}')")
        made = {}
        for backend in ("WebAssembly", "WebGPU"):
            on_gpu.click(f"#live [data-choice=backend] label:has-text('{backend}')")
            on_gpu.wait_for_selector(f"#live tr[data-row=student] small:text-matches('^{backend}')")
            on_gpu.wait_for_selector("#live .headline:has-text('Restored in your browser in')")
            made[backend] = downloaded(on_gpu)[1].astype(int)
        apart = np.abs(made["WebGPU"] - made["WebAssembly"])
        assert apart.mean() < 0.1 and apart.max() <= 4, part  # inputs may differ by a level where a half is rounded


def test_frames_of_a_camera_are_restored_on_the_gpu_and_compared_with_the_server(on_gpu):
    on_gpu.click("#live [data-choice=size] label:has-text('96')")
    on_gpu.click("#live [data-act=webcam]")
    on_gpu.wait_for_selector("#live .headline:has-text('frames per second')")
    assert "WebGPU (" in on_gpu.inner_text("#live tr[data-row=student]")
    on_gpu.click("#live [data-act=compare]")
    on_gpu.wait_for_function("!document.querySelector('#live [data-part=status]').textContent.includes('at work')")
    assert re.search(r"bit for bit|at most 1 of 255", on_gpu.inner_text("#live [data-part=apart]"))


def test_a_gpu_that_is_lost_is_followed_by_webassembly(page, tmp_path):
    lost = (
        (SCRIPTS / "gpu" / "gpu.js")
        .read_text(encoding="utf-8")
        .replace(
            "    const shape = JSON",
            "    if ((this.runs = (this.runs ?? 0) + 1) > 3) this.device.device.destroy();\n    const shape = JSON",
        )
    )
    headers = {"content-type": "text/javascript", "cross-origin-embedder-policy": "require-corp"}
    page.route("**/gpu/gpu.js", lambda route: route.fulfill(body=lost, headers=headers))
    opened(page, page.url)
    drop(page, picture(tmp_path / "mine.png", 20, 20))
    page.click("#live [data-choice=backend] label:has-text('WebGPU')")
    page.wait_for_selector("#live tr[data-row=student] small:has-text('WebGPU cannot run this student here')")
    assert page.is_checked("#live [data-choice=backend] input[value=wasm]")
    assert page.locator("#live .line.error").count() == 0
    page.unroute("**/gpu/gpu.js")


def test_where_the_gpu_disagrees_webassembly_goes_on_and_the_reason_is_said(page, tmp_path):
    stricter = (
        (SCRIPTS / "worker.js")
        .read_text(encoding="utf-8")
        .replace("const ALLOWED_LEVELS = 1;", "const ALLOWED_LEVELS = -1;")
    )
    headers = {"content-type": "text/javascript", "cross-origin-embedder-policy": "require-corp"}
    page.route("**/worker.js", lambda route: route.fulfill(body=stricter, headers=headers))
    opened(page, page.url)
    page.click("#live [data-choice=backend] label:has-text('WebGPU')")
    page.wait_for_selector("#live .line.error:has-text('the student uses WebAssembly')")
    assert page.is_checked("#live [data-choice=backend] input[value=wasm]")
    drop(page, picture(tmp_path / "mine.png", 20, 20))
    assert "WebAssembly" in page.inner_text("#live tr[data-row=student]")
    page.unroute("**/worker.js")
