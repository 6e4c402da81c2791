"""What a script sends of a wrong kind, or where the server itself fails, is one sentence that tells nothing of it."""

import gradio as gr
import pytest
from helpers.distilling import distill_handlers

from kdsr.errors import InputError
from kdsr.ui import texts
from kdsr.ui.arguments import answered
from kdsr.ui.distill import handlers as distill
from kdsr.ui.distill.form import FormValues, recipe_of

handlers = pytest.fixture(distill_handlers)


def test_an_error_that_nobody_foresaw_tells_a_script_nothing_of_the_server():
    for error in (AttributeError("'NoneType' object has no attribute 'x'"), OSError(28, "No space", "/home/x/secret")):
        with pytest.raises(gr.Error) as caught, answered():
            raise error
        assert caught.value.message == texts.UNEXPECTED_REQUEST
    with pytest.raises(gr.Error, match="a sentence"), answered():
        raise InputError("a sentence")


def test_a_refusal_is_one_line_of_the_log(caplog):
    with pytest.raises(gr.Error), answered():
        raise InputError("'a\x1b[2J\nb.png' is damaged.")
    (line,) = caplog.messages
    assert line == r"refused a request: 'a\x1b[2J\nb.png' is damaged."


@pytest.mark.parametrize("preset", ["best", "", "Quick"])
def test_only_the_presets_of_the_form_are_taken(handlers, preset):
    values = FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", preset, "", {})
    with pytest.raises(gr.Error, match="preset"), answered():
        recipe_of(values, handlers.settings)


def test_a_wrong_admin_token_takes_its_time(handlers, monkeypatch):
    waited = []
    monkeypatch.setattr(distill.time, "sleep", waited.append)
    assert handlers.on_admin("guess", "somebody")[0] == "somebody" and waited == [1.0]
