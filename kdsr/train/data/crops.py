"""A fixed set of crops, each with the teacher's label and, on request, its features."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Crop:
    """The place of a crop: picture, corner in pixels of the degraded picture, and symmetry of the square (0 to 7)."""

    picture: int
    top: int
    left: int
    symmetry: int


@dataclass
class CropPlan:
    """A fixed set of crops with their labels; a run with a plan draws from these only."""

    crops: list[Crop]
    labels: np.ndarray | None = None
    """(crops, 3, P * scale, P * scale) uint8."""
    features: dict[str, np.ndarray] = field(default_factory=dict)
    """By tap, (crops, C, P, P) float16."""
    chances: np.ndarray | None = None
    """Cumulative probabilities of the crops, the last one 1; None: uniform."""

    def draw(self, rng: np.random.Generator, count: int) -> list[int]:
        """Indices of `count` random crops."""
        if self.chances is None:
            return [int(number) for number in rng.integers(len(self.crops), size=count)]
        drawn = np.searchsorted(self.chances, rng.random(count), side="right")
        return [min(int(number), len(self.crops) - 1) for number in drawn]


def sample_hard_crops(plan: CropPlan, hardness: np.ndarray) -> None:
    """Sample the crops by their `hardness` (N,): half uniformly, half in proportion to it."""
    even = np.full(len(hardness), 1.0 / len(hardness))
    plan.chances = np.cumsum(0.5 * even + 0.5 * hardness / hardness.sum())


def running_share(sizes: Sequence[int]) -> np.ndarray:
    """Cumulative shares of `sizes`, the last one 1."""
    return np.cumsum(np.array(sizes, dtype=np.float64) / sum(sizes))
