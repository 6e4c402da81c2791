"""The cards of the tab Models: what they show, their downloads, compressed networks, and hostile or damaged cards."""

import dataclasses
from pathlib import Path

import pytest
from helpers.drawings import drawings
from helpers.networks import add_network
from helpers.zoo import (
    CHOICE,
    HOSTILE,
    PLAIN,
    REQUEST,
    figure,
    latency,
    models_handlers,
    rewrite,
    x4,
    zoo_cards,
    zoo_weights,
)

from kdsr.ui import texts
from kdsr.ui.models import card as models_card
from kdsr.ui.models.chart import BY_LATENCY, BY_PARAMETERS
from kdsr.ui.models.compression import compression_rows, relatives
from kdsr.ui.models.rows import (
    twin_gains,
)
from kdsr.ui.models.selection import Selection
from kdsr.zoo import Catalog, FigureKey, write_card

weights = pytest.fixture(zoo_weights)
handlers = pytest.fixture(models_handlers)
cards = pytest.fixture(zoo_cards)


def test_the_gain_over_the_twin_is_the_difference_of_the_two_cards(cards):
    student = next(card for card in cards if card.name == "sr_x4-student")
    gains = twin_gains(student, cards)
    assert gains[FigureKey("Set5")] == pytest.approx(0.02) and gains[FigureKey("BSD100")] == pytest.approx(-0.05)
    assert "+0.02 dB on Set5, -0.05 dB on BSD100" in models_card.head(student, cards)
    assert twin_gains(student, [student]) == {} and "over the twin" not in models_card.head(student, [student])


def test_photographs_are_named_by_what_they_are_not_by_their_folder(cards):
    packs = [{"pack": "photos_a", "pictures": 446, "licences": []}, {"pack": "mine", "pictures": 9}]
    student = dataclasses.replace(next(card for card in cards if card.name == "sr_x4-student"), data=packs)
    body = models_card.body(student, cards)
    assert "<li>446 photographs, of each the most detailed window of 384 to 512 px</li>" in body
    assert "<li>9 photographs of mine</li>" in body and "photos_a" not in body


def test_no_text_of_a_card_is_html(handlers, weights):
    hostile = {
        "title": HOSTILE,
        "licence": HOSTILE,
        "trained_on": HOSTILE,
        "notes": HOSTILE,
        "teacher": HOSTILE,
        "sha256": HOSTILE,
    }
    hostile |= {
        "recipe": {HOSTILE: HOSTILE},
        "history": [{"name": HOSTILE, "steps": 3, "recipe": {"teacher": HOSTILE}}],
    }
    hostile |= {"data": [{"pack": HOSTILE, "pictures": HOSTILE, "licences": [HOSTILE]}], "arguments": {HOSTILE: 1}}
    hostile |= {"latency": [latency(20.0, runtime=HOSTILE, machine=HOSTILE)]}
    hostile |= {
        "figures": [
            dataclasses.asdict(dataclasses.replace(figure(HOSTILE, 30.0), worst_picture=HOSTILE, convention=HOSTILE))
        ]
    }
    rewrite(weights, "sr_x4-student", **hostile)
    for by in (BY_PARAMETERS, BY_LATENCY):
        page = handlers.on_by(by, Selection("sr_x4-student"))
        shown = "".join(
            str(part) for part in (*handlers.on_show(Selection("sr_x4-student", by=by), CHOICE, REQUEST), *page)
        )
        assert "&lt;img" in shown and "<img" not in shown.replace(repr(HOSTILE), "")
        assert drawings(page.chart)


@pytest.mark.parametrize(
    "damage",
    [
        {"parameters": "many"},
        {"steps": None},
        {"file_bytes": -1},
        {"data": ["a pack"]},
        {"history": [3]},
        {"recipe": []},
        {"arguments": "none"},
    ],
)
def test_a_card_of_the_wrong_kind_is_one_sentence_and_the_others_stand(handlers, weights, damage):
    rewrite(weights, "sr_x4-large", **damage)
    page = handlers.on_show(Selection(), CHOICE, REQUEST)
    assert (
        "sr_x4-large.json" in page.problems
        and "sr_x4-small" in page.tables
        and 'data-network="sr_x4-large"' not in page.tables
    )


def test_downloads_are_the_exact_files_and_altered_weights_are_a_sentence(handlers, weights):
    page = handlers.on_show(Selection("sr_x4-student"), CHOICE, REQUEST)
    for part, suffix in ((page.weights, ".safetensors"), (page.card, ".json")):
        given = Path(part["value"])
        assert given.name == f"sr_x4-student{suffix}" and given.read_bytes() == (weights / given.name).read_bytes()
    (weights / "sr_x4-twin.safetensors").write_bytes(b"something else")
    page = handlers.on_show(Selection("sr_x4-twin"), CHOICE, REQUEST)
    assert "SHA-256 differs" in page.status and not page.weights["interactive"]


