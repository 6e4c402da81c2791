"""The form of the tab Distill: photographs, refusals, the recipe of a form, and the estimate of its time."""

import dataclasses
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from helpers.distilling import NUMBERS, REQUEST, distill_handlers, form, staged_photos
from helpers.running import ANNA, BERT, photograph

from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.jobs.launchers import OffLauncher
from kdsr.train import Recipe, with_keys
from kdsr.ui import texts
from kdsr.ui.distill import estimate
from kdsr.ui.distill.estimate import Pace, measure_pace, run_seconds
from kdsr.ui.distill.form import FIELDS, FRESH, FormValues, recipe_of, students

PLAIN = Recipe(name="any", task="sr_x4")

handlers = pytest.fixture(distill_handlers)
staged = pytest.fixture(staged_photos)


@pytest.mark.parametrize("bad", ["text.png", "broken.zip"])
def test_a_bad_upload_is_one_sentence_and_changes_nothing(handlers, staged, tmp_path, bad):
    (tmp_path / bad).write_text("This is neither a picture nor an archive.")
    kept, cleared, _, line = handlers.on_upload([str(tmp_path / bad)], staged)
    assert kept == staged and cleared is None and "line error" in line and bad in line


def test_of_nine_files_eight_are_used_and_one_is_named(handlers, tmp_path):
    files = [str(photograph(tmp_path / f"photo {index}.png")) for index in range(8)]
    (tmp_path / "notes.txt").write_text("This is no picture.")
    staged, _, _, line = handlers.on_upload([*files[:3], str(tmp_path / "notes.txt"), *files[3:]], ())
    assert len(list(Path(staged[0]).iterdir())) == 8
    assert "8 photographs," in line and "Skipped, not a picture: notes.txt." in line


def test_what_is_no_picture_in_an_archive_is_skipped_and_told(handlers, tmp_path):
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.mkdir("folder")
        for name, content in (
            ("folder/Thumbs.db", b"\xd0\xcf\x11\xe0"),
            ("read me.txt", b"text"),
            ("__MACOSX/._a", b"x"),
        ):
            archive.writestr(name, content)
        for index in range(6):
            archive.writestr(f"folder/notes {index}.txt", "text")
        archive.write(photograph(tmp_path / "a.png"), "folder/deep/a.png")
    (tmp_path / "broken.zip").write_text("no archive")
    staged, _, _, line = handlers.on_upload([str(tmp_path / "broken.zip"), str(tmp_path / "some.zip")], ())
    assert [path.name for path in Path(staged[0]).iterdir()] == ["a.png"]
    assert (
        "1 photograph," in line and "broken.zip, Thumbs.db, read me.txt, notes 0.txt, notes 1.txt and 4 more." in line
    )


def test_archives_are_opened_and_few_photographs_are_warned_of(handlers, tmp_path):
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(photograph(tmp_path / "a.png"), "folder/a.png")
    staged, _, clear, line = handlers.on_upload([str(tmp_path / "some.zip")], ())
    assert clear["visible"] and "1 photograph," in line and "held out" in line
    assert handlers.on_clear(staged)[0] == () and not Path(staged[0]).exists()


def test_refusals_are_one_sentence(handlers, staged, tiny_settings):
    assert "no photographs" in handlers.on_start(REQUEST, "own", (), ANNA, *form())[0]
    assert "plain file name" in handlers.on_start(REQUEST, "own", staged, ANNA, *form(name="../x"))[0]
    assert "Steps must be between" in handlers.on_start(REQUEST, "own", staged, ANNA, *form(steps=5))[0]
    handlers.jobs.settings = dataclasses.replace(tiny_settings, max_run_photos=3)
    assert "at most 3 photographs" in handlers.on_start(REQUEST, "own", staged, ANNA, *form())[0]
    handlers.jobs.launcher = OffLauncher()
    assert "switched off" in handlers.on_start(REQUEST, "own", staged, ANNA, *form())[0]
    *_, button, status = handlers.on_load(ANNA, REQUEST)[:5]
    assert not button["interactive"] and "switched off" in status
    assert handlers.jobs.runs(ANNA) == []


def test_without_a_teacher_the_tab_says_so(handlers):
    (handlers.settings.weights_dir / "tiny_x4_teacher.json").unlink()
    tasks, teacher, _, button, status, *_ = handlers.on_load(BERT, REQUEST)
    assert (
        tasks["choices"] == []
        and teacher["value"] is None
        and not button["interactive"]
        and texts.NO_TEACHERS in status
    )


