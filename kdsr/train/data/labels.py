"""The teacher's labels, computed once and cached on disk: of full pictures, or of fixed crops together with features.

The file name is a key of the teacher's SHA-256, the photographs, the degradation, the crops and the seed. Labels are
8-bit pictures; features are 16-bit floats.
"""

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from kdsr.errors import WeightsError
from kdsr.files import replaced
from kdsr.train.data.crops import CropPlan
from kdsr.train.data.pairs import Pairs, Progress
from kdsr.train.teacher import Teacher

_AT_ONCE = 16
_SAVE_EVERY_S = 5.0


def label_key(parts: Mapping[str, object]) -> str:
    """A short name for one set of labels, a hash of everything that decides it."""
    text = " ".join(f"{name}={value}" for name, value in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def with_labels(pairs: Pairs, teacher: Teacher, path: Path, *, on_progress: Progress | None = None) -> Pairs:
    """`pairs` with the teacher's labels of full pictures, read from `path` or computed and moved there in one step.

    An exception of `on_progress` passes through; the labels so far are kept, and the next call continues with them.

    Raises:
        WeightsError: cached labels that do not fit the photographs.
    """
    with _lock(path):
        if not path.is_file():
            _write(pairs, teacher, path, on_progress)
    flat = np.load(path, mmap_mode="r")
    total = sum(truth.numel() for truth in pairs.truths)
    if flat.shape != (total,):
        raise WeightsError(
            f"The labels {path.name} hold {flat.size} values, and {total} are needed; delete the file and start again."
        )
    labels, start = [], 0
    device = pairs.truths[0].device
    values = torch.from_numpy(np.array(flat)).to(device)
    for truth in pairs.truths:
        labels.append(values[start : start + truth.numel()].reshape(truth.shape))
        start += truth.numel()
    pairs.labels = labels
    return pairs


def label_plan(
    pairs: Pairs, plan: CropPlan, teacher: Teacher, patch_px: int, folder: Path, *, on_progress: Progress | None = None
) -> None:
    """Give every crop of `plan` its label and the features at the teacher's taps, read from `folder` or computed and
    moved there in one step.

    Raises:
        WeightsError: cached labels that do not fit the plan.
    """
    with _lock(folder):
        if not folder.is_dir():
            _write_plan(pairs, plan, teacher, patch_px, folder, on_progress)
    kept = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
    plan.labels = kept.pop("label", None)
    plan.features = kept
    if plan.labels is None or any(len(values) != len(plan.crops) for values in (plan.labels, *kept.values())):
        raise WeightsError(
            f"The labels in {folder} do not fit the plan of {len(plan.crops)} crops; delete the folder and start again."
        )


def _lock(target: Path) -> FileLock:
    """The lock under which one process computes the labels at `target` while others wait for them."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(target.with_name(f".{target.name}.lock"))


def _write_plan(
    pairs: Pairs, plan: CropPlan, teacher: Teacher, patch_px: int, folder: Path, on_progress: Progress | None
) -> None:
    part = _PartialLabels(folder.with_name(f".{folder.name}.part"))
    with torch.inference_mode():
        for start in range(part.done, len(plan.crops), _AT_ONCE):
            crops = plan.crops[start : start + _AT_ONCE]
            label, features = teacher(pairs.degraded_crops(crops, patch_px, for_labels=True))
            values = {"label": label.clamp(0, 1).mul(255).round().to(torch.uint8)} | {
                tap: feature.half() for tap, feature in features.items()
            }
            for name, value in values.items():
                file = part.file(name, np.uint8 if name == "label" else np.float16, (len(plan.crops), *value.shape[1:]))
                file[start : start + len(crops)] = value.cpu().numpy()
            part.advance(start + len(crops), len(plan.crops), on_progress)
    part.finish(folder)


def _write(pairs: Pairs, teacher: Teacher, path: Path, on_progress: Progress | None) -> None:
    part = _PartialLabels(path.with_name(f".{path.name}.part"))
    sizes = [truth.numel() for truth in pairs.truths]
    file = part.file("label", np.uint8, (sum(sizes),))
    for index, picture in enumerate(pairs.inputs(for_labels=True)):
        if index >= part.done:
            start = sum(sizes[:index])
            file[start : start + sizes[index]] = label(teacher, picture).cpu().numpy().reshape(-1)
            part.advance(index + 1, len(sizes), on_progress)
    part.finish(path, only="label")


class _PartialLabels:
    """Unfinished labels: the files in `folder` and how many items are done, so that an interrupted run continues."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._counter = folder / "done"
        self.done = int(self._counter.read_text()) if self._counter.is_file() else 0
        self._files: dict[str, np.memmap] = {}
        self._saved = time.monotonic()

    def file(self, name: str, dtype: type, shape: tuple[int, ...]) -> np.memmap:
        """The array in NAME.npy, created at the first call."""
        if name not in self._files:
            path = self.folder / f"{name}.npy"
            mode: Literal["r+", "w+"] = "r+" if self.done else "w+"
            self._files[name] = np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)
        return self._files[name]

    def advance(self, done: int, total: int, on_progress: Progress | None) -> None:
        """Note that `done` of `total` are done; they are saved even if `on_progress` raises."""
        try:
            if on_progress is not None:
                on_progress(done, total)
        except BaseException:
            self._save(done)
            raise
        if time.monotonic() - self._saved > _SAVE_EVERY_S:
            self._save(done)

    def finish(self, target: Path, only: str | None = None) -> None:
        """Move the folder (or one file of it) to `target` in one step."""
        for file in self._files.values():
            file.flush()
        self._counter.unlink(missing_ok=True)
        if only is None:
            self.folder.rename(target)
        else:
            (self.folder / f"{only}.npy").rename(target)
            self.folder.rmdir()

    def _save(self, done: int) -> None:
        for file in self._files.values():
            file.flush()
        with replaced(self._counter) as part:
            part.write_text(str(done))
        self.done, self._saved = done, time.monotonic()


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
