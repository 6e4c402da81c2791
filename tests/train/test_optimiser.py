"""Optimisers: what Muon does to a kernel, and that the rest is AdamW's."""

import pytest
import torch
from torch import nn

from kdsr.train.optimiser import KERNEL_RATE, Muon, new_optimiser, orthogonalised


@pytest.mark.parametrize("shape", [(32, 288), (32, 27), (48, 16), (8, 8)])
def test_singular_values_become_nearly_one_and_directions_stay(shape):
    torch.manual_seed(0)
    matrices = torch.randn(3, *shape) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    found = orthogonalised(matrices)
    assert found.shape == matrices.shape
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    along = left.mT @ found @ right.mT
    own = along.diagonal(dim1=1, dim2=2)
    clear = values > 0.05 * values[:, :1]  # the others would need more iterations
    assert float(own[clear].min()) > 0.5 and float(own[clear].max()) < 1.35
    assert float((along - torch.diag_embed(own)).abs().max()) < 0.02


def test_a_gradient_of_nothing_moves_nothing():
    assert not orthogonalised(torch.zeros(1, 4, 9)).any()


def test_kernels_move_by_orthogonal_steps_and_biases_as_by_adamw():
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3)) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    before = [conv.weight.detach().clone() for conv in networks[0]]
    for network, name in zip(networks, ("muon", "adamw"), strict=True):
        optimiser = new_optimiser(name, network.parameters(), 1e-3, 0.0)
        network(torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(1))).square().sum().backward()
        optimiser.step()
    for conv, other, start in zip(*networks, before, strict=True):
        assert torch.allclose(conv.bias, other.bias, atol=1e-7)
        moved = (conv.weight - start).reshape(16, -1) / (1e-3 * KERNEL_RATE)
        assert 0.5 < float(torch.linalg.matrix_norm(moved.detach(), 2)) < 1.35


@pytest.mark.slow
def test_a_stack_learns_sooner_by_muon_than_by_adamw():
    """The reason for it, small: eight plain layers that must learn to pass their input on."""
    reached = {}
    for name in ("adamw", "muon"):
        torch.manual_seed(0)
        network = nn.Sequential(
            *(module for _ in range(7) for module in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())),
            nn.Conv2d(8, 8, 3, padding=1),
        )
        optimiser = new_optimiser(name, network.parameters(), 1e-3, 0.0)
        for _ in range(400):
            picture = torch.rand(4, 8, 12, 12)
            loss = (network(picture) - picture).abs().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        reached[name] = float(loss.detach())
    assert reached["muon"] < 0.9 * reached["adamw"]


def test_weight_decay_draws_kernels_to_nothing():
    kernel = nn.Parameter(torch.ones(4, 4, 3, 3))
    kernel.grad = torch.zeros_like(kernel)
    Muon([kernel], 0.1, weight_decay=0.5).step()
    assert torch.allclose(kernel, torch.full_like(kernel, 0.95))


def test_a_kernels_step_is_nesterovs_momentum_orthogonalised():
    """m = 0.95 m + 0.05 g; the step goes along 0.05 g + 0.95 m (Nesterov), not along m."""
    gradients = torch.tensor([[[1.0, 0.2, -0.3], [0.1, -1.0, 0.4]], [[-0.7, 0.5, 0.9], [0.3, 0.6, -0.2]]])
    kernel = nn.Parameter(torch.zeros(2, 3))
    optimiser = Muon([kernel], 1e-3, weight_decay=0.0)
    momentum, wanted = torch.zeros(2, 3), torch.zeros(2, 3)
    for gradient in gradients:
        kernel.grad = gradient.clone()
        optimiser.step()
        momentum = 0.95 * momentum + 0.05 * gradient
        wanted -= 1e-3 * KERNEL_RATE * orthogonalised((0.05 * gradient + 0.95 * momentum)[None])[0]
        assert torch.allclose(kernel, wanted, atol=1e-7)


def test_nesterov_turns_back_before_the_momentum_does():
    """After gradients 1 and -0.7 the momentum is still +0.0125, and Nesterov's step is along -0.0231."""
    kernel = nn.Parameter(torch.zeros(1, 1))
    optimiser = Muon([kernel], 1e-3, weight_decay=0.0)
    places = []
    for gradient in (1.0, -0.7):
        kernel.grad = torch.full((1, 1), gradient)
        optimiser.step()
        places.append(float(kernel.detach()))
    assert places[0] < 0 and places[1] > places[0]


@pytest.mark.parametrize("rows, columns, factor", [(8, 2, 2.0), (2, 8, 1.0), (4, 4, 1.0)])
def test_a_tall_kernels_step_grows_by_the_root_of_its_shape(rows, columns, factor):
    torch.manual_seed(0)
    gradient = torch.randn(rows, columns)
    kernel = nn.Parameter(torch.zeros(rows, columns))
    kernel.grad = gradient.clone()
    Muon([kernel], 1e-3, weight_decay=0.0).step()
    wanted = -1e-3 * KERNEL_RATE * factor * orthogonalised(gradient[None])[0]
    assert torch.allclose(kernel, wanted, atol=1e-6)
