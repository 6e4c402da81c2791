"""Any colour space to sRGB: embedded ICC profiles, CMYK and Lab.

8 bits go through LittleCMS (PIL.ImageCms). Pillow has no 16-bit RGB, so profiles made of a matrix and curves are
applied to 16 bits here (ICC.1:2010, sections F.3, 10.5, 10.15). A profile of lookup tables is not applied to 16 bits,
with a note.
"""

import io
import struct

import numpy as np
from PIL import Image, ImageCms

_UNUSABLE = "The embedded colour profile is damaged or does not fit the pixels; it was ignored."
_TOO_RICH = (
    "The embedded colour profile is of a kind that is applied to 8 bits only; the 16-bit colours were left as stored."
)
_NEAR_SRGB_LEVELS = 2
"""A profile that moves no colour further than this (of 255) is sRGB by another maker: the pixels stay bit for bit."""
_ROWS_OF_PIXELS = 1 << 20  # pixels converted at a time, to bound the float32 memory


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """(`image` in L or RGB, a note or None).

    `image` is in L, RGB, CMYK or LAB; `profile` is its ICC profile if it has one.
    """
    note = None
    if profile:
        try:
            return _converted(image, profile)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            note = _UNUSABLE
    if image.mode == "CMYK":
        return image.convert(
            "RGB"
        ), note or "Converted from CMYK to sRGB without a colour profile: colours are approximate."
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _transform(lab, "LAB").apply(image), note or "Converted from CIE Lab to sRGB."
    return image, note


def deep_to_srgb(pixels: np.ndarray, profile: bytes | None) -> tuple[np.ndarray, str | None]:
    """(`pixels` in sRGB, a note or None) for `pixels` (H, W, 1 or 3) uint16; as `to_srgb`, but with all 16 bits."""
    if not profile:
        return pixels, None
    _, note = to_srgb(_probe("L" if pixels.shape[2] == 1 else "RGB"), profile)
    if note is None or note == _UNUSABLE:
        return pixels, note
    try:
        curves, matrix = _matrix_and_curves(profile, pixels.shape[2])
    except (KeyError, ValueError, IndexError, struct.error):
        return pixels, _TOO_RICH
    result = np.empty_like(pixels)
    rows = max(1, _ROWS_OF_PIXELS // pixels.shape[1])
    for top in range(0, len(pixels), rows):
        part = pixels[top : top + rows]
        linear = np.stack([curve[part[..., channel]] for channel, curve in enumerate(curves)], axis=-1) @ matrix.T
        result[top : top + rows] = np.rint(_srgb_encoded(linear) * 65535)
    return result, note


def array_to_srgb(pixels: np.ndarray, profile: bytes | None) -> tuple[np.ndarray, str | None]:
    """As `to_srgb` for `pixels` (H, W, C): grey, RGB or CMYK of uint8, grey or RGB of uint16."""
    if pixels.dtype == np.uint16:
        return deep_to_srgb(pixels, profile)
    if pixels.shape[2] < 4 and not profile:
        return pixels, None
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[pixels.shape[2]]
    converted, note = to_srgb(Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes()), profile)
    return np.array(converted).reshape(*pixels.shape[:2], -1), note


def _converted(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    is_grey = image.mode == "L"
    if is_grey and opened.profile.xcolor_space.strip() == "RGB":  # of a palette, or stated by numbers
        image = image.convert("RGB")
    transform = _transform(opened, image.mode)
    if image.mode in ("L", "RGB"):
        before = _probe(image.mode)
        after = np.asarray(transform.apply(before), np.int16)
        if np.abs(after - np.asarray(before.convert("RGB"), np.int16)).max() <= _NEAR_SRGB_LEVELS:
            return (image.getchannel("G") if is_grey and image.mode == "RGB" else image), None
    result = transform.apply(image)
    description = _plain(ImageCms.getProfileDescription(opened)) or "the embedded colour profile"
    # sRGB's neutral axis is R = G = B: green is the grey value
    return result.getchannel("G") if is_grey else result, f"Converted from {description} to sRGB."


def _transform(source: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)


def _probe(mode: str) -> Image.Image:
    """All grey levels, or a 9 x 9 x 9 grid of colours, as a small picture."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3))


def _plain(text: str) -> str:
    """`text`, which comes from a stranger's file, as at most 60 harmless characters for a note."""
    kept = "".join(sign for sign in text if sign.isalnum() or sign in " .-()")
    return " ".join(kept.split())[:60]


def _matrix_and_curves(profile: bytes, channels: int) -> tuple[list[np.ndarray], np.ndarray]:
    """(one curve per channel: 65536 float32, stored value -> linear light; the matrix to linear sRGB, float32)."""
    tags = _tags(profile)
    if profile[20:24] != b"XYZ " or b"A2B0" in tags:
        raise ValueError("not a profile of matrix and curves")
    if channels == 1:
        return [_curve(tags.get(b"kTRC") or tags[b"gTRC"])], np.eye(1, dtype=np.float32)
    srgb = _tags(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    matrix = np.linalg.inv(_colorants(srgb)) @ _colorants(tags)
    return [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")], matrix.astype(np.float32)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(min(count, 100))]
    return {name: profile[start : start + size] for name, start, size in entries}


def _colorants(tags: dict[bytes, bytes]) -> np.ndarray:
    """XYZ relative to D50 of red, green and blue light, as the columns of a 3 x 3 matrix."""
    return np.stack(
        [np.array(struct.unpack_from(">3i", tags[name], 8)) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1
    )


def _curve(tag: bytes) -> np.ndarray:
    """The curve in `tag`, sampled at the 65536 stored values; (65536,) float32 in [0, 1]."""
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (table[0] / 256)
        else:
            y = np.interp(x, np.linspace(0, 1, count), table / 65535)
    elif tag[:4] == b"para":
        y = _parametric(x, tag)
    else:
        raise ValueError("unknown kind of curve")
    return y.clip(0, 1).astype(np.float32)


def _parametric(x: np.ndarray, tag: bytes) -> np.ndarray:
    """ICC.1:2010 table 65: (a x + b)^g + e from `d` on, c x + f below it."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    given = [value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = (given + [0.0] * 7)[:7]
    if kind == 0:
        a, d = 1.0, -1.0
    elif kind in (1, 2):  # the border is where a x + b turns positive; `c` is the offset of both parts
        d, e, f, c = -b / a if a else -1.0, c, c, 0.0
    y: np.ndarray = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    return y


def _srgb_encoded(linear: np.ndarray) -> np.ndarray:
    """Linear light, any range, as sRGB in [0, 1] (IEC 61966-2-1)."""
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
