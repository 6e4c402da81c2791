"""Training on small generated pictures: a run learns, stops, resumes to the same numbers and reports errors."""

import dataclasses
import os
import signal

import cv2
import numpy as np
import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.errors import SettingsError, Stopped, TrainingError
from kdsr.tasks import find_task
from kdsr.train import train_recipe
from kdsr.train.data.labels import _PartialLabels, with_labels
from kdsr.train.data.pairs import fixed_pairs
from kdsr.train.data.photos import find_photos, load_photos
from kdsr.train.events import events_in
from kdsr.train.machine import autocast, signals_deferred
from kdsr.train.teacher import Teacher
from kdsr.zoo import Catalog, read_card
from kdsr.zoo.weights import load_tensors

CPU = torch.device("cpu")
settings = pytest.fixture(training_settings)


@pytest.mark.slow
def test_a_run_lowers_the_loss_and_leaves_weights_card_and_log(settings, tmp_path):
    result = train_recipe(recipe(steps=150), tmp_path / "run", settings=settings)
    assert result.finished and result.step == 150
    logged = [event["loss"] for event in events(tmp_path / "run") if event["event"] == "step"]
    assert logged[-1] < logged[0]
    card = read_card(tmp_path / "run" / "tiny.json")
    assert card.steps == 150 and card.data[0]["pack"] == "images" and card.figures == ()
    assert Catalog(tmp_path / "run").problems == ()
    assert Catalog(tmp_path / "run").load("tiny").scale == 2


def test_denormal_numbers_count_as_zero_during_a_run_only(settings, tmp_path):
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor has no such mode")
    smallest = torch.full((4,), torch.finfo(torch.float32).tiny)
    counted = []
    train_recipe(
        recipe(steps=2),
        tmp_path / "run",
        settings=settings,
        should_stop=lambda: counted.append(bool((smallest / 2).any())) or False,
    )
    assert counted and not any(counted)
    assert (smallest / 2).any()


def test_a_teachers_weights_are_the_rounded_ones_of_the_same_run(settings, tmp_path):
    for role in ("teacher", "student"):
        train_recipe(recipe(role=role), tmp_path / role, settings=settings)
    teacher, student = (load_tensors(tmp_path / role / "tiny.safetensors") for role in ("teacher", "student"))
    assert {tensor.dtype for tensor in teacher.values()} == {torch.float16}
    assert all(torch.equal(teacher[name], student[name].half()) for name in student)
    assert (
        read_card(tmp_path / "teacher" / "tiny.json").file_bytes
        < 0.6 * read_card(tmp_path / "student" / "tiny.json").file_bytes
    )
    assert all(
        tensor.dtype == torch.float32 for tensor in Catalog(tmp_path / "teacher").load("tiny").state_dict().values()
    )


@pytest.mark.slow
@pytest.mark.parametrize("rep", [True, False])
def test_released_weights_are_interpolated_between_start_and_run(settings, tmp_path, rep):
    released(settings, tmp_path, name="start", steps=20)
    plans = {share: recipe(warm_start="start", wise_ft_share=share, reparameterised=rep) for share in (0.0, 0.5)}
    for share, plan in plans.items():
        train_recipe(plan, tmp_path / str(share), settings=settings)
    began = Catalog(settings.weights_dir).load("start").state_dict()
    own, mixed = (load_tensors(tmp_path / str(share) / "tiny.safetensors") for share in plans)
    assert any(not torch.equal(own[name], began[name]) for name in own)
    assert all(torch.allclose(mixed[name], (own[name] + began[name]) / 2, atol=1e-6) for name in own)
    logged = events(tmp_path / "0.5")
    assert [event["event"] for event in logged[-2:]] == ["mixed", "finished"] and logged[-2][
        "psnr_db"
    ] != last_validation(logged)


