"""How well networks of the task `style` draw: style and content distance of their pictures, and flicker on a pan.

There is no original, so no PSNR. EfficientNet-Lite0 served as the loss; EfficientNet-Lite2 did not, and judges as well.
Not here: the loss itself (`kdsr.distill.style`), and pictures of results (`benchmarks/style.py`).
"""

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from kdsr.degrade import round_to_8_bits
from kdsr.distill.drawings import draw_style
from kdsr.distill.style import CONTENT_TAP, TAPS
from kdsr.errors import ShapeError, find
from kdsr.metrics.flicker import frame_change
from kdsr.metrics.gram import content_distance, gram, style_distance
from kdsr.metrics.lite import STEM, block_outputs, load_lite

SMALLEST_SIDE_PX = 32
"""The last block that is read has one place per 16 pixels."""
PAN_STEP_PX = 3
PAN_SIGMA_255 = 2.0
"""Noise of the simulated camera, fresh in every frame."""
JUDGES: Mapping[str, tuple[int, tuple[int, ...], int]] = MappingProxyType({
    "lite0": (0, TAPS, CONTENT_TAP),
    "lite2": (2, (STEM, 0, 3, 6, 9), 6),
})  # fmt: skip
"""Networks that measure style and content, by name: number, blocks of the texture, block of the content."""


@dataclass(frozen=True)
class StyleFigure:
    """What a judging network says of one result."""

    style: float
    """Distance from the style picture's texture, at least 0; lower is better."""
    content: float
    """Distance from the content of the input, at least 0; lower is better."""


@torch.inference_mode()
def measure_style(result: Tensor, picture: Tensor, style: str, judge: str) -> StyleFigure:
    """The distances of `result` from the texture of `style` and from the content of `picture`.

    Args:
        result: (N, 3, H, W), range [0, 1], rounded to 8 bits here; H and W at least 32.
        picture: as `result`, same shape: the network's input.
        style: a name in `kdsr.distill.drawings.STYLES`.
        judge: `lite0`, which was the loss, or `lite2`, which was not.
    Raises:
        ShapeError: the shapes differ or are too small. UnknownNameError: no such style or judge.
        SettingsError: the extra `looks` is not installed.
    """
    if result.shape != picture.shape or result.ndim != 4 or min(result.shape[2:]) < SMALLEST_SIDE_PX:
        raise ShapeError(
            f"measure_style needs two tensors (N, 3, H, W) of one shape, sides from {SMALLEST_SIDE_PX} px, "
            f"got {tuple(result.shape)} and {tuple(picture.shape)}."
        )
    find("judge of style", judge, JUDGES)
    textures, content = _features(round_to_8_bits(result.float()), judge)
    _, wanted = _features(picture.float(), judge)
    return StyleFigure(style_distance(textures, _grams(style, judge)).item(), content_distance(content, wanted).item())


@functools.cache
def _grams(style: str, judge: str) -> tuple[Tensor, ...]:
    drawn = torch.from_numpy(draw_style(style)).permute(2, 0, 1)[None]
    return tuple(gram(feature) for feature in _features(drawn, judge)[0])


def _features(image: Tensor, judge: str) -> tuple[list[Tensor], Tensor]:
    """The features whose texture is compared, and the one whose content is."""
    number, taps, content = JUDGES[judge]
    found = block_outputs(load_lite(number).cpu(), image, taps)
    return found, found[taps.index(content)]


@torch.inference_mode()
def pan_flicker(draw: Callable[[Tensor], Tensor], picture: Tensor, *, frames: int = 6, seed: int = 0) -> float:
    """How much the frames of a pan differ once aligned, over the source's own difference; 1 flickers as the source.

    Every frame is a window of `picture`, 3 px further to the right, with fresh noise of sigma 2 of 255. Aligned frames
    of the source differ by the noise alone. Lower is steadier.

    Args:
        draw: (1, 3, H, W) to a picture of the same size.
        picture: (1, 3, H, W), range [0, 1], W above 3 * `frames` + 64.
    Raises:
        ShapeError: a picture that is too narrow.
    """
    width = picture.shape[-1] - PAN_STEP_PX * frames
    if width < 64:
        raise ShapeError(
            f"A pan of {frames} frames needs more than {PAN_STEP_PX * frames + 64} px, got {picture.shape[-1]}."
        )
    generator = torch.Generator().manual_seed(seed)
    shown, drawn = [], []
    for number in range(frames):
        window = picture[..., number * PAN_STEP_PX : number * PAN_STEP_PX + width]
        noise = torch.randn(window.shape, generator=generator) * PAN_SIGMA_255 / 255
        shown.append(round_to_8_bits(window + noise))
        drawn.append(round_to_8_bits(draw(shown[-1])))
    changes = []
    for made in (drawn, shown):
        pairs = [
            _inner(before[..., PAN_STEP_PX:], after[..., :-PAN_STEP_PX]) for before, after in itertools.pairwise(made)
        ]
        changes.append(sum(pairs) / len(pairs))
    return changes[0] / changes[1]


def _inner(before: Tensor, after: Tensor) -> float:
    """Mean change of the luma in levels, without 24 px at each side, where a network sees the border."""
    one, other = (image[..., 24:-24, 24:-24] for image in (before, after))
    return frame_change(one, other, torch.ones_like(one[:, :1], dtype=torch.bool)).item()
