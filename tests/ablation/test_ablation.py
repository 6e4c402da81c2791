"""Ablations on small pictures made here: plans, runs in pieces, statistics with closed forms, and the report."""

import dataclasses
import json
import math
import re
import sys

import cv2
import numpy as np
import pytest

from kdsr.ablation.plan import (
    SetFigure,
    Trial,
    TrialResult,
    plan_from_json,
    plan_to_json,
    read_plan,
    read_results,
    trial_folder,
)
from kdsr.ablation.report import paired_gain, spread, write_report
from kdsr.ablation.runner import run_plan
from kdsr.cli import build_app
from kdsr.errors import InputError, SettingsError, Stopped, TrainingError
from kdsr.files import claimed
from kdsr.settings import Settings

BASE = {
    "task": "sr_x2",
    "arguments": {"width": 16, "depth": 3},
    "photos": ["pack"],
    "steps": 6,
    "batch_size": 2,
    "patch_px": 12,
    "warmup_steps": 2,
    "validate_every": 3,
    "validation_photos": 2,
    "compile": False,
    "precision": "fp32",
}
PLAN = {
    "name": "tiny",
    "title": "A tiny plan",
    "base": BASE,
    "baseline": "twin",
    "seeds": [0, 1],
    "sets": ["SetA"],
    "rows": {
        "twin": {"title": "no teacher", "recipe": {}},
        "slow": {"title": "slower", "recipe": {"learning_rate": 1e-4}},
    },
}


def plan(**changes):
    return plan_from_json(json.dumps(PLAN | changes))


def write_pictures(folder, count, height, width):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        cv2.imwrite(
            str(folder / f"photo{index}.png"), cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        )


@pytest.fixture
def settings(tmp_path):
    """Six photographs and a test set of two pictures of odd size, all temporary."""
    write_pictures(tmp_path / "data" / "pack" / "images", 6, 64, 72)
    write_pictures(tmp_path / "sets" / "SetA", 2, 37, 41)
    (tmp_path / "weights").mkdir()
    return Settings(
        weights_dir=tmp_path / "weights", home=tmp_path / "home", data_dir=tmp_path / "data", device="cpu", threads=1
    )


@pytest.fixture
def run(settings, tmp_path):
    """Runs a plan in `tmp_path / "out"`: (whether all is done, the events that are not training's)."""

    def call(the_plan, **options):
        told = []
        done = run_plan(
            the_plan,
            tmp_path / "out",
            settings=settings,
            test_data_dir=tmp_path / "sets",
            on_event=told.append,
            **options,
        )
        return done, [(event["event"], event["row"], event["seed"]) for event in told if event["event"] != "training"]

    return call


def test_a_plan_reads_back_as_it_was_written_and_takes_its_base_from_a_file(tmp_path):
    assert plan_from_json(plan_to_json(plan())) == plan()
    (tmp_path / "base.json").write_text(json.dumps(BASE))
    (tmp_path / "plan.json").write_text(json.dumps(PLAN | {"base": "base.json"}))
    assert read_plan(tmp_path / "plan.json") == plan()
    recipe = plan().recipe(Trial("slow", 1))
    assert (recipe.name, recipe.seed, recipe.schedule.learning_rate, recipe.schedule.steps) == (
        "slow-seed1",
        1,
        1e-4,
        6,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": [0]}, "Did you mean 'seeds'"),
        ({"baseline": "twim"}, "Did you mean 'twin'"),
        ({"seeds": []}, "at least one"),
        ({"seeds": [1, 1]}, "each once"),
        ({"seeds": [0.5]}, "whole numbers"),
        ({"strengths": [25]}, "no strengths"),
        ({"rows": {}}, "at least one row"),
        ({"rows": {"twin": {"title": "a"}}}, "lacks recipe"),
        ({"rows": {"../twin": {"title": "a", "recipe": {}}}}, "letters, digits"),
        ({"rows": {"twin": {"title": "a", "recipe": {"seed": 3}}}}, "sets seed"),
        ({"rows": {"twin": {"title": "a", "recipe": {"step": 3}}}}, "Row 'twin' cannot be run: .*'steps'"),
        ({"rows": PLAN["rows"] | {"other": {"title": "a", "recipe": {"task": "sr_x4"}}}}, "one task"),
        ({"base": []}, "base is a recipe"),
        ({"sets": "Set5"}, "JSON list"),
    ],
)
def test_a_plan_that_cannot_be_run_is_told(changes, message):
    with pytest.raises(SettingsError, match=message):
        plan(**changes)


def test_a_base_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        plan_from_json(json.dumps(PLAN | {"base": "nowhere.json"}), tmp_path)


