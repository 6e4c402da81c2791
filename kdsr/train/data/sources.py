"""What a run reads: its photographs, held-out ones, pairs and labels, opened from a recipe."""

import copy
import csv
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.train.data.crops import Plan, prefer_hard
from kdsr.train.data.degradations import Shares
from kdsr.train.data.labels import label_key, label_plan, with_labels
from kdsr.train.data.pairs import Pairs, fixed_pairs, fresh_pairs, make_plan, zoomed
from kdsr.train.data.photos import Photo, digest, find_photos, held_out, load_photos
from kdsr.train.recipe import Recipe
from kdsr.train.teacher import open_teacher, teacher_sha256
from kdsr.zoo import Catalog


@dataclass(frozen=True)
class Sources:
    """Everything a run reads."""

    pairs: Pairs
    validation: list[Photo]
    photographs: int
    data: tuple[dict[str, Any], ...]
    """For the card: one entry per pack."""


class OutOfTime(Exception):
    """The time limit came while the teacher labelled; what it labelled is kept."""


def open_sources(
    recipe: Recipe,
    settings: Settings,
    device: torch.device,
    on_event: Callable[[dict[str, Any]], None],
    is_out_of_time: Callable[[], bool],
) -> Sources:
    """The photographs of `recipe`, decoded, degraded and labelled as it asks.

    Raises:
        OutOfTime: `is_out_of_time` said so between two pictures.
        InputError: folders or pictures that cannot be used.
        UnknownNameError, WeightsError: a teacher that is missing or altered.
    """
    task = recipe.the_task
    smallest = recipe.data.patch_px * task.scale
    training, validation = held_out(find_photos(recipe.data.photos, settings.data_dir), recipe.data.validation_photos)
    on_event({"event": "reading", "photographs": len(training)})
    photos = _photos(tuple(training), task.scale, smallest, recipe.data.photo_scales)
    used = list(dict.fromkeys(photo.path for photo in photos))
    shares = Shares(recipe.data.grey_share, recipe.data.chroma_444_share, recipe.data.double_jpeg_share)
    if recipe.fixed_pairs:
        seed = recipe.seed if _is_drawn(recipe) else 0
        pairs = copy.copy(
            _fixed_pairs(
                tuple(training),
                recipe.task,
                smallest,
                recipe.data.photo_scales,
                recipe.data.cell_px,
                shares,
                seed,
                device,
            )
        )
        pairs.seed = recipe.seed
    else:
        pairs = fresh_pairs(photos, task, recipe.seed, device, shares=shares)
    pairs.crop_choices = recipe.data.crop_candidates
    if recipe.data.fixed_crops:
        pairs.new_inputs = zoomed(pairs, recipe.data.zoom_inputs) if recipe.data.zoom_inputs != "none" else []
        share = recipe.data.zoom_input_share if recipe.data.zoom_inputs != "none" else 0.0
        pairs.plan = make_plan(pairs, recipe.data.fixed_crops, recipe.data.patch_px, new_input_share=share)
    if recipe.teaching.needs_teacher and not recipe.teacher_at_work:
        _label(recipe, pairs, used, settings, device, on_event, is_out_of_time)
    return Sources(pairs, load_photos(validation, multiple=task.scale, smallest_px=16), len(used), _packs(used))


@functools.lru_cache(maxsize=1)
def _photos(paths: tuple[Path, ...], multiple: int, smallest_px: int, scales: tuple[float, ...]) -> list[Photo]:
    """Kept for the next run in this process: decoding 300 megapixels takes half a minute."""
    return load_photos(paths, multiple=multiple, smallest_px=smallest_px, scales=scales)


@functools.lru_cache(maxsize=1)
def _fixed_pairs(
    paths: tuple[Path, ...],
    task: str,
    smallest_px: int,
    scales: tuple[float, ...],
    cell_px: int,
    shares: Shares,
    seed: int,
    device: torch.device,
) -> Pairs:
    """Kept likewise; whoever takes them copies them."""
    the_task = find_task(task)
    photos = _photos(paths, the_task.scale, smallest_px, scales)
    return fixed_pairs(photos, the_task, seed, device, cell_px=cell_px, smallest_px=smallest_px, shares=shares)


