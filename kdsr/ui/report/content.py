"""What a report shows of each result, whatever it is written as: pictures, captions, the square that is enlarged,
conditions. Nothing is measured here.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from kdsr import __version__
from kdsr.restore.processor import processor_kind
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.models.selection import plot_of, zoo_of
from kdsr.ui.report.pictures import Opened
from kdsr.ui.report.spots import Square, most_different, square_around
from kdsr.ui.report.worth import worth_of
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.result import Column, RestoreResult
from kdsr.zoo import Card

NETWORKS = ("before", "twin", "student", "teacher")
_COMPARED = ("input", "bicubic", "navier_stokes", "student", "teacher", "truth")
_CROPPED = ("input", "bicubic", "navier_stokes", *NETWORKS, "truth")


@dataclass(frozen=True)
class Chapter:
    """One picture of a report."""

    result: RestoreResult
    pair: tuple[Column, Column]
    """What stands side by side, or on the divider."""
    square: Square
    """What is enlarged of each of `cropped`."""
    is_chosen: bool
    """The square was chosen by hand; else it is where `pair` differs most."""

    @property
    def compared(self) -> list[Column]:
        """The pictures that can be compared whole."""
        return [column for column in self.result.columns if column.key in {*_COMPARED, *(c.key for c in self.pair)}]

    @property
    def cropped(self) -> list[Column]:
        """The pictures that are enlarged, those of all networks among them."""
        return [column for column in self.result.columns if column.key in _CROPPED]

    @property
    def whole(self) -> Column:
        """The picture in which the square is shown: the original, or the best there is."""
        keys = ("truth", "teacher", "student", "input")
        return next(column for key in keys if (column := self.result.column(key)) is not None)


def chapters_of(
    results: Sequence[RestoreResult],
    opened: Opened,
    *,
    pair: tuple[str, str] = USUAL_PAIR,
    spots: Sequence[tuple[float, float] | None] = (),
) -> list[Chapter]:
    """A chapter for each of `results`, which have their pictures on disk; `spots` (fractions) are chosen by hand."""
    chapters = []
    for result, spot in zip_longest(results, spots[: len(results)]):
        columns = [_available(result, wanted, usual) for wanted, usual in zip(pair, USUAL_PAIR, strict=True)]
        left, right = (np.asarray(opened[column.shown]) for column in columns)
        square = square_around(spot or most_different(left, right), result.shown_size)
        chapters.append(Chapter(result, (columns[0], columns[1]), square, spot is not None))
    return chapters


def with_networks(result: RestoreResult, chosen: Sequence[str]) -> RestoreResult:
    """`result` without the networks (`NETWORKS`) that are not in `chosen`; the student always stays."""
    kept = {"student", *chosen}
    return replace(
        result, columns=tuple(each for each in result.columns if each.key not in NETWORKS or each.key in kept)
    )


def cards_of(results: Sequence[RestoreResult]) -> dict[str, Card]:
    """The cards of the networks of `results`, by name."""
    return {column.card.name: column.card for result in results for column in result.columns if column.card}


def plot_for(results: Sequence[RestoreResult], settings: Settings) -> str:
    """Quality against latency of the networks for the first result's task; empty where nothing can be drawn."""
    used = [column.card.name for key in ("student", "teacher") if (column := results[0].column(key)) and column.card]
    return plot_of(used[0], settings) if used and find_task(results[0].task).has_truth else ""


def worth_for(results: Sequence[RestoreResult], settings: Settings) -> Markup:
    """What a teacher is worth, of each student of `results` that an original can judge."""
    used = {column.card.name: column.card for each in results if (column := each.column("student")) and column.card}
    judged = [card for card in used.values() if card.role == "student" and find_task(card.task).has_truth]
    return worth_of(judged, zoo_of(settings).cards)


def conditions_of(results: Sequence[RestoreResult], told: str) -> Mapping[str, Any]:
    """What was used, where and how, and whose it is; `told` says what was done to the pictures."""
    orders = [result.order for result in results if result.order]
    rows = {
        "Processor": processor_kind(),
        "Software": f"KDSR {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
        "Seed": ", ".join(dict.fromkeys(str(order.seed) for order in orders)),
        "Runtime": ", ".join(dict.fromkeys(order.runtime for order in orders)),
        "Pictures": told,
    } | {card.name: _licence(card) for card in cards_of(results).values()}
    return {name: value for name, value in rows.items() if value}


def spot_title(chapter: Chapter) -> str:
    return texts.REPORT_SPOT_CHOSEN if chapter.is_chosen else texts.REPORT_SPOTS


def title_of(results: Sequence[RestoreResult]) -> str:
    return f"{texts.REPORT_TITLE}: {', '.join(dict.fromkeys(result.name for result in results))}"


def _available(result: RestoreResult, wanted: str, usual: str) -> Column:
    keys = (wanted, usual, "student", "input")
    return next(column for key in keys if (column := result.column(key)) is not None)


def _licence(card: Card) -> str:
    return f"{card.title}, {texts.counted(card.parameters)} parameters, {card.licence}, SHA-256 {card.sha256}"
