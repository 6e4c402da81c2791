"""The rows, the table and the plot of the tab Models."""

import dataclasses
from types import SimpleNamespace

import pytest
from helpers.zoo import (
    CHOICE,
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
from kdsr.ui.charts.curves import Level
from kdsr.ui.charts.scatter import Mark, drawn_levels
from kdsr.ui.models.chart import BY_LATENCY, BY_PARAMETERS, chart_of, published_table
from kdsr.ui.models.published import REFERENCES
from kdsr.ui.models.rows import (
    fastest,
    figures_of,
    measure_title,
    measures_of,
    sorted_cards,
    timings_of,
    usual_conditions,
    usual_figure,
)
from kdsr.ui.models.selection import Selection
from kdsr.ui.models.table import tables
from kdsr.zoo import FigureKey

weights = pytest.fixture(zoo_weights)
handlers = pytest.fixture(models_handlers)
cards = pytest.fixture(zoo_cards)


def test_rows_stand_by_role_and_then_by_quality(cards):
    assert [card.name for card in sorted_cards(cards, "sr_x4")] == [
        "sr_x4-large",
        "sr_x4-small",
        "sr_x4-student",
        "sr_x4-twin",
    ]


def test_figures_stand_in_the_order_of_the_field_and_the_largest_set_is_the_usual_one(cards):
    x4_cards = sorted_cards(cards, "sr_x4")
    assert measures_of(x4_cards) == [FigureKey("Set5"), FigureKey("BSD100")]
    assert usual_figure(x4_cards, "sr_x4") == FigureKey("BSD100")
    noisy = dataclasses.replace(cards[0], figures=tuple(figure("CBSD68", 30, sigma) for sigma in (50.0, 15.0, 25.0)))
    assert measures_of([noisy]) == [FigureKey("CBSD68", 15.0), FigureKey("CBSD68", 25.0), FigureKey("CBSD68", 50.0)]
    assert usual_figure([noisy], "denoise") == FigureKey("CBSD68", 25.0)


def test_denoisers_are_compared_by_laboratory_noise_and_the_table_shows_noise_as_in_a_file(cards):
    noisy = dataclasses.replace(
        cards[0],
        figures=tuple(
            dataclasses.replace(figure("CBSD68", psnr_db, sigma), noise=noise)
            for noise, psnr_db in (("file", 30.25), ("laboratory", 30.71))
            for sigma in (15.0, 25.0, 50.0)
        ),
    )
    assert usual_figure([noisy], "denoise") == FigureKey("CBSD68", 25.0, "laboratory")
    assert measure_title(FigureKey("CBSD68", 25.0, "laboratory"), "denoise") == "CBSD68, sigma 25, laboratory"
    html = tables([("denoise", [noisy])], "")
    assert html.count("30.25") == 3 and "30.71" not in html and "sigma 25, file" in html
    assert [key.noise for key in REFERENCES["denoise"][0].psnr_db] == ["laboratory"] * 3


def test_a_table_with_too_many_figures_for_a_page_keeps_to_the_usual_set(cards):
    many = dataclasses.replace(
        cards[0],
        figures=tuple(
            figure(name, 30 + quality / 10, quality, n)
            for name, n in (("A", 9), ("B", 3))
            for quality in (10, 20, 30, 40)
        ),
    )
    html = tables([("jpeg", [many])], "")
    assert html.count("quality ") == 8 and ">B<" not in html  # under the name, and in what hovering tells
    few = dataclasses.replace(many, figures=many.figures[:5])
    assert ">B<" in tables([("jpeg", [few])], "") and 'class="zoo many"' in tables([("jpeg", [few])], "")


def test_latency_is_that_of_the_fastest_runtime_and_of_one_place_only(cards):
    where = usual_conditions(cards)
    student = next(card for card in cards if card.name == "sr_x4-student")
    assert (fastest(student, where).end_to_end_ms, fastest(student, where).runtime) == (30.0, "onnx")
    elsewhere = dataclasses.replace(student, latency=(latency(2.0, device="cuda"),))
    assert (
        usual_conditions([*cards, elsewhere]) == where
        and fastest(elsewhere, where) is None
        and len(timings_of(elsewhere)) == 1
    )


def test_a_task_that_was_timed_elsewhere_keeps_its_latencies_and_the_foot_says_where(cards):
    alike = sorted_cards(cards, "sr_x4")
    other = [dataclasses.replace(card, task="jpeg", latency=(latency(2.0, machine="Another"),)) for card in alike]
    html = tables([("sr_x4", alike), ("jpeg", other)], "")
    assert (
        ">2.00 ms<" in html
        and html.count("JPEG clean-up: ") == 1
        and html.index("JPEG clean-up: ") < html.index(", Another.")
    )
    assert "Another" not in tables([("sr_x4", alike)], "") and "JPEG clean-up: " not in tables([("jpeg", other)], "")


def test_the_foot_says_which_processors_8_bits_are_for_where_there_are_any(cards):
    alike = sorted_cards(cards, "sr_x4")
    assert texts.EIGHT_BITS_NEED not in tables([("sr_x4", alike)], "")
    assert texts.EIGHT_BITS_NEED in tables([("sr_x4", [*alike, dataclasses.replace(alike[-1], precision="int8")])], "")


def test_the_plot_stands_against_parameters_with_the_field_or_against_latency_without(handlers):
    page = handlers.on_show(Selection(), CHOICE, REQUEST)
    assert (
        page.by["value"] == BY_PARAMETERS
        and "PlainUSR-T" in page.chart
        and "~SESR-M11" in page.chart
        and texts.PUBLISHED in page.chart
    )
    page = handlers.on_by(BY_LATENCY, page.selection)
    assert (
        "PlainUSR-T" not in page.chart
        and "a machine" in page.chart
        and "1 network without that figure is left out" in page.chart
    )
    page = handlers.on_measure("Set5", page.selection)
    assert "PSNR on Set5 against latency" in page.chart and page.measure["value"] == "Set5"


def test_tasks_without_published_figures_show_none(cards):
    card = dataclasses.replace(cards[0], task="jpeg", figures=(figure("BSD100", 29.0, 10.0),))
    assert (
        texts.PUBLISHED not in chart_of([card], "jpeg", FigureKey("BSD100", 10.0), BY_PARAMETERS, None, "")
        and published_table("jpeg") == ""
    )
    assert published_table("sr_x4").count("<tr>") == len(REFERENCES["sr_x4"]) + 1


def test_a_level_far_below_is_told_and_not_drawn(cards):
    marks = [Mark("", "student", 1, value, "") for value in (30.0, 31.0)]
    levels = [Level("", "", value) for value in (29.9, 26.0, 31.3)]
    assert [level.value for level in drawn_levels(marks, levels, 0.25)] == [29.9]
    assert [level.value for level in drawn_levels(marks, levels, 1.0)] == [29.9, 31.3]
    student = dataclasses.replace(cards[0], figures=x4(31.0, 27.1))
    assert "Bicubic, at 25.96 dB, is below the plot" in chart_of(
        [student], "sr_x4", FigureKey("BSD100"), BY_PARAMETERS, None, ""
    )


def test_a_network_time_above_the_whole_is_not_shown(handlers, weights):
    rewrite(weights, "sr_x4-large", latency=[latency(40.0, network_ms=47.0), latency(30.0, "onnx", network_ms=23.0)])
    body = handlers.on_pick(Selection(), SimpleNamespace(_data={"network": "sr_x4-large"})).body
    assert [shown in body for shown in ("47.0 ms", "40.0 ms", "23.0 ms", "30.0 ms")] == [False, True, True, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows", [["fast"], [{}], [{"network_ms": "5"}], [latency(5.0, threads=None)], [latency(float("inf"))]]
)
def test_latencies_and_figures_that_are_no_numbers_count_as_missing(handlers, weights, rows):
    rewrite(
        weights, "sr_x4-large", latency=rows, figures=[dataclasses.asdict(figure("Set5", 30.0)) | {"psnr_db": "high"}]
    )
    card = handlers.zoo().find("sr_x4-large")
    assert timings_of(card) == [] and figures_of(card) == {}
    assert texts.NO_FIGURES in handlers.on_pick(Selection(), SimpleNamespace(_data={"network": "sr_x4-large"})).body
