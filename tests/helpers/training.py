"""What tests of training share: photographs made here, and runs of seconds."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kdsr.settings import Settings
from kdsr.train import Recipe, Schedule, TrainingData, train_recipe, with_keys


def training_settings(tmp_path: Path) -> Settings:
    """Eight small smooth photographs, an empty weights folder and a home, all temporary."""
    folder = tmp_path / "data" / "pack" / "images"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(8):
        coarse = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"photo{index}.png"), cv2.resize(coarse, (72, 64), interpolation=cv2.INTER_CUBIC))
    (tmp_path / "weights").mkdir()
    return Settings(weights_dir=tmp_path / "weights", home=tmp_path / "home", data_dir=tmp_path / "data", device="cpu")


def recipe(**changes: Any) -> Recipe:
    """A run of seconds; `changes` are keys of a recipe, grouped or flat."""
    plain = Recipe(
        name="tiny",
        task="sr_x2",
        arguments={"width": 16, "depth": 3},
        data=TrainingData(photos=("pack",), patch_px=12, validation_photos=2),
        schedule=Schedule(steps=12, batch_size=2, warmup_steps=2, validate_every=6, compile=False, precision="fp32"),
    )
    return with_keys(plain, changes)


def events(folder: Path) -> list[dict[str, Any]]:
    """The log of the run in `folder`."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def released(settings: Settings, tmp_path: Path, **changes: Any) -> None:
    """A network trained for a moment and put among the weights."""
    plan = recipe(**changes)
    train_recipe(plan, tmp_path / plan.name, settings=settings)
    for suffix in (".safetensors", ".json"):
        (tmp_path / plan.name / f"{plan.name}{suffix}").rename(settings.weights_dir / f"{plan.name}{suffix}")
