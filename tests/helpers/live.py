"""The tab Live as its browser tests use it: opened, given pictures, read."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kdsr.image import Picture, read_picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings
from kdsr.zoo import Catalog

if TYPE_CHECKING:
    from playwright import sync_api

WAIT_MS = 120_000
TIMED = "#live .headline:has-text('Restored in your browser in')"


def opened(page: "sync_api.Page", address: str) -> None:
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.click("button[role=tab]:has-text('Live')")
    page.wait_for_selector(TIMED)


def picture(path: Path, width: int, height: int) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def drop(page: "sync_api.Page", path: Path) -> None:
    """Give the picture, and wait until it is restored and timed."""
    page.set_input_files("#live input[type=file]", path)
    page.wait_for_selector(f"#live .about:has-text('{path.name}')")
    page.wait_for_selector(TIMED)


def downloaded(page: "sync_api.Page") -> tuple[str, np.ndarray]:
    with page.expect_download() as download:
        page.click("#live [data-act=download]")
    return download.value.suggested_filename, np.asarray(Image.open(download.value.path()))


def student_here(path: Path, settings: Settings, name: str) -> np.ndarray:
    catalog = Catalog(settings.weights_dir)
    given = read_picture(str(path), settings)
    return restore_picture(Picture(given.pixels), open_runtime(catalog.find(name), catalog, settings=settings)).pixels
