"""Compression from its plan to its files: prune, fine-tune, round to 8 bits, learn, stop, go on."""

import dataclasses
import itertools
import json

import pytest
import torch
from helpers.training import released, training_settings
from typer.testing import CliRunner

from kdsr.cli import build_app
from kdsr.compress import Compression, compress
from kdsr.compress.calibrate import _mean_outputs, best_range, calibrated, convolutions_of, integer_layers, rounded
from kdsr.compress.learn import RoundedConv2d, learn
from kdsr.compress.photographs import open_photographs
from kdsr.errors import SettingsError, Stopped
from kdsr.models import is_integer
from kdsr.tasks import find_task
from kdsr.train.recipe import recipe_from_mapping
from kdsr.zoo import Catalog, Figure, LookFigure, read_card, write_card

PLAN = Compression(
    "tiny",
    int8=True,
    photographs=4,
    validation_photos=2,
    crops=8,
    patch_px=12,
    batch_size=4,
    prune_steps=4,
    int8_steps=3,
    int8_loss_db=-100.0,
)
"""A compression of seconds that always learns in 8 bits."""


@pytest.fixture
def settings(tmp_path):
    """Photographs, and a network `tiny` of width 32 for x2 that was trained on them for a moment."""
    made = dataclasses.replace(training_settings(tmp_path), threads=1)
    released(made, tmp_path, arguments={"width": 32, "depth": 3})
    return made


def steps_of(card) -> list[str]:
    return [step["step"] for step in card.compression]


@pytest.mark.slow
def test_8_bits_come_with_weights_graphs_and_a_card_that_tells_every_step(settings, tmp_path):
    events = []
    (card,) = compress(PLAN, tmp_path / "out", settings=settings, on_event=events.append)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"tiny-int8{suffix}" for suffix in (".json", ".onnx", ".safetensors", ".uint8.onnx")
    ]
    source, catalog = Catalog(settings.weights_dir).find("tiny"), Catalog(tmp_path / "out")
    assert catalog.find("tiny-int8") == card and is_integer(catalog.load("tiny-int8"))
    assert (card.precision, card.compressed_from, card.title) == ("int8", "tiny", "tiny, int8")
    assert (card.parameters, card.macs_per_output_megapixel) == (source.parameters, source.macs_per_output_megapixel)
    assert card.file_bytes < 0.5 * source.file_bytes and card.history[-1]["sha256"] == source.sha256
    assert steps_of(card) == ["source", "int8, by ranges", "int8, learnt"]
    assert [event["step"] for event in events if event["event"] == "measured"] == steps_of(card)
    assert [event["step"] for event in events if event["event"] == "learning"] == [3]
    keys = dict(card.recipe)
    assert Compression(**keys | {"photos": tuple(keys["photos"])}) == dataclasses.replace(PLAN, photos=("pack",))


@pytest.mark.slow
def test_the_same_plan_gives_the_same_bits(settings, tmp_path):
    first, second = (compress(PLAN, tmp_path / name, settings=settings)[0] for name in ("one", "two"))
    assert first.sha256 == second.sha256


def test_ranges_that_lose_little_are_not_learnt(settings, tmp_path):
    (card,) = compress(dataclasses.replace(PLAN, int8_loss_db=100.0), tmp_path / "out", settings=settings)
    assert steps_of(card) == ["source", "int8, by ranges"] and card.steps == 0


def test_figures_of_the_source_are_not_those_of_its_8_bit_form(settings, tmp_path):
    path = settings.weights_dir / "tiny.json"
    figures = (Figure("Set5", 5, 30.0, 0.9, 25.0, "head", "Y"),)
    looks = (LookFigure("BSD100", 100, "niqe", 5.0, 9.0, "a", "LIVE's model"),)
    write_card(dataclasses.replace(read_card(path), figures=figures, looks=looks), path)
    (card,) = compress(dataclasses.replace(PLAN, int8_loss_db=100.0), tmp_path / "out", settings=settings)
    assert (card.figures, card.looks) == ((), ())


