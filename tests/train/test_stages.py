"""Runs of several stages: pruning step by step, an assistant between teacher and student, stopped and resumed."""

import shutil

import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.errors import SettingsError
from kdsr.train import recipe_from_json, recipe_to_json, train_recipe
from kdsr.train.recipe_keys import grouped_keys
from kdsr.train.train import stages_of
from kdsr.zoo import Catalog
from kdsr.zoo.weights import load_tensors

settings = pytest.fixture(training_settings)
PRUNING = (
    {"arguments": {"width": 32, "depth": 4}, "steps": 6},
    {"arguments": {"width": 32, "depth": 3}, "steps": 6},
    {"steps": 6},
)


def same(one, other):
    one, other = (load_tensors(folder / "tiny.safetensors") for folder in (one, other))
    return all(torch.equal(one[name], other[name]) for name in one)


def test_each_stage_is_pruned_from_the_one_before(settings, tmp_path):
    assert train_recipe(recipe(stages=PRUNING), tmp_path / "run", settings=settings).finished
    card = Catalog(tmp_path / "run").find("tiny")
    assert card.steps == 18 and card.recipe["stages"] == [grouped_keys(stage) for stage in PRUNING]
    assert card.arguments == {"width": 16, "depth": 3} and [stage["name"] for stage in card.history] == [
        "tiny-stage1",
        "tiny-stage2",
    ]
    assert card.history[1]["recipe"]["warm_start"] == "tiny-stage1"  # and not where it lay
    told = events(tmp_path / "run")
    assert [event["stage"] for event in told if event["event"] == "stage"] == [1, 2, 3] and [
        event["event"] for event in told
    ].count("finished") == 1


@pytest.mark.slow
def test_a_run_paused_in_any_stage_resumes_to_the_same_weights(settings, tmp_path):
    train_recipe(recipe(stages=PRUNING), tmp_path / "whole", settings=settings)
    pieces = 1
    while not train_recipe(
        recipe(stages=PRUNING), tmp_path / "pieces", settings=settings, resume=pieces > 1, time_limit_s=0.0
    ).finished:
        pieces += 1
    assert pieces > 3 and same(tmp_path / "whole", tmp_path / "pieces")
    with pytest.raises(SettingsError, match="resume"):
        train_recipe(recipe(stages=PRUNING), tmp_path / "whole", settings=settings)


@pytest.mark.slow
def test_an_assistant_is_taught_by_the_teacher_and_teaches_the_student(settings, tmp_path):
    released(settings, tmp_path, name="big", role="teacher", arguments={"width": 48, "depth": 3})
    assistant = {"arguments": {"width": 32, "depth": 3}, "teacher": "big", "truth_share": 0.0}
    train_recipe(
        recipe(stages=(assistant, {"teacher": "previous", "truth_share": 0.0})), tmp_path / "run", settings=settings
    )
    card = Catalog(tmp_path / "run").find("tiny")
    assert card.teacher.endswith("tiny-stage1.safetensors") and card.history == ()
    assert Catalog(tmp_path / "run" / "stage1").find("tiny-stage1").teacher == "big"


def test_the_card_names_the_photographs_of_all_stages(settings, tmp_path):
    (settings.data_dir / "pack" / "MANIFEST.csv").write_text("file,licence_as_stated\nphoto1.png,CC0\n")
    shutil.copytree(settings.data_dir / "pack", settings.data_dir / "more")
    (settings.data_dir / "more" / "images" / "photo0.png").rename(settings.data_dir / "more" / "images" / "another.png")
    stages = ({"photos": ["pack", "more"], "steps": 2}, {"photos": ["more"], "steps": 2})
    train_recipe(recipe(stages=stages), tmp_path / "run", settings=settings)
    assert [entry["pack"] for entry in Catalog(tmp_path / "run" / "stage2").find("tiny").data] == ["more"]
    assert [entry["pack"] for entry in Catalog(tmp_path / "run").find("tiny").data] == ["pack", "more"]


def test_stages_are_read_back_and_the_first_cannot_look_back(tmp_path):
    plan = recipe(stages=({"teacher": "big"}, {"truth_share": 1.0}), truth_share=0.0)
    assert recipe_from_json(recipe_to_json(plan)) == plan
    with pytest.raises(SettingsError, match="first stage"):
        stages_of(recipe(stages=({"warm_start": "previous"},)), tmp_path)
