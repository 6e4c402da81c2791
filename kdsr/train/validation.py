"""How good a network is on held-out training photographs, in its task's convention. Never on test sets."""

import hashlib

import torch

from kdsr.degrade import degrade
from kdsr.metrics import measure
from kdsr.models import Network
from kdsr.tasks import Task
from kdsr.train.photos import Photo

_LARGEST_PX = 384
"""Validation looks at the middle of a photograph, at most this many pixels wide and high."""


@torch.inference_mode()
def validate(network: Network, photos: list[Photo], task: Task) -> tuple[float, float]:
    """Mean PSNR in dB and mean SSIM of the folded `network` over `photos`, at the task's default strength."""
    network = network.eval()
    device = next(network.parameters()).device
    figures = []
    for photo in photos:
        truth = _middle(photo, task.scale).to(device)
        seed = int(hashlib.sha256(photo.path.name.encode()).hexdigest()[:8], 16)
        degraded = degrade(truth, task, seed=seed)
        height, width = degraded.shape[-2:]
        height, width = height - height % network.multiple, width - width % network.multiple
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cpu"):
            restored = network(degraded[..., :height, :width].contiguous(memory_format=torch.channels_last))
        truth = truth[..., : height * task.scale, : width * task.scale]
        figures.append(measure(restored.float().clamp(0, 1), truth, task))
    return sum(f.psnr_db for f in figures) / len(figures), sum(f.ssim for f in figures) / len(figures)


def _middle(photo: Photo, scale: int) -> torch.Tensor:
    """The middle of `photo` as (1, 3, H, W) in [0, 1], sides a multiple of `scale`."""
    height, width = photo.pixels.shape[:2]
    side_y, side_x = (min(side, _LARGEST_PX) // scale * scale for side in (height, width))
    top, left = (height - side_y) // 2, (width - side_x) // 2
    crop = photo.pixels[top : top + side_y, left : left + side_x]
    return crop.permute(2, 0, 1)[None].float() / 255
