"""The data of a run, opened from its recipe: photographs, pairs, labels, and the photographs for validation."""

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
from kdsr.train.data.crops import CropPlan, sample_hard_crops
from kdsr.train.data.degradations import DegradationShares
from kdsr.train.data.labels import label_key, label_plan, with_labels
from kdsr.train.data.pairs import Pairs, fixed_pairs, fresh_pairs, make_plan, zoomed_inputs
from kdsr.train.data.photos import Photo, digest, drawn, find_photos, held_out, load_photos
from kdsr.train.data.shards import SHARD, ShardedCrops, ShardPlan, write_shards
from kdsr.train.events import Event
from kdsr.train.recipe import Recipe
from kdsr.train.teacher import Teacher, open_teacher, teacher_sha256
from kdsr.zoo import open_catalog


@dataclass(frozen=True)
class Sources:
    """The data of a run."""

    pairs: Pairs | ShardedCrops
    validation: list[Photo]
    photographs: int
    data: tuple[dict[str, Any], ...]
    """For the card: one entry per pack of photographs."""


class OutOfTime(Exception):
    """The deadline came while the teacher labelled; the labels so far are kept."""


def open_sources(
    recipe: Recipe,
    settings: Settings,
    device: torch.device,
    on_event: Callable[[Event], None],
    is_out_of_time: Callable[[], bool],
) -> Sources:
    """The photographs of `recipe`, decoded, degraded and labelled.

    Raises:
        OutOfTime: `is_out_of_time` was True between two pictures.
        InputError: folders or pictures that cannot be used.
        UnknownNameError, WeightsError: a teacher that is missing or altered.
    """
    task, data = recipe.the_task, recipe.data
    training, validation = held_out(find_photos(data.photos, settings.data_dir), data.validation_photos)
    training = drawn(training, data.photo_limit, recipe.seed)
    on_event({"event": "reading", "photographs": len(training)})
    smallest = max(data.patch_px, data.crop_px) * task.scale
    photos = _photos(tuple(training), task.scale, smallest, data.photo_scales)
    used = list(dict.fromkeys(photo.path for photo in photos))
    pairs: Pairs | ShardedCrops
    if data.crop_px:
        pairs = _open_shards(recipe, photos, used, settings, device, on_event, is_out_of_time)
    else:
        pairs = _open_pairs(recipe, tuple(training), photos, device)
        if recipe.teaching.needs_teacher and not recipe.teacher_at_work:
            _label(recipe, pairs, used, settings, device, on_event, is_out_of_time)
    return Sources(pairs, load_photos(validation, multiple=task.scale, smallest_px=16), len(used), _packs(used))


def _open_pairs(recipe: Recipe, training: tuple[Path, ...], photos: list[Photo], device: torch.device) -> Pairs:
    """The pairs of `recipe` without labels, and their plan if it has fixed crops."""
    task, data = recipe.the_task, recipe.data
    shares = DegradationShares(data.grey_share, data.chroma_444_share, data.double_jpeg_share, data.clipped_noise_share)
    if recipe.fixed_pairs:
        seed, smallest = recipe.seed if _is_drawn(recipe) else 0, data.patch_px * task.scale
        about = (recipe.task, smallest, data.photo_scales, data.cell_px, shares, seed, device)
        pairs = copy.copy(_fixed_pairs(training, *about))
        pairs.seed = recipe.seed
    else:
        pairs = fresh_pairs(photos, task, recipe.seed, device, shares=shares)
    pairs.crop_candidates, pairs.input_noise = data.crop_candidates, data.input_noise
    if data.fixed_crops:
        has_zoom = data.zoom_inputs != "none"
        pairs.zoom_inputs = zoomed_inputs(pairs, data.zoom_inputs) if has_zoom else []
        share = data.zoom_input_share if has_zoom else 0.0
        pairs.plan = make_plan(pairs, data.fixed_crops, data.patch_px, zoom_input_share=share)
    return pairs


@functools.lru_cache(maxsize=1)
def _photos(paths: tuple[Path, ...], multiple: int, smallest_px: int, scales: tuple[float, ...]) -> list[Photo]:
    """Cached for the next run of this process, since decoding 300 megapixels takes half a minute."""
    return load_photos(paths, multiple=multiple, smallest_px=smallest_px, scales=scales)


@functools.lru_cache(maxsize=1)
def _fixed_pairs(
    paths: tuple[Path, ...],
    task: str,
    smallest_px: int,
    scales: tuple[float, ...],
    cell_px: int,
    shares: DegradationShares,
    seed: int,
    device: torch.device,
) -> Pairs:
    """Cached likewise; callers copy the result before they change it."""
    the_task = find_task(task)
    photos = _photos(paths, the_task.scale, smallest_px, scales)
    return fixed_pairs(photos, the_task, seed, device, cell_px=cell_px, smallest_px=smallest_px, shares=shares)