def _label(
    recipe: Recipe, pairs: Pairs, paths: Sequence[Path], settings: Settings, device: torch.device,
    on_event: Callable[[dict[str, Any]], None], is_out_of_time: Callable[[], bool],
) -> None:  # fmt: skip
    """Give `pairs`, or their plan, the teacher's labels."""
    assert recipe.teaching.teacher is not None
    catalog = Catalog(settings.weights_dir)
    names = (recipe.teaching.teacher, *recipe.teaching.extra_teachers)
    teacher = open_teacher(
        catalog, names, device, taps=recipe.teaching.teacher_taps, self_ensemble=recipe.teaching.self_ensemble
    )
    if teacher.scale != recipe.the_task.scale:
        raise SettingsError(
            f"The teacher '{recipe.teaching.teacher}' enlarges {teacher.scale} times, and {recipe.task} was asked; choose one for this task."
        )
    if teacher.planes != recipe.the_task.planes:
        raise SettingsError(
            f"The teacher '{recipe.teaching.teacher}' takes {teacher.planes} planes, and {recipe.task} gives {recipe.the_task.planes}; choose one for this task."
        )
    made_of: dict[str, object] = {
        "teachers": [teacher_sha256(catalog, name) for name in names],
        "self_ensemble": recipe.teaching.self_ensemble,
    }
    made_of |= {
        "photos": digest(paths),
        "task": recipe.task,
        "cell_px": recipe.data.cell_px,
        "seed": recipe.seed if _is_drawn(recipe) else None,
    }
    shares = {
        "grey_share": recipe.data.grey_share,
        "whole_colour_share": recipe.data.chroma_444_share,
        "saved_before_share": recipe.data.double_jpeg_share,
    }  # by the earliest names of the keys; labels made before there was such a share keep their key
    made_of |= {name: share for name, share in shares.items() if share}
    if recipe.data.photo_scales != (1.0,):
        made_of["photo_scales"] = recipe.data.photo_scales

    def tell(done: int, total: int) -> None:
        if total < 40 or done * 20 // total > (done - 1) * 20 // total or done == total:
            on_event({"event": "labelling", "done": done, "total": total})
        if done < total and is_out_of_time():
            raise OutOfTime

    folder = settings.home / "labels"
    if pairs.plan is None:
        with_labels(pairs, teacher, folder / f"{label_key(made_of)}.npy", on_progress=tell)
        return
    made_of |= {
        "seed": recipe.seed,
        "taps": recipe.teaching.teacher_taps,
        "crops": recipe.data.fixed_crops,
        "patch_px": recipe.data.patch_px,
    }
    made_of |= {
        "crop_choices": recipe.data.crop_candidates,
        "new_inputs": recipe.data.zoom_inputs,
        "new_input_share": recipe.data.zoom_input_share,
    }
    label_plan(pairs, pairs.plan, teacher, recipe.data.patch_px, folder / label_key(made_of), on_progress=tell)
    if recipe.data.hard_mining:
        prefer_hard(pairs.plan, _hardness(pairs, pairs.plan, recipe.data.patch_px))


def _is_drawn(recipe: Recipe) -> bool:
    """Whether the seed has a say in photographs that are degraded once."""
    return recipe.the_task.strength is not None or recipe.data.grey_share > 0


def _hardness(pairs: Pairs, plan: Plan, patch_px: int) -> np.ndarray:
    """For each crop the mean distance of its label from its input, enlarged by repeating pixels."""
    assert plan.labels is not None
    scale = pairs.task.scale
    found = []
    for crop, label in zip(plan.crops, plan.labels, strict=True):
        plain = pairs.degraded_crops([crop], patch_px)[0, :3].repeat_interleave(scale, 1).repeat_interleave(scale, 2)
        found.append(float((plain.cpu() - torch.from_numpy(np.array(label)) / 255).abs().mean()))
    return np.array(found)


def _packs(paths: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    """One entry per folder of photographs: its name, the number used, and the licences that its MANIFEST.csv states."""
    packs: dict[Path, list[Path]] = {}
    for path in paths:
        folder = path.parent.parent if (path.parent.parent / "MANIFEST.csv").is_file() else path.parent
        packs.setdefault(folder, []).append(path)
    return tuple(
        {"pack": folder.name, "pictures": len(used), "licences": _licences(folder)} for folder, used in packs.items()
    )


def _licences(folder: Path) -> list[str]:
    manifest = folder / "MANIFEST.csv"
    if not manifest.is_file():
        return ["not stated"]
    with open(manifest, encoding="utf-8", newline="") as file:
        return sorted({row.get("licence_as_stated", "not stated") for row in csv.DictReader(file)})
