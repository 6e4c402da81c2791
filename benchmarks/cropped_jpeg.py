"""JPEG clean-up of cropped files, and of cropped files that were saved again: the gain over the file.

    python benchmarks/cropped_jpeg.py FOLDER [NAME ...] [--first 10 30] [--second 70 90]

Blocks of a picture that was cropped since it was saved begin anywhere, which a network at half resolution has to have
met. Pictures that have been sent around hold the blocks of two files; where the second one's lie elsewhere, a network
that learnt from files saved once takes the first one's edges for detail (FBCNN, arXiv:2109.14573). FOLDER holds the
pictures (BSD100/HR). Prints, for each pair of qualities, the mean gain over what is given in dB (PSNR on luma): of the
first file; of it without a row and a column; of it saved again as it is, and after 4 x 4 and 3 x 5 pixels were cut off.
"""

import argparse
from pathlib import Path
from statistics import fmean

from torch import Tensor

from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits
from kdsr.image.batch import pictures_in
from kdsr.image.picture import to_tensor
from kdsr.image.read import read_picture
from kdsr.metrics.luma import to_luma
from kdsr.metrics.psnr import psnr
from kdsr.restore import Runtime, open_runtime, restore
from kdsr.settings import Settings
from kdsr.zoo import Catalog

CUTS = ((0, 0), (4, 4), (3, 5))
"""Rows and columns that are cut off between the two files."""
ODD = (1, 1)
"""Rows and columns that are cut off a file which is not saved again."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="without one, every network for JPEG clean-up")
    parser.add_argument("--first", type=int, nargs="+", default=[10, 30], metavar="QUALITY")
    parser.add_argument("--second", type=int, nargs="+", default=[70, 90], metavar="QUALITY")
    options = parser.parse_args()
    settings = Settings()
    catalog = Catalog(settings.weights_dir)
    names = options.names or [card.name for card in catalog.cards if card.task == "jpeg"]
    truths = [to_tensor(read_picture(path, settings)) for path in pictures_in(options.folder)]
    for name in names:
        runtime = open_runtime(catalog.find(name), catalog, settings=settings)
        for first in options.first:
            files = [compress_jpeg(truth, first) for truth in truths]
            once, odd = (
                fmean(
                    gain(runtime, without(file, cut), without(truth, cut))
                    for file, truth in zip(files, truths, strict=True)
                )
                for cut in (CUTS[0], ODD)
            )
            for second in options.second:
                twice = [
                    fmean(
                        gain_again(runtime, file, truth, second, cut) for file, truth in zip(files, truths, strict=True)
                    )
                    for cut in CUTS
                ]
                tell(
                    f"{name} {first} then {second}: once {once:.2f}, cropped {odd:.2f}; "
                    f"again {twice[0]:.2f}, cut {twice[1]:.2f} and {twice[2]:.2f}"
                )


def gain_again(runtime: Runtime, file: Tensor, truth: Tensor, quality: int, cut: tuple[int, int]) -> float:
    """The gain over `file` saved once more at `quality`, without its first `cut` rows and columns."""
    return gain(runtime, compress_jpeg(without(file, cut), quality), without(truth, cut))


def without(picture: Tensor, cut: tuple[int, int]) -> Tensor:
    """`picture` without its first `cut` rows and columns."""
    return picture[..., cut[0] :, cut[1] :]


def gain(runtime: Runtime, file: Tensor, truth: Tensor) -> float:
    """PSNR on luma that `runtime` gains over `file`, in dB."""
    restored = round_to_8_bits(restore(file, runtime))
    return float(psnr(to_luma(restored), to_luma(truth)) - psnr(to_luma(file), to_luma(truth)))


def tell(text: str) -> None:
    """Print one line and flush."""
    print(text, flush=True)  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
