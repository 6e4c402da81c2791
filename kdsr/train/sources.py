"""What a run reads: its photographs, held-out ones, pairs and labels, opened from a recipe."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kdsr.settings import Settings
from kdsr.train.labels import label_key, with_labels
from kdsr.train.pairs import Pairs, fixed_pairs, fresh_pairs
from kdsr.train.photos import Photo, digest, find_photos, held_out, load_photos
from kdsr.train.recipe import Recipe
from kdsr.zoo import Catalog


@dataclass(frozen=True)
class Sources:
    """Everything a run reads."""

    pairs: Pairs
    validation: list[Photo]
    photographs: int
    data: tuple[dict[str, Any], ...]
    """For the card: one entry per pack."""


def open_sources(recipe: Recipe, settings: Settings, device: torch.device, on_event: Callable[[dict[str, Any]], None]) -> Sources:
    """The photographs of `recipe`, decoded, degraded and labelled as it asks.

    Raises:
        InputError: folders or pictures that cannot be used.
        UnknownNameError, WeightsError: a teacher that is missing or altered.
    """
    task = recipe.the_task
    smallest = recipe.patch_px * task.scale
    training, validation = held_out(find_photos(recipe.photos, settings.data_dir), recipe.validation_photos)
    on_event({"event": "reading", "photographs": len(training)})
    photos = load_photos(training, multiple=task.scale, smallest_px=smallest)
    if recipe.fixed_pairs:
        pairs = fixed_pairs(photos, task, recipe.seed, device, cell_px=recipe.cell_px, smallest_px=smallest)
    else:
        pairs = fresh_pairs(photos, task, recipe.seed, device)
    if recipe.objective.needs_label:
        pairs = _labelled(recipe, pairs, [photo.path for photo in photos], settings, device, on_event)
    return Sources(pairs, load_photos(validation, multiple=task.scale, smallest_px=16), len(photos), _packs([photo.path for photo in photos]))


def _labelled(
    recipe: Recipe, pairs: Pairs, paths: Sequence[Path], settings: Settings, device: torch.device, on_event: Callable[[dict[str, Any]], None]
) -> Pairs:
    assert recipe.teacher is not None
    catalog = Catalog(settings.weights_dir)
    card = catalog.find(recipe.teacher)
    teacher = catalog.load(recipe.teacher).to(device).to(memory_format=torch.channels_last)
    key = label_key(card.sha256, digest(paths), recipe.task, recipe.cell_px, recipe.seed)

    def tell(done: int, total: int) -> None:
        if done % max(1, total // 20) == 0:
            on_event({"event": "labelling", "done": done, "total": total})

    return with_labels(pairs, teacher, settings.home / "labels" / f"{key}.npy", on_progress=tell)


def _packs(paths: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    """One entry per folder of photographs: its name, the number used, and the licences that its MANIFEST.csv states."""
    packs: dict[Path, list[Path]] = {}
    for path in paths:
        folder = path.parent.parent if (path.parent.parent / "MANIFEST.csv").is_file() else path.parent
        packs.setdefault(folder, []).append(path)
    return tuple({"pack": folder.name, "pictures": len(used), "licences": _licences(folder)} for folder, used in packs.items())


def _licences(folder: Path) -> list[str]:
    manifest = folder / "MANIFEST.csv"
    if not manifest.is_file():
        return ["not stated"]
    with open(manifest, encoding="utf-8", newline="") as file:
        return sorted({row.get("licence_as_stated", "not stated") for row in csv.DictReader(file)})
