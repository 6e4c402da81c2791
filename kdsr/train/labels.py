"""The teacher's labels, made once and kept on disk: for whole degraded pictures, or for the crops of a plan together with features.

A key of the teacher's SHA-256, the photographs, the degradation, the plan and the seed decides whether what lies on disk
is the right thing. Labels are 8-bit pictures; features are 16-bit floats.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdsr.errors import WeightsError
from kdsr.train.pairs import Pairs, Progress
from kdsr.train.plan import Plan
from kdsr.train.teacher import Teacher

_AT_ONCE = 16


def label_key(parts: Mapping[str, object]) -> str:
    """A short name for one set of labels, from everything that decides it."""
    text = " ".join(f"{name}={value}" for name, value in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def with_labels(pairs: Pairs, teacher: Teacher, path: Path, *, on_progress: Progress | None = None) -> Pairs:
    """`pairs` with the teacher's labels for whole pictures, read from `path` or made and written there (in one move).

    Raises:
        WeightsError: labels on disk that do not fit the photographs.
    """
    assert pairs.degraded is not None, "labels belong to pictures that are degraded once"
    if not path.is_file():
        _write(pairs, teacher, path, on_progress)
    flat = np.load(path, mmap_mode="r")
    total = sum(truth.numel() for truth in pairs.truths)
    if flat.shape != (total,):
        raise WeightsError(f"The labels {path.name} hold {flat.size} values where {total} were wanted; delete the file and start again.")
    labels, start = [], 0
    device = pairs.truths[0].device
    values = torch.from_numpy(np.array(flat)).to(device)
    for truth in pairs.truths:
        labels.append(values[start : start + truth.numel()].reshape(truth.shape))
        start += truth.numel()
    pairs.labels = labels
    return pairs


def label_plan(pairs: Pairs, plan: Plan, teacher: Teacher, patch_px: int, folder: Path, *, on_progress: Progress | None = None) -> None:
    """Give every crop of `plan` its label and the features at the teacher's taps, read from `folder` or made and written there (in one move)."""
    if not folder.is_dir():
        _write_plan(pairs, plan, teacher, patch_px, folder, on_progress)
    kept = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
    plan.labels = kept.pop("label", None)
    plan.features = kept
    if plan.labels is None or any(len(values) != len(plan.crops) for values in (plan.labels, *kept.values())):
        raise WeightsError(f"The labels in {folder} do not fit the plan of {len(plan.crops)} crops; delete the folder and start again.")


@torch.inference_mode()
def _write_plan(pairs: Pairs, plan: Plan, teacher: Teacher, patch_px: int, folder: Path, on_progress: Progress | None) -> None:
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    part.mkdir(parents=True, exist_ok=True)
    files: dict[str, np.memmap] = {}
    for start in range(0, len(plan.crops), _AT_ONCE):
        crops = plan.crops[start : start + _AT_ONCE]
        label, features = teacher(pairs.degraded_crops(crops, patch_px))
        values = {"label": label.clamp(0, 1).mul(255).round().to(torch.uint8)} | {tap: feature.half() for tap, feature in features.items()}
        for name, value in values.items():
            if name not in files:
                dtype = np.uint8 if name == "label" else np.float16
                files[name] = np.lib.format.open_memmap(part / f"{name}.npy", mode="w+", dtype=dtype, shape=(len(plan.crops), *value.shape[1:]))
            files[name][start : start + len(crops)] = value.cpu().numpy()
        if on_progress is not None:
            on_progress(start + len(crops), len(plan.crops))
    for file in files.values():
        file.flush()
    part.rename(folder)


def _write(pairs: Pairs, teacher: Teacher, path: Path, on_progress: Progress | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    total = sum(truth.numel() for truth in pairs.truths)
    try:
        flat = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(total,))
        start = 0
        for index, (truth, degraded) in enumerate(zip(pairs.truths, pairs.degraded or [], strict=True)):
            flat[start : start + truth.numel()] = label(teacher, degraded).cpu().numpy().reshape(-1)
            start += truth.numel()
            if on_progress is not None:
                on_progress(index + 1, len(pairs.truths))
        flat.flush()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@torch.inference_mode()
def label(teacher: Teacher, degraded: Tensor) -> Tensor:
    """The teacher's output (H * scale, W * scale, 3) uint8 for one degraded picture (H, W, 3)."""
    image = degraded.permute(2, 0, 1)[None].float()
    image = image if degraded.dtype == torch.float16 else image / 255
    height, width = image.shape[-2:]
    multiple = teacher.multiple
    padded = torch.nn.functional.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    output, _ = teacher(padded)
    output = output[0, :, : height * teacher.scale, : width * teacher.scale]
    return output.permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8)
