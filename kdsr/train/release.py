"""What a run gives away: the folded average as weights, mixed with its start where asked for, and the card that tells the truth about it."""

import json
from pathlib import Path

import torch

from kdsr.models import Network, count_macs, count_parameters, folded
from kdsr.settings import Settings
from kdsr.train import precision
from kdsr.train.checkpoint import Learner
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.sources import Sources
from kdsr.zoo import Card, Catalog, save_weights, sha256_of, write_card


@torch.no_grad()
def outcome(learner: Learner, start: Network, start_share: float) -> Network:
    """The folded average of `learner`, `start_share` of it the folded network that the run started from.

    Between the two a network may be better than at either end (WiSE-FT, arXiv:2109.01903); `docs/training.md` says where it was.
    """
    network = folded(learner.average)
    if start_share:
        for own, began in zip(network.parameters(), start.parameters(), strict=True):
            own.lerp_(began, start_share)
    return network


def release(recipe: Recipe, network: Network, folder: Path, *, steps: int, settings: Settings, sources: Sources, minutes: float, device: torch.device) -> Card:
    """Write `network` as `NAME.safetensors` and `NAME.json` into `folder`; the card holds no test figures yet (`kdsr card measure` adds them).

    A teacher's weights are rounded to float16, which halves the file and moves no figure by 0.001 dB; it computes in float32 all the same.
    """
    network = network.cpu()
    kept = torch.float16 if recipe.role == "teacher" else torch.float32
    weights = save_weights({name: value.to(kept).contiguous() for name, value in network.state_dict().items()}, folder / f"{recipe.name}.safetensors")
    card = Card(
        name=recipe.name,
        title=recipe.title or recipe.name,
        task=recipe.task,
        role=recipe.role,
        architecture=recipe.architecture,
        arguments=dict(recipe.arguments),
        parameters=count_parameters(network),
        macs_per_output_megapixel=count_macs(network),
        file_bytes=weights.stat().st_size,
        sha256=sha256_of(weights),
        licence=recipe.licence,
        trained_on=f"{device_name(device)}{_precision(recipe, device)}, torch {torch.__version__}, {minutes:.0f} minutes",
        steps=steps,
        seed=recipe.seed,
        teacher=recipe.teacher,
        twin=_twin(recipe, settings),
        recipe=json.loads(recipe_to_json(recipe)),
        history=_history(recipe, settings),
        data=sources.data,
        notes=recipe.notes,
    )
    write_card(card, folder / f"{recipe.name}.json")
    return card


def device_name(device: torch.device) -> str:
    """The device in words, for cards."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def _precision(recipe: Recipe, device: torch.device) -> str:
    """In what the run computed, where it was not bfloat16."""
    return "" if recipe.precision == "bf16" and precision.has_bfloat16(device) else " in float32"


def _twin(recipe: Recipe, settings: Settings) -> str | None:
    """The name of the twin, `NAME-twin`, if a student has one among the released networks."""
    name = f"{recipe.name}-twin"
    return name if recipe.role == "student" and any(card.name == name for card in Catalog(settings.weights_dir).cards) else None


def _history(recipe: Recipe, settings: Settings) -> tuple[dict[str, object], ...]:
    """The stages of training that this run started from, oldest first."""
    if recipe.warm_start is None:
        return ()
    path = Path(recipe.warm_start)
    if path.suffix == ".safetensors" and not path.with_suffix(".json").is_file():
        return ({"warm_start": recipe.warm_start},)
    folder, name = (path.parent, path.stem) if path.suffix == ".safetensors" else (settings.weights_dir, recipe.warm_start)
    start = Catalog(folder).find(name)
    stage = {"name": start.name, "sha256": start.sha256, "steps": start.steps, "seed": start.seed, "trained_on": start.trained_on, "recipe": start.recipe}
    return (*start.history, stage)