def test_a_card_tells_how_to_check_it(handlers):
    page = handlers.on_show(Selection("sr_x4-student"), CHOICE, REQUEST)
    assert (
        "kdsr card verify sr_x4-student --data FOLDER" in page.body
        and Catalog(handlers.settings.weights_dir).find("sr_x4-student").sha256 in page.body
    )
    assert "<small>the worst one</small>" in page.body and 'data-network="sr_x4-large"' in page.body


def test_a_recipe_of_stages_is_told_as_its_last_stage_ran(handlers, weights):
    staged = {
        "learning_rate": 0.001,
        "patch_px": 48,
        "stages": [{"learning_rate": 0.0008}, {"learning_rate": 0.0002, "teacher": "sr_x4-large"}],
    }
    rewrite(weights, "sr_x4-student", recipe=staged, history=[{"name": "before", "steps": 3, "recipe": staged}])
    body = handlers.on_show(Selection("sr_x4-student"), CHOICE, REQUEST).body
    assert (
        "<dd>0.0002</dd>" in body
        and "<dd>48</dd>" in body
        and "<dd>0.001</dd>" not in body
        and "3 steps, taught by" in body
    )
    for damaged in ("two", [], [3], None):
        rewrite(weights, "sr_x4-student", recipe=staged | {"stages": damaged})
        assert "<dd>0.001</dd>" in handlers.on_show(Selection("sr_x4-student"), CHOICE, REQUEST).body


def test_cards_with_other_figures_can_be_added_at_any_time(handlers, weights):
    card = handlers.zoo().find("denoise-fresh")
    write_card(dataclasses.replace(card, figures=(figure("My set", 30.0, 25.0),)), weights / "denoise-fresh.json")
    page = handlers.on_filter("denoise", Selection())
    assert "My set" in page.tables and "PSNR on My set, sigma 25" in page.chart


@pytest.fixture
def compressed(weights, handlers):
    """The zoo of `weights` with the student in 8 bits, and pruned."""
    both = {"compressed_from": "sr_x4-student", "teacher": "sr_x4-large"}
    steps = (
        {"step": "source", "psnr_db": 27.0},
        {"step": "int8, by ranges", "psnr_db": 26.96},
        {"step": HOSTILE, "psnr_db": "high"},
    )
    add_network(
        weights,
        "sr_x4-student-int8",
        "sr_x4",
        "student",
        *PLAIN,
        figures=x4(31.0, 26.98),
        latency=(latency(12.0, "onnx"),),
        compression=steps,
        **both,
    )
    rewrite(weights, "sr_x4-student-int8", precision="int8", title="The student, int8")
    add_network(
        weights,
        "sr_x4-student-pruned",
        "sr_x4",
        "student",
        "plain",
        {"width": 4, "depth": 3},
        figures=x4(30.0, 26.0),
        **both,
    )
    return handlers


def test_a_compressed_network_stands_in_a_table_beside_what_it_came_from(compressed):
    cards = compressed.zoo().cards
    int8, source, small = (compressed.zoo().find(f"sr_x4-{name}") for name in ("student-int8", "student", "small"))
    wanted = [
        ("sr_x4-large", "Teacher"),
        ("sr_x4-student", "Student"),
        ("sr_x4-student-int8", "int8"),
        ("sr_x4-student-pruned", "pruned"),
    ]
    assert (
        [(card.name, how) for card, how in relatives(int8, cards)]
        == wanted
        == [(card.name, how) for card, how in relatives(source, cards)]
    )
    assert relatives(small, cards) == []
    heads, rows, foot = compression_rows(int8, cards)
    assert heads == ("Network", "PSNR", "File", "Latency") and [row[1] for row in rows] == [
        "27.50",
        "27.00",
        "26.98",
        "26.00",
    ]
    assert rows[2][0] == "<b>int8</b>" and rows[2][3] == texts.milliseconds(0.012) and rows[3][3] == texts.NONE
    assert "int8, by ranges -0.040 dB." in foot and "PSNR on BSD100" in foot


def test_the_card_of_a_compressed_network_says_what_it_came_from(compressed):
    page = compressed.on_show(Selection("sr_x4-student-int8"), CHOICE, REQUEST)
    assert (
        "8-bit integer convolutions" in page.head
        and 'data-network="sr_x4-student"' in page.head
        and ", int8" in page.head
    )
    assert (
        "<h3>Compression</h3>" in page.body and "student-int8" in compressed.on_by(BY_PARAMETERS, page.selection).chart
    )
    assert "<h3>Compression</h3>" not in compressed.on_show(Selection("sr_x4-small"), CHOICE, REQUEST).body
    rewrite(
        compressed.settings.weights_dir,
        "sr_x4-student-int8",
        title=HOSTILE,
        compression=[{"step": HOSTILE, "psnr_db": 1.0}] * 2,
    )
    shown = compressed.on_show(Selection("sr_x4-student-int8"), CHOICE, REQUEST)
    assert "<img" not in shown.body and "&lt;img" in shown.body
