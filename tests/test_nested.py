"""JSON that is nested 100,000 deep, and numbers and types that no field has, are one sentence."""

import json

import pytest

from kdsr.cli.options import seen
from kdsr.errors import KdsrError, SettingsError, WeightsError
from kdsr.image.batch import Job, Ledger
from kdsr.train.recipe import recipe_from_json
from kdsr.zoo import open_catalog
from kdsr.zoo.card import is_meant_as_card, read_card

NESTED = ["[" * 100_000, '{"a":' * 100_000]


@pytest.mark.parametrize("text", NESTED, ids=["lists", "objects"])
def test_nested_cards_recipes_and_ledgers_end_nothing(tiny_settings, tmp_path, text):
    path = tiny_settings.weights_dir / "nested.json"
    path.write_text(text)
    with pytest.raises(WeightsError, match=r"nested\.json cannot be used: it is nested too deeply"):
        read_card(path)
    assert is_meant_as_card(path) and any("nested" in sentence for sentence in open_catalog(tiny_settings).problems)
    with pytest.raises(SettingsError, match="not valid JSON"):
        recipe_from_json(text)
    (tmp_path / ".kdsr.jsonl").write_text(f"{text}\n")
    assert not Ledger(tmp_path, "x").has(Job(tmp_path / "a.png", tmp_path / "b.png"))


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf"), 2**63, "x", [1], {"a": 1}, True])
@pytest.mark.parametrize("key", ["seed", "dropout", "truth_share", "ema_decay", "name", "loss", "grey_share"])
def test_a_recipe_s_numbers_are_numbers(key, value):
    if (key, value) in (("name", "x"),):
        return
    with pytest.raises(KdsrError) as caught:
        recipe_from_json(json.dumps({"name": "a", "task": "sr_x2", key: value}))
    assert len(str(caught.value)) < 400


def test_a_name_cannot_steer_the_terminal():
    assert seen("a\x1b[2J\r\nb\x9b\u2028ü.png") == "a?[2J??b??ü.png"
