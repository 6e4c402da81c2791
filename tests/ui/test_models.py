"""The tab of the zoo, without a browser: its rows, its plot, its cards, and what its handlers answer."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.drawings import drawings
from helpers.networks import add_network

from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.charts.curves import Level
from kdsr.ui.charts.scatter import Mark, drawn_levels
from kdsr.ui.models import card as models_card
from kdsr.ui.models.chart import BY_LATENCY, BY_PARAMETERS, chart_of, published_table
from kdsr.ui.models.compression import compression_rows, relatives
from kdsr.ui.models.handlers import ALL, ModelsHandlers, Selection, wanted_of
from kdsr.ui.models.published import REFERENCES
from kdsr.ui.models.rows import (
    figures_of,
    measures_of,
    quickest,
    sorted_cards,
    timings_of,
    twin_gains,
    usual_conditions,
    usual_figure,
)
from kdsr.ui.models.table import tables
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.zoo import Catalog, Figure, write_card

REQUEST = SimpleNamespace(session_hash="visitor", query_params={})
CHOICE = Choice("sr_x4", "clean", None, None, 0.0)
PLAIN, RESIDUAL = ("plain", {"width": 8, "depth": 3}), ("residual", {"width": 8, "blocks": 2})
HOSTILE = '<img src=x onerror=alert(1)> {{constructor}} ${alert(2)} "quoted"'


def figure(name: str, psnr_db: float, strength: float | None = None, n: int = 5) -> Figure:
    return Figure(
        name,
        n,
        psnr_db,
        0.9,
        psnr_db - 3,
        "the worst one",
        "as the task has it",
        "sigma" if strength else None,
        strength,
    )


def x4(set5: float, bsd100: float) -> tuple[Figure, ...]:
    return figure("BSD100", bsd100, n=100), figure("Set5", set5)


def latency(ms: float, runtime: str = "torch", **given: object) -> dict[str, object]:
    where = {"device": "cpu", "machine": "a machine", "threads": 2, "input_width_px": 256, "input_height_px": 256}
    return (
        where
        | {"runtime": runtime, "precision": "float32", "network_ms": ms - 1, "end_to_end_ms": ms, "repeats": 15}
        | given
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Four measured networks for x4, and one for denoising that was never measured."""
    folder = tmp_path / "weights"
    folder.mkdir()
    both = (latency(50.0), latency(30.0, "onnx"))
    add_network(folder, "sr_x4-small", "sr_x4", "teacher", *RESIDUAL, figures=x4(30.5, 26.5), latency=both)
    add_network(
        folder,
        "sr_x4-large",
        "sr_x4",
        "teacher",
        *RESIDUAL,
        figures=x4(31.5, 27.5),
        latency=(latency(400.0), latency(300.0, "onnx")),
    )
    add_network(
        folder,
        "sr_x4-student",
        "sr_x4",
        "student",
        *PLAIN,
        figures=x4(31.02, 27.0),
        latency=both,
        teacher="sr_x4-large",
        twin="sr_x4-twin",
    )
    add_network(folder, "sr_x4-twin", "sr_x4", "twin", *PLAIN, figures=x4(31.0, 27.05))
    add_network(folder, "denoise-fresh", "denoise", "student", *PLAIN)
    return folder


@pytest.fixture
def session(weights, tmp_path) -> ModelsHandlers:
    settings = Settings(weights_dir=weights, home=tmp_path / "home", device="cpu", threads=1)
    return ModelsHandlers(tmp_path / "models", RestoreHandlers(settings, tmp_path / "runs"))


@pytest.fixture
def cards(session):
    return session.zoo().cards


def rewrite(weights: Path, name: str, **given: object) -> None:
    """Give the card `name` other fields."""
    path = weights / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | given), encoding="utf-8")


def test_rows_stand_by_role_and_then_by_quality(cards):
    assert [card.name for card in sorted_cards(cards, "sr_x4")] == [
        "sr_x4-large",
        "sr_x4-small",
        "sr_x4-student",
        "sr_x4-twin",
    ]


