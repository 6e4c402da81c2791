"""The command line as a person meets it: what it prints, what it writes, and how it fails."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import kdsr
from kdsr.cli import main
from kdsr.zoo import Catalog


@pytest.fixture
def run(tiny_catalog, tiny_settings, monkeypatch, capsys):
    """Runs `kdsr` on the tiny catalog: (exit code, stdout, stderr)."""
    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))

    def call(*arguments: object) -> tuple[int, str, str]:
        options = ["--weights", tiny_catalog.weights_dir, "--device", "cpu", "--threads", 1]
        monkeypatch.setattr(sys, "argv", ["kdsr", *map(str, options), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def picture(path: Path, height: int = 12, width: int = 14, channels: int = 3, dtype: type = np.uint8) -> Path:
    """A random picture written to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    top = np.iinfo(dtype).max
    assert cv2.imwrite(str(path), np.random.default_rng(0).integers(0, top, (height, width, channels), dtype=dtype))
    return path


def shape(path: Path) -> tuple[int, ...]:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape


@pytest.mark.slow
def test_help_is_quick_to_come_because_no_heavy_library_is_imported():
    code = "import sys, runpy; sys.argv = ['kdsr', '--help']\ntry: runpy.run_module('kdsr', run_name='__main__')\n"
    heavy = ("torch", "numpy", "cv2", "gradio", "onnxruntime", "sqlalchemy")
    code += f"except SystemExit: print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "evaluate" in done.stdout
    assert done.stdout.strip().endswith("[]")


@pytest.mark.slow
@pytest.mark.parametrize(
    "without, imported",
    [
        (("gradio", "onnxruntime", "onnx", "skimage", "sqlalchemy"), "kdsr.train.stage"),
        (("gradio", "sqlalchemy", "alembic"), "kdsr.cli.pictures, kdsr.restore.engine"),
    ],
)
def test_training_and_restoring_need_neither_the_page_nor_the_database(without, imported):
    code = f"import sys; sys.modules |= dict.fromkeys({without})\nimport kdsr.cli, {imported}; print('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "fine", done.stderr


def test_the_version_is_the_package_s(run):
    assert run("--version") == (0, f"kdsr {kdsr.__version__}\n", "")


def test_models_lists_every_card(run):
    code, out, _ = run("models", "--json")
    listed = {model["name"]: model for model in json.loads(out)}
    assert code == 0
    assert set(listed) == {"tiny_x4_teacher", "tiny_x4_student", "tiny_x4_twin", "tiny_denoise_student"}
    wanted = {"name", "task", "role", "params", "macs_per_output_megapixel", "file_bytes", "sha256"}
    assert all(wanted <= set(model) for model in listed.values())
    assert listed["tiny_x4_twin"]["role"] == "twin"
    assert "tiny_x4_teacher" in run("models")[1]


def test_models_tells_of_cards_that_cannot_be_used(run, tiny_catalog):
    (tiny_catalog.weights_dir / "broken.json").write_text("{")
    code, out, err = run("models", "--json")
    assert (code, len(json.loads(out))) == (0, 4)
    assert "broken.json" in err


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["torch", "onnx", "openvino", "auto"])
def test_restore_writes_a_file_or_into_a_folder(run, tmp_path, runtime):
    source = picture(tmp_path / "in" / "photo.jpg")
    assert (
        run("restore", source, "-o", tmp_path / "big.png", "--model", "tiny_x4_student", "--runtime", runtime)[0] == 0
    )
    assert shape(tmp_path / "big.png") == (48, 56, 3)
    assert run("restore", source, "-o", tmp_path / "out", "--model", "tiny_x4_student", "--tile", 64)[0] == 0
    assert (
        np.array_equal(cv2.imread(str(tmp_path / "out" / "photo.png")), cv2.imread(str(tmp_path / "big.png")))
        or runtime != "auto"
    )


