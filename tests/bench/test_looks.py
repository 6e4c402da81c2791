"""Figures for looks over a set: means, the worst picture by each figure's direction, and what the command prints."""

import dataclasses
import json
import math

import cv2
import numpy as np
import pytest

from kdsr.bench import look_figures
from kdsr.bench.evaluate import evaluate
from kdsr.bench.look_figures import (
    LOOK_SETS,
    LookCheck,
    measure_card_looks,
    verify_card_looks,
)
from kdsr.bench.looks import looks_table, summarise_looks
from kdsr.bench.verify import STANDARD_SETS
from kdsr.cli import build_app
from kdsr.errors import SettingsError, ShapeError, WeightsError
from kdsr.metrics.looks import LOOKS
from kdsr.tasks import find_task
from kdsr.zoo import LookFigure, read_card, write_card

WITHOUT_EXTRA = ("niqe", "haarpsi", "consistency")


def write_set(folder, sizes):
    """Textured pictures `a`, `b`, ... of `sizes` (height, width)."""
    folder.mkdir(parents=True)
    for index, (height, width) in enumerate(sizes):
        coarse = np.random.default_rng(index).integers(0, 256, (height // 3 + 2, width // 3 + 2, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{'abc'[index]}.png"), cv2.resize(coarse, (width, height)))
    return folder


def test_the_worst_picture_is_that_of_each_figures_direction():
    pictures = [("a", {"niqe": 4.0, "haarpsi": 0.9}), ("b", {"niqe": 6.0, "haarpsi": 0.7}), ("c", {"niqe": math.nan})]
    niqe, haarpsi = summarise_looks(pictures)
    assert (niqe.look, niqe.n, niqe.mean, niqe.worst, niqe.worst_picture) == ("niqe", 2, 5.0, 6.0, "b")
    assert (haarpsi.mean, haarpsi.worst, haarpsi.worst_picture) == (pytest.approx(0.8), 0.7, "b")
    assert [one.convention for one in (niqe, haarpsi)] == [LOOKS[name].convention for name in ("niqe", "haarpsi")]
    assert summarise_looks([("a", {"niqe": math.nan}), ("b", {})]) == ()


def test_a_set_is_evaluated_with_the_figures_that_were_asked_for(tmp_path, tiny_catalog, tiny_settings):
    folder = write_set(tmp_path / "set", [(200, 200), (101, 97)])
    found = evaluate("bicubic", folder, find_task("sr_x4"), tiny_catalog, tiny_settings, looks=WITHOUT_EXTRA)
    assert [(one.look, one.n) for one in found.looks] == [("niqe", 1), ("haarpsi", 2), ("consistency", 2)]
    per_picture = [picture.looks["haarpsi"] for picture in found.per_picture]
    assert found.looks[1].mean == pytest.approx(sum(per_picture) / 2)
    assert found.looks[1].worst == min(per_picture)
    assert looks_table(found.looks).splitlines()[3].split()[:3] == [
        "Consistency",
        "higher",
        f"{found.looks[2].mean:.2f}",
    ]
    assert evaluate("bicubic", folder, find_task("sr_x4"), tiny_catalog, tiny_settings).looks == ()


def test_the_truth_itself_has_figures_for_looks(tmp_path, tiny_catalog, tiny_settings):
    folder = write_set(tmp_path / "set", [(200, 200)])
    truth = evaluate("truth", folder, find_task("sr_x4"), tiny_catalog, tiny_settings, looks=WITHOUT_EXTRA)
    assert (truth.psnr_db, truth.ssim) == (math.inf, pytest.approx(1))
    assert [one.mean for one in truth.looks[1:]] == [1.0, math.inf]


def test_consistency_is_refused_where_nothing_was_enlarged(tmp_path, tiny_catalog, tiny_settings):
    folder = write_set(tmp_path / "set", [(40, 40)])
    with pytest.raises(ShapeError, match="enlarged"):
        evaluate("unprocessed", folder, find_task("denoise"), tiny_catalog, tiny_settings, looks=("consistency",))


@pytest.mark.slow
@pytest.mark.parametrize("asked", [(), ("--looks",)])
def test_the_command_prints_looks_only_when_asked(tmp_path, capsys, asked):
    folder = write_set(tmp_path / "set", [(40, 44)])
    arguments = ["evaluate", "--model", "bicubic", "--set", str(folder), "--task", "sr_x2", *asked]
    build_app()([*arguments, "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert ("looks" in told, "looks" in told["per_picture"][0]) == (bool(asked), bool(asked))
    build_app()(arguments, standalone_mode=False)
    assert ("HaarPSI" in capsys.readouterr().out) == bool(asked)
    if asked:
        assert told["per_picture"][0]["looks"]["niqe"] is None  # too small, and not the number nan, which is no JSON
        assert {one["look"] for one in told["looks"]} >= {"haarpsi", "consistency"}


@pytest.fixture
def measured(tmp_path, tiny_catalog, tiny_settings, monkeypatch):
    """A card with figures for looks, the folder of sets that they were taken on, and the catalog."""
    monkeypatch.setattr(look_figures, "looks_for", lambda task, *, has_truth: WITHOUT_EXTRA)
    data = tmp_path / "data"
    write_set(data / "BSD100", [(200, 200), (101, 97)])
    card, missing = measure_card_looks(tiny_catalog.find("tiny_x4_student"), data, tiny_catalog, tiny_settings)
    assert missing == (LOOKS["lite2"].title,)
    return card, data, tiny_catalog


def test_figures_for_looks_are_read_from_a_card_as_written(measured, tmp_path):
    card = measured[0]
    assert [(one.look, one.set, one.n) for one in card.looks] == [
        ("niqe", "BSD100", 1), ("haarpsi", "BSD100", 2), ("consistency", "BSD100", 2),
    ]  # fmt: skip
    assert read_card(write_card(card, tmp_path / "card.json")) == card


def test_a_card_of_before_has_no_figures_for_looks(measured, tmp_path):
    path = write_card(measured[0], tmp_path / "card.json")
    old = {name: value for name, value in json.loads(path.read_text()).items() if name != "looks"}
    path.write_text(json.dumps(old))
    assert read_card(path).looks == ()
    path.write_text(json.dumps(old | {"looks": [{"set": "BSD100"}]}))
    with pytest.raises(WeightsError, match=r"card\.json cannot be used"):
        read_card(path)


def test_verifying_finds_the_figure_that_is_off_and_the_convention_that_changed(measured, tiny_settings):
    card, data, catalog = measured
    assert all(check.holds for check in verify_card_looks(card, data, catalog, tiny_settings))
    niqe, haarpsi, consistency = card.looks
    altered = (
        dataclasses.replace(niqe, mean=niqe.mean + 0.02),
        dataclasses.replace(haarpsi, convention="luma"),
        dataclasses.replace(consistency, set="CBSD68"),
    )
    checks = verify_card_looks(dataclasses.replace(card, looks=altered), data, catalog, tiny_settings)
    assert [(check.holds, check.measured is None) for check in checks] == [
        (False, False),
        (False, False),
        (False, True),
    ]
    assert LookCheck(niqe, dataclasses.replace(niqe, mean=niqe.mean + 0.01)).holds


def test_a_figure_that_is_not_measured_again_says_why(measured, tmp_path, tiny_settings):
    card, data, catalog = measured
    write_set(tmp_path / "small" / "BSD100", [(40, 40)])
    two = dataclasses.replace(card, looks=(card.looks[0], dataclasses.replace(card.looks[0], look="lite2")))

    def reasons(checked, folder):
        return [check.missing for check in verify_card_looks(checked, folder, catalog, tiny_settings)]

    small = tmp_path / "small"
    assert reasons(card, data) == [None] * 3
    assert reasons(two, small) == [f"no picture of {small / 'BSD100'} has it", "it needs kdsr[looks]"]
    assert reasons(card, tmp_path) == [f"{tmp_path / 'BSD100'} is missing"] * 3


def test_consistency_of_a_task_that_does_not_enlarge_is_not_measured_again(tmp_path, tiny_catalog, tiny_settings):
    (tmp_path / "CBSD68").mkdir()
    card = dataclasses.replace(
        tiny_catalog.find("tiny_denoise_student"),
        looks=(LookFigure("CBSD68", 1, "consistency", 30.0, 30.0, "a", LOOKS["consistency"].convention, None, None),),
    )
    assert [one.missing for one in verify_card_looks(card, tmp_path, tiny_catalog, tiny_settings)] == [
        "the task does not enlarge"
    ]


def test_measuring_again_keeps_the_figures_that_cannot_be_taken_here(measured, tiny_settings):
    card, data, catalog = measured
    others = [dataclasses.replace(card.looks[0], look="lite2"), dataclasses.replace(card.looks[0], set="Urban100")]
    again, _ = measure_card_looks(dataclasses.replace(card, looks=(*card.looks, *others)), data, catalog, tiny_settings)
    assert again.looks == (*card.looks, *others)
    with pytest.raises(SettingsError, match="BSD100"):
        measure_card_looks(card, data / "BSD100", catalog, tiny_settings)


@pytest.mark.parametrize("degradation", STANDARD_SETS)
def test_looks_are_taken_where_psnr_is(degradation):
    assert set(LOOK_SETS[degradation]) <= {(key.set, key.strength) for key in STANDARD_SETS[degradation]}


def test_the_commands_write_figures_for_looks_and_check_them(measured, tiny_settings, capsys, monkeypatch):
    _, data, catalog = measured
    for name in ("Set5", "Set14"):
        write_set(data / name, [(40, 40)])
    options = ["--weights", str(catalog.weights_dir), "--threads", "1", "card"]
    for more in ((), ("--looks",)):
        build_app()([*options, "measure", "tiny_x4_student", "--data", str(data), *more], standalone_mode=False)
    assert "Not measured here: Lite2 distance." in capsys.readouterr().err
    build_app()([*options, "verify", "tiny_x4_student", "--data", str(data)], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["ok"] * 6
    assert [line.split()[2] for line in lines[3:]] == ["NIQE", "HaarPSI", "Consistency"]
