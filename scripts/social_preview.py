"""Draws `kdsr/ui/static/preview.jpg`, which other sites show beside a link to the page: an example before and after.

Run once in the repository; needs the weights and scikit-image's astronaut (NASA, public domain).
"""

from pathlib import Path

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from kdsr import Catalog, Picture, Settings, degrade_picture, find_task, open_runtime, read_picture, restore_picture
from kdsr.ui.examples import example_of

WIDTH, HEIGHT = 1200, 630
TARGET = Path(__file__).parent.parent / "kdsr" / "ui" / "static" / "preview.jpg"
STUDENT, CROP = "sr_x4-student-32x7", (72, 16, 392, 184)
"""The part of the example that is shown, in its pixels: left, top, right, bottom."""


def main() -> None:
    """Draw it."""
    settings, example = Settings(), example_of("sr_x4")
    assert example is not None, "scikit-image is not installed"
    truth = read_picture(example, settings)
    degraded = degrade_picture(truth, find_task("sr_x4")).picture
    catalog = Catalog(settings.weights_dir)
    restored = restore_picture(degraded, open_runtime(catalog.find(STUDENT), catalog, settings=settings))
    size = (WIDTH, HEIGHT)
    before = enlarged(degraded, tuple(side / 4 for side in CROP)).resize(size, Image.Resampling.NEAREST)
    after = enlarged(restored, CROP).resize(size, Image.Resampling.BICUBIC)
    before.paste(after.crop((WIDTH // 2, 0, WIDTH, HEIGHT)), (WIDTH // 2, 0))
    label(before)
    before.save(TARGET, quality=85, optimize=True)


def enlarged(picture: Picture, box: tuple[float, ...]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture.pixels)).crop(tuple(map(round, box)))


def label(image: Image.Image) -> None:
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle((WIDTH // 2 - 2, 0, WIDTH // 2 + 1, HEIGHT), fill="white")
    draw.rectangle((0, HEIGHT - 96, WIDTH, HEIGHT), fill=(20, 18, 16, 205))
    line = {"font": ImageFont.load_default(40), "fill": "white", "anchor": "mm"}
    draw.text((WIDTH // 4, HEIGHT - 48), "Before", **line)
    draw.text((3 * WIDTH // 4, HEIGHT - 48), "After, by the student", **line)


if __name__ == "__main__":
    typer.run(main)
