"""Checkpoints: the full state of a run in one safetensors file, replaced in one step; nothing is unpickled.

The random numbers of a step come from the seed and the step number, so no generator state is kept.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdsr.errors import TrainingError
from kdsr.train.learner import Learner
from kdsr.train.recipe import Recipe, recipe_to_json, with_keys
from kdsr.train.recipe_keys import earliest_keys
from kdsr.zoo.weights import load_tensors, save_weights

CHECKPOINT_FILE = "checkpoint.safetensors"
_STEP = "step"
_KEY = "recipe"
_JUDGED = "judged"
_NEWER = (("gradient_share", 0.0),)
"""Keys of a term that checkpoints are older than, with the value that changes nothing."""


def save_checkpoint(learner: Learner, recipe: Recipe, path: Path) -> None:
    """Write the state of `learner` to `path`; a reader sees the old checkpoint or the new one.

    Raises:
        TrainingError: it cannot be written; the checkpoint before it is kept.
    """
    tensors: dict[str, Tensor] = {_STEP: torch.tensor(learner.step), _KEY: fingerprint(recipe)}
    if learner.best is not None:
        tensors |= {f"best.{name}": value for name, value in learner.best.items()}
        tensors[_JUDGED] = torch.tensor([learner.best_psnr_db, learner.stale], dtype=torch.float64)
    for prefix, module in learner.modules.items():
        tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    for index, moments in learner.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    try:
        save_weights(tensors, path)
    except OSError as error:
        raise TrainingError(
            f"The checkpoint could not be written to {path} ({error}); the one before it is kept. "
            "Free some space and resume."
        ) from error


def load_checkpoint(learner: Learner, recipe: Recipe, path: Path) -> None:
    """Set `learner` to the state at `path`.

    Raises:
        TrainingError: the checkpoint belongs to another recipe.
        WeightsError: missing or unreadable.
    """
    tensors = load_tensors(path)
    if not torch.equal(tensors[_KEY], fingerprint(recipe)):
        raise TrainingError(
            f"The checkpoint {path} belongs to another recipe; "
            "resume with the recipe beside it, or choose an empty folder."
        )
    for prefix, module in learner.modules.items():
        module.load_state_dict({name: tensors[f"{prefix}.{name}"] for name in module.state_dict()})
    state = learner.optimiser.state_dict()
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".", 2)
            state["state"].setdefault(int(index), {})[name] = _laid_out_as(learner.parameters[int(index)], value)
    learner.optimiser.load_state_dict(state)
    learner.step = int(tensors[_STEP])
    if _JUDGED in tensors:
        learner.best = {
            name.removeprefix("best."): value for name, value in tensors.items() if name.startswith("best.")
        }
        learner.best_psnr_db, learner.stale = float(tensors[_JUDGED][0]), int(tensors[_JUDGED][1])


def retime_checkpoint(path: Path, before: Recipe, after: Recipe) -> None:
    """Let the checkpoint at `path` of the run `before` be resumed as `after`, which differs in its steps only.

    The learning rate goes on by the schedule of `after`: the result is nearly, not exactly, that of `after` alone.

    Raises:
        TrainingError: the recipes differ in more, or the checkpoint belongs to neither.
    """
    if with_keys(before, {"steps": after.schedule.steps}) != after:
        raise TrainingError("Only the steps of a run may change while it is trained; keep its other keys.")
    tensors = load_tensors(path)
    if torch.equal(tensors[_KEY], fingerprint(after)):
        return
    if not torch.equal(tensors[_KEY], fingerprint(before)):
        raise TrainingError(f"The checkpoint {path} belongs to another recipe; choose an empty folder.")
    save_weights(tensors | {_KEY: fingerprint(after)}, path)


def fingerprint(recipe: Recipe) -> Tensor:
    """SHA-256 of the keys that differ from their defaults, as (32,) uint8; `twin`, which decides nothing here, is left
    out, so that a student may be given a twin later.

    Keys have their earliest names here, so that neither a new key nor a new name makes old checkpoints unusable.
    """
    defaults = _flat(Recipe(name="-", task="sr_x4"))
    text = json.dumps({name: value for name, value in _flat(recipe).items() if value != defaults[name]}, sort_keys=True)
    return torch.frombuffer(bytearray(hashlib.sha256(text.encode()).digest()), dtype=torch.uint8)


def _flat(recipe: Recipe) -> dict[str, Any]:
    keys = earliest_keys(json.loads(recipe_to_json(recipe)))
    terms = [{name: value for name, value in term.items() if (name, value) not in _NEWER} for term in keys["terms"]]
    return {name: value for name, value in keys.items() if name != "twin"} | {"terms": terms}


def _laid_out_as(parameter: Tensor, moment: Tensor) -> Tensor:
    """`moment` in the memory layout of `parameter`, which the fused optimiser expects."""
    return torch.empty_like(parameter, requires_grad=False).copy_(moment) if moment.shape == parameter.shape else moment
