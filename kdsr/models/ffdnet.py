"""FFDNet: a denoiser whose noise level is an input, estimated from the picture here.

Source: FFDNet, arXiv:1710.04026, section 3; names of the layers are ours. The noise level is estimated as in Chen, Zhu
and Heng, "An efficient statistical method for image noise level estimation", ICCV 2015. The small eigenvalues of the
covariance of 8x8 patches are the variance of the noise.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.models.blocks import conv3x3
from kdsr.models.network import Network

_PATCH_PX = 8
_MOST_PATCHES = 20_000
"""Of one picture: more of them change the estimate by less than 0.1 of 255."""


class Ffdnet(Network):
    """`depth` 3x3 convolutions of `width` channels with ReLU at half the resolution, beside a plane of the noise level.

    Args:
        scale: 1.
        width: channels between the convolutions.
        depth: number of convolutions.
        planes: 3.
        rep: over-parameterised kernels for training.
    """

    def __init__(self, scale: int, width: int = 96, depth: int = 12, *, planes: int = 3, rep: bool = False) -> None:
        super().__init__()
        if (scale, planes) != (1, 3):
            raise SettingsError(f"The architecture ffdnet takes 3 planes at scale 1, got {planes} at scale {scale}.")
        self.scale, self.planes, self.multiple = scale, planes, 2
        self.halo = 2 * depth
        self.sigma_255: float | None = None
        """The noise level, of 255, if it is known; None estimates it from each picture."""
        sizes = [13, *[width] * (depth - 1), 12]
        self.layers = nn.ModuleList(conv3x3(a, b, rep=rep) for a, b in itertools.pairwise(sizes))

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H, W), not clamped, from `image` (N, 3, H, W); sides are multiples of 2."""
        known = self.sigma_255
        sigma = noise_sigma(image) if known is None else image.new_full((image.shape[0],), known / 255)
        packed = F.pixel_unshuffle(image, 2)
        level = sigma[:, None, None, None].expand(-1, 1, *packed.shape[-2:])
        feature = torch.cat([packed, level], dim=1)
        for layer in self.layers[:-1]:
            feature = F.relu(layer(feature))
        return F.pixel_shuffle(self.layers[-1](feature), 2)


@torch.no_grad()
def noise_sigma(image: Tensor) -> Tensor:
    """The standard deviation of the noise in each picture of `image` (N, C, H, W), in its own range: (N,).

    For white Gaussian noise of one level. A picture with a side below 8 pixels has too few patches and gives 0.
    """
    count, channels, height, width = image.shape
    if min(height, width) < _PATCH_PX:
        return image.new_zeros(count)
    found = []
    for picture in image.reshape(count, channels, height, width):
        patches = F.unfold(picture[:, None], _PATCH_PX).transpose(1, 2).reshape(-1, _PATCH_PX**2)
        patches = patches[:: -(-len(patches) // _MOST_PATCHES)].double()
        values = torch.linalg.eigvalsh(torch.cov(patches.T)) if len(patches) > 1 else patches.new_zeros(1)
        found.append(_noise_variance(values.clamp_min(0)).sqrt())
    return torch.stack(found).to(image)


def _noise_variance(eigenvalues: Tensor) -> Tensor:
    """The mean of the smallest `eigenvalues` (ascending) once it is at most their median: theorem 1 of the source."""
    sums = eigenvalues.cumsum(0)
    for last in range(len(eigenvalues) - 1, 0, -1):
        mean = sums[last] / (last + 1)
        if mean <= eigenvalues[: last + 1].median():
            return mean
    return eigenvalues[0]
