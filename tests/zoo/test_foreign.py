"""Teachers of other makers, by files made here: what can be read teaches, the rest is told in one sentence."""

import sys
from pathlib import Path

import pytest
import torch
from helpers.training import recipe, training_settings

from kdsr.errors import SettingsError, WeightsError
from kdsr.train import train_recipe
from kdsr.zoo import read_card, save_weights
from kdsr.zoo.foreign import load_foreign

spandrel = pytest.importorskip("spandrel", reason="the package spandrel is not installed")
settings = pytest.fixture(training_settings)


def compact(scale: int = 2) -> torch.nn.Module:
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    return Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=scale)


class Harmful:
    def __reduce__(self):
        return (print, ("this code must not run",))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_foreign_network_is_told_from_its_keys_and_restores(tmp_path, suffix):
    model, path = compact(), tmp_path / f"foreign{suffix}"
    if suffix == ".pth":
        torch.save({"params": {}, "params_ema": model.state_dict()}, path)
    else:
        save_weights(model.state_dict(), path)
    network = load_foreign(path)
    image = torch.rand(1, 3, 7, 9)
    assert network.scale == 2 and torch.allclose(network(image), model.eval()(image), atol=1e-6)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_foreign_teacher_teaches(settings, tmp_path, scale):
    """Also one of twice the task's scale, whose pictures are halved."""
    save_weights(compact(scale).state_dict(), tmp_path / "foreign.safetensors")
    plan = recipe(teacher=str(tmp_path / "foreign.safetensors"), truth_share=0.5)
    assert train_recipe(plan, tmp_path / "run", settings=settings).finished
    assert read_card(tmp_path / "run" / "tiny.json").teacher == plan.teaching.teacher


@pytest.mark.parametrize("scale, task, allowed", [(3, "sr_x2", "or one that enlarges a multiple"), (2, "denoise", "$")])
def test_a_foreign_teacher_for_another_scale_is_refused(settings, tmp_path, scale, task, allowed):
    save_weights(compact(scale).state_dict(), tmp_path / "foreign.safetensors")
    plan = recipe(teacher=str(tmp_path / "foreign.safetensors"), truth_share=0.5, task=task, degrade_once=True)
    with pytest.raises(SettingsError, match=f"enlarges {scale} times, .* choose one for this task(, |\\.){allowed}"):
        train_recipe(plan, tmp_path / "run", settings=settings)


def test_what_cannot_be_read_is_told_and_no_code_in_it_is_run(tmp_path, capsys):
    torch.save({"params": Harmful()}, tmp_path / "harmful.pth")
    torch.save({"params": {"what": torch.zeros(3)}}, tmp_path / "unknown.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, message in (
        ("harmful", "not run"),
        ("unknown", "no architecture"),
        ("list", "no weights by name"),
        ("absent", "missing"),
    ):
        with pytest.raises(WeightsError, match=message):
            load_foreign(tmp_path / f"{name}.pth")
    assert "must not run" not in capsys.readouterr().out


def test_without_spandrel_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(WeightsError, match=r"pip install 'kdsr\[foreign\]'"):
        load_foreign(Path("any.pth"))
