"""The tasks, each with its scale, its degradation and the convention of its figures.

A task names its degradation; the functions themselves are in `kdsr.degrade`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from kdsr.errors import SettingsError, find


@dataclass(frozen=True)
class Strength:
    """The strength of a degradation: one number with its range."""

    name: str
    """As in the command line and in cards: `sigma`, `quality` or `level`."""
    title: str
    unit: str
    minimum: float
    maximum: float
    default: float
    by_ratio: bool = False
    """Training draws it log-uniformly."""

    def check(self, value: float | str) -> float:
        """`value` itself, if it is in range.

        Raises:
            SettingsError: `value` is outside [minimum, maximum], or no number.
        """
        if isinstance(value, str):
            raise SettingsError(
                f"{self.name} must be a number between {self.minimum:g} and {self.maximum:g}, got '{value}'."
            )
        if not self.minimum <= value <= self.maximum:
            raise SettingsError(f"{self.name} must lie between {self.minimum:g} and {self.maximum:g}, got {value:g}.")
        return value


@dataclass(frozen=True)
class Kinds:
    """The kinds of a degradation that has no strength, by name."""

    name: str
    """As in the command line and in cards."""
    title: str
    names: tuple[str, ...]
    default: str

    def check(self, value: float | str) -> str:
        """`value` itself, if it is one of `names`.

        Raises:
            UnknownNameError: it is not.
        """
        return find(self.title.lower(), str(value), {name: name for name in self.names})


@dataclass(frozen=True)
class Task:
    """One task: restoration, or style transfer, which draws a picture anew."""

    name: str
    title: str
    scale: int
    degradation: Literal["bicubic", "noise", "jpeg", "holes", "photo", "camera", "none"]
    """`none`: the picture itself is the input, and no original exists to compare a result with."""
    colour: Literal["y", "rgb"]
    """What the figures are taken on: BT.601 luma in 16..235, or RGB."""
    border: int
    """Pixels cut from each side before measuring."""
    strength: Strength | Kinds | None = None

    @property
    def planes(self) -> int:
        """Planes of a network's input: red, green and blue, and for holes a fourth that is 1 where pixels are
        missing.
        """
        return 4 if self.degradation == "holes" else 3

    @property
    def has_truth(self) -> bool:
        """Whether a result has an original that it can be compared with."""
        return self.degradation != "none"

    def require_truth(self) -> None:
        """Refuse what needs an original.

        Raises:
            SettingsError: results of this task have none.
        """
        if not self.has_truth:
            raise SettingsError(
                f"{self.title} degrades no picture and has no original to compare a result with; "
                "give its networks the picture itself."
            )

    @property
    def convention(self) -> str:
        """The convention of this task's figures, in words."""
        if not self.has_truth:
            return "RGB, no border cut, one result against another, since there is no original"
        if self.degradation == "holes":
            return "RGB, PSNR of the missing pixels, SSIM of the whole picture"
        plane = "BT.601 luma (Y, 16..235)" if self.colour == "y" else "RGB"
        return f"{plane}, {self.border} px cut at each side" if self.border else f"{plane}, no border cut"


NOISE_CONVENTIONS: Mapping[str, str] = MappingProxyType({
    "file":       "noise clipped and rounded to 8 bits, as in a file",
    "laboratory": "noise neither clipped nor rounded, as published",
})  # fmt: skip
"""What happens to values that noise moves out of [0, 1], name to words; the first one is the default."""

_SIGMA = Strength("sigma", "Noise level", "of 255", 0.0, 55.0, 25.0)
_QUALITY = Strength("quality", "JPEG quality", "of 100", 5.0, 95.0, 20.0, by_ratio=True)
_LEVEL = Strength("level", "Degradation level", "of 10", 0.0, 10.0, 5.0)
_HOLES = Kinds("holes", "Missing pixels", ("dots", "scratches", "text", "strokes", "blocks"), "strokes")

TASKS: Mapping[str, Task] = MappingProxyType({
    "sr_x2":   Task("sr_x2", "Super-resolution x2", 2, "bicubic", "y", border=2),
    "sr_x3":   Task("sr_x3", "Super-resolution x3", 3, "bicubic", "y", border=3),
    "sr_x4":   Task("sr_x4", "Super-resolution x4", 4, "bicubic", "y", border=4),
    "denoise": Task("denoise", "Denoising", 1, "noise", "rgb", border=0, strength=_SIGMA),
    "jpeg":    Task("jpeg", "JPEG clean-up", 1, "jpeg", "y", border=0, strength=_QUALITY),
    "inpaint": Task("inpaint", "Inpainting", 1, "holes", "rgb", border=0, strength=_HOLES),
    "photo_x1": Task("photo_x1", "Noisy photos", 1, "camera", "rgb", border=0, strength=_LEVEL),
    "photo_x2": Task("photo_x2", "Real photos x2", 2, "photo", "y", border=2, strength=_LEVEL),
    "photo_x4": Task("photo_x4", "Real photos x4", 4, "photo", "y", border=4, strength=_LEVEL),
    "style":    Task("style", "Style transfer", 1, "none", "rgb", border=0),
})  # fmt: skip


def find_task(name: str) -> Task:
    """The task named `name`.

    Raises:
        UnknownNameError: no such task; the text names the nearest one.
    """
    return find("task", name, TASKS)
