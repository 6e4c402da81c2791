"""The script that trains the least trained recipe: runs of seconds, each in its own process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.training import recipe, training_settings

from kdsr.train import recipe_from_json, recipe_to_json
from kdsr.zoo import Catalog

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
settings = pytest.fixture(training_settings)


def spend(settings, tmp_path, *more):
    command = [
        sys.executable,
        ROOT / "scripts" / "train_least.py",
        "--data",
        settings.data_dir,
        "--plan",
        tmp_path / "plan",
        "--runs",
        tmp_path / "runs",
        *more,
    ]
    environment = os.environ | {
        "KDSR_WEIGHTS_DIR": str(settings.weights_dir),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, check=False, timeout=240
    )


def write_plan(tmp_path, *recipes):
    (tmp_path / "plan").mkdir()
    for each in recipes:
        (tmp_path / "plan" / f"{each.name}.json").write_text(recipe_to_json(each), encoding="utf-8")


@pytest.mark.slow
def test_the_least_trained_run_continues_and_a_student_waits_for_its_teacher(settings, tmp_path):
    student = recipe(name="pupil", teacher="big", truth_share=0.5)
    write_plan(tmp_path, recipe(name="big", role="teacher"), student, recipe(name="far", steps=10**8))
    done = spend(settings, tmp_path, "--minutes", "0.6", "--chunk-minutes", "0.3", "--at-once", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines.index("big: done") < next(
        index for index, line in enumerate(lines) if line.startswith("pupil: from step 0")
    )
    assert any(line.startswith("far ") and "of 100,000,000 steps  0%" in line for line in lines)
    assert {card.name for card in Catalog(tmp_path / "runs" / "weights").cards} >= {"big"}


def test_a_failed_run_is_reported_and_does_not_stop_the_others(settings, tmp_path):
    write_plan(tmp_path, recipe(name="broken", warm_start="nobody"), recipe(name="sound"))
    done = spend(settings, tmp_path, "--minutes", "1")
    assert done.returncode == 1
    assert "broken: failed, see" in done.stdout and "sound: done" in done.stdout
    assert "nobody" in (tmp_path / "runs" / "broken" / "console.log").read_text()


def test_planned_recipes_are_for_released_networks():
    released = {path.stem for path in (ROOT / "weights").glob("*.json")}
    plan = [
        recipe_from_json(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "recipes" / "planned").glob("*.json"))
    ]
    assert plan and all(each.name in released and (each.warm_start or each.stages) for each in plan)
