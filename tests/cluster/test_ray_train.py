"""Workers of Ray train the network of one process; the real command, in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.training import recipe, training_settings
from safetensors.torch import load_file

from kdsr.cli import main
from kdsr.cluster.ray_train import check_workers
from kdsr.errors import SettingsError
from kdsr.train import recipe_to_json

pytest.importorskip("ray")
settings = pytest.fixture(training_settings)


def train(settings, tmp_path, out, *more):
    words = ["train", tmp_path / "recipe.json", "-o", tmp_path / out, "--data", settings.data_dir, *more]
    environment = os.environ | {"KDSR_HOME": str(tmp_path / "home"), "KDSR_WEIGHTS_DIR": str(settings.weights_dir)}
    environment |= {"KDSR_THREADS": "2", "KDSR_DEVICE": "cpu", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "kdsr", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)


def test_workers_without_room_or_an_equal_share_are_refused():
    nodes = [{"Alive": True, "Resources": {"CPU": 3.0}}]
    check_workers(recipe(batch_size=6), 3, nodes, 0)
    with pytest.raises(SettingsError, match="A batch of 8 cannot be shared equally by 3 workers"):
        check_workers(recipe(batch_size=8), 3, nodes, 0)
    with pytest.raises(SettingsError, match="4 workers need 4 CPUs, and the cluster has 3"):
        check_workers(recipe(batch_size=8), 4, nodes, 0)
    with pytest.raises(SettingsError, match="need 2 GPUs, and the cluster has 0"):
        check_workers(recipe(batch_size=8), 2, nodes, 1)


def test_photographs_that_are_missing_are_named_before_ray_starts(settings, tmp_path, monkeypatch, capsys):
    (tmp_path / "recipe.json").write_text(recipe_to_json(recipe(photos=["nowhere"])), encoding="utf-8")
    words = ["train", tmp_path / "recipe.json", "-o", tmp_path / "out", "--data", settings.data_dir, "--ray", "local"]
    monkeypatch.setattr(sys, "argv", ["kdsr", *map(str, words)])
    monkeypatch.setattr("kdsr.cluster.ray_start.ray_at", lambda *_given: pytest.fail("Ray was started"))
    monkeypatch.setattr("signal.signal", lambda *_given: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "'nowhere' is neither here nor in the data folder" in capsys.readouterr().err


@pytest.mark.slow
def test_two_workers_train_the_network_of_one_at_the_same_batch(settings, tmp_path):
    run = recipe(name="mine", steps=20, batch_size=4, validate_every=20)
    (tmp_path / "recipe.json").write_text(recipe_to_json(run), encoding="utf-8")
    one, two = train(settings, tmp_path, "one"), train(settings, tmp_path, "two", "--ray", "local", "--workers", "2")
    assert (one.returncode, two.returncode, two.stderr) == (0, 0, ""), one.stderr + two.stderr
    assert two.stdout.splitlines()[-1].startswith("Finished at step") and "Started at step" in two.stdout
    assert not (tmp_path / "two" / ".ray").exists()
    alone, shared = (load_file(tmp_path / out / "mine.safetensors") for out in ("one", "two"))
    gap = max(float((alone[name] - shared[name]).abs().max()) for name in alone)
    assert alone.keys() == shared.keys() and gap <= 1e-5
