"""A fixed set of crops with what the teacher said of each: its label, and its features where they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Crop:
    """Where a crop lies: the picture, its corner in pixels of the degraded one, and one of the 8 symmetries of the
    square.
    """

    picture: int
    top: int
    left: int
    symmetry: int


@dataclass
class Plan:
    """A fixed set of crops, each with what the teacher said of it; a run with a plan draws from these alone."""

    crops: list[Crop]
    labels: np.ndarray | None = None
    """(crops, 3, P * scale, P * scale) uint8."""
    features: dict[str, np.ndarray] = field(default_factory=dict)
    """By tap, (crops, C, P, P) float16."""
    chances: np.ndarray | None = None
    """Running sum of the chances of the crops, ending at 1; None: all alike."""

    def draw(self, rng: np.random.Generator, count: int) -> list[int]:
        """Numbers of `count` crops."""
        if self.chances is None:
            return [int(number) for number in rng.integers(len(self.crops), size=count)]
        drawn = np.searchsorted(self.chances, rng.random(count), side="right")
        return [min(int(number), len(self.crops) - 1) for number in drawn]


def prefer_hard(plan: Plan, hardness: np.ndarray) -> None:
    """Let every crop be drawn in proportion to its `hardness`, half of the draws staying even."""
    even = np.full(len(hardness), 1.0 / len(hardness))
    plan.chances = np.cumsum(0.5 * even + 0.5 * hardness / hardness.sum())


def running_share(sizes: Sequence[int]) -> np.ndarray:
    """For each size the share of all that it and those before it make up."""
    return np.cumsum(np.array(sizes, dtype=np.float64) / sum(sizes))
