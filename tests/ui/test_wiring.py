"""How the page's events are wired, without a browser."""

import gc
from typing import get_type_hints

import gradio as gr
import pytest
from helpers.serving import tiny_settings_in

from kdsr.ui import build_ui

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio leaves event loops of its own open
]


def test_a_choice_made_while_the_one_before_is_answered_is_not_dropped(tmp_path):
    """gradio defers it, or, where only the event tells what was chosen, takes each in its turn."""
    fns = build_ui(tiny_settings_in(tmp_path)).fns.values()
    choices = {"input", "select", "change", "release", "upload"}
    chosen = [fn for fn in fns if fn.fn is not None and choices & {event for _, event in fn.targets}]
    wrong = [fn.name for fn in chosen if fn.trigger_mode != ("multiple" if is_told(fn) else "always_last")]
    assert len(chosen) > 40 and wrong == []
    assert {(fn.concurrency_limit, fn.concurrency_id) for fn in chosen if is_told(fn)} == {(1, "told")}
    del fns, chosen
    gc.collect()


def test_an_older_answer_never_overtakes_a_newer_one_in_models(tmp_path):
    """The address and the visitor both choose a network, at once after quick steps back and forward."""
    fns = build_ui(tiny_settings_in(tmp_path)).fns.values()
    writing = {fn.name: fn for fn in fns if any(out.elem_id == "zoo-tables" for out in fn.outputs)}
    assert {"on_show", "on_follow", "on_filter", "on_pick"} <= set(writing)
    assert {(fn.concurrency_limit, fn.concurrency_id) for fn in writing.values()} == {(1, "told")}
    del fns, writing
    gc.collect()


def is_told(fn):
    kinds = get_type_hints(fn.fn).values()
    return any(isinstance(kind, type) and issubclass(kind, gr.EventData) for kind in kinds)
