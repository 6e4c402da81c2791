"""Validation on held-out training photographs, by the convention of the task, and previews of one of them.

Where the task has no original, the teacher's pictures take its place (`labelled`). Test sets are never used here.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from kdsr.degrade import bicubic_resize, degrade
from kdsr.files import replaced
from kdsr.image import Picture, encode_png
from kdsr.metrics import measure
from kdsr.models import Network
from kdsr.tasks import Kinds, Task
from kdsr.train.data.photos import Photo
from kdsr.train.machine import autocast

_LARGEST_PX = 384
"""Largest side of the centre crop of a photograph that is validated on."""
_PREVIEW_PX = 192


@torch.inference_mode()
def labelled(photos: list[Photo], task: Task, teacher: Network) -> list[Photo]:
    """The centres of `photos`, each with what `teacher` makes of it as its label."""
    found = []
    for photo in photos:
        centre = _middle(photo, task.scale * teacher.multiple, _LARGEST_PX)
        label = _restored(teacher.eval(), degrade(centre, task).to(next(teacher.parameters()).device))
        pixels, made = (
            image[0].permute(1, 2, 0).mul(255).round().to("cpu", torch.uint8) for image in (centre, label.cpu())
        )
        found.append(Photo(photo.path, pixels, made))
    return found


def can_validate(photos: list[Photo], task: Task) -> bool:
    """Whether `photos` have something to compare with: originals, or a teacher's pictures."""
    return task.has_truth or all(photo.label is not None for photo in photos)


@torch.inference_mode()
def validate(network: Network, photos: list[Photo], task: Task) -> tuple[float, float]:
    """Mean PSNR in dB and mean SSIM of the folded `network` over `photos`, higher is better.

    At the task's default strength, or over its kinds.
    """
    network = network.eval()
    device = next(network.parameters()).device
    return _mean(lambda degraded: _restored(network, degraded), photos, task, device)


def validate_baseline(photos: list[Photo], task: Task, device: torch.device) -> float:
    """As the PSNR of `validate`, without any network: of bicubic enlargement, or of the input where the size stays."""

    def untouched(degraded: Tensor) -> Tensor:
        return bicubic_resize(degraded, task.scale).clamp(0, 1) if task.scale > 1 else degraded

    return _mean(untouched, photos, task, device)[0]


def _mean(
    restore: Callable[[Tensor], Tensor], photos: list[Photo], task: Task, device: torch.device
) -> tuple[float, float]:
    figures = []
    for photo in photos:
        truth, degraded = (image.to(device) for image in held_out_pair(photo, task, _LARGEST_PX))
        restored = restore(degraded)
        height, width = restored.shape[-2:]
        figures.append(
            measure(restored, truth[..., :height, :width], task, holes=holes_of(degraded[..., :height, :width], task))
        )
    return sum(f.psnr_db for f in figures) / len(figures), sum(f.ssim for f in figures) / len(figures)


def holes_of(degraded: Tensor, task: Task) -> Tensor | None:
    """The mask plane of the input of a network of `task`, (N, 1, H, W); None if the task has none."""
    return degraded[:, 3:] if task.planes == 4 else None


def held_out_pair(photo: Photo, task: Task, largest_px: int) -> tuple[Tensor, Tensor]:
    """The centre of `photo`, at most `largest_px` wide and high, and its degraded version, the same at every call.

    Each is (1, planes, H, W). A label takes the place of the photograph. If a task has kinds of degradation, the
    photograph's name decides the kind, so that many photographs cover all kinds.
    """
    truth = _middle(photo, task.scale, largest_px)
    if photo.label is not None:
        return _middle(Photo(photo.path, photo.label), task.scale, largest_px), degrade(truth, task)
    seed = int(hashlib.sha256(photo.path.name.encode()).hexdigest()[:8], 16)
    kind = task.strength.names[seed % len(task.strength.names)] if isinstance(task.strength, Kinds) else None
    return truth, degrade(truth, task, strength=kind, seed=seed)


@torch.inference_mode()
def write_preview(folder: Path, photo: Photo, task: Task, networks: dict[str, Network]) -> None:
    """Write a crop of `photo`, restored by each of `networks`, as NAME.png into `folder`, each replaced in one step.

    `input.png` and `truth.png` are written once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth, degraded = held_out_pair(photo, task, _PREVIEW_PX)
    pictures = {
        name: _restored(network.eval(), degraded.to(next(network.parameters()).device))
        for name, network in networks.items()
    }
    if not (folder / "truth.png").exists():
        pictures |= {"truth": truth, "input": degraded[:, :3]}
    for name, picture in pictures.items():
        levels = picture[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().cpu().numpy()
        with replaced(folder / f"{name}.png") as part:
            part.write_bytes(encode_png(Picture(levels)))


def _restored(network: Network, degraded: Tensor) -> Tensor:
    """`degraded`, cut to multiples of the network's `multiple`, restored and clamped."""
    height, width = degraded.shape[-2:]
    height, width = height - height % network.multiple, width - width % network.multiple
    with autocast(degraded.device, wanted=degraded.device.type == "cpu"):
        restored = network(degraded[..., :height, :width].contiguous(memory_format=torch.channels_last))
    return restored.float().clamp(0, 1)


def _middle(photo: Photo, scale: int, largest_px: int) -> Tensor:
    """The centre of `photo` as (1, 3, H, W) in [0, 1], sides multiples of `scale`."""
    height, width = photo.pixels.shape[:2]
    side_y, side_x = (min(side, largest_px) // scale * scale for side in (height, width))
    top, left = (height - side_y) // 2, (width - side_x) // 2
    crop = photo.pixels[top : top + side_y, left : left + side_x]
    return crop.permute(2, 0, 1)[None].float() / 255
