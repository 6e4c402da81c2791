"""The page's handlers, run without a browser, on small random networks."""

import dataclasses
import itertools
import os
import re
import struct
import time
import zlib
from pathlib import Path
from threading import Event
from urllib.parse import quote

import numpy as np
import pytest
from helpers.restoring import CHOICE, REQUEST, restore_handlers, results, run, shown_as_toasts, shown_in, small_photo
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import read_picture, to_tensor
from kdsr.metrics import measure
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.examples import available_examples, example_of, write_thumbnail
from kdsr.ui.restore import figures
from kdsr.ui.restore.files import KEPT_S
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.headline import headline
from kdsr.ui.restore.opening import OpeningHandlers
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.request import Order, check_output_size, prepare
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.run import _NetworkRun, restore_steps
from kdsr.ui.restore.shown import ShownHandlers
from kdsr.ui.restore.timing import LEAST
from kdsr.ui.restore.view import UNCHANGED

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
toasts = pytest.fixture(shown_as_toasts, autouse=True)


def save_resized(source: Path, size: tuple[int, int], target: Path) -> None:
    with Image.open(source) as picture:
        picture.resize(size).save(target)


def test_the_student_is_shown_before_the_teacher(handlers, photo):
    views = run(handlers, photo)
    kinds = [{column.key for column in result.columns} for result in results(views)]
    assert "student" in kinds[0] and "teacher" not in kinds[0]
    assert {"input", "bicubic", "twin", "student", "teacher", "truth", "error_student", "error_teacher"} <= kinds[-1]
    assert "behind" in views[-1].summary or "ahead" in views[-1].summary
    assert "at work" in next(view.summary for view in views if isinstance(view.result, RestoreResult))


@pytest.mark.slow
def test_the_downloaded_png_is_the_array_that_the_figures_were_taken_on(handlers, photo):
    for task in ("sr_x4", "denoise"):
        result = results(run(handlers, photo, task=task))[-1]
        truth = to_tensor(read_picture(result.column("truth").file, handlers.settings))
        for key in ("student", "teacher", "twin"):
            column = result.column(key)
            again = measure(to_tensor(read_picture(column.file, handlers.settings)), truth, find_task(task))
            assert again == column.measurement
            assert (column.shown == column.file) and result.size == (truth.shape[-1], truth.shape[-2])


def test_all_columns_are_shown_at_the_size_of_the_result(handlers, photo):
    result = results(run(handlers, photo))[-1]
    shown = [read_picture(column.shown, handlers.settings) for column in result.columns]
    assert {(picture.width, picture.height) for picture in shown} == {(64, 52)}


@pytest.mark.slow
def test_other_formats_hold_the_same_numbers(handlers, photo, tmp_path):
    Image.fromarray(np.arange(53 * 67, dtype=np.uint16).reshape(53, 67) * 18).save(tmp_path / "deep.png")
    for picture, suffix in ((photo, "WebP"), (tmp_path / "deep.png", "TIFF")):
        view = run(handlers, picture, mode="degraded", task="denoise")[-1]
        exact = {Path(name).stem: read_picture(name, handlers.settings) for name in view.files}
        for name in ShownHandlers(handlers).on_files(view.result, False, suffix, REQUEST)[3]:
            assert np.array_equal(read_picture(name, handlers.settings).pixels, exact[Path(name).stem].pixels)
        assert view.format["choices"] == [(name, name) for name in ("PNG", suffix)] or list(view.format["choices"]) == [
            "PNG",
            suffix,
        ]


@pytest.mark.slow
def test_without_truth_there_is_no_psnr_but_a_distance(handlers, photo):
    view = run(handlers, photo, mode="degraded")[-1]
    assert view.table.count("no original") >= 3 and texts.NO_TRUTH in view.table
    assert re.search(r"the teacher \(\d+\.\d\sdB\)", view.summary)
    assert view.result.column("truth") is None and view.result.column("difference") is not None


