"""What every runtime can do. Which there are: `runtimes`."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class Runtime(Protocol):
    """A network that is ready to run; may be called from several threads."""

    name: str
    device: str
    """`cpu`, `cuda` or `cuda:N`."""
    threads: int
    """CPU threads of one run; on a GPU, 1."""
    precision: str
    """Of the arithmetic inside."""
    scale: int
    planes: int
    multiple: int
    halo: int
    max_output_megapixels: float
    """Largest picture that is made with it."""

    def run(self, image: "Tensor") -> "Tensor":
        """(1, planes, H, W) float32 in [0, 1] to (1, 3, H * scale, W * scale) float32, not clamped."""

    def run_array(self, image: np.ndarray) -> np.ndarray:
        """As `run`, for an array."""

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, planes) uint8 to (H * scale, W * scale, 3) uint8, clipped and rounded."""
