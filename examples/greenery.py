"""Crops of greenery from a folder of photographs, which `generator.py` learns from: chosen by colour and by texture, at
three sizes of each photograph.

The last 30 % of a photograph's longer side is held out: no training crop has a pixel in it. Not here: training.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.degrade import bicubic_resize
from kdsr.image import read_picture, to_tensor
from kdsr.image.batch import pictures_in
from kdsr.settings import Settings

SIDE_PX = 64
SHORT_SIDES_PX = (192, 256, 384)
HELD_OUT = 0.3
"""Share of a photograph's longer side, at its end, that only judges."""
PER_PHOTOGRAPH = 200
"""Training crops of one photograph at most, so that no single one sets the style; half as many judge."""
FEWEST = 10
"""Crops that a photograph must have in both parts to be used at all, so that the parts show the same things."""
_STRIDE, _BLOCK = 8, 16


def greenery(image: Tensor) -> Tensor:
    """Which crops of `image` (1, 3, H, W) are greenery: truth values (rows, columns), one every 8 pixels.

    Green or yellow-green nearly everywhere, and texture in every block of 16 pixels, so that fruit, frogs and lawns
    out of focus drop out.
    """
    red, green, blue = image.unbind(1)
    largest, least = image.amax(dim=1), image.amin(dim=1)
    vivid = (largest - least) > 0.15 * largest
    is_green = ((green >= 0.95 * red) & (green > 1.05 * blue) & vivid).float()
    luma = image.mean(dim=1)
    steps = F.pad(luma.diff(dim=2).abs(), (1, 0)) + F.pad(luma.diff(dim=1).abs(), (0, 0, 1, 0))
    whole = F.avg_pool2d(torch.stack([is_green, steps, luma], 1), SIDE_PX, _STRIDE)[0]
    blocks = F.avg_pool2d(torch.stack([is_green, steps], 1), _BLOCK, _STRIDE)
    lowest = -F.max_pool2d(-blocks, SIDE_PX // _BLOCK, 1, dilation=_BLOCK // _STRIDE)[0]
    kept: Tensor = (whole[0] > 0.75) & (lowest[0] > 0.4) & (whole[1] > 0.06) & (lowest[1] > 0.04) & (whole[2] > 0.1)
    return kept


def crops_of(image: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Crops (N, 3, 64, 64) of one photograph (1, 3, H, W), to train on and held out."""
    found: dict[str, list[Tensor]] = {"train": [], "held-out": []}
    for short in SHORT_SIDES_PX:
        if min(image.shape[2:]) < short:
            continue
        small = bicubic_resize(image, short / min(image.shape[2:])).clamp(0, 1)
        height, width = small.shape[2:]
        border = int((1 - HELD_OUT) * max(height, width))
        for row, column in (greenery(small).nonzero() * _STRIDE).tolist():
            start = row if height > width else column
            part = "train" if start + SIDE_PX <= border else "held-out" if start >= border else None
            if part:
                found[part].append(small[0, :, row : row + SIDE_PX, column : column + SIDE_PX])
    count = min(PER_PHOTOGRAPH, len(found["train"])) if all(len(crops) >= FEWEST for crops in found.values()) else 0
    counts = {"train": count, "held-out": count // 2}
    return {part: _some(crops, counts[part], generator) for part, crops in found.items()}


def _some(crops: list[Tensor], count: int, generator: torch.Generator) -> Tensor:
    """`count` of `crops`, repeated where there are fewer, so that both parts weigh the photographs alike."""
    order = torch.randperm(len(crops), generator=generator).tolist()
    chosen = [crops[order[row % len(order)]] for row in range(count)]
    return torch.stack(chosen) if chosen else torch.empty(0, 3, SIDE_PX, SIDE_PX)


def make_crops(folders: list[Path], out: Path) -> None:
    """The crops of all photographs as 8-bit tensors in `out`/crops.pt."""
    generator = torch.Generator().manual_seed(0)
    found: dict[str, list[Tensor]] = {"train": [], "held-out": []}
    for path in (path for folder in folders for path in pictures_in(folder)):
        crops = crops_of(to_tensor(read_picture(path, Settings())), generator)
        for part, some in crops.items():
            found[part].append((some * 255).round().byte())
    if not found["train"] or not len(torch.cat(found["train"])):
        raise SystemExit(f"No crops of greenery in {', '.join(map(str, folders)) or 'no folder'}; name other folders.")
    torch.save({part: torch.cat(some) for part, some in found.items()}, out / "crops.pt")
