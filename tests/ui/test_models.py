"""The handlers of the tab Models, without a browser."""

import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from helpers.zoo import CHOICE, REQUEST, models_handlers, zoo_cards, zoo_weights

from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.models.card import _facts
from kdsr.ui.models.handlers import UNCHANGED, ModelsHandlers, wanted_of
from kdsr.ui.models.rows import (
    sorted_cards,
)
from kdsr.ui.models.selection import ALL, Selection
from kdsr.ui.models.table import tables
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice
from kdsr.ui.restore.handlers import RestoreHandlers

weights = pytest.fixture(zoo_weights)
handlers = pytest.fixture(models_handlers)
cards = pytest.fixture(zoo_cards)


def test_every_column_holds_what_its_head_says(cards):
    """Set5, BSD100, end-to-end latency of the quickest runtime, weights, multiply-accumulates and bytes, all unlike."""
    (card,) = (card for card in cards if card.name == "sr_x4-small")
    card = replace(card, parameters=60_083, macs_per_output_megapixel=3_720_000_000, file_bytes=241_600)
    html = tables([("sr_x4", [card])], "")
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)', html)
    (row,) = re.findall(r'<tr data-network="sr_x4-small".*?</tr>', html)
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>.*?</td>", row)]
    assert dict(zip(heads[1:], cells, strict=True)) == {
        "Role": "Teacher", "Set5": "30.50", "BSD100": "26.50", "Latency": "30.0 ms",
        "Parameters": "60.1 K", "MACs": "3.72 G", "File": "242 KB",
    }  # fmt: skip
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", _facts(card, cards)))
    assert (facts["Parameters"], facts["File"]) == ("60,083", "241,600 bytes, safetensors")
    assert facts["MACs"] == "3.72 G per megapixel of the result"


def test_what_was_not_measured_is_a_dash(handlers, cards):
    html = tables([("denoise", sorted_cards(cards, "denoise")), ("sr_x4", sorted_cards(cards, "sr_x4"))], "")
    assert html.count(f'<td class="none">{texts.NONE}</td>') == 2  # the latencies of the fresh network and of the twin
    page = handlers.on_filter("denoise", Selection())
    assert (
        texts.NO_POINTS in page.chart
        and texts.NO_FIGURES in page.body
        and not page.measure["visible"]
        and not page.by["visible"]
    )


def test_the_filter_offers_tasks_with_networks_and_keeps_to_one(handlers):
    page = handlers.on_show(Selection(), CHOICE, REQUEST)
    assert [name for _, name in page.filter["choices"]] == [ALL, "sr_x4", "denoise"]
    page = handlers.on_filter(ALL, page.selection)
    assert page.selection.network == "sr_x4-student" and page.tables.count("<small>PSNR in dB on") == 2
    page = handlers.on_filter("denoise", page.selection)
    assert page.selection.network == "denoise-fresh" and page.tables.count("<small>PSNR in dB on") == 1
    assert handlers.on_filter("no such task", page.selection).selection.task == ALL


def test_the_tab_opens_on_the_task_at_hand_and_then_stays_as_it_was_left(handlers):
    page = handlers.on_show(Selection(), CHOICE._replace(task="denoise"), REQUEST)
    assert page.selection.task == page.filter["value"] == "denoise" and page.selection.network == "denoise-fresh"
    assert handlers.on_show(page.selection, CHOICE, REQUEST).selection.task == "denoise"
    linked = SimpleNamespace(query_params={"model": "sr_x4-small"})
    assert handlers.on_show(Selection(), CHOICE._replace(task="denoise"), linked).selection.task == "sr_x4"
    assert handlers.on_show(Selection(), CHOICE._replace(task="inpaint"), REQUEST).selection.task == ALL


def test_the_tab_follows_the_address_and_an_unknown_network_is_a_sentence(handlers):
    linked = SimpleNamespace(query_params={"model": "sr_x4-small"})
    assert handlers.on_show(Selection(), CHOICE, linked).selection.network == "sr_x4-small"
    assert handlers.on_follow(Selection("sr_x4-twin"), CHOICE, linked).selection.network == "sr_x4-small"
    assert handlers.on_show(Selection("sr_x4-small", ALL), CHOICE, linked).selection.task == ALL
    for selection, request in ((Selection("sr_x4-small"), linked), (Selection("sr_x4-twin"), REQUEST)):
        assert handlers.on_follow(selection, CHOICE, request).selection == gr.skip()
    page = handlers.on_show(Selection(), CHOICE, SimpleNamespace(query_params={"model": "sr_x4-smal<l"}))
    assert (
        "There is no network" in page.status
        and "Known" not in page.status
        and "smal&lt;l" in page.status
        and page.selection.network == "sr_x4-student"
    )


def test_a_picked_network_changes_all_but_the_table(handlers):
    event = SimpleNamespace(_data={"network": "sr_x4-large"})
    page = handlers.on_pick(Selection("sr_x4-student"), event)
    assert (
        page.selection.network == "sr_x4-large" and page.tables == handlers.on_pick(page.selection, event).filter
    )  # both stay
    assert "sr_x4-large" in page.head and 'class="ring"' in page.chart
    assert handlers.on_pick(Selection(), SimpleNamespace(_data={})).selection.network == "sr_x4-student"


def test_of_two_quick_picks_the_newer_stands_in_whichever_order_they_come(handlers):
    picks = [
        SimpleNamespace(_data={"network": f"sr_x4-{name}", "order": order})
        for order, name in ((1, "teacher"), (2, "large"))
    ]
    page = handlers.on_pick(handlers.on_pick(Selection(), picks[0]).selection, picks[1])
    assert page.selection.network == "sr_x4-large"
    later = handlers.on_pick(Selection(), picks[1])
    assert later.selection.network == "sr_x4-large" and handlers.on_pick(later.selection, picks[0]) == UNCHANGED
    assert handlers.on_pick(later.selection, SimpleNamespace(_data={"network": "sr_x4-teacher"})) != UNCHANGED


def test_an_empty_folder_is_a_sentence_and_a_network_that_went_away_too(tmp_path):
    nothing = Settings(weights_dir=tmp_path / "none", home=tmp_path / "home")
    empty = ModelsHandlers(tmp_path, RestoreHandlers(nothing, tmp_path / "runs"))
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


def test_try_it_sets_the_task_the_network_and_an_order_and_a_twin_stays_chosen(handlers):
    choice = Choice("denoise", "degraded", None, "denoise-fresh", 25.0)
    tabs, status, task, made, _, student, *_ = handlers.on_try(Selection("sr_x4-twin"), choice, "", REQUEST)
    assert (
        tabs["selected"] == "restore"
        and status == ""
        and task == "sr_x4"
        and handlers.restore.orders.is_waiting("visitor")
    )
    assert (made.student, made.teacher, made.mode) == ("sr_x4-twin", "sr_x4-large", "degraded") and (
        "The twin",
        "sr_x4-twin",
    ) in student["choices"]
    assert handlers.restore.on_show(made, "")[0].student == "sr_x4-twin"
    lone = handlers.on_try(Selection("denoise-fresh"), made, "", REQUEST)
    assert lone[3].teacher is None and not lone[4]["choices"]


def test_a_teacher_without_a_student_can_be_tried(handlers, weights):
    for name in ("sr_x4-student", "sr_x4-twin"):
        (weights / f"{name}.json").unlink()
    answer = handlers.on_try(Selection("sr_x4-large"), Choice("denoise", "clean", None, None, 25.0), "", REQUEST)
    assert answer[3].student is None and not answer[5]["interactive"] and answer[3].teacher == "sr_x4-large"
