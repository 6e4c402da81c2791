"""JPEG clean-up as ARCNN, DnCNN and FBCNN state it: grey files of a picture's luma, cleaned as grey, PSNR on the luma.

    python benchmarks/grey_jpeg.py FOLDER [NAME ...] [--quality 10 20] [--self-ensemble]

Our cards measure what visitors bring: colour files. There a decoded luma is off by less to begin with (its range is
stretched to 0..255 before it is coded), so neither figures nor gains compare with published ones; these do. FOLDER
holds the pictures (LIVE1, BSD100/HR). Prints a row for each network: mean PSNR in dB and, in brackets, the gain over
the JPEG itself.
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
from kdsr.restore.ensemble import SelfEnsemble
from kdsr.settings import Settings
from kdsr.zoo import Catalog


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="without one, every network for JPEG clean-up")
    parser.add_argument("--quality", type=int, nargs="+", default=[10, 20, 30, 40])
    parser.add_argument(
        "--self-ensemble", action="store_true", help="mean over the 8 symmetries, as Teacher+ in the page"
    )
    options = parser.parse_args()
    settings = Settings()
    catalog = Catalog(settings.weights_dir)
    names = options.names or [card.name for card in catalog.cards if card.task == "jpeg"]
    runtimes = {name: open_runtime(catalog.find(name), catalog, settings=settings) for name in names}
    if options.self_ensemble:
        runtimes = {f"{name}+": SelfEnsemble(runtime) for name, runtime in runtimes.items()}
    truths = [luma_of(path, settings) for path in pictures_in(options.folder)]
    for quality in options.quality:
        files = [compress_jpeg(truth, quality) for truth in truths]
        itself = fmean(map(figure, files, truths))
        tell(f"quality {quality}: the JPEG itself {itself:.2f}")
        for name, runtime in runtimes.items():
            mean = fmean(figure(cleaned(runtime, file), truth) for file, truth in zip(files, truths, strict=True))
            tell(f"  {name} {mean:.2f} ({mean - itself:+.2f})")


def luma_of(path: Path, settings: Settings) -> Tensor:
    """(1, 1, H, W): BT.601 luma (16..235) in whole 255ths."""
    return round_to_8_bits(to_luma(to_tensor(read_picture(path, settings))))


def cleaned(runtime: Runtime, file: Tensor) -> Tensor:
    """The mean of the three planes that `runtime` gives for a grey picture (1, 1, H, W), in whole 255ths."""
    return round_to_8_bits(restore(file.expand(-1, 3, -1, -1), runtime).mean(1, keepdim=True))


def figure(restored: Tensor, truth: Tensor) -> float:
    """PSNR in dB of one picture."""
    return float(psnr(restored, truth))


def tell(text: str) -> None:
    """Print one line and flush."""
    print(text, flush=True)  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
