"""Keys of a recipe: grouped or flat, by names of now or earlier ones; what earlier versions wrote is read."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest
from helpers.training import events, recipe, training_settings

from kdsr.distill import Term
from kdsr.errors import SettingsError
from kdsr.train import (
    Recipe,
    Schedule,
    Teaching,
    TrainingData,
    recipe_from_json,
    recipe_to_json,
    train_recipe,
    with_keys,
)
from kdsr.train.checkpoint import fingerprint
from kdsr.train.data.sources import label_parts
from kdsr.train.recipe import recipe_from_mapping
from kdsr.train.recipe_groups import GROUPS
from kdsr.train.recipe_keys import RENAMED, earliest_keys, flat_keys, grouped_keys, last_stage
from kdsr.zoo import read_card

BEFORE = Path(__file__).parent / "before"
ROOT = Path(__file__).resolve().parents[2]
settings = pytest.fixture(training_settings)


def test_every_key_of_an_earlier_recipe_is_read_to_its_place():
    # Over 40 lines: a table of keys.
    assert recipe_from_json((BEFORE / "recipe.json").read_text()) == Recipe(
        name="full",
        task="jpeg",
        title="All old keys",
        arguments={"width": 8, "depth": 3},
        reparameterised=False,
        warm_start="before",
        wise_ft_share=0.4,
        soup_with="twin",
        seed=3,
        teaching=Teaching(
            teacher="big",
            extra_teachers=("other",),
            loss="psnr_luma",
            truth_share=0.1,
            truth_share_end=0.9,
            terms=(Term("charbonnier", weight=0.5),),
            self_ensemble=True,
        ),
        data=TrainingData(
            photos=("a", "b"),
            photo_scales=(1, 0.5),
            validation_photos=4,
            patch_px=40,
            crop_candidates=4,
            fixed_crops=500,
            hard_mining=True,
            zoom_inputs="in",
            zoom_input_share=0.3,
            degrade_once=True,
            cell_px=128,
            grey_share=0.2,
            chroma_444_share=0.3,
            double_jpeg_share=0.4,
        ),
        schedule=Schedule(
            steps=1000,
            batch_size=8,
            optimiser="muon",
            learning_rate=5e-4,
            final_learning_rate=1e-5,
            warmup_steps=50,
            weight_decay=0.01,
            gradient_clip=1.0,
            dropout=0.1,
            ema_decay=0.99,
            precision="fp32",
            compile=False,
            validate_every=100,
            patience=4,
        ),
        licence="MIT",
        notes="n",
    )


NEWER = {"clipped_noise_share", "crop_px", "input_noise", "photo_limit", "ringing_share", "twin"}
"""Keys added after the groups."""


def test_a_recipe_has_the_keys_of_before_and_no_other_name_for_any():
    now = {item.name for kind in (Recipe, *GROUPS.values()) for item in dataclasses.fields(kind)} - GROUPS.keys()
    before = json.loads((BEFORE / "recipe.json").read_text()).keys()
    assert {RENAMED.get(name, name) for name in before} == now - NEWER
    assert set(RENAMED.values()) <= now and not RENAMED.keys() & now
    assert earliest_keys(dict.fromkeys(now - NEWER, 1)).keys() == before


def test_the_json_is_grouped_and_reads_back():
    plan = recipe_from_json((BEFORE / "recipe.json").read_text())
    written = json.loads(recipe_to_json(plan))
    assert {"teaching", "data", "schedule"} <= written.keys() and "steps" not in written
    assert recipe_from_mapping(written) == plan
    assert recipe_from_mapping(flat_keys(written)) == plan
    assert grouped_keys(flat_keys(written)) == written


def test_a_checkpoint_of_before_knows_its_recipe():
    """Digests as commit b317796 computed them."""
    whole, run = (recipe_from_json((BEFORE / name).read_text()) for name in ("recipe.json", "run/recipe.json"))
    digests = [bytes(fingerprint(plan).tolist()).hex() for plan in (whole, run)]
    assert digests == [
        "1da56dc89799d9175f92fb6eec235d3f159644a60ab13fcb46601e2b0f599bc1",
        "b9d5e5400f25fefc19aa020d09e88f3a54303106687ace68491a5707242ad0a6",
    ]
    assert bytes(fingerprint(with_keys(run, {"steps": 13})).tolist()).hex() not in digests


def test_a_run_folder_of_before_is_resumed_to_the_end_that_it_had_then(settings, tmp_path):
    shutil.copytree(BEFORE / "run", tmp_path / "run")
    plan = recipe_from_json((tmp_path / "run" / "recipe.json").read_text())
    assert read_card(tmp_path / "run" / "tiny.json").steps == 7
    assert train_recipe(plan, tmp_path / "run", settings=settings, resume=True).step == 12
    validations = {event["step"]: event["psnr_db"] for event in events(tmp_path / "run") if "psnr_db" in event}
    assert validations[9] == pytest.approx(22.165, abs=0.01) and validations[12] == pytest.approx(22.215, abs=0.01)


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("recipes/*.json"), *ROOT.glob("recipes/planned/*.json")],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_a_recipe_of_this_repository_is_grouped(path):
    given = json.loads(path.read_text(encoding="utf-8"))
    assert recipe_from_mapping(given).name == path.stem
    for keys in (given, *given.get("stages", ())):
        assert flat_keys(keys).keys() & keys.keys() == keys.keys() - GROUPS.keys()
        assert grouped_keys(flat_keys(keys)) == keys


def test_changes_win_over_a_recipe_in_any_form():
    plan = recipe(teacher="big", truth_share=0.5, online=True)
    assert plan.teaching.online_teacher
    for changes in ({"steps": 3}, {"schedule": {"steps": 3}}):
        changed = with_keys(plan, changes)
        assert changed == dataclasses.replace(plan, schedule=dataclasses.replace(plan.schedule, steps=3))


def test_the_last_stage_of_a_card_is_read_in_any_form():
    old = {"loss": "l1", "planned_crops": 5, "stages": [{"loss": "l2"}, {"start_share": 0.5}]}
    new = {"teaching": {"loss": "l1"}, "stages": [{"teaching": {"loss": "l2"}}]}
    assert last_stage(old)["fixed_crops"] == 5 and last_stage(old)["wise_ft_share"] == 0.5
    assert last_stage(old)["loss"] == "l1" and last_stage(new)["loss"] == "l2"
    assert last_stage({"data": 3, "stages": [7]}) == {"data": 3, "stages": [7]}  # any card is shown


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"teachr": "big"}, "no key of a recipe named 'teachr'. Did you mean 'teacher'"),
        ({"chroma_44_share": 0.5}, "Did you mean 'chroma_444_share'"),
        ({"schedule": {"stepz": 3}}, "no key of schedule named 'stepz'. Did you mean 'steps'"),
        ({"data": {"steps": 3}}, "steps is a key of schedule, not of data"),
        ({"data": {"name": "b"}}, "no key of data named 'name'"),
        ({"steps": 3, "schedule": {"steps": 4}}, "sets steps twice"),
        ({"start_share": 0.1, "wise_ft_share": 0.1}, "sets wise_ft_share twice"),
        ({"schedule": 3}, "schedule must be an object"),
        ({"schedule": {"steps": "many"}}, "steps must be of kind int"),
        ({"stages": [{"stepz": 3}]}, "Did you mean 'steps'"),
        ({"stages": [{"schedule": {"steps": 0.5}}]}, "steps must be of kind int"),
    ],
)
def test_a_key_that_cannot_be_read_is_refused(keys, message):
    with pytest.raises(SettingsError, match=message):
        recipe_from_mapping({"name": "a", "task": "sr_x2"} | keys)


def test_labels_of_before_are_found():
    """The parts as commit b317796 put them together."""
    plan = recipe_from_json((BEFORE / "recipe.json").read_text())
    wanted = {
        "teachers": ["1", "2"],
        "self_ensemble": True,
        "photos": "digest",
        "task": "jpeg",
        "cell_px": 128,
        "seed": 3,
        "grey_share": 0.2,
        "whole_colour_share": 0.3,
        "saved_before_share": 0.4,
        "photo_scales": (1, 0.5),
        "taps": (),
        "crops": 500,
        "patch_px": 40,
        "crop_choices": 4,
        "new_inputs": "in",
        "new_input_share": 0.3,
    }
    assert label_parts(plan, ["1", "2"], "digest") == wanted
    plain = label_parts(recipe(teacher="big", truth_share=0.5), ["1"], "digest")
    assert plain.keys() == {"teachers", "self_ensemble", "photos", "task", "cell_px", "seed"} and plain["seed"] is None


def test_every_key_is_listed_in_the_documents():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for kind, row in ((Recipe, "(top)"), *((kind, f"`{group}`") for group, kind in GROUPS.items())):
        line = next(line for line in text.splitlines() if line.startswith(f"| {row} |"))
        keys = [item.name for item in dataclasses.fields(kind) if item.name not in GROUPS]
        assert sorted(re.findall(r"`(\w+)`", line.split("|")[2])) == sorted(keys)
