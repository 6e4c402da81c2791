"""The example pictures of the page: files that installed packages carry in their wheels, so that nothing is downloaded
or committed.

Only the folder of the installed package is looked up; `skimage.data` itself is not imported, because some of its names
fetch their file. Not here: pictures that a wheel does not hold.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch.nn.functional as F

from kdsr.files import replaced
from kdsr.image import encode_png, from_tensor, read_picture, to_tensor
from kdsr.settings import Settings

THUMBNAIL_PX = 160


@dataclass(frozen=True)
class Example:
    """One clean example picture."""

    title: str
    file: str
    """Name in scikit-image's `data` folder."""


EXAMPLES: tuple[Example, ...] = (
    Example("Astronaut", "astronaut.png"),
    Example("Coffee", "coffee.png"),
    Example("Motorcycle", "motorcycle_left.png"),
    Example("Deep field", "hubble_deep_field.jpg"),
    Example("Tissue", "ihc.png"),
    Example("Rocket", "rocket.jpg"),
    Example("Cat", "chelsea.png"),
    Example("Printed page", "page.png"),
)
"""The page opens on the first: of those with fine texture, the one on which a teacher for x4 gains most over bicubic
(2.9 dB).
"""

FOR_TASK: Mapping[str, str] = MappingProxyType({
    "sr_x2": "page.png", "sr_x3": "ihc.png", "denoise": "coffee.png", "jpeg": "chelsea.png",
    "inpaint": "motorcycle_left.png", "photo_x1": "rocket.jpg", "photo_x2": "coffee.png",
    "photo_x4": "motorcycle_left.png",
})  # fmt: skip
"""The example that a task opens on, by its file; the first one for any other task. No two tasks look alike: a scene
that two share is damaged in another way.
"""

BUILT_IN: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "skimage/data",
        (
            "astronaut.png",
            "brick.png",
            "camera.png",
            "chelsea.png",
            "coffee.png",
            "grass.png",
            "gravel.png",
            "hubble_deep_field.jpg",
            "ihc.png",
            "motorcycle_left.png",
            "retina.jpg",
            "rocket.jpg",
        ),
    ),
    ("sklearn/datasets/images", ("china.jpg", "flower.jpg")),
    ("matplotlib/mpl-data/sample_data", ("grace_hopper.jpg",)),
    ("gradio/media_assets/images", ("cheetah.jpg", "tower.jpg")),
)
"""Folder in a package, and photographs in it that a run can learn from."""


def available_examples() -> tuple[tuple[Example, Path], ...]:
    """The examples whose file is really there, each with its path; empty without scikit-image."""
    folder = _folder("skimage/data")
    if folder is None:
        return ()
    return tuple((example, folder / example.file) for example in EXAMPLES if (folder / example.file).is_file())


def example_of(task: str) -> Path | None:
    """The example that shows best what `task` does; None without scikit-image."""
    found = {path.name: path for _, path in available_examples()}
    return found.get(FOR_TASK.get(task, ""), next(iter(found.values()), None))


def name_of(path: Path, otherwise: str) -> str:
    """What the page calls the picture at `path`: the title of an example, `otherwise` for any other."""
    return next((example.title for example, file in available_examples() if file == path), otherwise)


def built_in_photos() -> tuple[Path, ...]:
    """The photographs of `BUILT_IN` whose package is installed and whose file is really there."""
    found = [(_folder(place), names) for place, names in BUILT_IN]
    return tuple(
        folder / name for folder, names in found if folder is not None for name in names if (folder / name).is_file()
    )


def _folder(place: str) -> Path | None:
    """The folder `PACKAGE/...` of an installed package, which is not imported; None if it is not installed."""
    package, _, rest = place.partition("/")
    spec = importlib.util.find_spec(package)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / rest


def write_thumbnail(source: Path, target: Path, settings: Settings) -> Path:
    """`target`, a square PNG of `THUMBNAIL_PX` cut from the middle of the picture `source`."""
    picture = read_picture(source, settings)
    side = min(picture.height, picture.width)
    top, left = (picture.height - side) // 2, (picture.width - side) // 2
    square = to_tensor(picture)[..., top : top + side, left : left + side]
    small = F.interpolate(square, size=(THUMBNAIL_PX, THUMBNAIL_PX), mode="bilinear", antialias=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced(target) as part:
        part.write_bytes(encode_png(from_tensor(small, picture)))
    return target
