"""The interface of every runtime, and what is known about one. The runtimes themselves: `runtimes`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RuntimeInfo:
    """Which network runs where, and what pictures it takes."""

    name: str
    device: str
    """`cpu`, `cuda` or `cuda:N`."""
    threads: int
    """CPU threads of one run; on a GPU, 1."""
    precision: str
    """Of the arithmetic: `float32`, `bfloat16` or `int8`."""
    scale: int
    """Output pixels per input pixel."""
    planes: int
    """Planes of the input: 3, or 4 with the mask of missing pixels."""
    multiple: int
    """Input sides must be multiples of it."""
    halo: int
    """Input pixels that an output pixel depends on, at each side."""
    max_output_megapixels: float
    """Largest picture that may be restored."""


class Runtime(Protocol):
    """A network that is ready to run; may be called from several threads."""

    @property
    def about(self) -> RuntimeInfo:
        """Which network runs where, and what pictures it takes."""

    def run(self, image: "Tensor") -> "Tensor":
        """(1, planes, H, W) float32 in [0, 1] to (1, 3, H * scale, W * scale) float32, not clamped."""

    def run_array(self, image: np.ndarray) -> np.ndarray:
        """As `run`, for an array."""

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, planes) uint8 to (H * scale, W * scale, 3) uint8, clipped and rounded."""
