"""A card that is damaged hides its network, and no other: the page goes on and says what is wrong, without a path."""

import json

import pytest
from helpers.restoring import restore_handlers, results, run, small_photo

from kdsr.zoo import open_catalog

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
DAMAGED = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda _text: "",
    "NUL": lambda _text: "\0" * 200,
    "a list": lambda text: f"[{text}]",
    "deep": lambda _text: "[" * 100_000,
    "parameters of a wrong type": lambda text: json.dumps(json.loads(text) | {"parameters": "many"}),
    "figures of a wrong type": lambda text: json.dumps(json.loads(text) | {"figures": {"a": 1}}),
    "an endless number": lambda text: json.dumps(json.loads(text) | {"steps": float("inf")}),
    "unknown key": lambda text: json.dumps(json.loads(text) | {"colour": "red"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_card_hides_one_network_and_the_page_goes_on(handlers, photo, how):
    whole = {card.name for card in open_catalog(handlers.settings).cards}
    path = handlers.settings.weights_dir / "sr_x4-twin.json"
    path.write_text(DAMAGED[how](path.read_text()))
    catalog = open_catalog(handlers.settings)
    assert {card.name for card in catalog.cards} == whole - {"sr_x4-twin"}
    (told,) = [each for each in catalog.problems if "sr_x4-twin" in each]
    assert str(handlers.settings.weights_dir) not in told and len(told) < 400 and "\n" not in told
    if how == "cut":
        result = results(run(handlers, photo))[-1]
        assert result.column("student") and result.column("teacher") and result.column("twin") is None


def test_the_figure_of_a_denoiser_s_card_without_its_convention_is_one_sentence(handlers):
    path = handlers.settings.weights_dir / "denoise-twin.json"
    figures = [{"name": "CBSD68", "psnr_db": 30.0}]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"figures": figures}))
    (told,) = open_catalog(handlers.settings).problems
    assert told.startswith("The card denoise-twin.json cannot be used")


def test_weights_that_are_not_those_of_their_card_cost_one_column(handlers, photo, monkeypatch):
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", lambda _text: None)
    weights = handlers.settings.weights_dir / "sr_x4-teacher.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8] + bytes(8))
    views = run(handlers, photo)
    result = results(views)[-1]
    assert result.column("student").file.is_file() and result.column("teacher") is None
    assert "sr_x4-teacher" in views[-1].status and str(weights.parent) not in views[-1].status
