"""What the server holds of sessions: little, bounded, and freed."""

import datetime
import tracemalloc
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.blocks import BlocksConfig
from gradio.server_messages import EstimationMessage, ProcessCompletedMessage

from kdsr.ui.holding import AS_NEW_S, CLOSED_S, Holding
from kdsr.ui.waiting import FairQueue

STATE = 0
"""The key of the state among the components."""


@pytest.fixture(scope="module")
def blocks():
    """A page of 200 components, one of which is a state; gradio's own leaves event loops open."""
    config = BlocksConfig(SimpleNamespace(renderables=[]))
    config.blocks = {0: gr.State("nothing")} | {key: gr.HTML("a text " * 20) for key in range(1, 200)}
    queue = FairQueue.__new__(FairQueue)
    queue.pending_messages_per_session, queue.pending_event_ids_session, queue.event_ids_to_events = {}, {}, {}
    return SimpleNamespace(default_config=config, blocks=config.blocks, _queue=queue, state_session_capacity=4)


@pytest.fixture
def holding(blocks):
    made = Holding()
    made.set_blocks(blocks)
    return made


def age(holding, name, seconds):
    holding.time_last_used[name] -= datetime.timedelta(seconds=seconds)


def test_a_session_takes_less_than_20_kilobytes(holding):
    holding.capacity = 100
    tracemalloc.start()
    for number in range(100):
        holding[f"session {number}"]._update_value_in_config(1, "a value")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held / 100 < 20_000


def test_the_last_place_is_filled_and_one_more_takes_that_of_a_session_that_holds_nothing(holding):
    for name in "abcd":
        holding[name][STATE] = name
    assert [*holding.session_data] == [*"abcd"]
    holding["script"]
    assert [*holding.session_data] == [*"bcd", "script"]
    holding["e"][STATE] = "e"
    assert [*holding.session_data] == [*"bcde"]
    assert {name: holding[name][STATE] for name in "bcde"} == {name: name for name in "bcde"}


def test_a_session_that_holds_nothing_goes_and_an_open_page_stays(holding):
    holding["page"][STATE] = "chosen"
    holding["script"]
    for name in ("page", "script"):
        age(holding, name, AS_NEW_S - 5)
    holding.delete_all_expired_state()
    assert [*holding.session_data] == ["page", "script"]
    for name in ("page", "script"):
        age(holding, name, 10 * CLOSED_S)
    holding.delete_all_expired_state()
    assert [*holding.session_data] == ["page"]


def test_a_closed_page_is_forgotten_an_hour_later_with_what_nobody_fetched(blocks, holding):
    queue = blocks._queue
    holding["page"][STATE] = "chosen"
    holding["page"].is_closed = True
    queue.pending_messages_per_session["page"] = ["unread"]
    queue.pending_event_ids_session["page"] = {"ended"}
    age(holding, "page", CLOSED_S - 5)
    holding.delete_all_expired_state()
    assert holding["page"][STATE] == "chosen"
    age(holding, "page", CLOSED_S + 5)
    holding.delete_all_expired_state()
    assert not holding.session_data and not holding.time_last_used
    assert "page" not in queue.pending_messages_per_session and "page" not in queue.pending_event_ids_session


def test_messages_of_what_still_runs_are_kept(blocks, holding):
    queue = blocks._queue
    holding["script"]
    queue.pending_messages_per_session["script"] = ["progress"]
    queue.pending_event_ids_session["script"] = {"running"}
    queue.event_ids_to_events["running"] = "an event"
    age(holding, "script", 2 * AS_NEW_S)
    holding.delete_all_expired_state()
    assert not holding.session_data and queue.pending_messages_per_session["script"] == ["progress"]
    queue.event_ids_to_events.clear()


def test_who_fetches_nothing_has_32_words_on_its_place_and_each_result(blocks):
    messages = []
    queue = blocks._queue
    queue.pending_messages_per_session["deaf"] = SimpleNamespace(
        put_nowait=messages.append, qsize=lambda: len(messages)
    )
    event = SimpleNamespace(alive=True, _id="event", session_hash="deaf")
    for _ in range(100):
        queue.send_message(event, EstimationMessage(rank=1, queue_size=1))
    queue.send_message(event, ProcessCompletedMessage(output={"data": []}, success=True))
    assert len(messages) == 33 and isinstance(messages[-1], ProcessCompletedMessage)
    del queue.pending_messages_per_session["deaf"]