def _label(
    recipe: Recipe,
    pairs: Pairs,
    paths: Sequence[Path],
    settings: Settings,
    device: torch.device,
    on_event: Callable[[Event], None],
    is_out_of_time: Callable[[], bool],
) -> None:
    """Give `pairs`, or their fixed crops, the teacher's labels."""
    patch_px = recipe.data.patch_px
    teacher, hashes = _open_labelling_teacher(recipe, settings, device)

    def report(done: int, total: int) -> None:
        if total < 40 or done * 20 // total > (done - 1) * 20 // total or done == total:
            on_event({"event": "labelling", "done": done, "total": total})
        if done < total and is_out_of_time():
            raise OutOfTime

    key = label_key(label_parts(recipe, hashes, digest(paths)))
    folder = settings.home / "labels"
    if pairs.plan is None:
        with_labels(pairs, teacher, folder / f"{key}.npy", on_progress=report)
        return
    label_plan(pairs, pairs.plan, teacher, patch_px, folder / key, on_progress=report)
    if recipe.data.hard_mining:
        sample_hard_crops(pairs.plan, _hardness(pairs, pairs.plan, patch_px))


def label_parts(recipe: Recipe, teachers: Sequence[str], photographs: str) -> dict[str, object]:
    """Everything that decides the labels of `recipe`, for `label_key`.

    Parts have the earliest names of their keys, and a share of 0 is left out, so that labels made by earlier versions
    are found.

    Args:
        teachers: SHA-256 of each teacher's weights.
        photographs: their `digest`.
    """
    data, is_drawn = recipe.data, _is_drawn(recipe)
    parts: dict[str, object] = {
        "teachers": list(teachers),
        "self_ensemble": recipe.teaching.self_ensemble,
        "photos": photographs,
        "task": recipe.task,
        "cell_px": data.cell_px,
        "seed": recipe.seed if is_drawn else None,
    }
    shares = {
        "grey_share": data.grey_share,
        "whole_colour_share": data.chroma_444_share,
        "saved_before_share": data.double_jpeg_share,
        "clipped_noise_share": data.clipped_noise_share,
    }
    parts |= {name: share for name, share in shares.items() if share}
    if data.photo_scales != (1.0,):
        parts["photo_scales"] = data.photo_scales
    if data.fixed_crops:
        parts |= {
            "seed": recipe.seed,
            "taps": recipe.teaching.teacher_taps,
            "crops": data.fixed_crops,
            "patch_px": data.patch_px,
            "crop_choices": data.crop_candidates,
            "new_inputs": data.zoom_inputs,
            "new_input_share": data.zoom_input_share,
        }
    return parts


def _open_labelling_teacher(recipe: Recipe, settings: Settings, device: torch.device) -> tuple[Teacher, list[str]]:
    """The teacher whose labels are cached, and the SHA-256 of each network's weights."""
    teaching, task = recipe.teaching, recipe.the_task
    catalog = open_catalog(settings)
    teacher = open_teacher(
        catalog,
        teaching.teachers,
        device,
        scale=task.scale,
        taps=teaching.teacher_taps,
        self_ensemble=teaching.self_ensemble,
    )
    if teacher.planes != task.planes:
        raise SettingsError(
            f"The teacher '{teaching.teacher}' takes {teacher.planes} planes, and {recipe.task} gives {task.planes}; "
            "choose one for this task."
        )
    return teacher, [teacher_sha256(catalog, name) for name in teaching.teachers]


def _open_shards(
    recipe: Recipe,
    photos: Sequence[Photo],
    paths: Sequence[Path],
    settings: Settings,
    device: torch.device,
    on_event: Callable[[Event], None],
    is_out_of_time: Callable[[], bool],
) -> ShardedCrops:
    """The fixed crops of `recipe` with a side of `crop_px`; those not on disk are degraded and labelled now."""
    data = recipe.data
    plan = ShardPlan(
        recipe.the_task, recipe.seed, data.crop_px, ringing_share=data.ringing_share, candidates=data.crop_candidates
    )
    parts, label = vars(plan) | {"task": recipe.task, "photos": digest(paths)}, None
    if recipe.teaching.needs_teacher and not recipe.teacher_at_work:
        teacher, hashes = _open_labelling_teacher(recipe, settings, device)
        parts |= {"teachers": hashes, "self_ensemble": recipe.teaching.self_ensemble, "mean_colour": "input"}
        label = functools.partial(_label_of, teacher, device)

    def report(done: int, total: int) -> None:
        on_event({"event": "labelling", "done": done * SHARD, "total": total * SHARD})
        if done < total and is_out_of_time():
            raise OutOfTime

    folder = settings.home / "labels" / f"{label_key(parts)}-crops"
    count = -(-data.fixed_crops // SHARD)
    write_shards(folder, count, plan, photos, label, report)
    crops = ShardedCrops(folder, recipe.the_task.scale, recipe.seed, device, limit=count)
    crops.refresh()
    return crops


def _label_of(teacher: Teacher, device: torch.device, degraded: torch.Tensor) -> torch.Tensor:
    return teacher(degraded.to(device))[0].cpu()


def _is_drawn(recipe: Recipe) -> bool:
    """Whether the seed changes photographs that are degraded once."""
    return recipe.the_task.strength is not None or recipe.data.grey_share > 0


def _hardness(pairs: Pairs, plan: CropPlan, patch_px: int) -> np.ndarray:
    """For each crop the mean absolute difference of its label and its input, enlarged by repeating pixels."""
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
