"""JPEG clean-up of colours: the gain over the file in Y, Cb, Cr and RGB.

    python benchmarks/colour_jpeg.py FOLDER [NAME ...] [--quality 10 20 40]

The field's tables, and our cards, look at luma alone, and do not see what a viewer sees first in a poor JPEG: blocks of
wrong colour, 16 pixels wide, on faces and walls. FOLDER holds the pictures (BSD100/HR). Prints for each quality the
mean gain in PSNR in dB: of Y, Cb, Cr (JFIF) and RGB.
"""

import argparse
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.image.batch import pictures_in
from kdsr.image.picture import to_tensor
from kdsr.image.read import read_picture
from kdsr.metrics.psnr import psnr
from kdsr.restore import open_runtime, restore
from kdsr.settings import Settings
from kdsr.zoo import Catalog

PLANES = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""Y, Cb and Cr of JFIF in red, green and blue; offsets are left out, as differences do without them."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="without one, every network for JPEG clean-up")
    parser.add_argument("--quality", type=int, nargs="+", default=[10, 20, 40])
    options = parser.parse_args()
    settings = Settings()
    catalog = Catalog(settings.weights_dir)
    names = options.names or [card.name for card in catalog.cards if card.task == "jpeg"]
    truths = [to_tensor(read_picture(path, settings)) for path in pictures_in(options.folder)]
    for quality in options.quality:
        files = [compress_jpeg(truth, quality) for truth in truths]
        before = [figures(file, truth) for file, truth in zip(files, truths, strict=True)]
        for name in names:
            runtime = open_runtime(catalog.find(name), catalog, settings=settings)
            after = [
                figures(round_to_8_bits(restore(file, runtime)), truth)
                for file, truth in zip(files, truths, strict=True)
            ]
            gains = [
                fmean(new[plane] - old[plane] for new, old in zip(after, before, strict=True)) for plane in range(4)
            ]
            tell(
                f"{name} quality {quality}: "
                + ", ".join(f"{plane} {gain:+.2f}" for plane, gain in zip(("Y", "Cb", "Cr", "RGB"), gains, strict=True))
            )


def figures(picture: Tensor, truth: Tensor) -> list[float]:
    """PSNR in dB of Y, Cb, Cr and RGB of one picture (1, 3, H, W)."""
    planes, true_planes = (torch.einsum("pc,nchw->nphw", PLANES, each) for each in (picture, truth))
    pairs = [*zip(planes.split(1, dim=1), true_planes.split(1, dim=1), strict=True), (picture, truth)]
    return [float(psnr(one, other)) for one, other in pairs]


def tell(text: str) -> None:
    """Print one line and flush."""
    print(text, flush=True)  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
