"""The dial of the tab *Restore*, and the map of what was invented, without a browser."""

from pathlib import Path

import numpy as np
import pytest
from helpers.networks import add_sharp_partner
from helpers.restoring import CHOICE, REQUEST, restore_handlers, run, small_photo

from kdsr.image import read_picture, to_tensor
from kdsr.metrics.consistency import CONVENTION, consistency, invented_map
from kdsr.ui.restore.choice import dial_of
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.headline import headline
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.shown import ShownHandlers

FAITHFUL, SHARP = "sr_x4-student", "sr_x4-sharp"
photo = pytest.fixture(small_photo)


@pytest.fixture
def handlers(tmp_path: Path) -> RestoreHandlers:
    """The usual handlers, with a sharp partner of the student for x4."""
    made = restore_handlers(tmp_path)
    add_sharp_partner(made.settings.weights_dir, FAITHFUL, SHARP)
    return made


def pixels(handlers: RestoreHandlers, result: RestoreResult, key: str = "student") -> np.ndarray:
    return read_picture(result.column(key).file, handlers.settings).pixels


def test_the_dial_is_there_for_either_of_a_pair_and_starts_at_its_end(handlers):
    for student, value in ((FAITHFUL, 0), (SHARP, 1)):
        dial = dial_of(CHOICE._replace(student=student), handlers.settings)
        assert dial["visible"] and dial["value"] == value
    assert dial_of(CHOICE._replace(sharpness=0.3), handlers.settings)["value"] == 0.3


@pytest.mark.parametrize("student", ["denoise-student", "sr_x4-twin", None, "run:0123456789abcdef", "gone"])
def test_there_is_no_dial_for_other_students(handlers, student):
    assert dial_of(CHOICE._replace(student=student), handlers.settings)["visible"] is False


def test_another_student_or_task_leaves_the_dial_and_another_teacher_keeps_it(handlers):
    moved = CHOICE._replace(sharpness=0.5)
    assert handlers.on_network("another", FAITHFUL, moved).sharpness == 0.5
    assert handlers.on_network(CHOICE.teacher, SHARP, moved).sharpness is None
    assert handlers.on_task("denoise", moved, None, REQUEST)[0].sharpness is None


def test_moving_the_dial_orders_a_run(handlers):
    choice, *_ = handlers.on_sharpness(0.4, CHOICE, REQUEST)
    assert choice.sharpness == 0.4 and handlers.orders.is_waiting("visitor")


@pytest.mark.slow
def test_the_ends_of_the_dial_are_the_two_students_and_between_them_is_another_picture(handlers, photo):
    made = {
        sharpness: pixels(handlers, run(handlers, photo, sharpness=sharpness)[-1].result) for sharpness in (0, 0.5, 1)
    }
    assert np.array_equal(made[0], pixels(handlers, run(handlers, photo)[-1].result))
    assert np.array_equal(made[1], pixels(handlers, run(handlers, photo, student=SHARP)[-1].result))
    assert not np.array_equal(made[0.5], made[0]) and not np.array_equal(made[0.5], made[1])


@pytest.mark.slow
def test_captions_headline_table_and_file_name_the_sharpness(handlers, photo):
    view = run(handlers, photo, sharpness=0.5)[-1]
    assert "Student at sharpness 0.5" in view.pictures and "The student at sharpness 0.5" in view.summary
    assert "sharpness 0.5 ·" in view.summary and "The student, sharpness 0.5" in view.table
    assert view.result.column("student").file.name == "photo-sr_x4-student-sharpness-0.5.png"
    assert view.student_file["value"].endswith("student-sharpness-0.5.png")
    assert "behind" not in headline(view.result)
    assert "sharpness" not in run(handlers, photo)[-1].summary


def test_a_sharpness_that_a_student_has_not_is_one_sentence(handlers, photo, monkeypatch):
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", lambda sentence: None)  # a toast needs a page
    view = run(handlers, photo, task="denoise", sharpness=0.5)[-1]
    assert f"choose one of {FAITHFUL}" in view.status and "line error" in view.status


def test_the_invented_map_is_of_the_arrays_on_disk_and_has_its_consistency_and_a_sentence(handlers, photo):
    view = run(handlers, photo)[-1]
    result = view.result
    given = to_tensor(read_picture(result.column("input").file, handlers.settings))
    for role in ("student", "teacher"):
        restored = to_tensor(read_picture(result.column(role).file, handlers.settings))
        column = result.column(f"invented_{role}")
        assert column.consistency_db == consistency(restored, given).item()
        wanted = invented_map(restored, given)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        assert np.array_equal(pixels(handlers, result, column.key), wanted)
        *_, explained, _ = ShownHandlers(handlers).on_pair(result, role, column.key)
        assert f"<b>Invented by the {role}</b>: bright where" in explained
        assert f">Consistency {column.consistency_db:.2f} dB</span>" in explained and CONVENTION in explained.unescape()
    assert view.explained == ""  # teacher and student are no maps


def test_every_map_is_explained_once(handlers, photo):
    result = run(handlers, photo)[-1].result
    for key in ("error_student", "error_teacher", "difference"):
        *_, explained, _ = ShownHandlers(handlers).on_pair(result, key, key)
        assert explained.count("bright where") == 1 and "Consistency" not in explained


@pytest.mark.slow
def test_where_nothing_is_enlarged_there_is_no_invented_map(handlers, photo):
    assert not [column.key for column in run(handlers, photo, task="denoise")[-1].result.columns if "inv" in column.key]
