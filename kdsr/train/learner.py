"""The state of a training run (network, optimiser, average of the weights) and its initialisation."""

import copy
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from kdsr.distill import Objective, channels_at
from kdsr.models import Network, build_model, start
from kdsr.settings import Settings
from kdsr.train.optimiser import new_optimiser
from kdsr.train.recipe import Recipe
from kdsr.train.teacher import Teacher
from kdsr.zoo import Catalog, open_catalog
from kdsr.zoo.weights import load_weights


@dataclass
class Learner:
    """A network in training, with its moving average, optimiser and objective."""

    network: Network
    average: Network
    """The moving average of the network's weights, which is what is released."""
    optimiser: torch.optim.Optimizer
    objective: Objective
    teacher: nn.Module | None = None
    """A teacher that is trained as well."""
    step: int = 0
    """Steps taken."""
    best: dict[str, Tensor] | None = None
    """State of the average at the best validation; kept where a run may stop early."""
    best_psnr_db: float = -math.inf
    stale: int = 0
    """Validations since the best one."""

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All modules whose weights change, by their prefix in a checkpoint."""
        named: dict[str, nn.Module | None] = {
            "network": self.network,
            "average": self.average,
            "objective": self.objective,
            "teacher": self.teacher,
        }
        return {name: module for name, module in named.items() if module is not None}

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters that the optimiser updates."""
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]

    def judge(self, psnr_db: float) -> None:
        """Keep the average if `psnr_db`, its validation, is above all before; count the validation otherwise."""
        self.stale += 1
        if psnr_db > self.best_psnr_db:
            self.best = {name: value.clone() for name, value in self.average.state_dict().items()}
            self.best_psnr_db, self.stale = psnr_db, 0

    def update_average(self, decay: float) -> None:
        """Move the average towards the network; faster in the first steps, while the average is mostly the start.

        The decay at step n is min(`decay`, (1 + n) / (10 + n)), as in TensorFlow's ExponentialMovingAverage.
        """
        rate = 1.0 - min(decay, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), rate)


def new_learner(recipe: Recipe, settings: Settings, device: torch.device, teacher: Teacher | None) -> Learner:
    """The learner of `recipe` before its first step: random by the seed, or from the warm start.

    Raises:
        UnknownNameError, WeightsError: a warm start or tap that is missing or does not fit.
    """
    torch.manual_seed(recipe.seed)
    task, schedule, is_online = recipe.the_task, recipe.schedule, recipe.teaching.online_teacher
    network = build_model(
        recipe.architecture, task.scale, recipe.arguments, planes=task.planes, rep=recipe.reparameterised
    )
    if recipe.warm_start is not None:
        start(network, network_at(recipe.warm_start, recipe, settings))
    network = network.to(device).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    objective = Objective(
        recipe.teaching.balance,
        recipe.teaching.terms,
        student_channels=lambda tap: channels_at(network, tap),
        teacher_channels=lambda tap: channels_at(teacher.networks[0].network, tap) if teacher else 0,
    )
    objective = objective.to(device).to(memory_format=torch.channels_last)
    online = nn.ModuleList(tapped.network for tapped in teacher.networks) if teacher and is_online else None
    parameters = [*network.parameters(), *objective.parameters(), *(online.parameters() if online else ())]
    optimiser = new_optimiser(schedule.optimiser, parameters, schedule.learning_rate, schedule.weight_decay)
    return Learner(network, average, optimiser, objective, online)


def network_at(place: str, recipe: Recipe, settings: Settings) -> Network:
    """The network at `place`: a name of the catalog, a file beside its card, or a file of the recipe's architecture.

    Raises:
        UnknownNameError, WeightsError: it is missing, altered or of another architecture.
    """
    path = Path(place)
    if path.suffix != ".safetensors":
        return open_catalog(settings).load(place)
    if path.with_suffix(".json").is_file():
        return Catalog(path.parent).load(path.stem)
    network = build_model(recipe.architecture, recipe.the_task.scale, recipe.arguments, planes=recipe.the_task.planes)
    load_weights(network, path)
    return network