@pytest.mark.slow
def test_restore_keeps_16_bits_and_alpha(run, tmp_path):
    source = picture(tmp_path / "deep.png", channels=4, dtype=np.uint16)
    assert run("restore", source, "-o", tmp_path / "big.png", "--model", "tiny_x4_student")[0] == 0
    written = cv2.imread(str(tmp_path / "big.png"), cv2.IMREAD_UNCHANGED)
    assert (written.dtype, written.shape) == (np.uint16, (48, 56, 4))


@pytest.mark.slow
def test_a_folder_is_restored_to_its_end_and_its_failures_are_listed(run, tmp_path):
    for name in ("a.png", "b.jpg", "b.png"):
        picture(tmp_path / "in" / name)
    (tmp_path / "in" / "text.png").write_text("not a picture")
    (tmp_path / "in" / "notes.txt").write_text("is left alone")
    code, _, err = run("restore", tmp_path / "in", "-o", tmp_path / "out", "--model", "tiny_x4_student")
    assert code == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["a.png", "b.jpg.png", "b.png.png"]
    assert "1 of 4 pictures failed" in err
    assert "text.png" in err.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("restore", "{in}/a.png", "-o", "{out}", "--model", "tiny_x4_studnet"), "Did you mean 'tiny_x4_student'?"),
        (("restore", "{in}/text.png", "-o", "{out}", "--model", "tiny_x4_student"), "text.png"),
        (("restore", "{in}/nothing.png", "-o", "{out}", "--model", "tiny_x4_student"), "nothing.png does not exist"),
        (("restore", "{in}/a.png", "-o", "{in}/a.png", "--model", "tiny_x4_student"), "take the place of its source"),
        (("restore", "{in}", "-o", "{in}", "--model", "tiny_x4_student"), "lie among their sources"),
        (("restore", "{in}/a.png", "-o", "{out}.xyz", "--model", "tiny_x4_student"), "got '.xyz'"),
        (("restore", "{in}", "-o", "{in}/a.png", "--model", "tiny_x4_student"), "is a file"),
        (("degrade", "{in}/a.png", "-o", "{out}", "--task", "denoies"), "Did you mean 'denoise'?"),
        (("degrade", "{in}/a.png", "-o", "{out}", "--task", "sr_x4", "--sigma", "5"), "has no strength to set"),
        (("degrade", "{in}/a.png", "-o", "{out}", "--task", "jpeg", "--sigma", "5"), "takes --quality"),
        (("degrade", "{in}/a.png", "-o", "{out}", "--task", "denoise", "--sigma", "99"), "between 0 and 55"),
        (("evaluate", "--model", "bicubic", "--set", "{in}/none", "--task", "sr_x4"), "existing folder"),
        (("train", "{in}/none.json", "--out", "{out}"), "cannot be read"),
        (("train", "{in}/text.png", "--out", "{out}"), "not valid JSON"),
        (("card", "verify", "tiny_x4_student", "--data", "{in}"), "states no figures"),
        (("export", "tiny_x4_student", "-o", "{out}.bin"), "must end in .onnx"),
        (("export", "nothing", "-o", "{out}.onnx"), "no network named 'nothing'"),
    ],
)
def test_wrong_input_is_answered_by_one_sentence(run, tmp_path, arguments, told):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "text.png").write_text("not a picture")
    places = {"{in}": str(tmp_path / "in"), "{out}": str(tmp_path / "out")}
    for mark, place in places.items():
        arguments = [argument.replace(mark, place) for argument in arguments]
    code, _, err = run(*arguments)
    assert (code, told in err) == (2, True), err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_corrupted_weights_are_answered_by_one_sentence(run, tmp_path, tiny_catalog):
    weights = tiny_catalog.weights_dir / "tiny_x4_student.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    code, _, err = run("restore", picture(tmp_path / "a.png"), "-o", tmp_path / "b.png", "--model", "tiny_x4_student")
    assert (code, "SHA-256" in err) == (2, True)
    weights.unlink()
    code, _, err = run("export", "tiny_x4_student", "-o", tmp_path / "a.onnx")
    assert (code, "has no weights beside it" in err) == (2, True)


