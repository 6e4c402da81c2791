"""The tab Restore says when the picture on it is not that of its controls."""

import pytest
from helpers.restoring import CHOICE, REQUEST, restore_handlers, run, small_photo

from kdsr.ui import texts
from kdsr.ui.html import status_line
from kdsr.ui.restore.painting import Marks
from kdsr.ui.restore.stale import CURRENT, on_changed

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
FOLDED = ("torch", 0, 0, False)


@pytest.fixture
def shown(handlers, photo):
    """The result of `CHOICE` with strength and runtime as `run` sets them."""
    return run(handlers, photo, strength=0.0)[-1].result


@pytest.mark.slow
def test_a_result_is_current_until_anything_changes_and_again_when_it_is_changed_back(shown, photo):
    usual = {"picture": str(photo), "truth": None, "choice": CHOICE, "folded": FOLDED, "marks": None}

    def is_stale(result=shown, **given: object) -> bool:
        one = usual | given
        line, _ = on_changed("", result, one["picture"], one["truth"], one["choice"], *one["folded"], one["marks"])
        assert (texts.CHANGED in line) != (line == CURRENT)
        return line != CURRENT

    assert not is_stale() and not is_stale(result=None, picture="other.png")
    changed = [
        {"picture": "other.png"}, {"choice": CHOICE._replace(task="denoise")},
        {"choice": CHOICE._replace(mode="degraded")}, {"choice": CHOICE._replace(teacher=None)},
        {"choice": CHOICE._replace(student="sr_x4-twin")}, {"choice": CHOICE._replace(sharpness=0.5)},
        {"folded": ("onnx", 0, 0, False)}, {"folded": ("torch", 64, 0, False)}, {"folded": ("torch", 0, 1, False)},
        {"folded": ("torch", 0, 0, True)},
    ]  # fmt: skip
    assert [given for given in changed if not is_stale(**given)] == []
    without_effect = [
        {"truth": str(photo)}, {"choice": CHOICE._replace(strength=9.0)}, {"marks": Marks(str(photo), "mask.png")},
        {"folded": ("torch", None, None, False)},
    ]  # fmt: skip
    assert [given for given in without_effect if is_stale(**given)] == [] and not is_stale()


def test_an_error_stands_until_a_control_changes(shown, photo):
    error, busy = status_line("too large", kind="error"), status_line("at work", kind="busy")
    later = [on_changed(status, shown, "other.png", None, CHOICE, *FOLDED, None)[1] for status in (error, busy)]
    assert "line done" in later[0] and "line" not in str(later[1])


def test_every_choice_that_stands_open_orders_a_run(handlers, photo):
    ordering = [
        lambda: handlers.on_task("denoise", CHOICE._replace(mode="degraded"), None, REQUEST),
        lambda: handlers.on_mode("both", CHOICE, REQUEST),
        lambda: handlers.on_strength(30.0, CHOICE, REQUEST),
        lambda: handlers.on_sharpness(0.5, CHOICE, REQUEST),
        lambda: handlers.on_kind("text", CHOICE._replace(mode="degraded"), REQUEST),
        lambda: handlers.on_upload(str(photo), CHOICE, REQUEST),
        lambda: handlers.on_truth(str(photo), REQUEST),
    ]
    for act in ordering:
        assert handlers.orders.take("visitor") is None
        act()
        assert handlers.orders.take("visitor") is not None
    handlers.on_network(None, None, CHOICE)
    assert handlers.orders.take("visitor") is None
