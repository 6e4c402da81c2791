"""The critic: its value for equal pictures, bounded scores, and which way one step moves critic and student."""

import pytest
import torch

from kdsr.distill import Balance, Objective, ObjectiveInputs, Term
from kdsr.distill.critic import Critic
from kdsr.errors import ShapeError


def noisy(count: int = 4) -> torch.Tensor:
    return 0.5 + 0.2 * torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_the_critic_is_two_for_equal_pictures():
    torch.manual_seed(0)
    critic, image, degraded = Critic(), noisy(), torch.rand(4, 3, 8, 8)
    assert critic(image, image, degraded).item() == pytest.approx(2.0, abs=1e-5)


def test_scores_are_bounded_by_the_spectral_norm():
    torch.manual_seed(0)
    critic = Critic()
    for _ in range(20):
        scores = critic.score(noisy(), torch.rand(4, 3, 8, 8))
    assert scores.shape == (4, 1, 8, 8) and scores.abs().max() < 8


@pytest.mark.slow
def test_the_critic_improves_and_its_gradient_raises_the_students_score():
    torch.manual_seed(0)
    critic, degraded, target = Critic(), torch.full((4, 3, 8, 8), 0.5), noisy()
    smooth = torch.full_like(target, 0.5, requires_grad=True)
    optimiser = torch.optim.Adam(critic.parameters(), lr=2e-3)
    for _ in range(30):
        optimiser.zero_grad()
        loss = critic(smooth, target, degraded)
        loss.backward()
        optimiser.step()
    assert loss.item() < 1.5
    smooth.grad = None
    critic(smooth, target, degraded).backward()
    with torch.no_grad():
        before, after = (critic.score(image, degraded).mean() for image in (smooth, smooth - 0.1 * smooth.grad.sign()))
    assert after > before


def test_a_term_with_the_critic_reads_the_input_and_is_trained_with_the_objective():
    torch.manual_seed(0)
    objective = Objective(Balance(truth_share=0.0), (Term("critic", weight=0.5),))
    seen = ObjectiveInputs(noisy(2), noisy(2), noisy(2), degraded=torch.rand(2, 3, 8, 8))
    total, parts = objective(seen, 0.0)
    assert total.item() == pytest.approx(0.5 * parts["critic"].item())
    assert sum(parameter.numel() for parameter in objective.parameters()) > 60_000


def test_the_critic_refuses_pictures_of_different_shapes():
    with pytest.raises(ShapeError, match="Critic"):
        Critic()(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9), torch.rand(1, 3, 2, 2))
