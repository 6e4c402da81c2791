"""DAT, a transformer that attends to windows and to channels by turns; built by spandrel, an optional extra.

Source: Dual Aggregation Transformer, arXiv:2308.03364; spandrel's implementation, imported when a network is built. Its
channel attention looks at the whole picture, so that tiles are an approximation. Not here: the larger forms of DAT.
"""

import warnings

from torch import Tensor, nn

from kdsr.errors import SettingsError, WeightsError
from kdsr.models.network import Network

DERIVED = ("attn_mask_0", "attn_mask_1", "rpe_biases", "relative_position_index")
"""Buffers that follow from the sizes: not kept with the weights, of which they would make up 95 %."""


class Dat(Network):
    """One residual group of `depth` blocks of `width` channels (DAT-light: 18 of 60), pixel shuffle at the end.

    Args:
        scale: output pixels per input pixel, 2 to 4.
        width: channels between the blocks.
        depth: number of blocks; those of even number attend to windows, the others to channels.
        heads: attention heads of a block.
        rows: shorter side of a window.
        columns: longer side of a window, a multiple of `rows`.
        expand: how many times wider a block is inside.
        halo: input pixels around a tile. What a pixel sees is the whole picture; the error was measured.
        planes: 3.
        rep: accepted as by every network; there is no over-parameterised form.
    Raises:
        WeightsError: spandrel is not installed.
    """

    def __init__(
        self,
        scale: int,
        width: int = 60,
        depth: int = 18,
        heads: int = 6,
        rows: int = 8,
        columns: int = 32,
        expand: int = 2,
        halo: int = 32,
        *,
        planes: int = 3,
        rep: bool = False,
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4) or planes != 3:
            raise SettingsError(f"The architecture dat takes 3 planes at scale 2 to 4, got {planes} at scale {scale}.")
        try:
            from spandrel.architectures.DAT import DAT
        except ImportError as error:
            raise WeightsError("A network of DAT needs the package spandrel: pip install 'kdsr[foreign]'.") from error
        self.scale, self.planes, self.multiple, self.halo = scale, planes, 1, halo
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # its meshgrid names no indexing
            self.model = DAT(
                img_size=columns, embed_dim=width, split_size=[rows, columns], depth=[depth], num_heads=[heads],
                expansion_factor=float(expand), drop_path_rate=0.0, upscale=scale, resi_connection="3conv",
                upsampler="pixelshuffledirect",
            )  # fmt: skip
        for module in self.model.modules():
            _forget_derived(module)

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), not clamped, from `image` (N, 3, H, W) in [0, 1]."""
        restored: Tensor = self.model(image)
        return restored


def _forget_derived(module: nn.Module) -> None:
    """Keep the derived buffers of `module` out of its state."""
    for name, buffer in list(module.named_buffers(recurse=False)):
        if name in DERIVED:
            module.register_buffer(name, buffer, persistent=False)
