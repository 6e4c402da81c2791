"""A headless Chromium and the page that it opens, served by this process.

Skips where there is no browser: `CHROMIUM_PATH` names one, else `chromium` is looked for on the path.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.networks import add_network, add_sharp_partner
from helpers.serving import served

from kdsr.settings import Settings
from kdsr.tasks import TASKS

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""The camera is a fake one that is always allowed."""

NETWORKS = {
    "teacher": ("residual", {"width": 32, "blocks": 4}),
    "student": ("plain", {"width": 16, "depth": 4}),
    "twin": ("plain", {"width": 16, "depth": 4}),
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = os.environ.get("CHROMIUM_PATH") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        pytest.skip("no browser: install chromium, or name one in CHROMIUM_PATH")
    return found


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator["sync_api.Browser"]:  # noqa: F821 - imported late, where it is installed
    sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def address(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page on a free port, with random networks for x4, denoising and inpainting."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "weights").mkdir()
    for task in ("sr_x4", "denoise", "inpaint"):
        for seed, (role, shape) in enumerate(NETWORKS.items()):
            add_network(folder / "weights", f"{task}-{role}", task, role, *shape, seed=seed)
    with served(Settings(weights_dir=folder / "weights", home=folder / "home", device="cpu", threads=1)) as address:
        yield address


@pytest.fixture
def crowded_address(browser, tmp_path: Path) -> Iterator[str]:
    """The page on a free port, with a random student for every task, one of them with its sharp partner: rows of tasks
    are wider than a phone.

    For one test only: gradio keeps one folder of uploads in a process, so no other page can take any while this one
    stands.
    """
    (tmp_path / "weights").mkdir()
    for task in TASKS:
        add_network(tmp_path / "weights", f"{task}-student", task, "student", "plain", {"width": 8, "depth": 3})
    add_sharp_partner(tmp_path / "weights", "photo_x4-student", "photo_x4-sharp")
    with served(Settings(weights_dir=tmp_path / "weights", home=tmp_path / "home", device="cpu", threads=1)) as address:
        yield address
