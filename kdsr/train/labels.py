"""The teacher's labels: its output for every degraded picture of a run, made once and kept on disk.

A key of the teacher's SHA-256, the photographs, the degradation and the seed decides whether labels found on disk
are the right ones. Labels are 8-bit pictures; the rounding (0.3 levels) is far below the teacher's own error.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdsr.errors import WeightsError
from kdsr.models import Network
from kdsr.train.pairs import Pairs, Progress


def label_key(teacher_sha256: str, photos_digest: str, task: str, cell_px: int, seed: int) -> str:
    """A short name for one set of labels."""
    return hashlib.sha256(f"{teacher_sha256} {photos_digest} {task} {cell_px} {seed}".encode()).hexdigest()[:20]


def with_labels(pairs: Pairs, teacher: Network, path: Path, *, on_progress: Progress | None = None) -> Pairs:
    """`pairs` with the teacher's labels, read from `path` or made and written there (in one move).

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


def _write(pairs: Pairs, teacher: Network, path: Path, on_progress: Progress | None) -> None:
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
def label(teacher: Network, degraded: Tensor) -> Tensor:
    """The teacher's output (H * scale, W * scale, 3) uint8 for one degraded picture (H, W, 3)."""
    image = degraded.permute(2, 0, 1)[None].float()
    image = image if degraded.dtype == torch.float16 else image / 255
    height, width = image.shape[-2:]
    multiple = teacher.multiple
    padded = torch.nn.functional.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    with torch.autocast(image.device.type, torch.bfloat16):
        output = teacher(padded.contiguous(memory_format=torch.channels_last))
    output = output[0, :, : height * teacher.scale, : width * teacher.scale]
    return output.float().permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8)
