"""A runtime that also counts the seconds spent in its network, without the rest of a pass."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from kdsr.restore.runtime import Runtime

A = TypeVar("A")
T = TypeVar("T")


class Stopwatch:
    """`runtime` with the `seconds` spent inside its network since they were last set to 0, by a steady `clock`."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.perf_counter) -> None:
        self.runtime = runtime
        self.clock = clock
        self.seconds = 0.0
        self.about = runtime.about

    def run(self, image: Tensor) -> Tensor:
        """As the runtime's own."""
        return self._counted(self.runtime.run, image)

    def run_array(self, image: np.ndarray) -> np.ndarray:
        """As the runtime's own."""
        return self._counted(self.runtime.run_array, image)

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        """As the runtime's own."""
        return self._counted(self.runtime.run_uint8, pixels)

    def _counted(self, call: Callable[[A], T], argument: A) -> T:
        started = self.clock()
        value = call(argument)
        if self.about.device.startswith("cuda"):
            torch.cuda.synchronize()
        self.seconds += self.clock() - started
        return value
