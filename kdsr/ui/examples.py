"""The example pictures of the page: files that scikit-image carries in its wheel, so that nothing is downloaded or committed.

Only the folder of the installed package is looked up; `skimage.data` itself is not imported, because some of its names
fetch their file. Not here: pictures that a wheel does not hold.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F

from kdsr.image import from_tensor, read_picture, to_tensor, write_picture
from kdsr.settings import Settings

THUMBNAIL_PX = 160


@dataclass(frozen=True)
class Example:
    """One clean picture that stands ready."""

    title: str
    file: str
    """Name in scikit-image's `data` folder."""


EXAMPLES: tuple[Example, ...] = (
    Example("Cat", "chelsea.png"),
    Example("Astronaut", "astronaut.png"),
    Example("Coffee", "coffee.png"),
    Example("Motorcycle", "motorcycle_left.png"),
    Example("Printed page", "page.png"),
    Example("Tissue", "ihc.png"),
    Example("Retina", "retina.jpg"),
    Example("Deep field", "hubble_deep_field.jpg"),
)


def available_examples() -> tuple[tuple[Example, Path], ...]:
    """The examples whose file is really there, each with its path; empty without scikit-image."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        return ()
    folder = Path(spec.origin).parent / "data"
    return tuple((example, folder / example.file) for example in EXAMPLES if (folder / example.file).is_file())


def write_thumbnail(source: Path, target: Path, settings: Settings) -> Path:
    """`target`, a square PNG of `THUMBNAIL_PX` cut from the middle of the picture `source`."""
    picture = read_picture(source, settings)
    side = min(picture.height, picture.width)
    top, left = (picture.height - side) // 2, (picture.width - side) // 2
    square = to_tensor(picture)[..., top : top + side, left : left + side]
    small = F.interpolate(square, size=(THUMBNAIL_PX, THUMBNAIL_PX), mode="bilinear", antialias=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    return write_picture(from_tensor(small, picture), target)
