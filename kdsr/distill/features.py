"""Losses between a feature of the student (N, Cs, H, W) and one of the teacher (N, Ct, H, W).

Features may have any scale; N, H and W are equal.

Each gives a float32 scalar; no gradient reaches the teacher. Modules have parameters (1x1 projections to
the teacher's channels, variances), which belong to the training run and never to the student's file. Not here: how a
feature is tapped (`taps`).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.distill.scores import soft_labels
from kdsr.errors import ShapeError

_AFFINITY_SIDE_PX = 24
"""24 x 24 places give 331,776 pairs a picture; 48 x 48 would give 5.3 million."""

_SMALLEST_ENERGY = 1e-12
"""Below this squared length a vector has no direction: it stays 0, and so does its gradient, which would grow as 1 /
length.
"""

_SMALLEST_VARIANCE = 1e-5
"""As in the authors' code of VID."""


def attention_map(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance of both attention maps, mean over pictures: a scalar in [0, 2], 0 is best.

    A map is the mean over channels of the squares (p = 2), flattened and divided by its L2 norm. So Cs and Ct may
    differ, and neither feature's scale matters. The distance is squared as in the authors' code. It is summed over
    places, so that the weight does not depend on H x W. Source: attention transfer, arXiv:1612.03928, section 3.1,
    equation 2.
    Raises:
        ShapeError: N, H or W differ.
    """
    _require_same_places("attention_map", student, teacher)
    gap = _attention(student) - _attention(teacher.detach())
    return gap.square().sum(dim=1).mean()


def spatial_affinity(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean absolute difference of both affinity matrices: a scalar in [0, 2], 0 is best.

    A matrix holds the cosine between the channel vectors of every two places, so Cs and Ct may differ. Unlike the
    paper, features larger than 24 px on a side are averaged first over blocks of a whole number of pixels until they
    fit. Source: FAKD (He et al., ICIP 2020, doi:10.1109/ICIP40778.2020.9190917), its spatial affinity.
    Raises:
        ShapeError: N, H or W differ.
    """
    _require_same_places("spatial_affinity", student, teacher)
    return (_affinity(student) - _affinity(teacher.detach())).abs().mean()


def channel_distribution(student: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    """T^2 * KL(teacher || student) of where each channel has its weight: a scalar in nats, at least 0, 0 is best.

    Each channel is made a distribution over its H x W places by a softmax at the temperature T. The divergence is
    summed over places and averaged over channels and pictures. Cs = Ct. Source: channel-wise distillation,
    arXiv:2011.13256, section 3.2.
    Raises:
        ShapeError: the shapes differ.
        SettingsError: a temperature that is not above 0.
    """
    _require_equal("channel_distribution", student, teacher)
    return soft_labels(student.flatten(2).flatten(0, 1), teacher.flatten(2).flatten(0, 1), temperature=temperature)


def variational(mean: Tensor, variance: Tensor, teacher: Tensor) -> Tensor:
    """Negative log-likelihood of the teacher's feature under a Gaussian, mean over all values: a scalar in nats, lower
    is better.

    (log variance + (teacher - mean)^2 / variance) / 2; the constant log(2 pi) / 2 is left out. Not bounded below.

    Args:
        mean: (N, Ct, H, W), what the student predicts.
        variance: (Ct,), above 0: one for each channel of the teacher.
        teacher: (N, Ct, H, W).
    Source: variational information distillation, arXiv:1904.05835, section 2.1.
    Raises:
        ShapeError: `mean` and `teacher` differ in shape, or `variance` is not (Ct,).
    """
    _require_equal("variational", mean, teacher)
    if variance.shape != mean.shape[1:2]:
        raise ShapeError(
            f"variational needs one variance for each of {mean.shape[1]} channels, got {tuple(variance.shape)}; "
            "give shape (Ct,)."
        )
    wide = variance.float()[:, None, None]
    gap = teacher.detach().float() - mean.float()
    return 0.5 * (wide.log() + gap.square() / wide).mean()


class FitNet(nn.Module):
    """Mean squared distance between the student's feature, projected to the teacher's channels, and the teacher's: at
    least 0, 0 is best.

    Source: hint-based training, arXiv:1412.6550, section 2.2, equation 3, with a 1x1 projection; a mean where the paper
        has half a sum.
    """

    def __init__(self, student_channels: int, teacher_channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(student_channels, teacher_channels, 1)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        projected = _project("FitNet", self.project, student)
        _require_equal("FitNet, after its projection,", projected, teacher)
        return (projected - teacher.detach().float()).square().mean()


class ChannelDistribution(nn.Module):
    """`channel_distribution` after a 1x1 projection of the student's feature to the teacher's channels
    (arXiv:2011.13256, section 3.2).
    """

    def __init__(self, student_channels: int, teacher_channels: int, *, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.project = nn.Conv2d(student_channels, teacher_channels, 1)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return channel_distribution(
            _project("ChannelDistribution", self.project, student), teacher, temperature=self.temperature
        )


class VariationalInformation(nn.Module):
    """`variational` with a mean projected 1x1 from the student's feature and a variance learned for each channel of the
    teacher.

    The variance is softplus(`spread`) + 1e-5 and starts at 1, where the gradient to the student is half of `FitNet`'s
    (the authors' code starts at 5). Source: VID, arXiv:1904.05835, section 2.1. PISR (arXiv:2007.07524) carried it to
    super-resolution, with a Laplace distribution whose location and scale are maps.
    """

    def __init__(self, student_channels: int, teacher_channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(student_channels, teacher_channels, 1)
        self.spread = nn.Parameter(torch.full((teacher_channels,), math.log(math.expm1(1.0 - _SMALLEST_VARIANCE))))

    def variance(self) -> Tensor:
        """(Ct,), above 0."""
        return F.softplus(self.spread) + _SMALLEST_VARIANCE

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return variational(_project("VariationalInformation", self.project, student), self.variance(), teacher)


def _attention(feature: Tensor) -> Tensor:
    return _unit(feature.float().square().mean(dim=1).flatten(1))


def _affinity(feature: Tensor) -> Tensor:
    strides = [math.ceil(side / _AFFINITY_SIDE_PX) for side in feature.shape[-2:]]
    pooled = F.avg_pool2d(feature.float(), strides, ceil_mode=True)
    places = _unit(pooled.flatten(2), dim=1)
    return places.transpose(1, 2) @ places


def _unit(vectors: Tensor, dim: int = 1) -> Tensor:
    energy = vectors.square().sum(dim=dim, keepdim=True)
    directed = energy > _SMALLEST_ENERGY
    return vectors * torch.where(directed, energy, 1.0).rsqrt() * directed


def _project(loss: str, project: nn.Conv2d, student: Tensor) -> Tensor:
    if student.ndim != 4 or student.shape[1] != project.in_channels:
        wanted = f"{project.in_channels} channels"
        raise ShapeError(
            f"{loss} was built for a student's feature of {wanted}, got shape {tuple(student.shape)}; "
            "build it for that feature."
        )
    projected: Tensor = project(student.float())
    return projected


def _require_equal(loss: str, student: Tensor, teacher: Tensor) -> None:
    if student.ndim != 4 or student.shape != teacher.shape:
        got = f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        raise ShapeError(
            f"{loss} needs features (N, C, H, W) of one shape, got {got}; "
            "tap features of equal size and project the channels."
        )


def _require_same_places(loss: str, student: Tensor, teacher: Tensor) -> None:
    if (
        student.ndim != 4
        or teacher.ndim != 4
        or student.shape[0] != teacher.shape[0]
        or student.shape[2:] != teacher.shape[2:]
    ):
        got = f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        raise ShapeError(
            f"{loss} needs features (N, C, H, W) with equal N, H and W, got {got}; tap layers of equal resolution."
        )
