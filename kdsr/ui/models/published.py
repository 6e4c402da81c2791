"""The field's points beside our own in the plot of the tab *Models*: published figures, typed in here and nowhere else.

All are PSNR in dB by the conventions of our tasks. Super-resolution of bicubic pictures is measured on the BT.601 luma
with `scale` pixels cut at each side. Colour denoising is measured on RGB, with noise that is neither clipped nor
rounded. Tasks without figures on the sets that our cards hold have no points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kdsr.zoo import FigureKey


@dataclass(frozen=True)
class Reference:
    """One method of the field."""

    title: str
    parameters: int | None
    """None: a method without trained weights."""
    psnr_db: Mapping[FigureKey, float]
    trained_on: str
    """Empty where it is unknown, or the method is not trained."""
    source: str
    is_approximate: bool = False
    """The figures were not checked against the paper."""


def _x(
    title: str,
    parameters: int | None,
    psnr_db: tuple[float, float, float],
    trained_on: str,
    source: str,
    *,
    approximate: bool = False,
) -> Reference:
    return Reference(
        title,
        parameters,
        dict(zip((FigureKey("Set5"), FigureKey("Set14"), FigureKey("BSD100")), psnr_db, strict=True)),
        trained_on,
        source,
        approximate,
    )


def _noise(title: str, parameters: int | None, psnr_db: tuple[float, float, float], source: str) -> Reference:
    return Reference(
        title,
        parameters,
        dict(zip((FigureKey("CBSD68", sigma, "laboratory") for sigma in (15.0, 25.0, 50.0)), psnr_db, strict=True)),
        "",
        source,
    )


_PLAIN_USR = "arXiv:2409.13435; its released weights, measured by us"

REFERENCES: Mapping[str, tuple[Reference, ...]] = MappingProxyType({
    "sr_x4": (
        _x("Bicubic", None, (28.42, 26.00, 25.96), "", "the papers below"),
        _x("FSRCNN", 12_500, (30.71, 27.59, 26.98), "191 pictures", "arXiv:1608.00367"),
        _x("PlainUSR-U", 19_800, (30.77, 27.72, 27.03), "DF2K", _PLAIN_USR),
        _x("SESR-M11", 32_000, (31.27, 27.94, 27.20), "DIV2K", "arXiv:2103.09404", approximate=True),
        _x("PlainUSR-T", 60_100, (31.20, 28.02, 27.20), "DF2K", _PLAIN_USR),
        _x("ECBSR-M10C32", 98_000, (31.66, 28.15, 27.34), "DIV2K", "ACM Multimedia 2021", approximate=True),
        _x("SPAN, 28 channels", 151_000, (31.75, 28.40, 27.45), "DIV2K + LSDIR", "arXiv:2311.12770"),
        _x("IMDN", 715_000, (32.21, 28.58, 27.56), "DIV2K", "arXiv:1909.11856"),
        _x("SwinIR-light", 900_000, (32.44, 28.77, 27.69), "DIV2K", "arXiv:2108.10257"),
        _x("EDSR-baseline", 1_500_000, (32.09, 28.58, 27.57), "DIV2K", "arXiv:1707.02921"),
    ),
    "denoise": (
        _noise("CBM3D", None, (33.52, 30.71, 27.38), "Dabov et al. 2007"),
        _noise("DnCNN", 670_000, (33.90, 31.24, 27.95), "arXiv:1608.03981"),
        _noise("FFDNet", 850_000, (33.87, 31.21, 27.96), "arXiv:1710.04026"),
        _noise("DRUNet", 33_000_000, (34.30, 31.69, 28.51), "arXiv:2008.13751"),
    ),
})  # fmt: skip
