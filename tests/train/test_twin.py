"""A student and its twin in one run: the twin learns the same from the same, and nothing from the teacher."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.errors import SettingsError, Stopped
from kdsr.settings import Settings
from kdsr.train import recipe_from_json, recipe_to_json, train_recipe
from kdsr.train.twin import gain_over_twin, released_psnr_db, twin_of
from kdsr.zoo import read_card
from kdsr.zoo.weights import load_tensors

TAUGHT = {
    "teacher": "big",
    "truth_share": 0.2,
    "truth_share_end": 0.8,
    "terms": [{"loss": "fft", "weight": 0.1}, {"loss": "l2", "weight": 0.5, "target": "truth"}],
}
PLAN = recipe(twin=True, **TAUGHT)
NETWORKS = ("tiny.safetensors", "twin/tiny-twin.safetensors")


class Whole(NamedTuple):
    """A student and its twin, trained without a stop; what was heard of them."""

    settings: Settings
    folder: Path
    heard: list[dict[str, Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place, heard = tmp_path_factory.mktemp("twin"), []
    settings = training_settings(place)
    released(settings, place, name="big", role="teacher", arguments={"width": 24, "depth": 3})
    assert train_recipe(PLAN, place / "run", settings=settings, on_event=heard.append).step == 24
    return Whole(settings, place / "run", heard)


def same(one, other):
    one, other = load_tensors(one), load_tensors(other)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_the_twin_is_the_network_that_a_recipe_without_a_teacher_trains(whole, tmp_path):
    alone = recipe(terms=[{"loss": "l2", "weight": 0.5, "target": "truth"}])
    train_recipe(alone, tmp_path / "alone", settings=whole.settings)
    student, twin = (whole.folder / name for name in NETWORKS)
    assert same(twin, tmp_path / "alone/tiny.safetensors") and not same(student, twin)
    cards = read_card(student.with_suffix(".json")), read_card(twin.with_suffix(".json"))
    assert [(card.role, card.teacher, card.twin) for card in cards] == [
        ("student", "big", "tiny-twin"),
        ("twin", None, None),
    ]


def test_both_are_heard_and_told_apart(whole):
    started = [event["before_psnr_db"] for event in whole.heard if event["event"] == "references"]
    assert len(started) == 2 and started[0] == started[1]
    figures = [released_psnr_db(events(folder), PLAN) for folder in (whole.folder, whole.folder / "twin")]
    last = {key: value for key, value in whole.heard[-1].items() if key != "time"}
    assert last == {"event": "twin", "student_psnr_db": figures[0], "twin_psnr_db": figures[1]}
    of_twin = [event for event in whole.heard if event.get("twin")]
    assert [event["run_step"] for event in of_twin if event["event"] == "validation"] == [18, 24]
    assert recipe_from_json((whole.folder / "recipe.json").read_text()) == PLAN


def test_a_twin_is_trained_later_without_the_teacher(whole, tmp_path):
    train_recipe(dataclasses.replace(PLAN, twin=False), tmp_path / "run", settings=whole.settings)
    alone = dataclasses.replace(whole.settings, weights_dir=tmp_path)
    assert train_recipe(PLAN, tmp_path / "run", settings=alone, resume=True).finished
    assert all(same(whole.folder / name, tmp_path / "run" / name) for name in NETWORKS)
    with pytest.raises(SettingsError, match="holds a run already"):
        train_recipe(PLAN, tmp_path / "run", settings=whole.settings)


@pytest.mark.slow
@pytest.mark.parametrize("asked, where", [(5, "5 of 12;"), (12, "1 of 12 of the twin"), (16, "5 of 12 of the twin")])
def test_student_and_twin_stop_and_resume_to_the_same_weights(whole, tmp_path, asked, where):
    steps = itertools.count(1)  # the last step of a network is done before anybody is asked
    with pytest.raises(Stopped, match=f"step {where}"):
        train_recipe(PLAN, tmp_path, settings=whole.settings, should_stop=lambda: next(steps) >= asked)
    assert train_recipe(PLAN, tmp_path, settings=whole.settings, resume=True).finished
    assert all(same(whole.folder / name, tmp_path / name) for name in NETWORKS)


def test_a_time_limit_holds_for_the_twin_too(whole, tmp_path):
    plan, limits = (
        dataclasses.replace(PLAN, schedule=dataclasses.replace(PLAN.schedule, steps=3)),
        {"time_limit_s": 0.0},
    )
    steps = []
    while not (result := train_recipe(plan, tmp_path, settings=whole.settings, resume=True, **limits)).finished:
        steps.append(result.step)
    assert steps == [1, 2, 3, 4, 5] and result.step == plan.all_steps == 6


def test_a_twin_keeps_what_needs_no_teacher_and_nothing_else():
    plan = recipe(twin=True, self_ensemble=True, extra_teachers=["other"], warm_start="start", seed=3, **TAUGHT)
    twin = twin_of(plan)
    assert (twin.name, twin.role, twin.title) == ("tiny-twin", "twin", "tiny, without distillation")
    assert not twin.teaching.needs_teacher and twin.teaching.teachers == () and twin.networks == ("start",)
    assert [term.loss for term in twin.teaching.terms] == ["l2"] and twin.teaching.loss == plan.teaching.loss
    for key in ("task", "architecture", "arguments", "warm_start", "seed", "data", "schedule", "reparameterised"):
        assert getattr(twin, key) == getattr(plan, key)
    assert plan.all_steps == 24 and recipe_from_json(recipe_to_json(plan)) == plan


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"teacher": None, "truth_share": 1.0, "truth_share_end": 1.0, "terms": []}, "needs one stage"),
        ({"role": "teacher"}, "the role student"),
        ({"stages": [{"steps": 2}]}, "needs one stage"),
        ({"soup_with": "big", "warm_start": "start"}, "would show it some"),
        ({"hard_mining": True, "fixed_crops": 8}, "would show it some"),
        ({"twin": False, "stages": [{"twin": True}]}, "apart from name, task, stages and twin"),
    ],
)
def test_a_twin_that_could_not_be_one_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        recipe(**{"twin": True, **TAUGHT, **changes})


@pytest.mark.parametrize(
    "student_db, said",
    [
        (28.62, "0.12 dB better than the same network"),
        (28.47, "0.03 dB behind the same network"),
        (28.51, "No difference beyond 0.01 dB from"),
        (28.49, "No difference beyond 0.01 dB from"),
    ],
)
def test_the_gain_is_said_as_it_is(student_db, said):
    sentence = gain_over_twin(student_db, 28.50)
    assert sentence.startswith(said) and "(28.50 dB). One run each, so no deviation is known." in sentence


def test_the_figure_of_a_run_is_that_of_the_network_it_released():
    told = [{"event": "validation", "psnr_db": value} for value in (28.0, 28.5, 28.3)]
    assert released_psnr_db(told, recipe()) == 28.3 and released_psnr_db(told, recipe(patience=2)) == 28.5
    assert released_psnr_db([*told, {"event": "mixed", "psnr_db": 28.4}], recipe(patience=2)) == 28.4
    assert released_psnr_db([], recipe()) is None
