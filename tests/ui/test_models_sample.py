"""The comparison in a network's card, without a browser."""

import gradio as gr
import pytest
from helpers.restoring import shown_in
from helpers.serving import tiny_settings_in
from helpers.zoo import CHOICE, REQUEST, models_handlers, zoo_weights

from kdsr.image import read_picture
from kdsr.ui.models.sample import SIDE_PX, Samples, compared_with
from kdsr.ui.models.selection import Selection
from kdsr.zoo import open_catalog

weights = pytest.fixture(zoo_weights)
handlers = pytest.fixture(models_handlers)


@pytest.fixture
def settings(tmp_path):
    return tiny_settings_in(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, keys",
    [
        ("tiny_x4_student", ["input", "twin", "student", "teacher", "truth"]),
        ("tiny_x4_teacher", ["input", "teacher", "truth"]),
        ("tiny_denoise_student", ["input", "student", "truth"]),
    ],
)
def test_a_card_compares_its_network_with_what_it_names(settings, tmp_path, name, keys):
    catalog, samples = open_catalog(settings), Samples(tmp_path / "samples", settings)
    card = catalog.find(name)
    assert samples.ready(card, catalog.cards) == ""
    made = samples.make(card, catalog.cards, catalog)
    shown = shown_in(made)
    assert [picture["key"] for picture in shown["pictures"]] == keys
    assert (shown["left"], shown["right"], shown["size"]) == ("input", card.role, [SIDE_PX, SIDE_PX])
    assert samples.ready(card, catalog.cards) == made


def test_each_picture_is_made_once_by_its_own_network_and_again_when_it_is_gone(settings, tmp_path):
    catalog, samples = open_catalog(settings), Samples(tmp_path / "samples", settings)
    card = catalog.find("tiny_x4_student")
    samples.make(card, catalog.cards, catalog)
    networks, folder = compared_with(card, catalog.cards), samples.folder / card.task
    files = {role: folder / f"{one.sha256}.png" for role, one in networks.items()}
    pictures = {role: read_picture(file, settings).pixels.tobytes() for role, file in files.items()}
    assert len(set(pictures.values())) == 3
    made_at = files["teacher"].stat().st_mtime_ns
    files["student"].unlink()
    assert samples.ready(card, catalog.cards) == ""
    assert samples.make(card, catalog.cards, catalog) and files["teacher"].stat().st_mtime_ns == made_at
    assert read_picture(files["student"], settings).pixels.tobytes() == pictures["student"]


def test_a_network_without_a_comparison_leaves_no_gap_and_one_is_there_at_the_second_look(handlers):
    page = handlers.on_show(Selection(), CHOICE, REQUEST)
    assert page.sample == "" and "data-pictures" in handlers.on_sample(page.selection)[1]
    assert "data-pictures" in handlers.on_show(page.selection, CHOICE, REQUEST).sample
    weights = handlers.settings.weights_dir / "denoise-fresh.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"bad!")
    for name in ("denoise-fresh", "no"):
        assert handlers.on_sample(Selection(name)) == (name, "<i data-none></i>")


def test_a_comparison_that_comes_late_does_not_stand_in_the_card_of_another_network(handlers):
    made = handlers.on_sample(Selection("denoise-fresh"))
    assert handlers.on_sampled(made, Selection("denoise-fresh")) == made[1]
    assert handlers.on_sampled(made, Selection("sr_x4-twin")) == gr.skip()
