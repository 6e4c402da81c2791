"""The networks between a faithful student and its sharp partner: exact ends, means of weights, and what is refused."""

import dataclasses
from pathlib import Path

import pytest
import torch
from helpers.networks import add_network, add_sharp_partner

from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.zoo import Catalog, SharpPair, at_sharpness, sharp_pair_of, write_card

FAITHFUL, SHARP = "tiny_x4_student", "tiny_x4_sharp"


@pytest.fixture
def paired(tiny_catalog: Catalog) -> Catalog:
    """The tiny catalog with a sharp partner of its student."""
    add_sharp_partner(tiny_catalog.weights_dir, FAITHFUL, SHARP)
    return Catalog(tiny_catalog.weights_dir)


def test_a_pair_is_found_from_either_end_by_what_the_cards_say(paired):
    pair = SharpPair(paired.find(FAITHFUL), paired.find(SHARP))
    assert sharp_pair_of(pair.faithful, paired) == sharp_pair_of(pair.sharp, paired) == pair
    assert sharp_pair_of(paired.find("tiny_x4_twin"), paired) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"history": ()},
        {"recipe": {"loss": "l1"}},
        {"role": "twin"},
        {"published": {"for_looks": True}},
        {"compressed_from": "another"},
        {"precision": "int8"},
    ],
)
def test_a_network_that_was_not_trained_on_for_looks_from_the_student_is_no_partner(tiny_catalog, changed):
    add_sharp_partner(tiny_catalog.weights_dir, FAITHFUL, SHARP, **changed)
    catalog = Catalog(tiny_catalog.weights_dir)
    assert sharp_pair_of(catalog.find(FAITHFUL), catalog) is sharp_pair_of(catalog.find(SHARP), catalog) is None


def test_a_network_of_another_shape_is_no_partner(paired):
    other = add_network(
        paired.weights_dir, "wide", "sr_x4", "student", "plain", {"width": 16, "depth": 3},
        history=({"name": FAITHFUL},), recipe={"loss": "critic"},
    )  # fmt: skip
    catalog = Catalog(paired.weights_dir)
    assert sharp_pair_of(other, catalog) is None
    assert sharp_pair_of(catalog.find(FAITHFUL), catalog).sharp.name == SHARP


@pytest.mark.parametrize("name", [FAITHFUL, SHARP])
def test_the_ends_are_the_two_networks_themselves(paired, tiny_settings, name):
    card = paired.find(name)
    assert at_sharpness(card, paired, 0, tiny_settings) == (paired.find(FAITHFUL), paired)
    assert at_sharpness(card, paired, 1.0, tiny_settings) == (paired.find(SHARP), paired)
    assert not (tiny_settings.home / "sharpness").exists()


@pytest.mark.parametrize("sharpness", [0.25, 0.5, 0.9])
def test_between_them_every_weight_is_the_weighted_mean(paired, tiny_settings, sharpness):
    card, catalog = at_sharpness(paired.find(FAITHFUL), paired, sharpness, tiny_settings)
    made = catalog.load(card.name).state_dict()
    faithful, sharp = (paired.load(name).state_dict() for name in (FAITHFUL, SHARP))
    for key, value in made.items():
        by_hand = (1 - sharpness) * faithful[key].double() + sharpness * sharp[key].double()
        assert torch.allclose(value.double(), by_hand, rtol=0, atol=1e-7), key
    assert not torch.equal(made["layers.0.weight"], faithful["layers.0.weight"])


def test_the_card_says_what_the_network_is_and_claims_no_figure(paired, tiny_settings):
    card, catalog = at_sharpness(paired.find(FAITHFUL), paired, 0.5, tiny_settings)
    assert card.name == f"{FAITHFUL}-sharpness-0.5" and card.title == "tiny x4 student, sharpness 0.5"
    assert card.is_for_looks and card.figures == card.looks == card.latency == () and card.twin is None
    assert card.recipe["sharpness"] == 0.5 and card.recipe["sharp"]["sha256"] == paired.find(SHARP).sha256
    assert catalog.problems == () and catalog.weights_path(card).is_relative_to(tiny_settings.home)


