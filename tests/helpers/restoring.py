"""What tests of the tab *Restore* share: its handlers on small random networks, a photograph, and runs of it."""

import html
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers.networks import add_network
from kdsr.settings import Settings
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.view import View

REQUEST = SimpleNamespace(session_hash="visitor", query_params={})
CHOICE = Choice("sr_x4", "clean", "sr_x4-teacher", "sr_x4-student", 0.0)
ARCHITECTURES = {
    "teacher": ("residual", {"width": 16, "blocks": 2}),
    "student": ("plain", {"width": 16, "depth": 3}),
    "twin": ("plain", {"width": 16, "depth": 3}),
}


def restore_handlers(tmp_path: Path) -> RestoreHandlers:
    """Three networks for each of three tasks."""
    weights = tmp_path / "weights"
    weights.mkdir()
    for task in ("sr_x4", "denoise", "inpaint"):
        for seed, (role, shape) in enumerate(ARCHITECTURES.items()):
            add_network(
                weights,
                f"{task}-{role}",
                task,
                role,
                *shape,
                seed=seed,
                twin=f"{task}-twin" if role == "student" else None,
            )
    settings = Settings(weights_dir=weights, home=tmp_path / "home", threads=1, max_output_megapixels=4.0)
    return RestoreHandlers(settings, tmp_path / "runs")


def small_photo(tmp_path: Path) -> Path:
    """A smooth picture of 67 x 53."""
    rows, columns = np.mgrid[:53, :67]
    pixels = np.stack([rows * 4, columns * 3, (rows * columns) % 256], axis=-1).astype(np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def shown_as_toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been shown as a toast; gradio warns on the console where there is no page."""
    shown: list[str] = []
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", shown.append)
    return shown


def run(
    handlers: RestoreHandlers, picture: Path, *, mode: str = "clean", task: str = "sr_x4", **given: object
) -> list[View]:
    """All views of one run; the keywords are those of `Order`."""
    order = {
        "truth": None,
        "strength": 25,
        "teacher": f"{task}-teacher",
        "student": f"{task}-student",
        "runtime": "torch",
    } | given
    networks = (order["teacher"], order["student"])
    choice = Choice(task, mode, *networks, order["strength"], sharpness=order.get("sharpness"))
    handlers.on_press(REQUEST)
    more = (order["runtime"], 0, 0, order.get("teacher_plus", False), order.get("marks"), ("teacher", "student"))
    return list(handlers.on_restore(str(picture), order["truth"], choice, *more, REQUEST))


def results(views: list[View]) -> list[RestoreResult]:
    return [view.result for view in views if isinstance(view.result, RestoreResult)]


def shown_in(pictures: str) -> dict[str, Any]:
    """The data of a comparison on the page."""
    found = re.search(r'data-pictures="(.*)"', pictures)
    assert found is not None
    return json.loads(html.unescape(found[1]))
