"""Turns in the queue of the page go round the addresses, then round the sessions of one address."""

from collections import OrderedDict
from types import SimpleNamespace

from gradio.queueing import EventQueue

from kdsr.ui.waiting import FairQueue, fair_order


def waiting(*who):
    """Events as `address/session`, each later than the one before."""
    return [
        SimpleNamespace(
            request=SimpleNamespace(client=SimpleNamespace(host=name[0])), session_hash=name[1:], enqueue_time=time
        )
        for time, name in enumerate(who)
    ]


def order(events, **turns):
    return [event.request.client.host + event.session_hash for event in fair_order(events, turns)]


def test_one_visitor_after_another_has_a_turn():
    assert order(waiting("a1", "a1", "a1", "b1")) == ["a1", "b1", "a1", "a1"]
    assert order(waiting("a1", "a1", "a2", "a3")) == ["a1", "a2", "a3", "a1"]
    assert order(waiting("a1", "a2", "a3", "b1", "b1", "c1")) == ["a1", "b1", "c1", "a2", "b1", "a3"]


def test_who_was_served_longest_ago_is_first():
    events = waiting("a1", "a2", "b1")
    assert order(events, **{"address a": 7, "address b": 3}) == ["b1", "a1", "a2"]
    assert order(events, **{"session a 1": 7, "session a 2": 3}) == ["a2", "b1", "a1"]


def test_only_a_queue_with_a_free_place_is_put_into_order(monkeypatch):
    asked = []
    monkeypatch.setattr("kdsr.ui.waiting.fair_order", lambda events, turns: asked.append(len(events)) or events)
    queue, places = FairQueue.__new__(FairQueue), EventQueue("restore", 1)
    queue.event_queue_per_concurrency_id, queue._turns = {"restore": places}, OrderedDict()
    fn = SimpleNamespace(batch=False, concurrency_limit=1)
    places.queue[:] = [SimpleNamespace(**vars(event), fn=fn) for event in waiting("a1", "b1", "c1")]
    places.current_concurrency = 1
    assert queue.get_events() is None and asked == []
    places.current_concurrency = 0
    assert queue.get_events() is not None and asked == [3]