def test_a_network_is_made_once_and_again_where_its_file_was_altered(paired, tiny_settings):
    card, catalog = at_sharpness(paired.find(FAITHFUL), paired, 0.3, tiny_settings)
    path = catalog.weights_path(card)
    made = path.stat().st_mtime_ns
    assert at_sharpness(paired.find(SHARP), paired, 0.301, tiny_settings)[0] == card
    assert path.stat().st_mtime_ns == made
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert at_sharpness(paired.find(FAITHFUL), paired, 0.3, tiny_settings)[0] == card
    assert path.read_bytes() == content


def test_other_weights_of_the_pair_make_another_network(paired, tiny_settings):
    before = at_sharpness(paired.find(FAITHFUL), paired, 0.5, tiny_settings)[0]
    add_sharp_partner(paired.weights_dir, FAITHFUL, SHARP, seed=8)
    catalog = Catalog(paired.weights_dir)
    after = at_sharpness(catalog.find(FAITHFUL), catalog, 0.5, tiny_settings)[0]
    assert after.name == before.name and after.sha256 != before.sha256


def test_licences_and_data_of_both_are_kept(paired, tiny_settings):
    pack, other = ({"pack": name, "pictures": 3} for name in "ab")
    for name, licence, data in ((FAITHFUL, "Apache-2.0", (pack,)), (SHARP, "BSD-3-Clause", (pack, other))):
        card = dataclasses.replace(paired.find(name), licence=licence, data=data)
        write_card(card, paired.weights_dir / f"{name}.json")
    catalog = Catalog(paired.weights_dir)
    card, _ = at_sharpness(catalog.find(FAITHFUL), catalog, 0.5, tiny_settings)
    assert card.licence == "Apache-2.0 and BSD-3-Clause" and card.data == (pack, other)


@pytest.mark.parametrize("sharpness", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_sharpness_out_of_range_is_refused(paired, tiny_settings, sharpness):
    with pytest.raises(SettingsError, match=r"between 0 \(faithful\) and 1 \(sharp\), got"):
        at_sharpness(paired.find(FAITHFUL), paired, sharpness, tiny_settings)


@pytest.mark.parametrize(
    "changed, told",
    [
        ({}, "has no sharp partner of its shape"),
        ({"precision": "int8", "compressed_from": FAITHFUL}, "has 8-bit weights, which cannot be interpolated"),
        ({"compressed_from": FAITHFUL}, "was pruned"),
    ],
)
def test_a_network_without_a_partner_is_refused_and_those_with_one_are_named(paired, tiny_settings, changed, told):
    twin = dataclasses.replace(paired.find("tiny_x4_twin"), **changed)
    with pytest.raises(SettingsError, match=f"'tiny_x4_twin' {told}.*; choose one of {FAITHFUL}\\.$"):
        at_sharpness(twin, paired, 0, tiny_settings)


def test_where_no_network_has_a_partner_the_sentence_says_so(tiny_catalog, tiny_settings):
    with pytest.raises(SettingsError, match="no network here has one"):
        at_sharpness(tiny_catalog.find(FAITHFUL), tiny_catalog, 0.5, tiny_settings)


def test_a_home_that_cannot_be_written_is_one_sentence(paired, tiny_settings):
    tiny_settings.home.write_text("a file where a folder should be")
    with pytest.raises(SettingsError, match="KDSR_HOME"):
        at_sharpness(paired.find(FAITHFUL), paired, 0.5, tiny_settings)


def test_no_released_network_of_8_bits_or_pruned_has_a_partner_and_every_pair_is_of_one_task_and_shape():
    catalog = Catalog(Settings(weights_dir=Path(__file__).parents[2] / "weights").weights_dir)
    for pair in filter(None, (sharp_pair_of(card, catalog) for card in catalog.cards)):
        assert pair.faithful.compressed_from is pair.sharp.compressed_from is None
        assert (pair.faithful.task, pair.faithful.arguments) == (pair.sharp.task, pair.sharp.arguments)
