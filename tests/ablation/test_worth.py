"""The plot of what a teacher is worth, from results written here."""

import dataclasses
import json
import runpy
from pathlib import Path

import pytest

from kdsr.ablation.plan import SetFigure, Trial, TrialResult, plan_from_json, trial_folder
from kdsr.errors import SettingsError

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "plot_worth.py"))
BASE = {"task": "sr_x2", "arguments": {"width": 16, "depth": 3}, "photos": ["pack"], "compile": False}
ROWS = {
    "few-twin": {"title": "8, no teacher", "recipe": {"photo_limit": 8, "steps": 6}},
    "few": {"title": "8", "recipe": {"photo_limit": 8, "steps": 6}, "baseline": "few-twin"},
    "all-twin": {"title": "all, no teacher", "recipe": {"steps": 6}},
    "all": {"title": "all", "recipe": {"steps": 6}, "baseline": "all-twin"},
}
PLAN = {"name": "w", "base": BASE, "baseline": "few-twin", "seeds": [0, 1], "sets": ["SetA"], "rows": ROWS}


def write_results(out, figures):
    for (row, seed), psnr_db in figures.items():
        figure = SetFigure("SetA", None, psnr_db, 0.9, psnr_db, "a", {"a": psnr_db})
        result = TrialResult(row, seed, None, (figure,), 29.0, 6, 0.01, 60.0, 5.0, 1.0, "a machine")
        path = trial_folder(out, Trial(row, seed)) / "result.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(dataclasses.asdict(result)))


@pytest.mark.slow
def test_gains_are_paired_by_seed_and_all_photographs_stand_last(tmp_path, capsys):
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    write_results(
        tmp_path / "runs",
        {("few-twin", 0): 30.0, ("few", 0): 30.25, ("few-twin", 1): 31.0, ("few", 1): 31.2,
         ("all-twin", 0): 32.0, ("all", 0): 31.9, ("all-twin", 1): 32.0},
    )  # fmt: skip
    SCRIPT["main"](tmp_path / "runs", tmp_path / "plan.json", tmp_path / "worth.svg")
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| 6 | 8 | +0.225 ± 0.035 ▲ (n = 2) |",
        "| 6 | all | -0.100 (n = 1) |",
    ]
    drawn = (tmp_path / "worth.svg").read_bytes()
    assert b"SetA" in drawn and b"6 steps" in drawn
    SCRIPT["main"](tmp_path / "runs", tmp_path / "plan.json", tmp_path / "worth.svg")
    assert (tmp_path / "worth.svg").read_bytes() == drawn


def test_without_a_finished_pair_one_sentence_says_what_to_run(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    write_results(tmp_path / "runs", {("few-twin", 0): 30.0, ("few", 1): 30.2})
    assert plan_from_json(json.dumps(PLAN)).baseline_of("all") == "all-twin"
    with pytest.raises(SettingsError, match="no finished pair"):
        SCRIPT["main"](tmp_path / "runs", tmp_path / "plan.json", tmp_path / "worth.svg")
