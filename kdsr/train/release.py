"""What a run releases: the folded average as weights, mixed with other networks on request, and its card."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kdsr.errors import SettingsError
from kdsr.models import Network, count_macs, count_parameters, folded
from kdsr.settings import Settings
from kdsr.train.learner import Learner, network_at
from kdsr.train.machine import has_bfloat16
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.teacher import is_path
from kdsr.train.twin import twin_name
from kdsr.zoo import Card, Catalog, open_catalog, save_weights, sha256_of, write_card


@dataclass(frozen=True)
class WeightMix:
    """Released weights between those of the run, of its start, and of another run from that start.

    A mix of networks trained from one start can be better than each of them (WiSE-FT, arXiv:2109.01903; model soups,
    arXiv:2203.05482). `docs/training.md` has the measured cases.
    """

    start: Network
    """The folded network before the first step."""
    start_share: float = 0.0
    other: Network | None = None
    """The partner of the soup; it has half of the weight that `start_share` leaves."""

    @property
    def changes(self) -> bool:
        """Whether the released weights differ from the run's own."""
        return bool(self.start_share) or self.other is not None

    @torch.no_grad()
    def outcome(self, learner: Learner) -> Network:
        """The folded average of `learner`, mixed."""
        network = folded(learner.average)
        if self.other is not None:
            _move(network, self.other, 0.5)
        _move(network, self.start, self.start_share)
        return network


LARGE = 500_000
"""Parameters above which a student's weights are kept as float16, too."""


def _move(network: Network, towards: Network, share: float) -> None:
    """Interpolate the weights of `network` linearly, by `share`, to those of `towards`."""
    for own, there in zip(network.parameters(), towards.parameters(), strict=True):
        own.lerp_(there, share)


def released_mix(recipe: Recipe, settings: Settings, start: Network) -> WeightMix:
    """The mix that `recipe` asks for; `start` is its folded network before the first step.

    Raises:
        SettingsError: the partner of the soup has another shape, or the network is larger than its warm start.
    """
    if recipe.soup_with is None or recipe.warm_start is None:
        return WeightMix(start, recipe.wise_ft_share)
    other = network_at(recipe.soup_with, recipe, settings).to(next(start.parameters()).device)
    if [value.shape for value in other.parameters()] != [value.shape for value in start.parameters()]:
        raise SettingsError(
            f"soup_with must be a network trained from {recipe.warm_start}, too; {recipe.soup_with} has another shape."
        )
    if count_parameters(start) > count_parameters(network_at(recipe.warm_start, recipe, settings)):
        raise SettingsError(
            f"soup_with needs two runs that begin alike, and weights beyond those of {recipe.warm_start} begin at "
            "random. Train a larger network first, and start both runs from it."
        )
    return WeightMix(start, recipe.wise_ft_share, other)


def new_card(
    recipe: Recipe, settings: Settings, *, steps: int, trained_on: str, data: tuple[dict[str, Any], ...]
) -> Card:
    """The card of the network of `recipe` without what its weights decide; `release` adds that.

    Args:
        steps: taken so far.
        trained_on: device, versions and minutes in words.
        data: one entry per pack of photographs.
    """
    return Card(
        name=recipe.name,
        title=recipe.title or recipe.name,
        task=recipe.task,
        role=recipe.role,
        architecture=recipe.architecture,
        arguments=dict(recipe.arguments),
        parameters=0,
        macs_per_output_megapixel=0,
        file_bytes=0,
        sha256="",
        licence=recipe.licence,
        trained_on=trained_on,
        steps=steps,
        seed=recipe.seed,
        teacher=recipe.teaching.teacher,
        twin=_twin(recipe, settings),
        recipe=json.loads(recipe_to_json(recipe)),
        history=_history(recipe, settings),
        data=data,
        notes=recipe.notes,
    )


def release(card: Card, network: Network, folder: Path) -> Card:
    """Write `network` and its completed card as `NAME.safetensors` and `NAME.json` into `folder`; the card.

    The weights of a teacher or of a `LARGE` student are rounded to float16, and loaded as float32. That halves the file
    and changes no figure by 0.002 dB. The card has no test figures yet; `kdsr card measure` adds them.
    """
    network = network.cpu()
    is_large = card.role == "teacher" or count_parameters(network) > LARGE
    kept = torch.float16 if is_large else torch.float32
    state = {name: value.to(kept).contiguous() for name, value in network.state_dict().items()}
    weights = save_weights(state, folder / f"{card.name}.safetensors")
    card = dataclasses.replace(
        card,
        parameters=count_parameters(network),
        macs_per_output_megapixel=count_macs(network),
        file_bytes=weights.stat().st_size,
        sha256=sha256_of(weights),
    )
    write_card(card, folder / f"{card.name}.json")
    return card


def device_text(recipe: Recipe, device: torch.device, minutes: float) -> str:
    """Device, precision, version of torch and minutes of training in words, for the card."""
    is_float32 = recipe.schedule.precision == "fp32" or not has_bfloat16(device)
    name = device_name(device) + (" in float32" if is_float32 else "")
    return f"{name}, torch {torch.__version__}, {minutes:.0f} minutes"


def device_name(device: torch.device) -> str:
    """The device in words, for cards."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def _twin(recipe: Recipe, settings: Settings) -> str | None:
    """The name of the twin, `NAME-twin`, if a student has one among the released networks."""
    if recipe.role != "student":
        return None
    name = twin_name(recipe)
    return name if any(card.name == name for card in open_catalog(settings).cards) else None


def _history(recipe: Recipe, settings: Settings) -> tuple[dict[str, object], ...]:
    """The earlier runs that this one started from, oldest first, and the partner of the soup."""
    if recipe.warm_start is None:
        return ()
    start = _runs_up_to(recipe.warm_start, settings)
    return start if recipe.soup_with is None else (*start, _runs_up_to(recipe.soup_with, settings)[-1])


def _runs_up_to(place: str, settings: Settings) -> tuple[dict[str, object], ...]:
    """The runs that led to the network at `place` (a file or a name), its own last."""
    path = Path(place)
    if path.suffix == ".safetensors" and not path.with_suffix(".json").is_file():
        return ({"warm_start": path.name},)
    card = Catalog(path.parent).find(path.stem) if path.suffix == ".safetensors" else open_catalog(settings).find(place)
    run = {key: getattr(card, key) for key in ("name", "sha256", "steps", "seed", "trained_on")}
    if card.published:
        run |= {"licence": card.licence, "authors": card.published.get("authors", "")}
    return (*card.history, run | {"recipe": _without_places(card.recipe)})


def _without_places(recipe: Mapping[str, object]) -> dict[str, object]:
    """`recipe` with the names of networks in place of their files, so that no card tells the machine's folders."""
    return {
        key: _without_places(value) if isinstance(value, Mapping) else _without_place(value)
        for key, value in recipe.items()
    }


def _without_place(value: object) -> object:
    return Path(value).stem if isinstance(value, str) and is_path(value) else value
