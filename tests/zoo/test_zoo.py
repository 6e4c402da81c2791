"""Cards, weights and the catalog: what is good is found, what is bad is told in a sentence."""

import dataclasses
import json

import pytest
import torch

from kdsr.errors import UnknownNameError, WeightsError
from kdsr.models import build_model, count_macs, count_parameters
from kdsr.zoo import Card, Catalog, Figure, load_weights, read_card, save_weights, sha256_of, write_card


@pytest.fixture
def shelf(tmp_path):
    """A folder with one small student and its card."""
    network = build_model("plain", 2, {"width": 16, "depth": 2})
    path = save_weights(network.state_dict(), tmp_path / "small.safetensors")
    figure = Figure("Set5", 5, 30.0, 0.9, 25.0, "butterfly", "Y")
    card = Card(
        name="small", title="Small", task="sr_x2", role="student", architecture="plain",
        arguments={"width": 16, "depth": 2},
        parameters=count_parameters(network), macs_per_output_megapixel=count_macs(network),
        file_bytes=path.stat().st_size,
        sha256=sha256_of(path), licence="Apache-2.0", trained_on="nothing", steps=0, seed=0, figures=(figure,),
    )  # fmt: skip
    write_card(card, tmp_path / "small.json")
    return tmp_path


def test_a_card_reads_back_as_it_was_written(shelf):
    card = read_card(shelf / "small.json")
    assert card.figures[0].psnr_db == 30.0
    write_card(dataclasses.replace(card, notes="äöü"), shelf / "small.json")
    assert read_card(shelf / "small.json").notes == "äöü"


@pytest.mark.parametrize("recipe", [
    {"terms": [{"loss": "adversarial", "weight": 0.1}]},
    {"teaching": {"terms": []}, "stages": [{}, {"teaching": {"terms": [{"loss": "critic"}]}}]},
])  # fmt: skip
def test_a_card_with_an_adversarial_loss_is_for_looks_and_never_the_first(shelf, recipe):
    card = read_card(shelf / "small.json")
    assert not dataclasses.replace(card, recipe={"loss": "l1", "terms": [{"loss": "fft"}]}).is_for_looks
    network = build_model("plain", 2, {"width": 24, "depth": 2})
    path = save_weights(network.state_dict(), shelf / "large.safetensors")
    large = dataclasses.replace(card, name="large", arguments={"width": 24, "depth": 2}, sha256=sha256_of(path))
    large = dataclasses.replace(large, parameters=count_parameters(network), recipe=recipe)
    write_card(large, shelf / "large.json")
    assert large.is_for_looks and [found.name for found in Catalog(shelf).for_task("sr_x2")] == ["small", "large"]


def test_the_catalog_finds_and_loads_what_lies_there(shelf):
    catalog = Catalog(shelf)
    assert [card.name for card in catalog.for_task("sr_x2")] == ["small"]
    assert catalog.for_task("sr_x2", "teacher") == ()
    network = catalog.load("small")
    assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_an_unknown_network_is_told_with_the_nearest_name(shelf):
    with pytest.raises(UnknownNameError, match="Did you mean 'small'"):
        Catalog(shelf).find("smal")


def test_altered_weights_are_refused(shelf):
    path = shelf / "small.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="SHA-256"):
        Catalog(shelf).load("small")


def test_a_card_without_weights_is_left_out_and_told(shelf):
    (shelf / "small.safetensors").unlink()
    catalog = Catalog(shelf)
    assert catalog.cards == () and "no weights beside it" in catalog.problems[0]
    with pytest.raises(UnknownNameError, match="no weights beside it"):
        catalog.find("small")


@pytest.mark.parametrize("damage", ["{", "[]", '{"name": "small"}', None])
def test_a_card_that_is_no_card_is_left_out_and_told(shelf, damage):
    if damage is None:
        damage = json.dumps(json.loads((shelf / "small.json").read_text()) | {"surprise": 1})
    (shelf / "small.json").write_text(damage)
    assert "small.json cannot be used" in Catalog(shelf).problems[0]


@pytest.mark.parametrize("content", ["{}", "[]", "3", '{"name": "run", "task": "sr_x2", "arguments": {}, "steps": 3}'])
def test_json_files_that_are_no_cards_are_not_reported(shelf, content):
    (shelf / "recipe.json").write_text(content)
    catalog = Catalog(shelf)
    assert catalog.problems == () and [card.name for card in catalog.cards] == ["small"]
    with pytest.raises(UnknownNameError, match=r"no network named 'recipe'.*Known: small"):
        catalog.find("recipe")


@pytest.mark.parametrize("content", ["{", '{"sha256": "0"}', '{"parameters": 1, "surprise": 2}'])
def test_a_broken_card_without_weights_is_reported(shelf, content):
    (shelf / "other.json").write_text(content)
    assert "other.json cannot be used" in Catalog(shelf).problems[0]
    with pytest.raises(UnknownNameError, match=r"other\.json cannot be used"):
        Catalog(shelf).find("other")


