"""An adversarial loss beside a pixel loss: a discriminator that sees the input, bounded by its spectral norm.

It is larger than that of `adversarial` and gets the enlarged input as well, so that it judges a restoration and not
only a picture. It belongs to the training run and never to the student's file.
"""

import torch.nn.functional as F
from torch import Tensor, cat, channels_last, nn
from torch.nn.utils.parametrizations import spectral_norm

from kdsr.distill.adversarial import reverse_gradient
from kdsr.distill.pixel import require_equal_shapes

_WIDTH = 24
_SMALLEST_PX = 4
"""What two 4x4 convolutions of stride 2 need."""
_KERNELS_AND_STRIDES = ((3, 1), (4, 2), (4, 2))
"""The first layer sees every pixel: with a stride it misses a grid of single pixels, and the student learns one."""


class Critic(nn.Module):
    """The hinge loss of a patch discriminator, to be minimised by it and the student together: a scalar, at least 0.

    mean(max(0, 1 - score(target))) + mean(max(0, 1 + score(restored))); 2 means that it cannot tell. The student's
    gradient is reversed (see `Adversarial`). As long as the spectral norm keeps scores above -1, it is the gradient of
    the usual -mean(score). Source: patches, arXiv:1611.07004; hinge and spectral norm, arXiv:1802.05957.

    `forward` raises ShapeError for pictures of different shapes.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (6, _WIDTH, 2 * _WIDTH, 4 * _WIDTH)
        layers: list[nn.Module] = []
        for number, (kernel, stride) in enumerate(_KERNELS_AND_STRIDES):
            conv = nn.Conv2d(widths[number], widths[number + 1], kernel, stride=stride, padding=1)
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def score(self, image: Tensor, degraded: Tensor) -> Tensor:
        """Patch scores (N, 1, about H / 4, about W / 4); high means "looks like the target".

        Args:
            image: (N, 3, H, W) in [0, 1], a restoration of `degraded`.
            degraded: (N, 3 or 4, h, w) in [0, 1], the input, enlarged here to H x W.
        """
        enlarged = F.interpolate(degraded[:, :3], image.shape[-2:], mode="bilinear")
        pictures = (cat([image, enlarged], dim=1) - 0.5).contiguous(memory_format=channels_last)
        height, width = image.shape[-2:]
        if min(height, width) < _SMALLEST_PX:
            pictures = F.pad(pictures, (0, max(0, _SMALLEST_PX - width), 0, max(0, _SMALLEST_PX - height)), "replicate")
        scores: Tensor = self.body(pictures).float()
        return scores

    def forward(self, restored: Tensor, target: Tensor, degraded: Tensor) -> Tensor:
        require_equal_shapes("Critic", restored, target)
        # One pass for both: the estimate of the spectral norm changes a little at every pass.
        pictures = cat([target.detach().float(), reverse_gradient(restored).float()])
        real, fake = self.score(pictures, cat([degraded, degraded])).chunk(2)
        return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()
