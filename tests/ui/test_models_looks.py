"""The figures for looks in the tab Models: columns, a card's rows, the plot, and the words on a network for looks."""

import dataclasses
import re
from types import SimpleNamespace

import pytest
from helpers.drawings import drawings
from helpers.networks import add_network
from helpers.zoo import CHOICE, HOSTILE, PLAIN, REQUEST, RESIDUAL, figure, models_handlers, rewrite

from kdsr.metrics.looks import LOOKS
from kdsr.ui import texts
from kdsr.ui.models import card as models_card
from kdsr.ui.models import chart as models_chart
from kdsr.ui.models.chart import BY_LATENCY, BY_PARAMETERS, chart_of
from kdsr.ui.models.looks import gain_in_looks, look_table, looks_comparison
from kdsr.ui.models.rows import PSNR, measures_of, qualities_of, values_of
from kdsr.ui.models.selection import Selection
from kdsr.ui.models.table import tables
from kdsr.zoo import FigureKey, LookFigure

LEVELS = (2.0, 5.0, 8.0)
AT_5 = FigureKey("BSD100", 5.0)
SHARP = {"terms": [{"loss": "critic"}]}


def looks(**means: float) -> tuple[LookFigure, ...]:
    """The figures `means` at each level, which is added to them as thousandths."""
    return tuple(
        LookFigure("BSD100", 100, name, mean + level / 1000, mean, "worst", LOOKS[name].convention, "level", level)
        for name, mean in means.items()
        for level in LEVELS
    )


@pytest.fixture
def weights(tmp_path):
    """A faithful student, its teacher, a student for looks and its twin, with figures for looks; one without."""
    folder = tmp_path / "weights"
    folder.mkdir()

    def add(name, role, shape, psnr_db, **given):
        at = tuple(
            dataclasses.replace(figure("BSD100", psnr_db - level / 10, level, 100), strength_name="level")
            for level in LEVELS
        )
        add_network(folder, f"photo_x4-{name}", "photo_x4", role, *shape, figures=at, **given)

    add("teacher", "teacher", RESIDUAL, 26.6, looks=looks(niqe=6.9, lite2=0.75, consistency=40.0))
    add("student", "student", ("plain", {"width": 16, "depth": 3}), 26.5, looks=looks(niqe=7.015, lite2=0.7715))
    sharp = looks(niqe=5.895, lite2=0.7695, haarpsi=0.6)
    add("sharp", "student", PLAIN, 25.94, looks=sharp, recipe=SHARP, twin="photo_x4-sharp-twin")
    add("sharp-twin", "twin", PLAIN, 26.0, looks=looks(niqe=6.395, lite2=0.7745), recipe=SHARP)
    add("bare", "student", PLAIN, 26.0)
    return folder


handlers = pytest.fixture(models_handlers)


@pytest.fixture
def cards(handlers):
    return {card.name.removeprefix("photo_x4-"): card for card in handlers.zoo().cards}


def test_the_table_has_niqe_and_the_distance_in_features_where_networks_are_compared(cards):
    html = tables([("photo_x4", list(cards.values()))], "")
    row = re.search(r'<tr data-network="photo_x4-sharp">.*?</tr>', html)[0]
    assert re.findall(r"<td[^>]*>(.*?)</td>", row)[1:6] == ["25.74", "25.44", "25.14", "5.90", "0.774"]
    assert ">NIQE ↓<small>level 5</small>" in html and ">Lite2 ↓<small>level 5</small>" in html
    assert "NIQE over BSD100, level 5; lower is better" in html
    assert "<b>Lite2 distance</b>: lower is better." in html
    bare = re.search(r'<tr data-network="photo_x4-bare">.*?</tr>', html)[0]
    assert re.findall(r"<td[^>]*>(.*?)</td>", bare)[4:6] == [texts.NONE] * 2
    assert "NIQE" not in tables([("photo_x4", [cards["bare"]])], "")


def test_a_card_has_a_row_for_each_figure_and_a_column_for_each_level(cards):
    heads, rows, foot = look_table(cards["sharp"])
    assert heads == ("Figure", "level 2", "level 5", "level 8")
    assert rows == [
        ("NIQE<small>lower is better</small>", "5.90", "5.90", "5.90"),
        ("HaarPSI<small>higher is better</small>", "0.6020", "0.6050", "0.6080"),
        ("Lite2 distance<small>lower is better</small>", "0.771", "0.774", "0.777"),
    ]
    assert foot.startswith("Means over BSD100.") and LOOKS["niqe"].limits in foot
    assert look_table(cards["teacher"])[1][-1][0] == "Consistency, dB<small>higher is better</small>"
    assert look_table(cards["bare"])[1:] == ([], "") and "<h3>Looks</h3>" not in models_card.body(cards["bare"], [])
    assert "<h3>Looks</h3>" in models_card.body(cards["sharp"], list(cards.values()))