@pytest.mark.slow
def test_two_stages_from_one_start_make_a_soup(settings, tmp_path):
    released(settings, tmp_path, name="start", steps=20)
    plan = recipe(
        warm_start="start",
        wise_ft_share=0.4,
        seed=2,
        stages=({"seed": 1, "wise_ft_share": 0.0}, {"soup_with": "previous"}),
    )
    train_recipe(plan, tmp_path / "run", settings=settings)
    train_recipe(recipe(warm_start="start", seed=2), tmp_path / "alone", settings=settings)
    places = (
        tmp_path / "run/stage1/tiny-stage1",
        tmp_path / "alone/tiny",
        settings.weights_dir / "start",
        tmp_path / "run/tiny",
    )
    first, second, began, mixed = (load_tensors(place.with_suffix(".safetensors")) for place in places)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert all(
        torch.allclose(mixed[name], 0.3 * first[name] + 0.3 * second[name] + 0.4 * began[name], atol=1e-6)
        for name in mixed
    )
    assert [stage["name"] for stage in read_card(tmp_path / "run/tiny.json").history][-2:] == ["start", "tiny-stage1"]
    assert "mixed" in [event["event"] for event in events(tmp_path / "run")]


def test_a_soup_with_another_shape_is_refused(settings, tmp_path):
    released(settings, tmp_path, name="start", steps=2)
    released(settings, tmp_path, name="deeper", steps=2, arguments={"width": 8, "depth": 4})
    with pytest.raises(
        SettingsError, match="soup_with must be a network trained from start, too; deeper has another shape"
    ):
        train_recipe(recipe(warm_start="start", soup_with="deeper"), tmp_path / "run", settings=settings)


def test_a_soup_of_networks_with_random_parts_is_refused(settings, tmp_path):
    released(settings, tmp_path, name="start", steps=2)
    released(settings, tmp_path, name="grown", steps=2, arguments={"width": 24, "depth": 3})
    with pytest.raises(SettingsError, match="weights beyond those of start begin at random"):
        train_recipe(
            recipe(warm_start="start", soup_with="grown", arguments={"width": 24, "depth": 3}),
            tmp_path / "run",
            settings=settings,
        )


