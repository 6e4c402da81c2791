"""The comparison as an animated WebP: the divider goes from one side to the other and back, without an end."""

import io
import math

from PIL import Image

_WIDEST_PX = 720
"""A larger picture is shrunk to this, or around a spot cut to this, pixel for pixel."""
_FRAMES, _FRAME_MS = 36, 70
_LINE_PX = 2


def slider_webp(left: Image.Image, right: Image.Image, spot: tuple[float, float] | None = None) -> bytes:
    """Two pictures of one size with a divider that moves, as animated WebP of quality 85.

    Args:
        left, right: RGB, or RGBA, which is laid on white.
        spot: what is shown enlarged, fractions: the pixels around it are taken as they are, at most 720 wide.
    """
    one, other = (_framed(picture, spot) for picture in (left, right))
    width, height = one.size
    frames = []
    for number in range(_FRAMES):
        at = round(width * (0.5 - 0.5 * math.cos(2 * math.pi * number / _FRAMES)))
        frame = other.copy()
        frame.paste(one.crop((0, 0, at, height)), (0, 0))
        frame.paste((255, 255, 255), (max(0, at - _LINE_PX // 2), 0, min(width, at + _LINE_PX // 2), height))
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(
        file, "WEBP", save_all=True, append_images=frames[1:], duration=_FRAME_MS, loop=0, quality=85, method=2
    )
    return file.getvalue()


def _framed(picture: Image.Image, spot: tuple[float, float] | None) -> Image.Image:
    """The whole of `picture`, shrunk where it is too wide, or the pixels around `spot`; without holes."""
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    width, height = picture.size
    if spot is None:
        size = (min(width, _WIDEST_PX), max(1, round(height * min(1.0, _WIDEST_PX / width))))
        return picture if size == picture.size else picture.resize(size, Image.Resampling.BOX)
    side = (min(width, _WIDEST_PX, max(1, width // 2)), min(height, _WIDEST_PX, max(1, height // 2)))
    left, top = (
        min(max(round(at * whole - part / 2), 0), whole - part)
        for at, whole, part in zip(spot, picture.size, side, strict=True)
    )
    return picture.crop((left, top, left + side[0], top + side[1]))