def test_the_form_amounts_to_a_recipe(tiny_settings, tiny_catalog):
    values = FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "quick", "", {})
    fresh = recipe_of(values, tiny_settings)
    assert (
        fresh.arguments == {"width": 16, "depth": 7, "skip": 3}
        and fresh.name == "sr_x4-my-16x7"
        and fresh.warm_start is None
    )
    tuned = recipe_of(values._replace(student="tiny_x4_student", preset="standard"), tiny_settings)
    assert (
        tuned.warm_start == "tiny_x4_student"
        and tuned.schedule.steps > fresh.schedule.steps
        and not tuned.schedule.compile
    )
    custom = recipe_of(values._replace(preset="custom", custom={"steps": 40, "truth_share": 0.5}), tiny_settings)
    assert (custom.schedule.steps, custom.teaching.truth_share, custom.schedule.batch_size) == (
        40,
        0.5,
        FIELDS["batch_size"].usual,
    ) and custom.schedule.validate_every < 40
    with pytest.raises(InputError, match="no teacher"):
        recipe_of(values._replace(teacher=None), tiny_settings)
    for name, field in FIELDS.items():
        for value in (field.low - 1e-6, field.high + 1, float("nan"), "many"):
            with pytest.raises(SettingsError, match="must be between"):
                recipe_of(values._replace(preset="custom", custom={name: value}), tiny_settings)
    assert [value for _, value in students(tiny_catalog, "sr_x4", "tiny_x4_teacher")] == [*FRESH, "tiny_x4_student"]


@pytest.mark.parametrize("steps_at_s", [(3.0, 3.5, 4.0, 9.0, 9.5), (3.0, 3.5, 4.0)])
def test_the_pace_is_the_median_of_the_steps_and_the_labels_time_by_megapixel(tiny_settings, monkeypatch, steps_at_s):
    """The picture has 256 x 256 pixels and its label took 2 s; of five steps one took ten times as long."""
    now = [0.0]
    monkeypatch.setattr(estimate, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def train(_recipe, _folder, *, on_event, should_stop, **_kept):
        for event, now[0] in (("reading", 0.5), ("labelling", 2.5)):
            on_event({"event": event})
        for now[0] in steps_at_s:
            should_stop()
        raise Stopped("Enough.")

    monkeypatch.setattr(estimate, "train_recipe", train)
    recipe = with_keys(PLAIN, {"patch_px": 64})
    pace = measure_pace(recipe, tiny_settings)
    assert pace.step_s == pytest.approx(0.5)
    assert pace.label_s_per_megapixel == pytest.approx(2.0 / (256 * 256 / 1e6))


def test_a_run_without_a_teacher_spends_no_time_on_labels():
    taught = with_keys(PLAIN, {"teacher": "any", "truth_share": 0.5, "truth_share_end": 0.5, "steps": 40})
    assert run_seconds(taught, Pace(0.5, 2.0, "CPU"), 3.0) == 26.0
    assert run_seconds(PLAIN, Pace(0.5, 2.0, "CPU"), 3.0) == PLAIN.schedule.steps * 0.5
    assert run_seconds(with_keys(taught, {"twin": True}), Pace(0.5, 2.0, "CPU"), 3.0) == 46.0
    crops = with_keys(taught, {"fixed_crops": 500, "patch_px": 25, "degrade_once": True})  # 5 megapixels, whatever came
    assert run_seconds(crops, Pace(0.5, 2.0, "CPU"), 60.0) == 30.0


def test_the_estimate_is_measured_once_and_scales(handlers, staged):
    handlers.jobs.launcher.name = "local"
    lines = list(handlers.on_estimate(REQUEST, "own", staged, *form(steps=1000)))
    assert texts.MEASURING in lines[0] and "About" in lines[-1] and "1,000 steps" in lines[-1]
    recipe = recipe_of(FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "custom", "", NUMBERS), handlers.settings)
    pace = handlers.paces.pace(recipe, timeout_s=0.1)
    assert pace is not None and 0 < pace.step_s < 5 and pace.label_s_per_megapixel > 0
    proved = list(handlers.on_estimate(REQUEST, "own", staged, *form(steps=1000, prove=True)))
    assert "2 x 1,000 steps" in proved[-1]
    assert "Labelling" in list(handlers.on_estimate(REQUEST, "own", (), *form()))[-1]
    assert "must be between" in list(handlers.on_estimate(REQUEST, "own", staged, *form(steps=1)))[-1]
    early = handlers.on_estimate(REQUEST, "own", (), *form())
    next(early)
    list(handlers.on_estimate(REQUEST, "own", staged, *form()))
    assert list(early) == [gr.skip()]
    assert run_seconds(recipe, Pace(0.5, 2.0, "CPU"), 3.0) == recipe.schedule.steps * 0.5 + 6.0
    handlers.paces.close()


@pytest.mark.parametrize(
    "typed, title, file",
    [
        ("  my  network ", "my network", "my-network"),
        ("Ödön's Größe", "Ödön's Größe", "Odon's-Groe"),
        ("我的网络 x4", "我的网络 x4", "x4"),
        ("我的网络", "我的网络", "sr_x4-my-16x7"),
        ("", "sr_x4-my-16x7", "sr_x4-my-16x7"),
    ],
)
def test_a_name_in_any_script_is_the_title_and_its_files_are_ascii(tiny_settings, tiny_catalog, typed, title, file):
    recipe = recipe_of(FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "quick", typed, {}), tiny_settings)
    assert (recipe.title, recipe.name) == (title, file)
