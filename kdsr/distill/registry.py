"""The losses, one line each."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kdsr.distill import contrastive, features, pixel, scores, style
from kdsr.distill.adversarial import Adversarial
from kdsr.distill.critic import Critic
from kdsr.distill.perceptual import perceptual
from kdsr.errors import find


@dataclass(frozen=True)
class Loss:
    """A loss, what it reads and where it comes from.

    `reads` is `pictures` (restored, target), `input` (restored, degraded), `both` (restored, target, degraded),
    `features` (student's, teacher's) or `scores` (class scores). With `negatives_input` or `negatives_average` the
    function takes restored, target and worse pictures. These are the enlarged input, or the output of the student's
    moving average.
    """

    function: Callable[..., Any]
    """The loss, or the class of the module that computes it if it is trained; for features that is built from the
    channels of both.
    """
    reads: str
    source: str
    learns: bool = False


_JOHNSON = "perceptual losses, arXiv:1603.08155"

LOSSES: Mapping[str, Loss] = {  # a plain dict: torch.compile cannot trace a read-only view of one
    "l1": Loss(pixel.l1, "pictures", source="definition"),
    "l2": Loss(pixel.l2, "pictures", source="definition"),
    "charbonnier": Loss(pixel.charbonnier, "pictures", source="LapSRN, arXiv:1704.03915"),
    "psnr": Loss(pixel.psnr, "pictures", source="NAFNet, arXiv:2204.04676"),
    "psnr_luma": Loss(pixel.psnr_luma, "pictures", source="luma as in SESR, arXiv:2103.09404"),
    "psnr_colour": Loss(pixel.psnr_colour, "pictures", source="definition"),
    "mean_colour": Loss(pixel.mean_colour, "input", source="definition"),
    "fft": Loss(pixel.fft, "pictures", source="MIMO-UNet, arXiv:2108.05054"),
    "fitnet": Loss(features.FitNet, "features", source="FitNets, arXiv:1412.6550", learns=True),
    "attention_map": Loss(features.attention_map, "features", source="AT, arXiv:1612.03928"),
    "spatial_affinity": Loss(features.spatial_affinity, "features", source="FAKD, ICIP 2020"),
    "channel_distribution": Loss(features.ChannelDistribution, "features", source="CWD, arXiv:2011.13256", learns=True),
    "variational": Loss(features.VariationalInformation, "features", source="VID, arXiv:1904.05835", learns=True),
    "contrastive": Loss(contrastive.contrastive, "negatives_input", source="CSD, arXiv:2105.11683"),
    "contrastive_dynamic": Loss(contrastive.contrastive, "negatives_average", source="DCKD, arXiv:2312.08939"),
    "adversarial": Loss(Adversarial, "pictures", source="hinge loss, arXiv:1705.02894", learns=True),
    "critic": Loss(Critic, "both", source="spectral norm and hinge, arXiv:1802.05957", learns=True),
    "perceptual": Loss(perceptual, "pictures", source="LPIPS, arXiv:1801.03924; views, arXiv:1906.03973"),
    "soft_labels": Loss(scores.soft_labels, "scores", source="Hinton et al., arXiv:1503.02531"),
    "style_engraving": Loss(functools.partial(style.style, name="engraving"), "pictures", source=_JOHNSON),
    "style_mosaic": Loss(functools.partial(style.style, name="mosaic"), "pictures", source=_JOHNSON),
    "style_brush": Loss(functools.partial(style.style, name="brush"), "pictures", source=_JOHNSON),
    "style_dots": Loss(functools.partial(style.style, name="dots"), "pictures", source=_JOHNSON),
}  # fmt: skip


def find_loss(name: str) -> Loss:
    """The loss named `name`.

    Raises:
        UnknownNameError: no such loss; the text names the nearest one.
    """
    return find("loss", name, LOSSES)
