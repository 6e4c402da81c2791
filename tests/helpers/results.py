"""What tests of the figures of the tab *Restore* share: hand-made results, whose cells have closed forms."""

import dataclasses
from pathlib import Path

from kdsr.metrics import Measurement
from kdsr.ui.restore.result import Column, NetworkTiming, RestoreResult
from kdsr.zoo import Card

PICTURE = Path("picture.png")


def timing(end_to_end_s: float, **given: object) -> NetworkTiming:
    usual = NetworkTiming(end_to_end_s / 2, end_to_end_s, end_to_end_s + 1, 5, "cpu", 2, "float32", "torch")
    return dataclasses.replace(usual, **given)


def card(role: str, parameters: int, macs: float, file_bytes: int) -> Card:
    return Card(
        name=f"sr_x4-{role}", title=f"The {role}", task="sr_x4", role=role, architecture="plain", arguments={},
        parameters=parameters, macs_per_output_megapixel=int(macs), file_bytes=file_bytes, sha256="0",
        licence="Apache-2.0", trained_on="nothing", steps=0, seed=0,
    )  # fmt: skip


def column(key: str, psnr_db: float | None = None, seconds: float | None = None, of: Card | None = None) -> Column:
    measurement = None if psnr_db is None else Measurement(psnr_db, 0.9, "RGB")
    return Column(key, PICTURE, PICTURE, measurement, None if seconds is None else timing(seconds), of)


def result_of(*columns: Column, **given: object) -> RestoreResult:
    return RestoreResult("sr_x4", "picture", 8, (2000, 500), truth_given=True, columns=columns, **given)


TEACHER = column("teacher", 30.5, 0.4, card("teacher", 2_000_000, 8e9, 8_000_000))
STUDENT = column("student", 30.13, 0.04, card("student", 60_083, 120e6, 240_332))
BOTH = result_of(column("bicubic", 27.0), STUDENT, TEACHER)
