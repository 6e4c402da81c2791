"""The released generators: their card's round trip, their weights, and what is refused."""

import json

import pytest
import torch
from helpers.synthesis import add_generators

import kdsr
from kdsr.errors import UnknownNameError, WeightsError
from kdsr.models.generator import Generator
from kdsr.zoo.catalog import Catalog
from kdsr.zoo.synthesis import load_generator, read_synthesis


def test_a_generator_draws_pictures_of_its_size_in_range():
    network = Generator(5, (8, 6, 4))
    pictures = network.eval()(torch.randn(3, 5))
    assert pictures.shape == (3, 3, 32, 32) and 0 <= pictures.min() < pictures.max() <= 1
    assert torch.allclose(network(torch.ones(1, 5)), network(torch.ones(2, 5))[:1], atol=1e-5)


def test_a_card_comes_back_as_it_was_written_and_no_catalogue_sees_it(tmp_path):
    card = add_generators(tmp_path)
    assert read_synthesis(tmp_path) == card
    assert load_generator(card, "both", tmp_path)(torch.zeros(1, 6)).shape == (1, 3, 64, 64)
    assert Catalog(tmp_path).cards == () and Catalog(tmp_path).problems == ()
    assert read_synthesis(tmp_path / "synthesis") is None


def test_altered_missing_and_unknown_weights_are_refused_in_a_sentence(tmp_path):
    card = add_generators(tmp_path)
    with pytest.raises(WeightsError, match="No weights of the generator 'pairs' were kept"):
        load_generator(card, "pairs", tmp_path)
    with pytest.raises(UnknownNameError, match="Did you mean 'teacher'"):
        load_generator(card, "teacherr", tmp_path)
    path = tmp_path / "synthesis" / "both.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        load_generator(card, "both", tmp_path)


@pytest.mark.parametrize("given", ["[1]", "{", '{"networks": {"teacher": 3}}', '{"networks": {}}'])
def test_a_card_that_is_none_is_refused(tmp_path, given):
    (tmp_path / "synthesis").mkdir()
    (tmp_path / "synthesis" / "greenery.json").write_text(given, encoding="utf-8")
    with pytest.raises(WeightsError, match=r"The card greenery.json is not a card of generators"):
        read_synthesis(tmp_path)


def test_a_card_without_a_student_is_refused(tmp_path):
    add_generators(tmp_path)
    path = tmp_path / "synthesis" / "greenery.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    del card["networks"]["both"]
    path.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(WeightsError, match="needs a teacher and its student"):
        read_synthesis(tmp_path)


def test_the_released_student_has_a_tenth_of_its_teachers_parameters():
    folder = kdsr.Settings().weights_dir
    card = read_synthesis(folder)
    if card is None:
        pytest.skip("the released generators are not here")
    teacher, student = (load_generator(card, name, folder) for name in ("teacher", "both"))
    counts = [sum(each.numel() for each in network.parameters()) for network in (teacher, student)]
    assert counts == [card.networks[name].parameters for name in ("teacher", "both")] and counts[1] <= counts[0] / 10
    assert sum(path.stat().st_size for path in (folder / "synthesis").iterdir()) < 2_500_000