@pytest.mark.slow
def test_a_plan_runs_seed_by_seed_and_skips_what_is_done(run, tmp_path):
    done, told = run(plan())
    assert done
    assert told == [
        (event, row, seed) for seed in (0, 1) for row in ("twin", "slow") for event in ("run_started", "run_finished")
    ]
    results = read_results(plan(), tmp_path / "out")
    twin = results[Trial("twin", 0)]
    assert [figure.set for figure in twin.figures] == ["SetA"] and len(twin.figures[0].per_picture_psnr_db) == 2
    assert (
        twin.figures[0].worst_psnr_db < twin.psnr_db(("SetA", None)) and twin.validation_psnr_db > 0 and twin.steps == 6
    )
    assert len({result.psnr_db(("SetA", None)) for result in results.values()}) == 4
    assert run(plan()) == (True, [])


@pytest.mark.slow
def test_a_plan_stops_at_its_time_limit_and_goes_on(run, settings, tmp_path):
    long = plan(base=BASE | {"steps": 100_000}, seeds=[0])
    assert run(long, time_limit_s=1.0) == (False, [("run_started", "twin", 0), ("run_paused", "twin", 0)])
    assert run(long, time_limit_s=0.0) == (False, [])
    with pytest.raises(SettingsError, match="another recipe"):
        run(plan())


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_figures(run, settings, tmp_path):
    asked = iter(range(100))
    with pytest.raises(Stopped):
        run(plan(), should_stop=lambda: next(asked) == 2)
    assert run(plan())[0]
    parts = read_results(plan(), tmp_path / "out")
    run_plan(plan(), tmp_path / "whole", settings=settings, test_data_dir=tmp_path / "sets", only=Trial("twin", 0))
    whole = read_results(plan(), tmp_path / "whole")
    assert list(whole) == [Trial("twin", 0)]
    assert whole[Trial("twin", 0)].figures == parts[Trial("twin", 0)].figures


def test_a_set_that_is_added_later_is_measured_without_training_again(run, tmp_path):
    run(plan(seeds=[0]))
    write_pictures(tmp_path / "sets" / "SetB", 1, 31, 29)
    weights = (trial_folder(tmp_path / "out", Trial("twin", 0)) / "twin-seed0.safetensors").stat().st_mtime_ns
    assert run(plan(seeds=[0], sets=["SetA", "SetB"]))[0]
    assert (trial_folder(tmp_path / "out", Trial("twin", 0)) / "twin-seed0.safetensors").stat().st_mtime_ns == weights


def test_a_run_that_another_process_does_is_left_to_it(run, tmp_path):
    folder = trial_folder(tmp_path / "out", Trial("twin", 0))
    folder.mkdir(parents=True)
    (folder / "lock").write_text("left by a process that died")
    with claimed(folder / "lock") as is_mine:
        assert is_mine
        assert run(plan(seeds=[0]), only=Trial("twin", 0)) == (False, [("run_taken", "twin", 0)])
    assert run(plan(seeds=[0]))[0]


def test_a_test_set_that_is_missing_is_told_before_training(run):
    with pytest.raises(InputError, match="SetB"):
        run(plan(sets=["SetA", "SetB"]))


@pytest.mark.slow
def test_workers_side_by_side_do_all_runs(run, settings, tmp_path):
    done, told = run(plan(seeds=[0]), workers=2)
    assert done and sorted(event for event, *_ in told) == ["run_finished"] * 2 + ["run_started"] * 2
    broken = plan(seeds=[0], base=BASE | {"photos": ["nowhere"]})
    with pytest.raises(TrainingError, match="nowhere"):
        run_plan(broken, tmp_path / "broken", settings=settings, test_data_dir=tmp_path / "sets", workers=2)


def test_gains_have_closed_forms():
    assert spread([1.0, 2.0, 3.0]) == dataclasses.replace(spread([2.0, 1.0, 3.0]), n=3, mean=2.0, sd=1.0)
    assert spread([]) is None and spread([5.0]).sd is None
    gain = paired_gain({0: 1.1, 1: 2.2, 2: 3.3, 3: 9.0}, {0: 1.0, 1: 2.0, 2: 3.0, 4: 1.0})
    assert (gain.spread.n, gain.spread.mean, gain.spread.sd) == (3, pytest.approx(0.2), pytest.approx(0.1))
    t = 0.2 / (0.1 / math.sqrt(3))
    assert gain.p == pytest.approx(1 - t / math.sqrt(2 + t * t))  # Student's t with 2 degrees of freedom
    assert not paired_gain({0: 1.0, 1: 3.0}, {0: 0.0, 1: 0.0}).is_beyond_two_sd
    assert paired_gain({0: -1.0, 1: -1.1}, {0: 0.0, 1: 0.0}).is_beyond_two_sd
    assert paired_gain({0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}).p is None and paired_gain({0: 1.0}, {1: 1.0}) is None


def write_result(out, run, psnr_db, failed=None):
    figures = () if failed else (SetFigure("SetA", None, psnr_db, 0.9, psnr_db - 3, "a", {"a": psnr_db}),)
    result = TrialResult(
        run.row, run.seed, failed, figures, None if failed else 29.0, 6, 0.01, 60.0, 5.0, 1.0, "a machine"
    )
    path = trial_folder(out, run) / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(dataclasses.asdict(result)))


