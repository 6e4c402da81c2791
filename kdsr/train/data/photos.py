"""Training photographs in memory: decoded once, uint8, with those held out for validation apart."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from kdsr.degrade import bicubic_resize
from kdsr.errors import InputError
from kdsr.image.suffixes import PHOTO_SUFFIXES

_HELD_OUT_OF = 24
"""At most one scene in this many is held out."""


@dataclass(frozen=True)
class Photo:
    """One photograph: its file and its pixels (H, W, 3) uint8 RGB."""

    path: Path
    pixels: Tensor
    label: Tensor | None = None
    """The teacher's picture, as `pixels`: what validations compare with where the task has no original."""


def find_photos(folders: Iterable[str], data_dir: Path) -> list[Path]:
    """All pictures below `folders` but hidden ones, sorted; a folder that is no path is looked up under `data_dir`.

    Raises:
        InputError: a folder that is missing or holds no picture.
    """
    found: list[Path] = []
    for name in folders:
        folder = Path(name) if Path(name).is_dir() else data_dir / name
        if not folder.is_dir():
            raise InputError(
                f"The folder of photographs '{name}' is neither here nor in the data folder; "
                "give its path, or set KDSR_DATA_DIR."
            )
        pictures = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")
        )
        if not pictures:
            raise InputError(f"The folder {folder} holds no photograph (PNG, JPEG, WebP, BMP or TIFF).")
        found += pictures
    return found


def held_out(paths: Sequence[Path], count: int) -> tuple[list[Path], list[Path]]:
    """`paths` parted into (training, validation): at most `count` for validation, chosen by a hash of the scene's name.

    A scene in several packs is held out of all of them. Fewer than 4 pictures are used for both.
    """
    if len(paths) < 4:
        return list(paths), list(paths)
    scenes = sorted({_scene(path) for path in paths}, key=lambda scene: hashlib.sha256(scene.encode()).hexdigest())
    out = set(scenes[: max(1, min(count, len(scenes) // 4, max(4, len(scenes) // _HELD_OUT_OF)))])
    validation: dict[str, Path] = {}
    for path in paths:
        if _scene(path) in out:
            validation.setdefault(_scene(path), path)
    return [path for path in paths if _scene(path) not in out], sorted(validation.values())


def drawn(paths: Sequence[Path], limit: int, seed: int) -> list[Path]:
    """`limit` of `paths`, drawn by `seed`, in their order; all if `limit` is 0. A smaller draw is part of a larger."""
    if not limit:
        return list(paths)
    order = np.random.default_rng(seed).permutation(len(paths))
    return [paths[place] for place in sorted(order[:limit])]


def load_photos(
    paths: Sequence[Path], *, multiple: int = 1, smallest_px: int = 1, scales: Sequence[float] = (1.0,)
) -> list[Photo]:
    """The photographs at `paths` as uint8 RGB, each at all of `scales` (bicubic, antialiased), smaller ones than
    `smallest_px` left out.

    Each side is cut to a multiple of `multiple`. All photographs of the first scale come first, then all of the second.

    Raises:
        InputError: a file that is no picture, or none is large enough.
    """
    pool = ThreadPoolExecutor(4)
    try:
        originals = list(pool.map(lambda path: Photo(path, _decode(path)), paths))
    finally:
        pool.shutdown(cancel_futures=True)  # a run that is stopped meanwhile waits for what is being decoded only
    photos = [
        Photo(photo.path, _cut(_scaled(photo.pixels, scale), multiple)) for scale in scales for photo in originals
    ]
    large = [photo for photo in photos if min(photo.pixels.shape[:2]) >= smallest_px]
    if not large:
        raise InputError(
            f"None of the {len(originals)} photographs has sides of {smallest_px} px or more; "
            "give larger ones or a smaller patch_px."
        )
    return large


def digest(paths: Sequence[Path]) -> str:
    """A hash of this list of files (names and sizes), for caches."""
    text = "\n".join(f"{path.parent.parent.name}/{path.name}:{path.stat().st_size}" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _decode(path: Path) -> Tensor:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(f"The file {path.name} is not a readable picture; remove it from the training folder.")
    return torch.from_numpy(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _scaled(pixels: Tensor, scale: float) -> Tensor:
    """`pixels` (H, W, 3) uint8 at `scale` of their size."""
    if scale == 1:
        return pixels
    resized = bicubic_resize(pixels.permute(2, 0, 1)[None].float().div_(255), scale, as_uint8=True)
    return resized[0].permute(1, 2, 0).mul(255).round().to(torch.uint8).contiguous()


def _cut(pixels: Tensor, multiple: int) -> Tensor:
    height, width = (side - side % multiple for side in pixels.shape[:2])
    return pixels[:height, :width]


def _scene(path: Path) -> str:
    """The photograph's name without the ending that marks a full frame beside its crop."""
    return re.sub(r"_(f|full)$", "", path.stem)
