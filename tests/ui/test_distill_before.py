"""What *Distill* shows before a run: what a teacher gave the students, by the figures of their cards."""

import re
from dataclasses import replace
from pathlib import Path

from kdsr.ui import texts
from kdsr.ui.distill.before import before_a_run
from kdsr.zoo import Catalog

CARDS = Catalog(Path(__file__).parents[2] / "weights").cards


def rows(html: str) -> dict[str, list[str]]:
    """Task to its cells."""
    found = (re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in re.findall(r"<tr>(.*?)</tr>", html)[1:])
    return {task: cells for task, *cells in found}


def test_each_row_is_a_student_and_its_twin_by_their_cards():
    cards = {card.name: card for card in CARDS}
    shown = rows(before_a_run(CARDS))
    assert len(shown) >= 5
    student, twin = cards["sr_x4-student-32x7"], cards["sr_x4-student-32x7-twin"]
    where, *told = shown["Super-resolution x4"]
    mine, other = (next(figure.psnr_db for figure in card.figures if figure.set == where) for card in (twin, student))
    assert told == [f"{mine:.2f}", f"{other:.2f}", f"{other - mine:+.2f} dB"]


def test_a_loss_is_shown_as_one_and_without_twins_there_are_only_the_steps():
    student = next(card for card in CARDS if card.name == "sr_x4-student-32x7")
    twin = replace(student, name="better", role="twin", twin=None, figures=tuple(
        replace(figure, psnr_db=figure.psnr_db + 1) for figure in student.figures
    ))  # fmt: skip
    worse = before_a_run([replace(student, twin="better"), twin])
    assert rows(worse)["Super-resolution x4"][-1] == "-1.00 dB"
    alone = before_a_run([student])
    assert "<table" not in alone and texts.DISTILL_ABOUT in alone and "<table" not in before_a_run([])
