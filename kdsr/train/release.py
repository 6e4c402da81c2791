"""What a run gives away: the folded average as weights, mixed with other networks where asked for, and the card that
tells the truth about it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from kdsr.models import Network, count_macs, count_parameters, folded
from kdsr.settings import Settings
from kdsr.train.checkpoint import Learner
from kdsr.train.data.sources import Sources
from kdsr.train.machine import has_bfloat16
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.teacher import is_path
from kdsr.zoo import Card, Catalog, save_weights, sha256_of, write_card


@dataclass(frozen=True)
class Mixture:
    """What a run's own weights are mixed with when they are released.

    Between networks that learnt from one start lie some that are better than any of them (WiSE-FT, arXiv:2109.01903;
    model soups, arXiv:2203.05482); `docs/training.md` says where they were.
    """

    start: Network
    """The folded network that the run started from."""
    start_share: float = 0.0
    other: Network | None = None
    """A network of another run from the same start: half of what is not the start's."""

    @property
    def changes(self) -> bool:
        """Whether what is released differs from the run's own weights."""
        return bool(self.start_share) or self.other is not None

    @torch.no_grad()
    def outcome(self, learner: Learner) -> Network:
        """The folded average of `learner`, mixed."""
        network = folded(learner.average)
        if self.other is not None:
            _move(network, self.other, 0.5)
        _move(network, self.start, self.start_share)
        return network


def _move(network: Network, towards: Network, share: float) -> None:
    """Move the weights of `network` by `share` of the way to those of `towards`."""
    for own, there in zip(network.parameters(), towards.parameters(), strict=True):
        own.lerp_(there, share)


def release(
    recipe: Recipe,
    network: Network,
    folder: Path,
    *,
    steps: int,
    settings: Settings,
    sources: Sources,
    minutes: float,
    device: torch.device,
) -> Card:
    """Write `network` as `NAME.safetensors` and `NAME.json` into `folder`; the card holds no test figures yet (`kdsr
    card measure` adds them).

    A teacher's weights are rounded to float16, which halves the file and moves no figure by 0.001 dB; it computes in
    float32 all the same.
    """
    network = network.cpu()
    kept = torch.float16 if recipe.role == "teacher" else torch.float32
    weights = save_weights(
        {name: value.to(kept).contiguous() for name, value in network.state_dict().items()},
        folder / f"{recipe.name}.safetensors",
    )
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
        teacher=recipe.teaching.teacher,
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
    return "" if recipe.schedule.precision == "bf16" and has_bfloat16(device) else " in float32"


def _twin(recipe: Recipe, settings: Settings) -> str | None:
    """The name of the twin, `NAME-twin`, if a student has one among the released networks."""
    name = f"{recipe.name}-twin"
    return (
        name
        if recipe.role == "student" and any(card.name == name for card in Catalog(settings.weights_dir).cards)
        else None
    )


def _history(recipe: Recipe, settings: Settings) -> tuple[dict[str, object], ...]:
    """The stages of training that this run started from, oldest first, and the run that it was mixed with."""
    if recipe.warm_start is None:
        return ()
    start = _stages_up_to(recipe.warm_start, settings)
    return start if recipe.soup_with is None else (*start, _stages_up_to(recipe.soup_with, settings)[-1])


def _stages_up_to(place: str, settings: Settings) -> tuple[dict[str, object], ...]:
    """The stages that led to the network at `place` (a file or a name), with its own as the last."""
    path = Path(place)
    if path.suffix == ".safetensors" and not path.with_suffix(".json").is_file():
        return ({"warm_start": path.name},)
    folder, name = (path.parent, path.stem) if path.suffix == ".safetensors" else (settings.weights_dir, place)
    card = Catalog(folder).find(name)
    stage = {key: getattr(card, key) for key in ("name", "sha256", "steps", "seed", "trained_on")}
    return (*card.history, stage | {"recipe": _without_places(card.recipe)})


def _without_places(recipe: Mapping[str, object]) -> dict[str, object]:
    """`recipe` with the names of networks in place of their files, so that no card tells the machine's folders."""
    return {
        key: _without_places(value) if isinstance(value, Mapping) else _without_place(value)
        for key, value in recipe.items()
    }


def _without_place(value: object) -> object:
    return Path(value).stem if isinstance(value, str) and is_path(value) else value