@pytest.mark.slow
def test_ctrl_c_ends_with_130(run, tmp_path, monkeypatch):
    def interrupted(*_arguments: object, **_keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kdsr.restore.files.read_picture", interrupted)
    code, _, err = run("restore", picture(tmp_path / "a.png"), "-o", tmp_path / "b.png", "--model", "tiny_x4_student")
    assert (code, "Traceback" in err) == (130, False)


def test_degrade_shrinks_and_the_seed_decides_the_noise(run, tmp_path):
    source = picture(tmp_path / "a.png", 13, 17)
    assert run("degrade", source, "-o", tmp_path / "small.png", "--task", "sr_x4")[0] == 0
    assert shape(tmp_path / "small.png") == (3, 4, 3)
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        assert (
            run("degrade", source, "-o", tmp_path / f"{name}.png", "--task", "denoise", "--sigma", 25, "--seed", seed)[
                0
            ]
            == 0
        )
    one, again, two = ((tmp_path / f"{name}.png").read_bytes() for name in ("one", "again", "two"))
    assert one == again
    assert one != two
    assert run("degrade", source, "-o", tmp_path / "jpeg.png", "--task", "jpeg", "--quality", 10)[0] == 0


def test_noise_on_a_grey_picture_has_the_strength_asked_for(run, tmp_path):
    assert cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200), 128, np.uint8))
    assert (
        run("degrade", tmp_path / "grey.png", "-o", tmp_path / "noisy.png", "--task", "denoise", "--sigma", 20)[0] == 0
    )
    noisy = cv2.imread(str(tmp_path / "noisy.png"), cv2.IMREAD_UNCHANGED)
    assert noisy.ndim == 2
    assert noisy.std() == pytest.approx(20, rel=0.03)


def test_evaluate_gives_json(run, tmp_path):
    picture(tmp_path / "set" / "a.png", 32, 36)
    code, out, _ = run("evaluate", "--model", "bicubic", "--set", tmp_path / "set", "--task", "sr_x4", "--json")
    found = json.loads(out)
    assert code == 0
    assert {"n", "psnr_db", "ssim", "convention", "worst_psnr_db", "worst_picture"} <= set(found)
    assert (found["n"], found["worst_picture"]) == (1, "a")
    code, out, _ = run(
        "evaluate",
        "--model",
        "tiny_denoise_student",
        "--set",
        tmp_path / "set",
        "--task",
        "denoise",
        "--sigma",
        15,
        "--json",
    )
    assert (code, json.loads(out)["sigma"]) == (0, 15.0)
    plus = run(
        "evaluate",
        "--model",
        "tiny_denoise_student",
        "--set",
        tmp_path / "set",
        "--task",
        "denoise",
        "--sigma",
        15,
        "--json",
        "--self-ensemble",
    )[1]
    assert json.loads(plus)["self_ensemble"] and json.loads(plus)["psnr_db"] != json.loads(out)["psnr_db"]
    code, out, _ = run("evaluate", "--model", "unprocessed", "--set", tmp_path / "set", "--task", "denoise")
    assert (code, "dB" in out, "RGB" in out) == (0, True, True)


def test_figures_that_are_not_finite_are_null_in_json(run, tmp_path):
    assert cv2.imwrite(str(tmp_path / "flat.png"), np.full((32, 32, 3), 9, np.uint8))
    _, out, _ = run("evaluate", "--model", "bicubic", "--set", tmp_path, "--task", "sr_x2", "--json")
    assert json.loads(out)["psnr_db"] is None


@pytest.mark.parametrize("options", [(), ("--uint8",)])
def test_export_writes_a_graph(run, tmp_path, options):
    code, out, _ = run("export", "tiny_x4_student", "-o", tmp_path / "net.onnx", *options)
    assert (code, (tmp_path / "net.onnx").is_file(), "net.onnx" in out) == (0, True, True)


