"""Figures for looks over a set: means, the worst picture by each figure's direction, and what the command prints."""

import json
import math

import cv2
import numpy as np
import pytest

from kdsr.bench.evaluate import evaluate
from kdsr.bench.looks import looks_table, summarise_looks
from kdsr.cli import build_app
from kdsr.errors import ShapeError
from kdsr.metrics.looks import LOOKS
from kdsr.tasks import find_task

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


def test_consistency_is_refused_where_nothing_was_enlarged(tmp_path, tiny_catalog, tiny_settings):
    folder = write_set(tmp_path / "set", [(40, 40)])
    with pytest.raises(ShapeError, match="enlarged"):
        evaluate("unprocessed", folder, find_task("denoise"), tiny_catalog, tiny_settings, looks=("consistency",))


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
