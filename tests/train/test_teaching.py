"""Distillation methods in a run: terms, fixed crops, zoomed inputs, several or online teachers, early stopping."""

import dataclasses
import functools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.degrade import bicubic_resize
from kdsr.distill import LOSSES, Term
from kdsr.errors import SettingsError, Stopped, TrainingError, UnknownNameError
from kdsr.models import build_model, pruned, start
from kdsr.models.symmetry import turn, turn_back
from kdsr.tasks import TASKS, find_task
from kdsr.train import PRESETS, distillation, recipe_from_json, recipe_to_json, train_recipe, with_keys
from kdsr.train.data.crops import sample_hard_crops
from kdsr.train.data.pairs import fixed_pairs, make_plan, zoomed_inputs
from kdsr.train.data.photos import find_photos, load_photos
from kdsr.train.teacher import Shrunk, Teacher
from kdsr.zoo import Catalog, read_card
from kdsr.zoo.weights import load_tensors

CPU = torch.device("cpu")
settings = pytest.fixture(training_settings)
TAPS = {"student_tap": "layers.1", "teacher_tap": "layers.2"}


def term(loss: str) -> Term:
    return Term(loss, weight=0.1, **(TAPS if LOSSES[loss].reads == "features" else {}))


def weights(folder):
    return load_tensors(folder / "tiny.safetensors")


def with_teacher(settings, tmp_path, **changes):
    released(settings, tmp_path, name="teacher", role="teacher", arguments={"width": 24, "depth": 4})
    return recipe(teacher="teacher", **{"truth_share": 0.5, **changes})


WAYS = {loss: {"terms": (term(loss),)} for loss, entry in LOSSES.items() if entry.reads != "scores"} | {
    "plan": {"fixed_crops": 16},
    "plan with features": {"fixed_crops": 16, "terms": (term("fitnet"),)},
    "zoomed_inputs in": {"fixed_crops": 16, "zoom_inputs": "in"},
    "zoomed_inputs out": {"fixed_crops": 16, "zoom_inputs": "out"},
    "hard crops": {"fixed_crops": 16, "hard_mining": True},
    "self-ensemble": {"self_ensemble": True},
    "teacher at work": {"cache_labels": False},
    "online": {"online_teacher": True},
    "patience": {"patience": 3, "validate_every": 4},
    "dropout": {"dropout": 0.3},
    "gradient share": {"terms": (Term("critic", weight=0.1, gradient_share=0.3),)},
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_teach_stops_and_resumes_to_the_same_weights(settings, tmp_path, way):
    plan = with_teacher(settings, tmp_path, **WAYS[way])
    train_recipe(plan, tmp_path / "whole", settings=settings)
    steps = iter(range(100))
    with pytest.raises(Stopped):
        train_recipe(plan, tmp_path / "parts", settings=settings, should_stop=lambda: next(steps) == 4)
    train_recipe(plan, tmp_path / "parts", settings=settings, resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert set(whole) == {f"layers.{layer}.{part}" for layer in range(3) for part in ("weight", "bias")}
    named = {name for event in events(tmp_path / "whole") for name in event}
    assert {used.loss for used in plan.teaching.terms} <= named and "teacher" in named


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["fitnet", "contrastive", "fft", "critic"])
def test_a_step_is_compiled_as_one_graph(settings, tmp_path, loss, monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, fullgraph=True, backend="aot_eager"))
    monkeypatch.setattr("kdsr.train.step.has_compiler", lambda device: True)
    train_recipe(
        with_teacher(settings, tmp_path, terms=(term(loss),), compile=True, steps=2),
        tmp_path / "run",
        settings=settings,
    )
    assert any(loss in event for event in events(tmp_path / "run"))


@pytest.mark.slow
def test_a_teacher_at_work_gives_the_curve_of_its_kept_labels(settings, tmp_path):
    plan = with_teacher(settings, tmp_path, fixed_crops=16, terms=(term("attention_map"),))
    train_recipe(plan, tmp_path / "kept", settings=settings)
    train_recipe(with_keys(plan, {"cache_labels": False}), tmp_path / "live", settings=settings)
    kept, live = (
        [event["loss"] for event in events(tmp_path / name) if event["event"] == "step"] for name in ("kept", "live")
    )
    assert kept == pytest.approx(live, rel=1e-3) and kept
    assert len([path for path in (settings.home / "labels").iterdir() if not path.name.startswith(".")]) == 1


@pytest.mark.slow
def test_only_a_teacher_that_learns_online_changes(settings, tmp_path):
    plan = with_teacher(settings, tmp_path, online_teacher=True, learning_rate=1e-2)
    before = load_tensors(settings.weights_dir / "teacher.safetensors")
    train_recipe(plan, tmp_path / "run", settings=settings)
    after = load_tensors(tmp_path / "run" / "checkpoint.safetensors")
    assert any(not torch.equal(value, after[f"teacher.0.{name}"]) for name, value in before.items())
    train_recipe(
        with_keys(plan, {"online_teacher": False, "cache_labels": False}), tmp_path / "frozen", settings=settings
    )
    assert not any(name.startswith("teacher.") for name in load_tensors(tmp_path / "frozen" / "checkpoint.safetensors"))