def test_a_card_is_measured_verified_and_timed(run, tmp_path, tiny_catalog):
    picture(tmp_path / "Set5" / "HR" / "a.png", 48, 52)
    code, out, err = run("card", "measure", "tiny_x4_student", "--data", tmp_path)
    assert (code, "Set5" in out, "Set14, BSD100" in err) == (0, True, True)
    assert run("card", "verify", "tiny_x4_student", "--data", tmp_path)[0] == 0
    assert run("card", "latency", "tiny_x4_student", "--side", 16, "--repeats", 1)[0] == 0
    card = Catalog(tiny_catalog.weights_dir).find("tiny_x4_student")
    assert [entry["runtime"] for entry in card.latency] == ["torch", "onnx", "openvino"]
    path = tiny_catalog.weights_dir / "tiny_x4_student.json"
    changed = json.loads(path.read_text())
    changed["figures"][0]["psnr_db"] += 0.02
    path.write_text(json.dumps(changed))
    code, out, err = run("card", "verify", "tiny_x4_student", "--data", tmp_path)
    assert (code, "OFF" in out, "-0.0200 dB" in out, "1 of 1" in err) == (1, True, True, True)
    (tmp_path / "Set5").rename(tmp_path / "elsewhere")
    code, out, err = run("card", "verify", "tiny_x4_student", "--data", tmp_path)
    assert (code, "OFF" in out, "not measured" in out, "do not hold" in err) == (1, False, True, False)
    assert "1 of 1 figures of tiny_x4_student could not be measured" in err


def write_run(folder: Path, **changes: object) -> Path:
    """A recipe for a tiny network, its photographs in `folder`/data beside it; the recipe's path."""
    for index in range(4):
        picture(folder / "data" / "photos" / f"{index}.png", 80, 80)
    recipe = {
        "name": "fresh",
        "task": "sr_x2",
        "photos": ["photos"],
        "arguments": {"width": 8, "depth": 2},
        "steps": 100_000,
        "batch_size": 2,
    }
    recipe |= {"patch_px": 16, "validation_photos": 1, "compile": False, "precision": "fp32", **changes}
    path = folder / "recipe.json"
    path.write_text(json.dumps(recipe))
    return path


def test_train_makes_a_network_that_can_be_used_at_once(run, tmp_path):
    recipe = write_run(tmp_path, steps=3, validate_every=3)
    code, out, err = run("train", recipe, "--out", tmp_path / "run", "--data", tmp_path / "data")
    assert code == 0, err
    assert "steps/s" in out
    assert "ETA" in out
    assert "loss" in out
    assert "validation" in out
    (tmp_path / "run" / "recipe.json").unlink()
    assert [card.name for card in Catalog(tmp_path / "run").cards] == ["fresh"]
    code, _, err = run("train", recipe, "--out", tmp_path / "run", "--data", tmp_path / "data")
    assert (code, "resume" in err) == (2, True)


@pytest.mark.slow
def test_training_that_runs_out_of_time_says_how_to_go_on(run, tmp_path):
    recipe = write_run(tmp_path)
    code, out, _ = run("train", recipe, "--out", tmp_path / "run", "--data", tmp_path / "data", "--time-limit-s", 0.5)
    assert (code, "--resume" in out) == (0, True)
    assert list((tmp_path / "run").glob("checkpoint*"))
    code, out, err = run(
        "train", recipe, "--out", tmp_path / "run", "--data", tmp_path / "data", "--time-limit-s", 0.5, "--resume"
    )
    assert code == 0, err


@pytest.mark.slow
def test_ctrl_c_during_training_leaves_a_checkpoint(tmp_path):
    words = ("train", write_run(tmp_path), "--out", tmp_path / "run", "--data", tmp_path / "data")
    command = [sys.executable, "-m", "kdsr", "--device", "cpu", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith("step"):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    assert list((tmp_path / "run").glob("checkpoint*"))
