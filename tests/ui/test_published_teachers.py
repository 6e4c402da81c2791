"""Published teachers in the page: listed, described and run like every other network."""

import json
from types import SimpleNamespace

import pytest
from helpers.networks import add_network
from helpers.published import NAME, write_wheel
from helpers.restoring import restore_handlers, results, run, small_photo

from kdsr.ui.models.handlers import ModelsHandlers
from kdsr.ui.models.selection import Selection
from kdsr.zoo.teachers import add_teacher


@pytest.fixture
def restoring(tmp_path, monkeypatch):
    """A page with a teacher and a student of its own for photo_x4, and a published teacher."""
    path, entry = write_wheel(tmp_path / "registry")
    monkeypatch.setattr("kdsr.zoo.published.PUBLISHED", {NAME: entry})
    handlers = restore_handlers(tmp_path)
    weights = handlers.settings.weights_dir
    add_network(weights, "photo_x4-teacher", "photo_x4", "teacher", "residual", {"width": 8, "blocks": 1})
    add_network(weights, "photo_x4-student", "photo_x4", "student", "plain", {"width": 8, "depth": 2})
    add_teacher(NAME, handlers.settings, file=path)
    return handlers


@pytest.mark.slow
def test_restore_offers_a_published_teacher_behind_our_own_and_runs_it(restoring, tmp_path):
    assert [name for _, name in restoring.networks("photo_x4", "teacher")] == ["photo_x4-teacher", NAME]
    views = run(restoring, small_photo(tmp_path), task="photo_x4", teacher=NAME, strength=5)
    assert results(views)[-1].column("teacher").card.name == NAME


def test_a_published_card_says_who_made_it_and_no_text_of_it_is_html(restoring, tmp_path):
    models = ModelsHandlers(tmp_path / "models", restoring)
    picked = SimpleNamespace(_data={"network": NAME})
    body = models.on_pick(Selection(), picked).body
    assert "<dt>Published by</dt><dd>Nobody</dd>" in body and "tiny-published 1.0" in body and "Steps" not in body
    path = restoring.settings.home / "teachers" / f"{NAME}.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(card | {"published": {"authors": "<b>bold", "package": 3}}), encoding="utf-8")
    assert "&lt;b&gt;bold" in models.on_pick(Selection(), picked).body
