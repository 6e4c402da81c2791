"""The endings of picture files, one list for folders, training and the page."""

from collections.abc import Mapping
from types import MappingProxyType

_FORMATS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "PNG":  (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP":  (".bmp", ".dib"),
    "GIF":  (".gif",),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
    "PPM":  (".ppm", ".pgm", ".pbm", ".pnm"),
})  # fmt: skip
"""By format, in small letters."""
PICTURE_SUFFIXES = frozenset(suffix for suffixes in _FORMATS.values() for suffix in suffixes)
"""Of what is read as a picture."""
PHOTO_SUFFIXES = frozenset(suffix for name in ("PNG", "JPEG", "WEBP", "TIFF", "BMP") for suffix in _FORMATS[name])
"""Of what training reads."""