def last_validation(logged: list[dict]) -> float:
    return [event["psnr_db"] for event in logged if event["event"] == "validation"][-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"task": "sr_x2"},
        {"task": "sr_x2", "optimiser": "muon", "reparameterised": False},
        {"task": "denoise"},
        {"task": "denoise", "degrade_once": True},
        {"task": "jpeg"},
        {"task": "jpeg", "degrade_once": True, "optimiser": "muon"},
        {"task": "photo_x4"},
        {"task": "photo_x2", "degrade_once": True},
    ],
)
def test_a_stopped_and_resumed_run_ends_with_the_same_weights(settings, tmp_path, changes):
    plan = recipe(**changes)
    train_recipe(plan, tmp_path / "whole", settings=settings)
    steps = iter(range(100))
    with pytest.raises(Stopped, match="step 5 of 12"):
        train_recipe(plan, tmp_path / "parts", settings=settings, should_stop=lambda: next(steps) == 4)
    assert train_recipe(plan, tmp_path / "parts", settings=settings, resume=True).finished
    whole, parts = (load_tensors(tmp_path / name / "tiny.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.slow
def test_a_time_limit_pauses_a_run_that_can_go_on(settings, tmp_path):
    result = train_recipe(recipe(steps=100_000), tmp_path / "run", settings=settings, time_limit_s=1.0)
    assert not result.finished and 0 < result.step < 100_000
    assert events(tmp_path / "run")[-1]["event"] == "paused"
    assert read_card(tmp_path / "run" / "tiny.json").steps == result.step


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(settings, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_recipe(recipe(seed=seed), tmp_path / name, settings=settings)
    a, b, c = (load_tensors(tmp_path / name / "tiny.safetensors")["layers.0.weight"] for name in "abc")
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sr_x2", "denoise"])
def test_cached_labels_train_the_same_student_as_fresh_ones(settings, tmp_path, task):
    released(settings, tmp_path, name="teacher", task=task, role="teacher")
    plan = recipe(task=task, teacher="teacher", truth_share=0.3, truth_share_end=1.0, degrade_once=True)
    train_recipe(plan, tmp_path / "first", settings=settings)
    cached = list((settings.home / "labels").glob("*.npy"))
    train_recipe(plan, tmp_path / "second", settings=settings)
    assert len(cached) == 1 and list((settings.home / "labels").glob("*.npy")) == cached
    first, second = (load_tensors(tmp_path / name / "tiny.safetensors") for name in ("first", "second"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert {"truth", "teacher"} <= events(tmp_path / "first")[-3].keys() | events(tmp_path / "first")[-2].keys()
    assert not any("point" in name or "teacher" in name for name in first)


def test_labels_are_the_teachers_own_output(settings, tmp_path):
    released(settings, tmp_path, name="teacher", role="teacher")
    teacher = Catalog(settings.weights_dir).load("teacher")
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=2)
    pairs = with_labels(
        fixed_pairs(photos, find_task("sr_x2"), 0, CPU, cell_px=64, smallest_px=24),
        Teacher([teacher]),
        tmp_path / "labels.npy",
    )
    for degraded, labelled in zip(pairs.degraded, pairs.labels, strict=True):
        wanted = teacher(degraded.permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0).clamp(0, 1)
        assert (wanted - labelled / 255).abs().max() < 0.02  # bfloat16 and 8 bits


@pytest.mark.slow
def test_a_warm_start_begins_where_the_other_ended(settings, tmp_path):
    released(settings, tmp_path, name="start", steps=60)
    plan = recipe(warm_start="start", steps=1, learning_rate=1e-9, final_learning_rate=0.0)
    train_recipe(plan, tmp_path / "run", settings=settings)
    start, now = (
        load_tensors(settings.weights_dir / "start.safetensors"),
        load_tensors(tmp_path / "run" / "tiny.safetensors"),
    )
    assert all(torch.allclose(start[name], now[name], atol=1e-6) for name in start)
    assert read_card(tmp_path / "run" / "tiny.json").history[0]["name"] == "start"


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(settings, tmp_path):
    with pytest.raises(Stopped):
        train_recipe(recipe(steps=300), tmp_path / "run", settings=settings, should_stop=lambda: True)
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    (tmp_path / "run" / "recipe.json").unlink()
    with pytest.raises(TrainingError, match="another recipe"):
        train_recipe(recipe(steps=300, learning_rate=1e30), tmp_path / "run", settings=settings, resume=True)
    with pytest.raises(TrainingError, match="far above what it was"):
        train_recipe(recipe(steps=300, learning_rate=1e30, warmup_steps=0), tmp_path / "wild", settings=settings)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_a_folder_that_holds_a_run_is_not_overwritten(settings, tmp_path):
    train_recipe(recipe(steps=2), tmp_path / "run", settings=settings)
    with pytest.raises(SettingsError, match="resume"):
        train_recipe(recipe(steps=2), tmp_path / "run", settings=settings)


@pytest.mark.slow
@pytest.mark.parametrize("has_it", [True, False])
def test_a_network_learns_in_bfloat16_only_where_the_processor_multiplies_in_it(
    settings, tmp_path, monkeypatch, has_it
):
    for module in ("machine", "step", "release"):
        monkeypatch.setattr(f"kdsr.train.{module}.has_bfloat16", lambda device: has_it)
    with autocast(CPU):
        assert torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype == (
            torch.bfloat16 if has_it else torch.float32
        )
    with autocast(CPU, wanted=False):
        assert torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.float32
    for precision in ("bf16", "fp32"):
        train_recipe(recipe(precision=precision), tmp_path / precision, settings=settings)
    same = [
        torch.equal(one, other)
        for one, other in zip(
            *(load_tensors(tmp_path / name / "tiny.safetensors").values() for name in ("bf16", "fp32")), strict=True
        )
    ]
    assert all(same) != has_it
    assert ("float32" in read_card(tmp_path / "bf16" / "tiny.json").trained_on) != has_it


@pytest.mark.slow
def test_a_run_shows_its_references_and_a_held_out_crop(settings, tmp_path):
    released(settings, tmp_path, name="teacher", role="teacher", steps=100)
    train_recipe(recipe(teacher="teacher", truth_share=0.5), tmp_path / "run", settings=settings)
    (references,) = (event for event in events(tmp_path / "run") if event["event"] == "references")
    assert references["teacher_psnr_db"] > 15 and references["before_psnr_db"] > 15
    assert references["baseline_psnr_db"] > 15
    pictures = {path.stem: cv2.imread(str(path)) for path in (tmp_path / "run" / "preview").iterdir()}
    assert set(pictures) == {"input", "before", "now", "teacher", "truth"}
    assert len({picture.shape for name, picture in pictures.items() if name != "input"}) == 1
    assert (
        pictures["input"].shape[0] * 2 == pictures["truth"].shape[0] and (pictures["now"] != pictures["before"]).any()
    )


def test_a_log_with_a_half_written_line_is_read(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "step"}\n{"event": "st')
    assert events_in(tmp_path / "events.jsonl") == [{"event": "step"}]


def test_ctrl_c_waits_for_the_end_of_an_update():
    seen = []
    with pytest.raises(KeyboardInterrupt):
        with signals_deferred():
            signal.raise_signal(signal.SIGINT)
            seen.append("whole")
        seen.append("not reached")
    assert seen == ["whole"]


@pytest.mark.slow
def test_interrupted_labels_continue_where_they_stopped(settings, tmp_path):
    released(settings, tmp_path, name="teacher", role="teacher", arguments={"width": 24, "depth": 4})
    plan = recipe(teacher="teacher", truth_share=0.5, steps=2)
    pieces = 0
    while not (tmp_path / "run" / "tiny.safetensors").exists():
        train_recipe(plan, tmp_path / "run", settings=settings, time_limit_s=0.0)
        pieces += 1
    done = [event["done"] for event in events(tmp_path / "run") if event["event"] == "labelling"]
    assert done == [1, 2, 3, 4, 5, 6] and pieces == 6
    train_recipe(plan, tmp_path / "run", settings=settings, resume=True)
    train_recipe(plan, tmp_path / "whole", settings=dataclasses.replace(settings, home=tmp_path / "other"))
    one, other = (load_tensors(tmp_path / name / "tiny.safetensors") for name in ("run", "whole"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_no_file_of_a_run_but_its_log_is_written_in_place(settings, tmp_path):
    """A second name of each file keeps what it held, which writing in place would change."""
    run, links = tmp_path / "run", tmp_path / "links"
    with pytest.raises(Stopped):
        train_recipe(recipe(), run, settings=settings, should_stop=lambda: True)
    files = [path for path in run.rglob("*") if path.is_file() and path.name != "events.jsonl"]
    before = {path: path.read_bytes() for path in files}
    links.mkdir()
    for number, path in enumerate(files):
        os.link(path, links / str(number))
    train_recipe(recipe(), run, settings=settings, resume=True)
    assert [(links / str(number)).read_bytes() for number in range(len(files))] == list(before.values())
    changed = {path.name for path in files if path.read_bytes() != before[path]}
    assert {"checkpoint.safetensors", "tiny.safetensors", "tiny.json"} <= changed
    assert not [path for path in run.rglob("*") if path.name.endswith(".part")]


def test_the_count_of_finished_labels_is_never_written_in_place(tmp_path):
    part = _PartialLabels(tmp_path / "part")
    part.file("label", np.uint8, (3,))
    for done in (1, 2):
        with pytest.raises(Stopped):
            part.advance(done, 3, raise_stopped)
        (tmp_path / "link").exists() or os.link(tmp_path / "part" / "done", tmp_path / "link")
    assert (tmp_path / "link").read_text() == "1" and _PartialLabels(tmp_path / "part").done == 2


def raise_stopped(done, total):
    raise Stopped
