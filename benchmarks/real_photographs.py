"""Networks for real photographs on degradations that the training does not use: blind sheets and figures.

    python benchmarks/real_photographs.py --data PHOTOS --out FOLDER
                                          [--students photo_x4-student-32x7 sr_x4-student-32x7]

Ten held-out photographs (never trained on) are downscaled and degraded in ways that the training does not use: WebP,
two JPEG files of which the second is shifted, motion blur, sharpening halos, nearest-neighbour resizing, few colours,
coloured sensor noise. Each is enlarged four times by bicubic and by the students. `sheet-N.png` shows one photograph in
an order that `key.json` alone knows: choose first, then look. The report says PSNR and SSIM on luma, the shift of the
mean colour against the input in levels of 255, how much of each picture's detail is a grid of 4 pixels (a
checkerboard), and how much larger the steps of colour are at the edges of input pixels than within (1 has no blocks of
colour).
"""

import argparse
import json
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from kdsr.degrade import bicubic_resize
from kdsr.image import Picture, to_tensor
from kdsr.metrics import measure
from kdsr.restore import open_runtime, restore
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.train.data.photos import find_photos, held_out
from kdsr.zoo import Catalog

SIDE_PX = 512
SHOWN_PX = 220
Spoil = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def main() -> None:
    """Write the sheets, the key and the report."""
    # Over 40 lines: options, one measurement, one report.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", default=["photos_a", "photos_b", "photos_c"])
    parser.add_argument("--students", nargs="+", default=["photo_x4-student-32x7", "sr_x4-student-32x7"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    settings = Settings()
    catalog, task = Catalog(settings.weights_dir), find_task("photo_x4")
    runtimes = {name: open_runtime(catalog.find(name), catalog, settings=settings) for name in options.students}
    _, photos = held_out(find_photos(options.packs, options.data), 16)
    key, rows = {}, []
    for number, (path, (name, spoil)) in enumerate(zip(photos, SPOILS, strict=False)):
        truth = middle(path)
        small = shrunk(truth, spoil, np.random.default_rng(number))
        given = to_tensor(Picture(small))
        made = {"bicubic": bicubic_resize(given, 4).clamp(0, 1)} | {
            each: restore(given, runtime) for each, runtime in runtimes.items()
        }
        for who, image in made.items():
            taken = measure(image, to_tensor(Picture(truth)), task)
            shift = (image.mean((0, 2, 3)) - given.mean((0, 2, 3))).abs().max() * 255
            blocks = {"grid": grid_share(image), "colour_steps": colour_steps(image)}
            rows.append(
                {
                    "damage": name,
                    "by": who,
                    "psnr_db": taken.psnr_db,
                    "ssim": taken.ssim,
                    "shift": float(shift),
                    **blocks,
                }
            )
        order = list(made)
        random.Random(number).shuffle(order)
        key[f"sheet-{number}.png"] = {"damage": name, "left_to_right": order}
        write_sheet([made[who] for who in order], options.out / f"sheet-{number}.png")
    (options.out / "key.json").write_text(json.dumps(key, indent=2), encoding="utf-8")
    print(json.dumps({"pictures": len(key), "mean": means(rows), "each": rows}, indent=2))  # noqa: T201 - the output of a script


def middle(path: Path) -> np.ndarray:
    """The middle of a photograph, at most 512 px a side, (H, W, 3) RGB."""
    pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    height, width = (min(SIDE_PX, side) // 4 * 4 for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def shrunk(truth: np.ndarray, spoil: Spoil, rng: np.random.Generator) -> np.ndarray:
    """`truth` spoilt and a quarter as wide and high; what spoils may have shrunk it already."""
    spoilt = spoil(truth, rng)
    height, width = (side // 4 for side in truth.shape[:2])
    if spoilt.shape[:2] == (height, width):
        return spoilt
    ratio = Fraction(1, 4)
    return (
        (bicubic_resize(to_tensor(Picture(spoilt)), ratio, as_uint8=True)[0].permute(1, 2, 0) * 255)
        .round()
        .byte()
        .numpy()
    )


def through(suffix: str, flag: int, quality: int) -> Callable[[np.ndarray], np.ndarray]:
    """A picture file of that kind and back."""
    return lambda pixels: cv2.imdecode(cv2.imencode(suffix, pixels, [flag, quality])[1], cv2.IMREAD_COLOR)


def small(truth: np.ndarray, how: int) -> np.ndarray:
    """A quarter of the size by OpenCV."""
    return cv2.resize(truth, (truth.shape[1] // 4, truth.shape[0] // 4), interpolation=how)


def webp(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A messenger's WebP."""
    return through(".webp", cv2.IMWRITE_WEBP_QUALITY, 35)(small(truth, cv2.INTER_AREA))


def two_files(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """JPEG, three pixels cut away at two sides (repeated at the others), JPEG again."""
    first = through(".jpg", cv2.IMWRITE_JPEG_QUALITY, 60)(small(truth, cv2.INTER_AREA))
    moved = cv2.copyMakeBorder(first[3:, 3:], 0, 3, 0, 3, cv2.BORDER_REPLICATE)
    again = through(".jpg", cv2.IMWRITE_JPEG_QUALITY, 75)(moved)
    return np.ascontiguousarray(cv2.copyMakeBorder(again[:-3, :-3], 3, 0, 3, 0, cv2.BORDER_REPLICATE))


def motion(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hand that moved along a line of 9 pixels."""
    kernel = np.zeros((9, 9), np.float32)
    cv2.line(kernel, (0, int(rng.integers(9))), (8, int(rng.integers(9))), 1.0)
    return through(".jpg", cv2.IMWRITE_JPEG_QUALITY, 85)(
        small(cv2.filter2D(truth, -1, kernel / kernel.sum()), cv2.INTER_AREA)
    )


def halos(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A phone's sharpening."""
    tiny = small(truth, cv2.INTER_AREA).astype(np.float32)
    sharp = tiny + 1.2 * (tiny - cv2.GaussianBlur(tiny, (0, 0), 1.0))
    return through(".jpg", cv2.IMWRITE_JPEG_QUALITY, 80)(sharp.clip(0, 255).round().astype(np.uint8))


def nearest(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A thumbnail by leaving pixels out."""
    return truth[2::4, 2::4].copy()


def few_colours(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An old GIF's 5 bits a colour."""
    return (small(truth, cv2.INTER_AREA) >> 3 << 3) + 4


def sensor(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coloured grain of 2 pixels, as a small sensor's after its own denoising."""
    tiny = small(truth, cv2.INTER_AREA).astype(np.float32)
    grain = cv2.GaussianBlur(rng.standard_normal(tiny.shape).astype(np.float32), (0, 0), 0.8) * 22
    return through(".jpg", cv2.IMWRITE_JPEG_QUALITY, 88)((tiny + grain).clip(0, 255).round().astype(np.uint8))


def soft_phone(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop of a digital zoom: halved once more, enlarged again, sharpened a little."""
    tiny = small(truth, cv2.INTER_AREA)
    return cv2.resize(
        cv2.resize(tiny, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_LANCZOS4),
        tiny.shape[1::-1],
        interpolation=cv2.INTER_LANCZOS4,
    )


def grey_cast(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A faded print: less contrast, then WebP."""
    faded = (60 + small(truth, cv2.INTER_AREA).astype(np.float32) * 0.6).round().astype(np.uint8)
    return through(".webp", cv2.IMWRITE_WEBP_QUALITY, 55)(faded)


def strong_jpeg(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A JPEG of quality 22, below what the training has."""
    return through(".jpg", cv2.IMWRITE_JPEG_QUALITY, 22)(small(truth, cv2.INTER_AREA))


SPOILS: tuple[tuple[str, Spoil], ...] = (
    ("webp", webp),
    ("two files", two_files),
    ("motion", motion),
    ("halos", halos),
    ("nearest", nearest),
    ("few colours", few_colours),
    ("sensor", sensor),
    ("soft phone", soft_phone),
    ("faded print", grey_cast),
    ("jpeg 22", strong_jpeg),
)


def grid_share(image: Tensor) -> float:
    """Variance over the 4 x 4 places within a pixel of the input, of the mean second difference there, relative to its
    mean: 0 has no checkerboard.
    """
    luma = image.mean(1)[0]
    curve = (2 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1]).abs()
    places = torch.stack([curve[row::4, column::4].mean() for row in range(4) for column in range(4)])
    return float(places.std() / places.mean())


def colour_steps(image: Tensor) -> float:
    """Mean step of colour (red and blue less green) between neighbours at the worst of the 4 places in a pixel of the
    input, over the median place.
    """
    ratios = []
    for colour in (image[0, 0] - image[0, 1], image[0, 2] - image[0, 1]):
        steps = colour.diff(dim=1).abs().mean(0)
        places = torch.stack([steps[place::4].mean() for place in range(4)])
        ratios.append(float(places.max() / places.median()))
    return max(ratios)


def write_sheet(pictures: list[Tensor], path: Path) -> None:
    """The middles of `pictures` side by side, doubled without smoothing."""
    parts = []
    for image in pictures:
        pixels = (image[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
        top, left = ((side - SHOWN_PX) // 2 for side in pixels.shape[:2])
        parts.append(np.repeat(np.repeat(pixels[max(0, top) :][:SHOWN_PX, max(0, left) :][:, :SHOWN_PX], 2, 0), 2, 1))
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(parts), cv2.COLOR_RGB2BGR))


def means(rows: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    """The mean of each figure by who made the pictures."""
    names = dict.fromkeys(str(row["by"]) for row in rows)
    figures = ("psnr_db", "ssim", "shift", "grid", "colour_steps")
    return {
        name: {what: float(np.mean([row[what] for row in rows if row["by"] == name])) for what in figures}
        for name in names
    }


if __name__ == "__main__":
    main()