@pytest.mark.slow
def test_the_report_says_what_is_done_and_is_replaced_in_place(tmp_path):
    path = tmp_path / "ablation.md"
    write_report(plan(), tmp_path / "out", path)
    assert "0 of 4 runs" in path.read_text()
    write_report(plan(name="other"), tmp_path / "out", path)
    for seed, (twin, slow) in enumerate([(30.0, 30.1), (30.2, 30.32)]):
        write_result(tmp_path / "out", Trial("twin", seed), twin)
        write_result(tmp_path / "out", Trial("slow", seed), slow)
    write_report(plan(), tmp_path / "out", path)
    text = path.read_text()
    assert text.index("plan tiny") < text.index("plan other") and text.count("<!-- plan tiny -->") == 1
    assert "| no teacher | 2 | 30.100 ± 0.141 | – |" in text
    assert "| slower | 2 | 30.210 ± 0.156 | +0.110 ± 0.014 ▲ (p 0.058, n = 2) |" in text
    assert "27.21 (+0.110)" in text and "| 10.0 | 1.1 | 1.00x |" in text
    write_report(plan(), tmp_path / "out", path)
    assert path.read_text() == text


@pytest.mark.slow
def test_a_row_may_have_a_baseline_of_its_own(tmp_path):
    more = {"few-twin": {"title": "few, no teacher", "recipe": {"photo_limit": 8}},
            "few": {"title": "few, taught", "recipe": {"photo_limit": 8}, "baseline": "few-twin"}}  # fmt: skip
    the_plan = plan(rows=PLAN["rows"] | more)
    for row, psnr_db in {"twin": 30.0, "slow": 30.5, "few-twin": 29.0, "few": 29.125}.items():
        write_result(tmp_path / "out", Trial(row, 0), psnr_db)
    write_report(the_plan, tmp_path / "out", tmp_path / "ablation.md")
    text = (tmp_path / "ablation.md").read_text()
    assert "| slower | 1 | 30.500 | +0.500 (n = 1) |" in text
    assert "| few, no teacher | 1 | 29.000 | – |" in text and "| few, taught | 1 | 29.125 | +0.125 (n = 1) |" in text
    assert "Gain over the row before it" in text and "26.12 (+0.125)" in text
    with pytest.raises(SettingsError, match="no row named 'none'"):
        plan(rows=PLAN["rows"] | {"few": more["few"] | {"baseline": "none"}})


@pytest.mark.slow
def test_the_plot_is_the_same_bytes_every_time(tmp_path):
    pytest.importorskip("matplotlib")
    for seed in (0, 1):
        write_result(tmp_path / "out", Trial("twin", seed), 30.0)
        write_result(tmp_path / "out", Trial("slow", seed), 30.1 + seed)
    seen = set()
    for _ in range(2):
        write_report(plan(), tmp_path / "out", tmp_path / "ablation.md")
        seen.add((tmp_path / "ablation-tiny.svg").read_bytes())
    assert len(seen) == 1 and b"slower" in seen.pop()
    assert re.search(r"!\[.*\]\(ablation-tiny.svg\)", (tmp_path / "ablation.md").read_text())


def test_without_matplotlib_the_report_says_how_to_get_the_plot(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    write_result(tmp_path / "out", Trial("twin", 0), 30.0)
    write_report(plan(), tmp_path / "out", tmp_path / "ablation.md")
    assert "install matplotlib" in (tmp_path / "ablation.md").read_text()


@pytest.mark.slow
def test_the_command_writes_a_report_of_what_is_done_and_asks_for_the_test_sets(tmp_path, capsys):
    (tmp_path / "plan.json").write_text(plan_to_json(plan()))
    write_result(tmp_path / "out", Trial("twin", 0), 30.0)
    command = ["ablate", str(tmp_path / "plan.json"), "--out", str(tmp_path / "out")]
    build_app()([*command, "--time-limit-s", "0", "--report", str(tmp_path / "ablation.md")], standalone_mode=False)
    assert (
        capsys.readouterr().out == "1 of 4 runs of tiny are done.\n"
        and "| no teacher | 1 |" in (tmp_path / "ablation.md").read_text()
    )
    with pytest.raises(SettingsError, match="--test-data"):
        build_app()(command, standalone_mode=False)


@pytest.mark.slow
def test_a_failed_run_is_shown_and_the_others_go_on(run, tmp_path):
    rows = {"wild": {"title": "far too fast", "recipe": {"learning_rate": 1e30, "warmup_steps": 0}}} | PLAN["rows"]
    the_plan = plan(rows=rows, seeds=[0], base=BASE | {"steps": 120})
    done, told = run(the_plan)
    assert done and ("run_failed", "wild", 0) in told and ("run_finished", "slow", 0) in told
    write_report(the_plan, tmp_path / "out", tmp_path / "ablation.md")
    text = (tmp_path / "ablation.md").read_text()
    assert "| far too fast | 0 (1 failed) | – | – |" in text and "seed 0: The loss is" in text
    assert run(the_plan) == (True, [])
