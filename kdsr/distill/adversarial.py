"""An adversarial loss between the student's pictures and the teacher's: one scalar that teaches a small discriminator
and the student at once.

The discriminator belongs to the training run and never to the student's file.
"""

from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from kdsr.distill.pixel import require_equal_shapes
from kdsr.errors import ShapeError

_WIDTHS = (32, 32, 64, 64)


def reverse_gradient(image: Tensor, scale: float = 1.0) -> Tensor:
    """`image` unchanged, any shape; in the backward pass its gradient is multiplied by -`scale`.

    Source: the gradient reversal layer, arXiv:1409.7495, section 3.2.
    """
    reversed_image: Tensor = _ReverseGradient.apply(image, scale)
    return reversed_image


class Discriminator(nn.Module):
    """Pictures (N, C, H, W) to patch scores (N, 1, ceil(H / 16), ceil(W / 16)), unbounded; high means "looks like the
    teacher's".

    Four 3x3 convolutions of stride 2 with LeakyReLU, then a 1x1. Source: PatchGAN, arXiv:1611.07004, much smaller,
    without normalisation.
    """

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((channels, *_WIDTHS)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Conv2d(_WIDTHS[-1], 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.body(image.float()).float()
        return scores


class Adversarial(nn.Module):
    """The discriminator's hinge loss, for discriminator and student together: a scalar, at least 0.

    mean(max(0, 1 - score(label))) + mean(max(0, 1 + score(restored))). At 0 the discriminator separates the teacher's
    pictures from the student's; at 2 (all scores 0) it cannot. The discriminator's gradient is this loss's own. The
    restored picture passes through `reverse_gradient`, so that the student's gradient has the opposite sign. One
    optimiser step thus lowers the loss for the discriminator and raises it for the student, whose pictures then score
    higher. Where a patch of the student scores below -1 the hinge is flat and has no gradient. Therefore use a small
    weight and add a loss to the truth. Source: hinge, arXiv:1705.02894, section 3.

    `forward` raises ShapeError for pictures of different shapes.
    """

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.discriminator = Discriminator(channels)

    def forward(self, restored: Tensor, label: Tensor) -> Tensor:
        require_equal_shapes("Adversarial", restored, label)
        if restored.shape[1] != self.channels:
            raise ShapeError(
                f"Adversarial was built for {self.channels} channels, got shape {tuple(restored.shape)}; "
                "build it for that many."
            )
        real, fake = self.discriminator(label.detach()), self.discriminator(reverse_gradient(restored))
        return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()


class _ReverseGradient(Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return image.view_as(image)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * gradients[0], None
