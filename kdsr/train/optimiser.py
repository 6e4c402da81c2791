"""Optimisers by name. Muon updates every kernel by a matrix of nearly equal singular values.

A plain stack of convolutions has no skip connections, and AdamW trains it slowly; docs/log.md has the measurements.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

KERNEL_RATE = 10.0
"""Ratio of Muon's step of kernels to the learning rate, so that a recipe's rate suits either optimiser."""
_MOMENTUM = 0.95
_ITERATIONS = 5
_QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrices: Tensor) -> Tensor:
    """The nearest matrices with orthonormal rows or columns, approximately, of `matrices` (N, R, C).

    Five Newton-Schulz iterations by a quintic that is steep at 0; singular values come out between about 0.7 and 1.2
    (K. Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024).
    """
    first, third, fifth = _QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    found: Tensor = matrices.mT if tall else matrices
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = found @ found.mT
        found = first * found + (third * gram + fifth * gram @ gram) @ found
    return found.mT if tall else found


class Muon(torch.optim.AdamW):
    """Muon for kernels, AdamW for biases and other vectors; torch's own Muon takes matrices only.

    A kernel (out, in, height, width) counts as a matrix of `out` rows. Kernels of one shape are orthogonalised
    together.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for group in self.param_groups:
            alike: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.ndim > 1 and parameter.grad is not None:
                    alike.setdefault(parameter.shape, []).append((parameter, self._direction(parameter)))
                    parameter.grad = None  # so that AdamW skips it
            for shape, members in alike.items():
                moves = orthogonalised(torch.stack([direction.reshape(shape[0], -1) for _, direction in members]))
                rate = group["lr"] * KERNEL_RATE * max(1.0, moves.shape[1] / moves.shape[2]) ** 0.5
                for (parameter, _), move in zip(members, moves, strict=True):
                    parameter.mul_(1.0 - group["lr"] * group["weight_decay"]).sub_(move.view(shape), alpha=rate)
        return super().step(closure)

    def _direction(self, kernel: nn.Parameter) -> Tensor:
        """Nesterov momentum of the kernel's gradient, (out, in, height, width); updates the momentum."""
        assert kernel.grad is not None
        state = self.state[kernel]
        if not state:
            state["step"] = torch.zeros(())  # AdamW reads it in every state that it loads
            state["momentum"] = torch.zeros_like(kernel)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(kernel.grad, 1.0 - _MOMENTUM)
        return kernel.grad.lerp(momentum, _MOMENTUM)


OPTIMISERS: dict[str, type[torch.optim.AdamW]] = {"adamw": torch.optim.AdamW, "muon": Muon}


def new_optimiser(
    name: str, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """The optimiser of that name over `parameters`."""
    return OPTIMISERS[name](parameters, learning_rate, weight_decay=weight_decay, fused=True)