def test_a_reference_of_the_right_size_measures_and_another_is_one_sentence(handlers, photo, tmp_path):
    save_resized(photo, (268, 212), tmp_path / "truth.png")
    assert run(handlers, photo, mode="both", truth=str(tmp_path / "truth.png"))[-1].result.truth_given
    views = run(handlers, photo, mode="both", truth=str(photo))
    assert "must have 268 x 212 pixels" in views[-1].status and not results(views)
    assert texts.ADD_ORIGINAL in run(handlers, photo, mode="both")[-1].status


def png_header_only(width: int, height: int) -> bytes:
    """A PNG whose header claims that size and whose data is a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def bad_file(kind: str, photo: Path) -> Path:
    path = photo.with_name(f"{kind}.png")
    if kind == "truncated":
        save_resized(photo, (400, 300), path.with_suffix(".jpg"))
        path.write_bytes(path.with_suffix(".jpg").read_bytes()[:900])
    else:
        path.write_bytes(
            {
                "text": b"This is no picture.\n" * 20,
                "empty": b"",
                "huge": png_header_only(13000, 13000),
                "long": png_header_only(20000, 10),
            }[kind]
        )
    return path


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "huge", "long"])
def test_a_bad_file_is_one_sentence_and_changes_nothing_else(handlers, photo, toasts, kind):
    path = bad_file(kind, photo)
    refused, taken = (handlers.on_upload(str(file), CHOICE, REQUEST) for file in (path, photo))
    handlers.orders.take("visitor")
    assert len(refused) == len(taken)
    picture, cleared, line, *_, status, _, _ = refused
    assert picture == line == UNCHANGED and cleared["value"] is None
    assert not handlers.orders.is_waiting("visitor")
    assert 'class="line error" role="alert"' in status
    view = run(handlers, path)[-1]
    assert "line error" in view.status and view.pictures == view.result == UNCHANGED and view.run["interactive"]
    assert len(toasts) == 2 and toasts[0].startswith("'")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (13, 7)])
def test_odd_pictures_of_every_kind_are_restored(handlers, tmp_path, mode, size):
    picture = (
        Image.new("I;16", size, 30_000) if mode == "I;16" else Image.new("RGBA", size, (200, 90, 30, 128)).convert(mode)
    )
    path = tmp_path / f"odd.{'jpg' if mode == 'CMYK' else 'png'}"
    picture.save(path)
    view = run(handlers, path, mode="degraded")[-1]
    assert view.result.size == (size[0] * 4, size[1] * 4) and "line done" in view.status


def test_an_animated_picture_says_that_its_first_frame_is_used(handlers, tmp_path):
    frames = [Image.new("RGB", (16, 16), (n * 80, 0, 0)) for n in range(3)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert "first of 3 frames" in run(handlers, tmp_path / "moving.gif")[-1].summary


def test_a_result_larger_than_the_page_makes_is_refused_with_what_to_do(handlers, tmp_path):
    Image.new("RGB", (700, 700)).save(tmp_path / "large.png")
    status = run(handlers, tmp_path / "large.png", mode="degraded")[-1].status
    assert "2,800 x 2,800" in status and "at most 0.25 megapixels" in status


def test_altered_weights_and_cards_without_weights_are_sentences(handlers, photo):
    weights = handlers.settings.weights_dir
    data = bytearray((weights / "sr_x4-teacher.safetensors").read_bytes())
    data[-1] ^= 1
    (weights / "sr_x4-teacher.safetensors").write_bytes(data)
    views = run(handlers, photo)
    assert "SHA-256" in views[-1].status and "student" in {column.key for column in results(views)[-1].columns}
    (weights / "denoise-teacher.safetensors").unlink()
    *_, note, lines, _ = OpeningHandlers(handlers).on_load("", REQUEST)
    assert len(handlers.problems()) == 1 and "no weights beside it" in lines and note["visible"]


@pytest.mark.parametrize("missing", ["teacher", "student"])
def test_a_task_without_a_role_says_so_and_works(handlers, photo, missing):
    view = run(handlers, photo, **{missing: None})[-1]
    assert f"no {missing} network" in view.summary and "line done" in view.status
    (handlers.settings.weights_dir / f"sr_x4-{missing}.json").unlink()
    choice, *updates = handlers.on_task("sr_x4", CHOICE._replace(mode="degraded"), None, REQUEST)
    update = updates[0 if missing == "teacher" else 1]
    assert getattr(choice, missing) is None
    assert update["choices"] == [] and not update["interactive"]


def test_a_page_without_any_network_opens(tmp_path):
    empty = RestoreHandlers(Settings(weights_dir=tmp_path / "none", home=tmp_path / "home"), tmp_path / "runs")
    choice, picture = CHOICE._replace(teacher=None, student=None), str(example_of("sr_x4"))
    views = list(OpeningHandlers(empty).on_open(choice, picture, USUAL_PAIR, REQUEST))
    assert texts.NO_NETWORKS in views[-1].summary


@pytest.mark.slow
def test_the_opening_is_computed_once(handlers):
    if not available_examples():
        pytest.skip("scikit-image, whose pictures are the examples, is not installed")
    picture = str(example_of("sr_x4"))
    first, second = (list(OpeningHandlers(handlers).on_open(CHOICE, picture, USUAL_PAIR, REQUEST)) for _ in range(2))
    assert len(first) > 3 and len(second) == 1 and second[0].pictures == first[-1].pictures


def test_networks_are_timed_once_all_pictures_are_out(handlers, photo, tmp_path):
    order = Order(photo, "clean", "sr_x4", teacher="sr_x4-teacher", student="sr_x4-student", runtime="torch")
    steps = list(restore_steps(order, handlers.settings, tmp_path / "out", Event()))
    kinds = [step.text.rpartition(" ")[2] for step in steps[1:]]
    assert kinds == sorted(kinds, key=["work", "times", "Done"].index)
    grown = [
        [column.timing.repeats for column in step.result.columns if column.timing] for step in steps if step.result
    ]
    assert [len(repeats) for repeats in grown] == [1, 2, 3, 3] and not any(map(any, grown[:-1])) and all(grown[-1])


def test_times_that_cannot_be_are_taken_again_in_turn(handlers, photo, monkeypatch):
    order = Order(photo, "clean", "sr_x4", teacher="sr_x4-teacher", student="sr_x4-student", runtime="torch")
    ran, once = [], _NetworkRun.once
    monkeypatch.setattr("kdsr.ui.restore.run.busy_because", lambda result: "other work")
    monkeypatch.setattr(_NetworkRun, "once", lambda self, *given: ran.append(self.card.role) or once(self, *given))
    last = list(restore_steps(order, handlers.settings, handlers.folder, Event()))[-1].result
    turns = [role for role, _ in itertools.groupby(ran[3:])]  # after the first pass of each
    assert turns[:6] == turns[:3] * 2 and set(turns) == {"teacher", "student", "twin"} and len(turns) >= 2 * 3 * LEAST
    assert all(column.timing.repeats >= LEAST for column in last.columns if column.timing)


def test_any_pair_can_be_chosen(handlers, photo):
    result = run(handlers, photo)[-1].result
    for left in [column.key for column in result.columns]:
        pair, pictures, *_ = ShownHandlers(handlers).on_pair(result, left, "truth")
        shown = shown_in(pictures)
        assert pair == (left, "truth") == (shown["left"], shown["right"]) and shown["size"] == list(result.size)
        files = {each["key"]: each["src"] for each in shown["pictures"]}
        assert files == {column.key: f"/file={quote(str(column.shown))}" for column in result.columns}


def test_a_pair_chosen_while_a_run_is_at_work_is_shown_by_all_that_comes_after(handlers, photo):
    handlers.on_press(REQUEST)
    views = handlers.on_restore(str(photo), None, CHOICE, "torch", 0, 0, False, None, ("input", "student"), REQUEST)
    first = next(view for view in views if isinstance(view.result, RestoreResult))
    ShownHandlers(handlers).on_pair(first.result, "bicubic", "truth", REQUEST)
    last = list(views)[-1]
    shown = shown_in(last.pictures)
    assert (shown["left"], shown["right"]) == ("bicubic", "truth") == (last.left["value"], last.right["value"])
    late = shown_in(ShownHandlers(handlers).on_pair(first.result, "input", "teacher", REQUEST)[1])
    assert late["right"] == "teacher"  # of the newest result, although the page asked on an earlier one


def test_an_expired_result_is_said_and_not_a_crash(handlers, photo):
    result = run(handlers, photo)[-1].result
    result.column("student").file.unlink()
    assert texts.EXPIRED in ShownHandlers(handlers).on_pair(result, "teacher", "student")[-1]


def test_a_visit_without_a_picture_is_refused(handlers):
    with pytest.raises(InputError, match="no picture yet"):
        prepare(Order(None, "clean", "denoise"), handlers.settings)


def test_examples_lie_in_the_installed_package_and_shrink_to_squares(handlers, tmp_path):
    for _, path in available_examples()[:2]:
        thumbnail = read_picture(
            write_thumbnail(path, tmp_path / f"{path.stem}.png", handlers.settings), handlers.settings
        )
        assert (thumbnail.width, thumbnail.height) == (160, 160)


@pytest.mark.parametrize(
    "value, text", [(0.0123, "12.3 ms"), (1.234, "1.23 s"), (0.5, "500 ms"), (0.00054, "0.540 ms")]
)
def test_durations_are_written_with_their_unit(value, text):
    assert texts.milliseconds(value) == text


@pytest.mark.parametrize(
    "small, large, text", [(1, 25, "1/25 of"), (100, 101, "the same as"), (80, 100, "80% of"), (1, 2, "1/2 of")]
)
def test_sizes_are_written_as_fractions(small, large, text):
    assert texts.fraction(small, large) == text


def test_names_are_escaped(handlers, photo):
    result = dataclasses.replace(run(handlers, photo)[-1].result, description="<script>alert(1)</script>")
    assert "<script>" not in figures.summary(result)
    assert "<b>x" not in figures.chosen("<b>x", 1, 1, 8)


@pytest.mark.slow
def test_teacher_plus_is_another_picture_named_as_such(handlers, photo):
    plain, plus = (results(run(handlers, photo, teacher_plus=wanted))[-1].column("teacher") for wanted in (False, True))
    assert (plain.title, plus.title) == ("Teacher", "Teacher+")
    assert plus.timing.runtime == "torch, self-ensemble x8" and plus.measurement.psnr_db != plain.measurement.psnr_db


def test_a_twin_in_the_students_place_is_called_what_it_is(handlers, photo):
    result = results(run(handlers, photo, student="sr_x4-twin"))[-1]
    assert result.column("student").title == "Student without distillation"
    assert headline(result).startswith("The student without distillation is ")


def test_a_result_of_exactly_the_limit_is_made_and_one_more_row_is_refused():
    settings, task = Settings(max_output_megapixels=4.0), find_task("sr_x4")
    check_output_size(2000, 2000, task, settings)
    with pytest.raises(InputError, match="2,000 x 2,001"):
        check_output_size(2001, 2000, task, settings)


def test_only_pictures_older_than_their_time_are_removed(handlers, photo):
    for name, age_s in (("old", KEPT_S + 60), ("young", KEPT_S - 60)):
        (handlers.folder / name).mkdir(parents=True)
        os.utime(handlers.folder / name, (time.time() - age_s,) * 2)
    run(handlers, photo, mode="degraded")
    assert not (handlers.folder / "old").exists() and (handlers.folder / "young").exists()


def test_an_upload_is_restored_as_it_is_and_an_example_is_a_test(handlers, photo):
    picture, _, _, choice, mode, *_ = handlers.on_upload(str(photo), CHOICE, REQUEST)
    assert (picture, choice.mode, mode) == (str(photo), "degraded", "degraded")
    assert handlers.orders.is_waiting("visitor")
    with_original = handlers.on_upload(str(photo), CHOICE._replace(mode="both"), REQUEST)
    assert with_original[3].mode == with_original[4] == "both"