@pytest.mark.slow
def test_pruning_and_8_bits_together_give_both_networks(settings, tmp_path):
    pruned, both = compress(dataclasses.replace(PLAN, prune=0.5), tmp_path / "out", settings=settings)
    assert [pruned.name, both.name] == ["tiny-pruned", "tiny-pruned-int8"]
    assert pruned.arguments == both.arguments == {"width": 16, "depth": 3} and (pruned.precision, both.precision) == (
        "float32",
        "int8",
    )
    assert steps_of(pruned) == ["source", "pruned"] and steps_of(both)[:3] == ["source", "pruned", "int8, by ranges"]
    fine_tune = recipe_from_mapping(pruned.recipe)
    assert (fine_tune.teaching.teacher, fine_tune.teaching.loss, pruned.steps) == ("tiny", "psnr_luma", 4)
    assert pruned.compressed_from == both.compressed_from == "tiny"
    assert both.compression[-1]["parameters"] == pruned.parameters < both.compression[0]["parameters"]


@pytest.mark.slow
def test_a_stopped_fine_tune_goes_on_and_the_same_network_comes_out(settings, tmp_path):
    plan = Compression("tiny", prune=0.5, photographs=4, validation_photos=2, patch_px=12, batch_size=4, prune_steps=6)
    asked = itertools.count()
    with pytest.raises(Stopped, match="resumed"):
        compress(plan, tmp_path / "stopped", settings=settings, should_stop=lambda: next(asked) == 2)
    (resumed,), (whole,) = (compress(plan, tmp_path / name, settings=settings) for name in ("stopped", "whole"))
    assert resumed.sha256 == whole.sha256


def test_learning_in_8_bits_can_be_stopped(settings, tmp_path):
    asked = itertools.count()
    with pytest.raises(Stopped, match="step 1 of 3"):
        compress(PLAN, tmp_path / "out", settings=settings, should_stop=lambda: next(asked) == 1)
    assert not (tmp_path / "out" / "tiny-int8.json").exists()


def test_what_learns_computes_what_its_integers_will(settings):
    catalog = Catalog(settings.weights_dir)
    card, network = catalog.find("tiny"), catalog.load("tiny")
    photographs = open_photographs(PLAN, card, find_task("sr_x2"), settings)
    integers = calibrated(network, photographs.degraded())
    image = photographs.degraded()[0]
    levels = image
    for conv, layer in zip(network.layers, integer_layers(integers), strict=True):
        wanted, given = layer(levels), RoundedConv2d(conv, layer)(levels)
        assert (wanted - given).abs().mean() < 1e-4
        levels = wanted.relu()


@pytest.mark.slow
def test_learning_repairs_a_shifted_channel(settings):
    catalog = Catalog(settings.weights_dir)
    network = catalog.load("tiny")
    photographs = open_photographs(PLAN, catalog.find("tiny"), find_task("sr_x2"), settings)
    image = photographs.degraded()[0]
    integers = calibrated(network, photographs.degraded())
    layer = integer_layers(integers)[1]
    layer.bias += torch.round(0.05 / (layer.input_scale * layer.weight_scale)).int()
    plan = dataclasses.replace(photographs.plan, int8_steps=60, int8_learning_rate=3e-3, truth_share=0.0)
    learnt = learn(network, integers, dataclasses.replace(photographs, plan=plan))
    worse, better = ((form(image) - network(image)).abs().mean() for form in (integers, learnt))
    assert better < 0.5 * worse


def test_gradients_pass_rounding_and_stop_where_values_are_clipped():
    from kdsr.compress.learn import _rounded

    values = torch.tensor([0.26, 0.9, -5.0], requires_grad=True)
    _rounded(values, torch.tensor(0.5), 0, 255).sum().backward()
    assert values.grad is not None and values.grad.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(("share", "width"), [(0.5, 16), (0.25, 32), (0.9, 16), (0.3, 32)])