def test_zoomed_inputs_use_the_label_as_ground_truth(settings):
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=2)
    pairs = fixed_pairs(photos, find_task("sr_x2"), 0, CPU, cell_px=64, smallest_px=24)
    pairs.zoom_inputs = zoomed_inputs(pairs, "in")
    plan = make_plan(pairs, 8, 12, zoom_input_share=0.5)
    plan.labels = np.full((8, 3, 24, 24), 77, np.uint8)
    pairs.plan = plan
    new = [crop.picture >= len(pairs.truths) for crop in plan.crops]
    assert new == [False] * 4 + [True] * 4
    batch = pairs._planned_batch(plan, list(range(8)), 12)
    assert torch.equal(batch.truth[4:], batch.label[4:]) and not torch.equal(batch.truth[:4], batch.label[:4])
    assert batch.degraded.shape == (8, 3, 12, 12)


def test_hard_crops_are_drawn_more_often(settings):
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=2)
    plan = make_plan(fixed_pairs(photos, find_task("sr_x2"), 0, CPU, cell_px=64, smallest_px=24), 4, 12)
    sample_hard_crops(plan, np.array([0.0, 0.0, 0.0, 1.0]))
    drawn = np.bincount(plan.draw(np.random.default_rng(0), 8000), minlength=4) / 8000
    assert drawn == pytest.approx([0.125, 0.125, 0.125, 0.625], abs=0.03)


@pytest.mark.parametrize("symmetry", range(8))
def test_a_turned_picture_is_turned_back(symmetry):
    image = torch.rand(2, 3, 5, 7)
    assert torch.equal(turn_back(turn(image, symmetry), symmetry), image)


def test_a_self_ensemble_is_equivariant_to_symmetries():
    teacher = Teacher([build_model("plain", 2, {"width": 16, "depth": 3})], self_ensemble=True)
    image = torch.rand(1, 3, 8, 10)
    with torch.inference_mode():
        assert torch.allclose(turn(teacher(image)[0], 5), teacher(turn(image, 5))[0], atol=1e-2)


def test_a_teacher_of_twice_the_scale_is_shrunk_to_the_tasks():
    network = build_model("plain", 4, {"width": 16, "depth": 3})
    image = torch.rand(2, 3, 8, 10)
    with torch.inference_mode():
        label, features = Teacher([Shrunk(network, 2)], taps=["layers.1"])(image)
        assert features["layers.1"].shape == (2, 16, 8, 10)
        assert torch.equal(label, bicubic_resize(Teacher([network])(image)[0], 0.5)) and label.shape == (2, 3, 16, 20)


def test_pruning_keeps_the_strongest_channels_and_what_they_compute():
    large = build_model("plain", 2, {"width": 24, "depth": 3})
    with torch.no_grad():
        for writer, reader in zip(large.layers[:-1], large.layers[1:], strict=True):
            writer.weight[16:] = 0.0
            writer.bias[16:] = 0.0
            reader.weight[:, 16:] = 0.0
    small = pruned(large, 16, 3)
    image = torch.rand(1, 3, 9, 7)
    assert torch.allclose(small(image), large(image), atol=1e-6)
    assert small.layers[1].weight.shape == (16, 16, 3, 3) and small.halo == 3


