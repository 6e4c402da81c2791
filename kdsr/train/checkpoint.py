"""Checkpoints: network, average, optimiser and step in one safetensors file, replaced in one move; nothing unpickles.

The random numbers of a step come from the seed and the step, so no generator's state is kept.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kdsr.errors import TrainingError
from kdsr.models import Network
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.zoo.weights import load_tensors, save_weights

_STEP = "step"
_KEY = "recipe"


@dataclass
class Learner:
    """What changes while a network learns: the network, its moving average, the optimiser and the step reached."""

    network: Network
    average: Network
    optimiser: torch.optim.Optimizer
    step: int = 0

    def update_average(self, decay: float) -> None:
        """Move the average towards the network; faster in the first steps, when the average is still the start."""
        rate = 1.0 - min(decay, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), rate)


def save_checkpoint(learner: Learner, recipe: Recipe, path: Path) -> None:
    """Write everything needed to go on to `path`; a reader sees the old checkpoint or the new one."""
    tensors: dict[str, Tensor] = {_STEP: torch.tensor(learner.step), _KEY: _fingerprint(recipe)}
    for prefix, module in (("network", learner.network), ("average", learner.average)):
        tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    for index, moments in learner.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    try:
        save_weights(tensors, path)
    except OSError as error:
        raise TrainingError(f"The checkpoint could not be written to {path} ({error}); the one before it is kept. Free some space and resume.") from error


def load_checkpoint(learner: Learner, recipe: Recipe, path: Path) -> None:
    """Bring `learner` to the state at `path`.

    Raises:
        TrainingError: the checkpoint belongs to another recipe.
        WeightsError: missing or unreadable.
    """
    tensors = load_tensors(path)
    if not torch.equal(tensors[_KEY], _fingerprint(recipe)):
        raise TrainingError(f"The checkpoint {path} belongs to another recipe; resume with the recipe beside it, or choose an empty folder.")
    for prefix, module in (("network", learner.network), ("average", learner.average)):
        module.load_state_dict({name: tensors[f"{prefix}.{name}"] for name in module.state_dict()})
    parameters = [parameter for group in learner.optimiser.param_groups for parameter in group["params"]]
    state = learner.optimiser.state_dict()
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".", 2)
            state["state"].setdefault(int(index), {})[name] = _laid_out_as(parameters[int(index)], value)
    learner.optimiser.load_state_dict(state)
    learner.step = int(tensors[_STEP])


def _laid_out_as(parameter: Tensor, moment: Tensor) -> Tensor:
    """`moment` in the memory layout of `parameter`: the fused optimiser goes through both as they lie in memory."""
    return torch.empty_like(parameter, requires_grad=False).copy_(moment) if moment.shape == parameter.shape else moment


def _fingerprint(recipe: Recipe) -> Tensor:
    return torch.frombuffer(bytearray(hashlib.sha256(recipe_to_json(recipe).encode()).digest()), dtype=torch.uint8)