def test_widths_after_pruning_are_multiples_of_16(share, width):
    assert Compression("any", prune=share).pruned_width({0.25: 48, 0.3: 48}.get(share, 32)) == width


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"prune": 0.1}, "ask for more"),
        ({"source": "tiny-int8"}, "compressed already"),
        ({"source": "tinny"}, "Did you mean 'tiny'"),
        ({"photos": ("gone",)}, "gone"),
    ],
)
def test_what_cannot_be_compressed_is_told_in_one_sentence(settings, tmp_path, changes, text):
    from kdsr.errors import KdsrError

    compress(dataclasses.replace(PLAN, int8_steps=0), settings.weights_dir, settings=settings)
    with pytest.raises(KdsrError, match=text):
        compress(dataclasses.replace(PLAN, **changes), tmp_path / "out", settings=settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"int8": False}, {"prune": 1.0}, {"prune": -0.1}, {"crops": 0}, {"int8_steps": -1}, {"int8_learning_rate": 0.0}],
)
def test_a_plan_out_of_range_is_refused(changes):
    with pytest.raises(SettingsError):
        dataclasses.replace(PLAN, **changes)


@pytest.mark.slow
def test_the_command_prints_every_step_and_where_the_files_lie(settings, tmp_path):
    arguments = [
        "--weights",
        str(settings.weights_dir),
        "--device",
        "cpu",
        "--threads",
        "1",
        "compress",
        "tiny",
        "--int8",
        "--int8-steps",
        "0",
    ]
    ran = CliRunner().invoke(
        build_app(),
        [*arguments, "--data", str(settings.data_dir), "-o", str(tmp_path / "out"), "--patch", "12"],
        catch_exceptions=False,
    )
    assert ran.exit_code == 0, ran.output
    assert "source" in ran.output and "int8, by ranges" in ran.output and "tiny-int8.safetensors" in ran.output
    assert json.loads((tmp_path / "out" / "tiny-int8.json").read_text())["recipe"]["patch_px"] == 12


def test_corrected_biases_give_each_channel_the_mean_of_the_floats(settings):
    """Each layer is corrected after those before it, so that all means agree at the end to half a unit of the bias."""
    catalog = Catalog(settings.weights_dir)
    network = catalog.load("tiny")
    batches = open_photographs(PLAN, catalog.find("tiny"), find_task("sr_x2"), settings).degraded()[:1]
    form = calibrated(network, batches)
    layers = integer_layers(form)
    wanted = _mean_outputs(network, convolutions_of(network), batches)
    for layer, mean, found in zip(layers, wanted, _mean_outputs(form, layers, batches), strict=True):
        unit = layer.input_scale * layer.weight_scale
        last = layer.output_scale  # an output that is rounded to levels may miss by a share of one of them
        assert ((found - mean).abs() <= 0.5 * unit + 0.1 * last + 1e-5).all()


def test_a_clipped_range_keeps_its_zero_where_zero_is():
    """Few values at -1 and 3 are clipped for the many between -0.1 and 0.3; 0 stays a quarter of the way up."""
    values = torch.cat([torch.linspace(-0.1, 0.3, 100_000), torch.tensor([-1.0, 3.0])])
    found = best_range(values)
    assert 0.3 * 4 / 255 <= found.scale < 0.99 * 4 / 255
    assert found.zero == round(255 / 4)
    zeros = torch.zeros(1)
    assert found.error(zeros) == 0.0


def test_values_from_zero_up_have_their_zero_at_the_lowest_level():
    found = best_range(torch.linspace(0.0, 2.0, 1000))
    assert found.zero == 0 and found.scale == pytest.approx(2 / 255, rel=0.02)


@pytest.mark.parametrize("plain_error, equalised_error, kept", [(0.1, 0.2, "plain"), (0.2, 0.1, "equalised")])
def test_the_nearer_one_of_plain_and_equalised_is_rounded(monkeypatch, plain_error, equalised_error, kept):
    """Each as floats and as integers; the integers are `error` away from the network on every picture."""

    def off_by(error):
        return lambda degraded: degraded + error

    def plain(degraded):
        return degraded

    def equalised(degraded):
        return degraded

    forms = {plain: off_by(plain_error), equalised: off_by(-equalised_error)}
    monkeypatch.setattr("kdsr.compress.calibrate.equalised", lambda *_: equalised)
    monkeypatch.setattr("kdsr.compress.calibrate.calibrated", lambda floats, _: forms[floats])
    wanted = {"plain": plain, "equalised": equalised}[kept]
    assert rounded(plain, [torch.rand(1, 3, 4, 4) for _ in range(5)]) == (wanted, forms[wanted])
