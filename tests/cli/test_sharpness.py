"""`kdsr restore --sharpness`: exact ends, and one sentence where there is no such dial."""

import sys

import cv2
import numpy as np
import pytest
from helpers.networks import add_sharp_partner

from kdsr.cli import main

FAITHFUL, SHARP = "tiny_x4_student", "tiny_x4_sharp"


@pytest.fixture
def restored(tiny_catalog, tiny_settings, monkeypatch, capsys, tmp_path):
    """Restores one picture with further options: (exit code, stderr, pixels)."""
    add_sharp_partner(tiny_catalog.weights_dir, FAITHFUL, SHARP)
    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    cv2.imwrite(str(source), np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8))

    def call(*options: object) -> tuple[int, str, np.ndarray | None]:
        first = ["--weights", tiny_catalog.weights_dir, "--device", "cpu", "--threads", 1, "restore", source]
        whole = ["kdsr", *first, "-o", target, "--runtime", "torch", *options]
        monkeypatch.setattr(sys, "argv", [str(each) for each in whole])
        target.unlink(missing_ok=True)
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err, cv2.imread(str(target))

    return call


def test_the_ends_are_the_two_students_and_between_them_is_another_picture(restored):
    faithful, sharp = (restored("--model", name)[2] for name in (FAITHFUL, SHARP))
    ends = [restored("--model", FAITHFUL, "--sharpness", value)[2] for value in (0, 1)]
    assert np.array_equal(ends[0], faithful) and np.array_equal(ends[1], sharp)
    code, told, between = restored("--model", FAITHFUL, "--sharpness", 0.5)
    assert code == 0 and f"{FAITHFUL}-sharpness-0.5 by torch" in told
    assert not np.array_equal(between, faithful) and not np.array_equal(between, sharp)


@pytest.mark.parametrize(
    "model, sharpness, told",
    [
        (FAITHFUL, 1.5, "between 0 (faithful) and 1 (sharp), got 1.5"),
        ("tiny_denoise_student", 0.5, f"has no sharp partner of its shape; choose one of {FAITHFUL}."),
    ],
)
def test_what_has_no_such_sharpness_is_one_sentence(restored, model, sharpness, told):
    code, err, written = restored("--model", model, "--sharpness", sharpness)
    assert (code, told in err, written) == (2, True, None) and len(err.strip().splitlines()) == 1