def test_weights_of_another_shape_are_refused(shelf):
    with pytest.raises(WeightsError, match="do not fit"):
        load_weights(build_model("plain", 4, {"width": 16, "depth": 2}), shelf / "small.safetensors")


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_weights_with_a_key_too_few_or_too_many_are_refused(shelf, change):
    network = build_model("plain", 2, {"width": 16, "depth": 2})
    state = dict(network.state_dict())
    if change == "missing":
        del state["layers.1.bias"]
    else:
        state["layers.2.bias"] = torch.zeros(3)
    save_weights(state, shelf / "other.safetensors")
    with pytest.raises(WeightsError, match="do not fit"):
        load_weights(network, shelf / "other.safetensors")


def test_weights_in_half_precision_are_loaded_in_single(tmp_path):
    network = build_model("plain", 2, {"width": 16, "depth": 2})
    halves = {name: value.half() for name, value in network.state_dict().items()}
    load_weights(network, save_weights(halves, tmp_path / "half.safetensors"))
    assert all(value.dtype == torch.float32 for value in network.state_dict().values())
    assert torch.equal(network.layers[0].weight, halves["layers.0.weight"].float())


def test_cards_of_a_task_come_by_role_then_from_large_to_small_then_by_name(shelf):
    card = read_card(shelf / "small.json")
    for name, role, parameters in [
        ("b", "student", 9), ("a", "student", 9), ("c", "student", 100), ("d", "twin", 500),
        ("e", "teacher", 7), ("f", "teacher", 70),
    ]:  # fmt: skip
        (shelf / f"{name}.safetensors").write_bytes((shelf / "small.safetensors").read_bytes())
        write_card(dataclasses.replace(card, name=name, role=role, parameters=parameters), shelf / f"{name}.json")
    (shelf / "small.json").unlink()
    assert [card.name for card in Catalog(shelf).for_task("sr_x2")] == ["f", "e", "c", "a", "b", "d"]
    assert [card.name for card in Catalog(shelf).for_task("sr_x2", "student")] == ["c", "a", "b"]


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="not a readable safetensors"):
        load_weights(build_model("plain", 4, {}), tmp_path / "bad.safetensors")
    with pytest.raises(WeightsError, match="missing"):
        load_weights(build_model("plain", 4, {}), tmp_path / "none.safetensors")


def test_a_failed_write_leaves_the_old_weights(tmp_path, monkeypatch):
    path = save_weights({"a": torch.ones(2)}, tmp_path / "w.safetensors")
    before = path.read_bytes()
    monkeypatch.setattr("safetensors.torch.save_file", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        save_weights({"a": torch.zeros(2)}, path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_published_teacher_that_is_not_here_is_named_with_the_command_that_adds_it(tmp_path):
    with pytest.raises(UnknownNameError, match=r"kdsr teachers add dat-light-x4$"):
        Catalog(tmp_path).find("dat-light-x4")


def test_a_network_is_found_by_name_by_its_file_and_by_its_folder(tiny_settings, tiny_catalog, tmp_path):
    from helpers.networks import TINY, write_random_network

    from kdsr.zoo import find_network

    home = tmp_path / "home taken"
    home.mkdir()
    card = write_random_network(home, "tiny_x4_student", seed=5)
    assert find_network("tiny_x4_student", tiny_settings)[0].sha256 != card.sha256
    for path in (home, home / "tiny_x4_student.safetensors", home / "tiny_x4_student.json"):
        found, catalog = find_network(str(path), tiny_settings)
        assert found == card and catalog.weights_path(found).parent == home
    (home / "tiny_x4_student.json").unlink()
    with pytest.raises(WeightsError, match=r"tiny_x4_student\.json"):
        find_network(str(home / "tiny_x4_student.safetensors"), tiny_settings)
    with pytest.raises(WeightsError, match="holds none"):
        find_network(str(home), tiny_settings)
    with pytest.raises(UnknownNameError, match=next(iter(TINY))):
        find_network("tiny_x4_teachr", tiny_settings)


def test_a_card_is_read_again_when_its_file_changes_and_only_then(shelf, monkeypatch):
    path, reads = next(shelf.glob("*.json")), []
    monkeypatch.setattr("kdsr.zoo.card.json.loads", lambda text, loads=json.loads: reads.append(text) or loads(text))
    first = read_card(path)
    reads.clear()
    assert read_card(path) is first and not reads
    changed = json.loads(path.read_text()) | {"title": "another title"}
    reads.clear()
    path.write_text(json.dumps(changed))
    assert read_card(path).title == "another title" and len(reads) == 1