@pytest.mark.parametrize("scale", [1, 2])
def test_a_student_starts_out_of_one_of_a_larger_scale(scale):
    """Its picture is that of the other, shrunk by the mean of the pixels."""
    arguments = {"width": 12, "depth": 3, "prelu": 1}
    large, student = build_model("plain", 4, arguments), build_model("plain", scale, arguments)
    start(student, large)
    image = torch.rand(2, 3, 8, 6)
    with torch.inference_mode():
        shrunk = torch.nn.functional.avg_pool2d(large(image), 4 // scale)
        assert torch.allclose(student(image), shrunk, atol=1e-6) and student.scale == scale


def test_a_student_starts_out_of_a_wider_and_deeper_one():
    large, student = (
        build_model("plain", 4, {"width": 32, "depth": 7}),
        build_model("plain", 4, {"width": 16, "depth": 5}, rep=True),
    )
    start(student, large)
    small = pruned(large, 16, 5)
    image = torch.rand(1, 3, 9, 7)
    assert torch.allclose(student(image), small(image), atol=1e-5)
    assert torch.equal(small.layers[4].bias, large.layers[6].bias)


@pytest.mark.slow
def test_patience_keeps_the_best_and_stops(settings, tmp_path):
    released(settings, tmp_path, name="start", steps=200)
    plan = recipe(
        warm_start="start",
        steps=400,
        learning_rate=0.2,
        final_learning_rate=0.2,
        gradient_clip=0.01,
        patience=2,
        validate_every=3,
    )
    result = train_recipe(plan, tmp_path / "run", settings=settings)
    assert result.finished and result.step < 400
    validations = [event["psnr_db"] for event in events(tmp_path / "run") if event["event"] == "validation"]
    assert validations[0] == max(validations)
    begun, now = load_tensors(settings.weights_dir / "start.safetensors"), weights(tmp_path / "run")
    assert all(torch.allclose(begun[name], now[name], atol=1e-5) for name in begun)
    assert read_card(tmp_path / "run" / "tiny.json").steps == result.step


@pytest.mark.slow
def test_a_diverging_loss_stops_the_run(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.train.loop.learning_rate", lambda _recipe, step: 0.0 if step < 100 else 10.0)
    with pytest.raises(TrainingError, match="far above"):
        train_recipe(recipe(steps=300, learning_rate=10.0), tmp_path / "run", settings=settings)


def test_terms_read_back_as_they_were_written():
    plan = recipe(teacher="big", terms=(term("fitnet"), term("fft")), extra_teachers=("other",), cache_labels=False)
    assert recipe_from_json(recipe_to_json(plan)) == plan


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"terms": [{"loss": "fft"}]}, "name a teacher"),
        ({"terms": [{"loss": "ffft"}]}, "Did you mean 'fft'"),
        ({"terms": [{"loss": "fft", "weigth": 2}]}, "A term is an object"),
        ({"terms": [{"loss": "fitnet"}], "teacher": "t"}, "needs student_tap and teacher_tap"),
        ({"terms": [{"loss": "soft_labels"}], "teacher": "t"}, "class scores"),
        ({"terms": [{"loss": "fft", "weight": -1}], "teacher": "t"}, "above 0"),
        ({"fixed_crops": 1}, "as many crops as batch_size"),
        ({"zoom_inputs": "in", "teacher": "t", "truth_share": 0.5}, "fixed_crops"),
        ({"zoom_inputs": "sideways"}, "none, in or out"),
        ({"online_teacher": True}, "truth_share below 1"),
        ({"loss": "adversarial"}, "plain loss"),
        ({"dropout": 1.0}, r"\[0, 1\)"),
        ({"stages": [{"name": "other"}]}, "apart from name"),
        ({"stages": [3]}, "A stage is an object"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(changes, message):
    with pytest.raises((SettingsError, UnknownNameError), match=message):
        recipe(**changes)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [name for name, entry in LOSSES.items() if entry.reads not in ("features", "scores")])
def test_a_picture_loss_to_the_ground_truth_needs_no_teacher(settings, tmp_path, loss):
    train_recipe(recipe(steps=2, terms=(Term(loss, weight=0.1, target="truth"),)), tmp_path / "run", settings=settings)
    assert any(event["event"] == "step" and loss in event for event in events(tmp_path / "run"))


def test_a_tap_that_does_not_exist_is_refused(settings, tmp_path):
    plan = with_teacher(settings, tmp_path, terms=(dataclasses.replace(term("fitnet"), student_tap="layer.1"),))
    with pytest.raises(UnknownNameError, match=r"layers\.1"):
        train_recipe(plan, tmp_path / "run", settings=settings)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(settings, tmp_path):
    plan = with_teacher(settings, tmp_path, steps=20, batch_size=4)
    (tmp_path / "plan.json").write_text(recipe_to_json(plan))
    train_recipe(plan, tmp_path / "one", settings=settings)
    alone = os.environ | {
        "KDSR_WEIGHTS_DIR": str(settings.weights_dir),
        "KDSR_HOME": str(settings.home),
        "OMP_NUM_THREADS": "1",
    }
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "kdsr",
        "--device",
        "cpu",
    ]
    command = [
        *launch,
        "train",
        str(tmp_path / "plan.json"),
        "--data",
        str(settings.data_dir),
        "--out",
        str(tmp_path / "two"),
    ]
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.allclose(one[name], two[name], atol=1e-5, rtol=0) for name in one)
    assert len(events(tmp_path / "two")) == len(
        {event["event"] + str(event.get("step", event.get("done"))) for event in events(tmp_path / "two")}
    )


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("task", TASKS)
def test_every_preset_is_a_recipe(name, task):
    made = distillation(name, task, name="mine", teacher="big", photos=("pack",))
    assert (made.task, made.data.photos, made.warm_start) == (task, ("pack",), None)
    assert made.teaching.teacher == "big" and made.teaching.needs_teacher


def test_a_preset_tunes_a_trained_student_gently(settings, tmp_path):
    released(settings, tmp_path, name="start")
    card = Catalog(settings.weights_dir).find("start")
    fresh, tuned = (
        distillation(
            "quick", "sr_x2", name="mine", teacher="big", photos=("pack",), student=student, changes={"steps": 7}
        )
        for student in (None, card)
    )
    assert tuned.arguments == card.arguments and tuned.warm_start == "start" and tuned.schedule.steps == 7
    assert tuned.schedule.learning_rate == pytest.approx(0.2 * fresh.schedule.learning_rate)
    with pytest.raises(UnknownNameError, match="Did you mean 'quick'"):
        distillation("quikc", "sr_x2", name="mine", teacher="big", photos=("pack",))
