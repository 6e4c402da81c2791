"""ICC profiles of colours that a file states by numbers: white point, primaries and curve.

Source: ICC.1:2022, sections 7 to 10 (matrix and curves) and annex E (Bradford adaptation to D50). Applying a profile is
in `kdsr.image.colour`; what files state is in `kdsr.image.stated`.
"""

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""IEC 61966-2-1 as g, a, b, c, d of a parametric curve of kind 3."""
_MOST_STEPS = 4096
"""Of a table; LittleCMS takes at most 65530."""
_SAME_PLACE = 0.003
"""Points of chromaticity no further apart than this are the same: files round to 2 to 5 digits."""


class Primaries(NamedTuple):
    """(x, y) of white, red, green and blue light in CIE 1931."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


_D65 = (0.3127, 0.329)
SRGB = Primaries(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_RGB = Primaries(_D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
BT_2020 = Primaries(_D65, (0.708, 0.292), (0.17, 0.797), (0.131, 0.046))
DISPLAY_P3 = Primaries(_D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
_NAMES: Mapping[str, Primaries] = MappingProxyType(
    {"sRGB": SRGB, "Adobe RGB": ADOBE_RGB, "BT.2020": BT_2020, "Display P3": DISPLAY_P3}
)

Curve = float | None | Sequence[np.ndarray]
"""From stored value to light: the exponent of a power, None for sRGB's, or a table (N,) of light in [0, 1] for each
channel or for all.
"""


def is_srgb(primaries: Primaries) -> bool:
    """Whether `primaries` are sRGB's, as files round them."""
    return bool(np.abs(np.array(primaries) - np.array(SRGB)).max() <= _SAME_PLACE)


def stated_profile(primaries: Primaries, curve: Curve) -> bytes:
    """An RGB profile of `primaries` and `curve`, whose description names both.

    Raises:
        ValueError: numbers that are no primaries.
    """
    curves = [curve] * 3 if curve is None or isinstance(curve, float) else list(curve)
    curves = curves * 3 if len(curves) == 1 else curves
    colorants = _colorants(primaries)
    tags = {b"desc": _text(_description(primaries, curve)), b"cprt": _text("none"), b"wtpt": _xyz(_D50)}
    for place, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = _xyz(colorants[:, place])
        tags[letter + b"TRC"] = _curve_tag(curves[place])
    return _assembled(tags)


def _description(primaries: Primaries, curve: Curve) -> str:
    far = {name: np.abs(np.array(primaries) - np.array(each)).max() for name, each in _NAMES.items()}
    name = min(far, key=lambda each: far[each])
    place = name if far[name] <= _SAME_PLACE else "the primaries that the file states"
    if curve is None:
        return place
    how = f"gamma {curve:.2f}" if isinstance(curve, float) else "the curve that the file states"
    return how if place == "sRGB" else f"{place} with {how}"


def _colorants(primaries: Primaries) -> np.ndarray:
    """XYZ relative to D50 of red, green and blue light, as the columns of a 3 x 3 matrix."""
    points = np.array(primaries, np.float64)
    if not np.isfinite(points).all() or (points[:, 1] <= 0).any() or np.abs(points).max() > 2:
        raise ValueError("not a chromaticity")
    white, *lights = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)], axis=1) / points[:, 1:]
    matrix = np.stack(lights, axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)  # LinAlgError, a ValueError, where all lie on one line
    cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    adapted: np.ndarray = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD @ matrix
    if not np.isfinite(adapted).all() or np.abs(adapted).max() > 100:
        raise ValueError("no primaries")
    return adapted


def _curve_tag(curve: float | np.ndarray | None) -> bytes:
    if curve is None:
        return struct.pack(">4sIHH5i", b"para", 0, 3, 0, *(round(value * 65536) for value in _SRGB_CURVE))
    if isinstance(curve, float):
        return struct.pack(">4sIHHi", b"para", 0, 0, 0, round(curve * 65536))
    if len(curve) > _MOST_STEPS:
        curve = np.interp(np.linspace(0, 1, _MOST_STEPS), np.linspace(0, 1, len(curve)), curve)
    table = np.rint(np.clip(curve, 0, 1) * 65535).astype(">u2")
    steps: bytes = table.tobytes()
    return struct.pack(">4sII", b"curv", 0, len(table)) + steps


def _xyz(values: np.ndarray) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(float(value) * 65536) for value in values))


def _text(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return struct.pack(">4sIII4sII", b"mluc", 0, 1, 12, b"enUS", len(data), 28) + data


def _assembled(tags: Mapping[bytes, bytes]) -> bytes:
    """The file: header, table of tags, tags at multiples of 4 bytes."""
    place = 128 + 4 + 12 * len(tags)
    table, body = [struct.pack(">I", len(tags))], b""
    for name, tag in tags.items():
        table.append(struct.pack(">4sII", name, place + len(body), len(tag)))
        body += tag + bytes(-len(tag) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", place + len(body), b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp"
    )
    illuminant = struct.pack(">3i", *(round(value * 65536) for value in _D50))
    return header.ljust(68, b"\0") + illuminant + bytes(48) + b"".join(table) + body
