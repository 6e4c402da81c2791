"""Style transfer: the drawn styles, the loss and what it refuses, and training without an original."""

import numpy as np
import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.bench.style import JUDGES, measure_style, pan_flicker
from kdsr.distill import LOSSES
from kdsr.distill.drawings import STYLES, draw_style
from kdsr.distill.style import TAPS, _features, style, total_variation
from kdsr.errors import SettingsError, ShapeError, UnknownNameError
from kdsr.metrics.gram import content_distance, gram, style_distance
from kdsr.metrics.lite import load_lite
from kdsr.train import train_recipe

settings = pytest.fixture(training_settings)
STYLE_RUN = {"task": "style", "patch_px": 32}


def test_gram_matrices_are_mean_products_of_channels():
    feature = torch.tensor([[1.0, 2.0], [3.0, 0.0]]).reshape(1, 2, 1, 2)
    assert gram(feature).tolist() == [[2.5, 1.5], [1.5, 4.5]]
    assert style_distance([feature], [gram(feature)]).item() == 0.0
    assert style_distance([0 * feature], [gram(feature)]).item() == 1.0
    assert content_distance(2 * feature, feature).item() == 1.0


def test_total_variation_is_the_mean_step_to_the_right_and_down():
    ramp = torch.arange(4.0).reshape(1, 1, 1, 4).expand(1, 1, 3, 4)
    assert total_variation(ramp).item() == 1.0 and total_variation(ramp + ramp.mT[..., :3, :1]).item() == 2.0


def test_every_style_has_a_loss():
    assert {f"style_{name}" for name in STYLES} == {name for name in LOSSES if name.startswith("style_")}
    with pytest.raises(UnknownNameError, match="Did you mean 'mosaic'"):
        draw_style("mosaik")


@pytest.mark.slow
@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_drawn_the_same_at_every_call_and_uses_the_whole_range(name):
    first = draw_style(name)
    assert first.shape == (384, 384, 3) and first.dtype == np.float32
    assert np.array_equal(first, draw_style(name))
    assert first.min() >= 0 and first.max() <= 1 and first.max() - first.min() > 0.7


@pytest.mark.slow
def test_the_loss_is_lowest_for_the_style_picture_and_grows_outside_the_range():
    drawn = torch.from_numpy(draw_style("mosaic")[:96, :112]).permute(2, 0, 1)[None]
    grey = torch.full_like(drawn, 0.5).requires_grad_()
    own, other = style(drawn, drawn, name="mosaic"), style(drawn, drawn, name="dots")
    flat = style(grey, drawn, name="mosaic")
    assert own < 0.1 and other > 1 and flat > 1
    flat.backward()
    assert grey.grad is not None and grey.grad.abs().sum() > 0
    assert style(drawn + 1, drawn, name="mosaic") > 1
    with pytest.raises(ShapeError, match=r"style needs .*got .*; "):
        style(drawn, drawn[..., 1:], name="mosaic")


@pytest.mark.slow
def test_the_loss_sees_no_border_that_a_network_could_draw_in():
    """What a network sees of a grey picture is the same everywhere, and no place counts twice."""
    seen = _features(load_lite(0), torch.full((1, 3, 64, 64), 0.5), TAPS)
    assert [feature.shape[-1] for feature in seen] == [32, 32, 16, 8, 4]
    assert all((each - each.mean(dim=(2, 3), keepdim=True)).abs().max() < 1e-4 for each in seen[:2])
    assert [feature.shape[-1] for feature in _features(load_lite(0), torch.rand(1, 3, 16, 17), TAPS)] == [9, 9, 5, 3, 2]


@pytest.mark.slow
@pytest.mark.parametrize("judge", JUDGES)
def test_both_judges_find_the_style_picture_nearest_to_its_style(judge):
    drawn = torch.from_numpy(draw_style("mosaic")[:96, :112]).permute(2, 0, 1)[None]
    found = measure_style(drawn, drawn, "mosaic", judge)
    assert found.content < 1e-3 and found.style < 0.1
    assert measure_style(drawn, drawn, "dots", judge).style > 1


def test_a_pan_flickers_as_its_source_where_nothing_is_drawn():
    picture = torch.linspace(0.2, 0.8, 160).reshape(1, 1, 1, 160).expand(1, 3, 72, 160)
    assert pan_flicker(lambda image: image, picture) == 1.0
    assert pan_flicker(lambda image: image * 0 + 0.5, picture) == 0.0
    with pytest.raises(ShapeError, match="more than 82 px, got 80"):
        pan_flicker(lambda image: image, picture[..., :80])


@pytest.mark.slow
def test_a_teacher_of_a_style_trains_without_any_figure(settings, tmp_path):
    train_recipe(recipe(loss="style_mosaic", **STYLE_RUN), tmp_path / "run", settings=settings)
    assert {event["event"] for event in events(tmp_path / "run")} >= {"step", "finished"}
    assert not {"validation", "references"} & {event["event"] for event in events(tmp_path / "run")}
    assert (tmp_path / "run" / "preview" / "now.png").is_file()


@pytest.mark.slow
def test_a_student_of_a_style_is_compared_with_its_teachers_pictures(settings, tmp_path):
    released(settings, tmp_path, name="teacher", role="teacher", loss="style_mosaic", **STYLE_RUN)
    plan = recipe(teacher="teacher", truth_share=0.0, steps=40, **STYLE_RUN)
    train_recipe(plan, tmp_path / "run", settings=settings)
    log = events(tmp_path / "run")
    before = next(event["before_psnr_db"] for event in log if event["event"] == "references")
    after = [event["psnr_db"] for event in log if event["event"] == "validation"]
    assert after[-1] > before and "teacher_psnr_db" not in next(e for e in log if e["event"] == "references")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"loss": "style_mosaic", "patience": 3}, "patience waits for a better validation"),
        ({"teacher": "teacher", "truth_share": 0.0, "twin": True}, "A twin learns from the original, and style has"),
    ],
)
def test_what_needs_an_original_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        recipe(**STYLE_RUN, **changes)