def test_figures_stand_in_the_order_of_the_field_and_the_largest_set_is_the_usual_one(cards):
    x4_cards = sorted_cards(cards, "sr_x4")
    assert measures_of(x4_cards) == [("Set5", None), ("BSD100", None)] and usual_figure(x4_cards, "sr_x4") == (
        "BSD100",
        None,
    )
    noisy = dataclasses.replace(cards[0], figures=tuple(figure("CBSD68", 30, sigma) for sigma in (50.0, 15.0, 25.0)))
    assert measures_of([noisy]) == [("CBSD68", 15.0), ("CBSD68", 25.0), ("CBSD68", 50.0)] and usual_figure(
        [noisy], "denoise"
    ) == ("CBSD68", 25.0)


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


def test_latency_is_that_of_the_quickest_runtime_and_of_one_place_only(cards):
    where = usual_conditions(cards)
    student = next(card for card in cards if card.name == "sr_x4-student")
    assert (quickest(student, where).end_to_end_ms, quickest(student, where).runtime) == (30.0, "onnx")
    elsewhere = dataclasses.replace(student, latency=(latency(2.0, device="cuda"),))
    assert (
        usual_conditions([*cards, elsewhere]) == where
        and quickest(elsewhere, where) is None
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


def test_the_gain_over_the_twin_is_the_difference_of_the_two_cards(cards):
    student = next(card for card in cards if card.name == "sr_x4-student")
    gains = twin_gains(student, cards)
    assert gains[("Set5", None)] == pytest.approx(0.02) and gains[("BSD100", None)] == pytest.approx(-0.05)
    assert "+0.02 dB on Set5, -0.05 dB on BSD100" in models_card.head(student, cards)
    assert twin_gains(student, [student]) == {} and "over the twin" not in models_card.head(student, [student])


def test_what_was_not_measured_is_a_dash(session, cards):
    html = tables([("denoise", sorted_cards(cards, "denoise")), ("sr_x4", sorted_cards(cards, "sr_x4"))], "")
    assert html.count(f'<td class="none">{texts.NONE}</td>') == 2  # the latencies of the fresh network and of the twin
    page = session.on_filter("denoise", Selection())
    assert (
        texts.NO_POINTS in page.chart
        and texts.NO_FIGURES in page.body
        and not page.measure["visible"]
        and not page.by["visible"]
    )


def test_the_filter_offers_tasks_with_networks_and_keeps_to_one(session):
    page = session.on_show(Selection(), CHOICE, REQUEST)
    assert [name for _, name in page.filter["choices"]] == [ALL, "sr_x4", "denoise"]
    page = session.on_filter(ALL, page.selection)
    assert page.selection.network == "sr_x4-student" and page.tables.count("<table") == 2
    page = session.on_filter("denoise", page.selection)
    assert page.selection.network == "denoise-fresh" and page.tables.count("<table") == 1
    assert session.on_filter("no such task", page.selection).selection.task == ALL


def test_the_tab_opens_on_the_task_at_hand_and_then_stays_as_it_was_left(session):
    page = session.on_show(Selection(), CHOICE._replace(task="denoise"), REQUEST)
    assert page.selection.task == page.filter["value"] == "denoise" and page.selection.network == "denoise-fresh"
    assert session.on_show(page.selection, CHOICE, REQUEST).selection.task == "denoise"
    linked = SimpleNamespace(query_params={"model": "sr_x4-small"})
    assert session.on_show(Selection(), CHOICE._replace(task="denoise"), linked).selection.task == "sr_x4"
    assert session.on_show(Selection(), CHOICE._replace(task="inpaint"), REQUEST).selection.task == ALL


def test_a_link_opens_its_network_once_and_an_unknown_one_is_a_sentence(session):
    linked = SimpleNamespace(query_params={"model": "sr_x4-small"})
    assert session.on_show(Selection(), CHOICE, linked).selection.network == "sr_x4-small"
    assert session.on_show(Selection("sr_x4-twin"), CHOICE, linked).selection.network == "sr_x4-twin"
    page = session.on_show(Selection(), CHOICE, SimpleNamespace(query_params={"model": "sr_x4-smal<l"}))
    assert "Did you mean" in page.status and "smal&lt;l" in page.status and page.selection.network == "sr_x4-student"


def test_a_picked_network_changes_all_but_the_table(session):
    event = SimpleNamespace(_data={"network": "sr_x4-large"})
    page = session.on_pick(Selection("sr_x4-student"), event)
    assert (
        page.selection.network == "sr_x4-large" and page.tables == session.on_pick(page.selection, event).filter
    )  # both stay
    assert "sr_x4-large" in page.head and 'class="ring"' in page.chart
    assert session.on_pick(Selection(), SimpleNamespace(_data={})).selection.network == "sr_x4-student"


def test_the_plot_stands_against_parameters_with_the_field_or_against_latency_without(session):
    page = session.on_show(Selection(), CHOICE, REQUEST)
    assert (
        page.by["value"] == BY_PARAMETERS
        and "PlainUSR-T" in page.chart
        and "~SESR-M11" in page.chart
        and texts.PUBLISHED in page.chart
    )
    page = session.on_by(BY_LATENCY, page.selection)
    assert (
        "PlainUSR-T" not in page.chart
        and "a machine" in page.chart
        and "1 network without that figure is left out" in page.chart
    )
    page = session.on_measure("Set5", page.selection)
    assert "PSNR on Set5 against latency" in page.chart and page.measure["value"] == "Set5"


def test_tasks_without_published_figures_show_none(cards):
    card = dataclasses.replace(cards[0], task="jpeg", figures=(figure("BSD100", 29.0, 10.0),))
    assert (
        texts.PUBLISHED not in chart_of([card], "jpeg", ("BSD100", 10.0), BY_PARAMETERS, None, "")
        and published_table("jpeg") == ""
    )
    assert published_table("sr_x4").count("<tr>") == len(REFERENCES["sr_x4"]) + 1


def test_a_level_far_below_is_told_and_not_drawn(cards):
    marks = [Mark("", "student", 1, value, "") for value in (30.0, 31.0)]
    assert [level.value for level in drawn_levels(marks, [Level("", "", value) for value in (29.9, 26.0)])] == [29.9]
    student = dataclasses.replace(cards[0], figures=x4(31.0, 27.1))
    assert "Bicubic, at 25.96 dB, is below the plot" in chart_of(
        [student], "sr_x4", ("BSD100", None), BY_PARAMETERS, None, ""
    )


def test_no_text_of_a_card_is_html(session, weights):
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
        page = session.on_by(by, Selection("sr_x4-student"))
        shown = "".join(
            str(part) for part in (*session.on_show(Selection("sr_x4-student", by=by), CHOICE, REQUEST), *page)
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
def test_a_card_of_the_wrong_kind_is_one_sentence_and_the_others_stand(session, weights, damage):
    rewrite(weights, "sr_x4-large", **damage)
    page = session.on_show(Selection(), CHOICE, REQUEST)
    assert (
        "sr_x4-large.json" in page.problems
        and "sr_x4-small" in page.tables
        and 'data-network="sr_x4-large"' not in page.tables
    )


@pytest.mark.parametrize(
    "rows", [["fast"], [{}], [{"network_ms": "5"}], [latency(5.0, threads=None)], [latency(float("inf"))]]
)
def test_latencies_and_figures_that_are_no_numbers_count_as_missing(session, weights, rows):
    rewrite(
        weights, "sr_x4-large", latency=rows, figures=[dataclasses.asdict(figure("Set5", 30.0)) | {"psnr_db": "high"}]
    )
    card = session.zoo().find("sr_x4-large")
    assert timings_of(card) == [] and figures_of(card) == {}
    assert texts.NO_FIGURES in session.on_pick(Selection(), SimpleNamespace(_data={"network": "sr_x4-large"})).body


def test_downloads_are_the_exact_files_and_altered_weights_are_a_sentence(session, weights):
    page = session.on_show(Selection("sr_x4-student"), CHOICE, REQUEST)
    for part, suffix in ((page.weights, ".safetensors"), (page.card, ".json")):
        given = Path(part["value"])
        assert given.name == f"sr_x4-student{suffix}" and given.read_bytes() == (weights / given.name).read_bytes()
    (weights / "sr_x4-twin.safetensors").write_bytes(b"something else")
    page = session.on_show(Selection("sr_x4-twin"), CHOICE, REQUEST)
    assert "SHA-256 differs" in page.status and not page.weights["interactive"]


def test_a_card_tells_how_to_check_it(session):
    page = session.on_show(Selection("sr_x4-student"), CHOICE, REQUEST)
    assert (
        "kdsr card verify sr_x4-student --data FOLDER" in page.body
        and Catalog(session.settings.weights_dir).find("sr_x4-student").sha256 in page.body
    )
    assert "<small>the worst one</small>" in page.body and 'data-network="sr_x4-large"' in page.body


def test_a_recipe_of_stages_is_told_as_its_last_stage_ran(session, weights):
    staged = {
        "learning_rate": 0.001,
        "patch_px": 48,
        "stages": [{"learning_rate": 0.0008}, {"learning_rate": 0.0002, "teacher": "sr_x4-large"}],
    }
    rewrite(weights, "sr_x4-student", recipe=staged, history=[{"name": "before", "steps": 3, "recipe": staged}])
    body = session.on_show(Selection("sr_x4-student"), CHOICE, REQUEST).body
    assert (
        "<dd>0.0002</dd>" in body
        and "<dd>48</dd>" in body
        and "<dd>0.001</dd>" not in body
        and "3 steps, taught by" in body
    )
    for damaged in ("two", [], [3], None):
        rewrite(weights, "sr_x4-student", recipe=staged | {"stages": damaged})
        assert "<dd>0.001</dd>" in session.on_show(Selection("sr_x4-student"), CHOICE, REQUEST).body


def test_an_empty_folder_is_a_sentence_and_a_network_that_went_away_too(tmp_path):
    empty = ModelsHandlers(tmp_path, RestoreHandlers(Settings(weights_dir=tmp_path / "none"), tmp_path / "runs"))
    page = empty.on_show(Selection("gone"), CHOICE, REQUEST)
    assert texts.EMPTY_ZOO in page.tables and not page.buttons["visible"]
    answer = empty.on_try(Selection("gone"), CHOICE, "", REQUEST)
    assert texts.GONE in answer[1] and answer[2:] == NOTHING_COMPARED


def test_each_role_takes_its_place_beside_what_stands_there(cards):
    named = {card.name: card for card in cards}
    there = Choice("sr_x4", "clean", "sr_x4-small", "my student", 0.0)
    elsewhere = Choice("denoise", "clean", None, "denoise-fresh", 25.0)
    wanted = [
        wanted_of(named[f"sr_x4-{name}"], cards, choice)[1:4]
        for name in ("large", "twin", "student")
        for choice in (there, elsewhere)
    ]
    assert wanted == [
        ("my student", None, "sr_x4-large"), ("sr_x4-student", None, "sr_x4-large"),
        ("sr_x4-twin", None, "sr_x4-small"), ("sr_x4-twin", None, "sr_x4-large"),
        ("sr_x4-student", None, "sr_x4-small"), ("sr_x4-student", None, "sr_x4-large"),
    ]  # fmt: skip
    assert wanted_of(named["denoise-fresh"], cards, there)[:4] == ("denoise", "denoise-fresh", None, None)


def test_try_it_sets_the_task_the_network_and_an_order_and_a_twin_stays_chosen(session):
    choice = Choice("denoise", "degraded", None, "denoise-fresh", 25.0)
    tabs, status, task, made, _, student, *_ = session.on_try(Selection("sr_x4-twin"), choice, "", REQUEST)
    assert (
        tabs["selected"] == "restore"
        and status == ""
        and task == "sr_x4"
        and session.restore.orders.is_waiting("visitor")
    )
    assert (made.student, made.teacher, made.mode) == ("sr_x4-twin", "sr_x4-large", "degraded") and (
        "The twin",
        "sr_x4-twin",
    ) in student["choices"]
    assert session.restore.on_show(made, "")[0].student == "sr_x4-twin"
    lone = session.on_try(Selection("denoise-fresh"), made, "", REQUEST)
    assert lone[3].teacher is None and not lone[4]["choices"]


def test_a_teacher_without_a_student_can_be_tried(session, weights):
    for name in ("sr_x4-student", "sr_x4-twin"):
        (weights / f"{name}.json").unlink()
    answer = session.on_try(Selection("sr_x4-large"), Choice("denoise", "clean", None, None, 25.0), "", REQUEST)
    assert answer[3].student is None and not answer[5]["interactive"] and answer[3].teacher == "sr_x4-large"


def test_cards_with_other_figures_can_be_added_at_any_time(session, weights):
    card = session.zoo().find("denoise-fresh")
    write_card(dataclasses.replace(card, figures=(figure("My set", 30.0, 25.0),)), weights / "denoise-fresh.json")
    page = session.on_filter("denoise", Selection())
    assert "My set" in page.tables and "PSNR on My set, sigma 25" in page.chart


@pytest.fixture
def compressed(weights, session):
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
    return session


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