def test_a_network_for_looks_is_told_by_them_and_its_psnr_is_the_trade(cards):
    every = list(cards.values())
    said = looks_comparison(cards["sharp"], every)
    assert said == (
        f"{texts.FOR_LOOKS} Beside photo_x4-student on BSD100, level 5: NIQE 5.90 instead of 7.02 (lower is better), "
        "Lite2 distance 0.774 instead of 0.776 (lower is better), 0.56 dB less PSNR."
    )
    assert said in models_card.head(cards["sharp"], every)
    assert looks_comparison(cards["student"], every) == ""
    assert looks_comparison(cards["sharp"], [cards["sharp"]]) == texts.FOR_LOOKS
    no_looks = dataclasses.replace(cards["sharp"], looks=())
    assert looks_comparison(no_looks, every).endswith("on BSD100, level 5: 0.56 dB less PSNR.")


def test_what_a_teacher_gave_a_network_for_looks_is_no_loss_of_decibels(cards):
    every = list(cards.values())
    said = gain_in_looks(cards["sharp"], every)
    assert "NIQE -0.50 on BSD100, level 5 (lower is better)" in said and "Lite2 distance -0.005" in said
    html = models_card.head(cards["sharp"], every) + models_card.body(cards["sharp"], every)
    assert said in html and "dB on BSD100" not in html and "Over twin" not in html
    assert gain_in_looks(cards["sharp"], [cards["sharp"]]) == ""


def test_the_plot_shows_the_figure_that_is_chosen_with_its_direction(handlers):
    page = handlers.on_show(Selection("photo_x4-sharp"), CHOICE, REQUEST)
    names = ["psnr", "niqe", "lite2"]  # only figures that two networks have
    assert [name for _, name in page.quality["choices"]] == names and page.quality["value"] == PSNR
    assert "PSNR, dB (higher is better)" in page.chart
    page = handlers.on_quality("niqe", page.selection)
    assert page.measure["value"] == "BSD100, level 5" and "NIQE on BSD100, level 5 against parameters" in page.chart
    assert "NIQE (lower is better)" in page.chart and LOOKS["niqe"].limits in page.chart
    assert "photo_x4-sharp" in page.chart and "NIQE 5.90, " in page.chart
    assert "1 network without that figure is left out" in page.chart and drawings(page.chart)
    page = handlers.on_measure("BSD100, level 8", page.selection)
    assert page.selection.quality == "niqe" and "NIQE on BSD100, level 8" in page.chart
    assert handlers.on_quality("consistency", page.selection).quality["value"] == PSNR


def test_networks_without_figures_for_looks_have_no_such_choice(handlers, weights):
    for name in ("teacher", "student", "sharp", "sharp-twin"):
        rewrite(weights, f"photo_x4-{name}", looks=[])
    page = handlers.on_show(Selection("photo_x4-sharp"), CHOICE, REQUEST)
    assert not page.quality["visible"]


def test_what_bicubic_and_the_originals_have_is_drawn_or_told(cards, monkeypatch):
    ends = {"bicubic": 7.9, "original": 3.8}
    monkeypatch.setattr(models_chart, "LOOK_ENDS", {("photo_x4", AT_5, "niqe"): ends})
    given = (list(cards.values()), "photo_x4", AT_5, BY_PARAMETERS, None, "")
    html = chart_of(*given, "niqe")
    assert html.count(">Bicubic</text>") == 2 and "Original, at 3.80, is below the plot." in html
    assert texts.MEASURED_ENDS in html and texts.MEASURED_ENDS not in chart_of(*given)
    monkeypatch.setattr(models_chart, "LOOK_ENDS", {("photo_x4", AT_5, "niqe"): {"bicubic": 9.9}})
    assert "Bicubic, at 9.90, is above the plot." in chart_of(*given, "niqe")


def test_values_are_of_one_convention_and_no_others_are_numbers(cards):
    sharp = cards["sharp"]
    assert values_of(sharp, "niqe")[AT_5] == pytest.approx(5.9) and measures_of([sharp], "niqe")[1] == AT_5
    damaged = [{"convention": "another"}, {"mean": "high"}, {"mean": float("nan")}, {"set": None}, {"strength": []}]
    for wrong in damaged:
        odd = dataclasses.replace(sharp, looks=(dataclasses.replace(sharp.looks[0], **wrong),))
        assert values_of(odd, "niqe") == {} and qualities_of([odd, sharp]) == [PSNR]


def test_no_text_of_a_figure_for_looks_is_html(handlers, weights):
    hostile = dataclasses.asdict(looks(niqe=5.0)[0]) | {"set": HOSTILE, "strength": HOSTILE, "worst_picture": HOSTILE}
    for name in ("sharp", "student"):
        rewrite(weights, f"photo_x4-{name}", looks=[hostile])
    selection = Selection("photo_x4-sharp", quality="niqe")
    page = handlers.on_pick(selection, SimpleNamespace(_data={"network": "photo_x4-sharp"}))
    shown = "".join((page.head, page.body, page.chart, handlers.on_by(BY_LATENCY, selection).chart))
    assert "&lt;img" in shown and "<img" not in shown
