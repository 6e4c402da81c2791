"""A runtime that changes nothing, so that a clip can be written again as it is: for browsers, which play few kinds."""

from typing import TYPE_CHECKING

import numpy as np

from kdsr.restore.runtime import RuntimeInfo

if TYPE_CHECKING:
    from torch import Tensor


class Unchanged:
    """Each frame as it came: a `kdsr.restore.runtime.Runtime`."""

    about = RuntimeInfo(
        "unchanged", "cpu", 1, "float32", scale=1, planes=3, multiple=1, halo=0, max_output_megapixels=1000.0
    )

    def run(self, image: "Tensor") -> "Tensor":
        """`image` itself."""
        return image

    def run_array(self, image: np.ndarray) -> np.ndarray:
        """`image` itself."""
        return image

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        """`pixels` themselves."""
        return pixels
