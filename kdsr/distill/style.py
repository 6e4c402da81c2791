"""The loss of style transfer: the content of one picture, the texture of another, in features of EfficientNet-Lite0.

Source: Johnson et al., arXiv:1603.08155, section 3, with EfficientNet-Lite0 (Apache-2.0) in place of VGG-16. Its first
blocks alone have clean enough gradients. Not here: the style pictures (`drawings`), and the network that judges the
results (`kdsr.bench.style`).
"""

import functools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.distill.drawings import draw_style
from kdsr.errors import ShapeError
from kdsr.metrics.gram import content_distance, gram, style_distance
from kdsr.metrics.lite import STEM, block_outputs, load_lite

TAPS = (STEM, 0, 2, 4, 6)
"""The first convolution and the blocks whose Gram matrices are compared: strides 2, 2, 4, 8 and 16."""
CONTENT_TAP = 4
"""The block whose output is compared place by place: stride 8."""
CONTENT_WEIGHT = 0.3
ROUGHNESS_WEIGHT = 0.02
RANGE_WEIGHT = 1.0
_MIRRORED_PX = 16
_CONTENT_PLACE = TAPS.index(CONTENT_TAP)


def style(restored: Tensor, target: Tensor, *, name: str) -> Tensor:
    """How far `restored` is from the texture of the style `name` with the content of `target`: a scalar, at least 0.

    style + 0.3 content + 0.02 total variation + mean excess over [0, 1]; lower is better. Gram matrices are those of
    the batch, so that its pictures may differ in colour.

    Args:
        restored: (N, 3, H, W), range about [0, 1].
        target: as `restored`, same shape: the picture whose content is kept. No gradient reaches it.
        name: a style in `drawings.STYLES`.
    Raises:
        ShapeError: the shapes differ. UnknownNameError: no such style.
        SettingsError: the extra `looks` is not installed. WeightsError: its weights are not the published ones.
    """
    if restored.shape != target.shape or restored.ndim != 4 or restored.shape[1] != 3:
        raise ShapeError(
            "style needs two tensors (N, 3, H, W) of one shape, "
            f"got {tuple(restored.shape)} and {tuple(target.shape)}; give pictures alike."
        )
    restored, target = (_shifted(image, target) for image in (restored, target))
    wanted = tuple(matrix.to(restored.device) for matrix in style_grams(name))
    network = load_lite(0).to(restored.device)
    features = _features(network, restored, TAPS)
    with torch.no_grad():
        content = _features(network, target.detach(), (CONTENT_TAP,))[0]
    excess = (restored - restored.detach().clamp(0, 1)).abs().mean()
    return (
        style_distance(features, wanted)
        + CONTENT_WEIGHT * content_distance(features[_CONTENT_PLACE], content)
        + ROUGHNESS_WEIGHT * total_variation(restored)
        + RANGE_WEIGHT * excess
    )


def _shifted(image: Tensor, target: Tensor) -> Tensor:
    """`image` without its first row, its first column, both or neither.

    The first convolution sees every second pixel. A network at half resolution would hide a checkerboard from it. Which
    are cut follows from `target`, so that a resumed run cuts the same.
    """
    if min(image.shape[2:]) < 3:
        return image
    chosen = int(target.detach().double().sum() * 1e3) % 4
    return image[..., chosen // 2 :, chosen % 2 :]


def _features(network: nn.Module, image: Tensor, taps: Sequence[int]) -> list[Tensor]:
    """What `network` sees of `image` in the blocks `taps`, its border mirrored around it and then left out again.

    Lite0 pads with zeros, and a network would draw a strip there. Counted twice, the border would be the cheapest place
    for the style.
    """
    reach = min(_MIRRORED_PX, *(side - 1 for side in image.shape[2:]))
    seen = block_outputs(network, F.pad(image, (reach,) * 4, mode="reflect"), taps)
    return [_without_border(feature, reach * feature.shape[3] // (image.shape[3] + 2 * reach)) for feature in seen]


def _without_border(feature: Tensor, cells: int) -> Tensor:
    return feature[..., cells:-cells, cells:-cells] if cells else feature


def total_variation(image: Tensor) -> Tensor:
    """Mean difference of neighbours of `image` (N, C, H, W) to the right and below: a scalar, at least 0."""
    return image.diff(dim=2).abs().mean() + image.diff(dim=3).abs().mean()


@functools.cache
def style_grams(name: str) -> tuple[Tensor, ...]:
    """The Gram matrices (C, C) of the style `name` in the blocks `TAPS`, on the processor; computed once."""
    picture = torch.from_numpy(draw_style(name)).permute(2, 0, 1)[None]
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return tuple(gram(feature) for feature in block_outputs(load_lite(0).cpu(), picture, TAPS))
