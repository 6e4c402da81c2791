"""The compact SRVGG of Real-ESRGAN at x2 and x3: its x4 network, whose result is shrunk.

The published models `realesr-animevideov3` x2 and x3 are made so. All three scales share one file of weights, and the
layers of x2 and x3 end with a bicubic resize by 0.5 and 0.75. At x4 it is `plain` with `prelu` 1. Source: Real-ESRGAN,
arXiv:2107.10833, and its ncnn models.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.errors import SettingsError
from kdsr.models.network import Network
from kdsr.models.plain import Plain

_INNER_SCALE = 4


class Compact(Network):
    """A x4 stack of `depth` 3x3 convolutions of `width` channels with PReLU, its result shrunk to scale 2 or 3.

    Args:
        scale: 2 or 3.
        width: channels between the convolutions.
        depth: number of convolutions, at least 2.
        planes: 3.
        rep: over-parameterised kernels for training.
    """

    def __init__(self, scale: int, width: int = 64, depth: int = 18, *, planes: int = 3, rep: bool = False) -> None:
        super().__init__()
        if scale not in (2, 3) or planes != 3:
            raise SettingsError(
                f"The architecture compact takes 3 planes at scale 2 or 3, got {planes} at scale {scale}; "
                "at scale 4 it is plain with prelu 1."
            )
        self.scale, self.planes, self.multiple = scale, planes, 1
        self.register_buffer("shrunk_to", torch.tensor(scale))
        """Makes the weights of x2 and x3 differ: a graph is found by the SHA-256 of the weights."""
        self.inner = Plain(_INNER_SCALE, width, depth, prelu=1, rep=rep)
        self.halo = self.inner.halo + 1  # the bicubic kernel reads 4 pixels of the x4 result

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), not clamped, from `image` (N, 3, H, W) in [0, 1]."""
        share = self.scale / _INNER_SCALE
        return F.interpolate(self.inner(image), scale_factor=share, mode="bicubic", align_corners=False)
