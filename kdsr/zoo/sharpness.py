"""Networks between a faithful student and the sharp student of its shape, by interpolated weights.

One of the two was trained on from the other. Every weighted mean of their weights is then a usable network of the same
shape and speed. A few hundred kilobytes each, they are kept under `Settings.home`, as weights with a card, so that
runtimes treat them as any network.

Source: network interpolation of ESRGAN, arXiv:1809.00219, section 3.4. Not here: training, and the page's dial.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.zoo.card import Card, write_card
from kdsr.zoo.catalog import Catalog
from kdsr.zoo.weights import save_weights, sha256_of

if TYPE_CHECKING:
    from torch import Tensor

DECIMALS = 2
"""Of a sharpness; so a pair has at most 99 networks between its ends."""


class SharpPair(NamedTuple):
    """Two students of one task and shape, of which one was trained on from the other."""

    faithful: Card
    """Trained for PSNR: sharpness 0."""
    sharp: Card
    """Trained for looks: sharpness 1."""


def sharp_pair_of(card: Card, catalog: Catalog) -> SharpPair | None:
    """The pair that `card` belongs to, as either of the two; None if it has no partner in `catalog`.

    The partner is found by what the cards say: task, architecture and its arguments, whether for looks, and history.
    """
    if not _can_pair(card):
        return None
    others = (other for other in catalog.for_task(card.task, "student") if _can_pair(other))
    partner = next((other for other in others if _fit(card, other)), None)
    if partner is None:
        return None
    return SharpPair(partner, card) if card.is_for_looks else SharpPair(card, partner)


def at_sharpness(card: Card, catalog: Catalog, sharpness: float, settings: Settings) -> tuple[Card, Catalog]:
    """The network at `sharpness` between the two of the pair of `card`, and the catalog that holds it.

    Args:
        card: of `catalog`; either network of a pair.
        sharpness: in [0, 1], rounded to hundredths. 0 is the faithful network itself and 1 the sharp one itself; what
            lies between is made on first use and kept.
    Raises:
        SettingsError: out of range, a network without a partner, or `settings.home` cannot be written.
        WeightsError: weights of the pair that are missing, altered or do not fit their card.
    """
    if not 0 <= sharpness <= 1:
        raise SettingsError(f"A sharpness lies between 0 (faithful) and 1 (sharp), got {sharpness:g}.")
    pair = sharp_pair_of(card, catalog)
    if pair is None:
        raise SettingsError(_without_partner(card, catalog))
    share = round(sharpness, DECIMALS)
    if share in (0, 1):
        return (pair.sharp if share else pair.faithful), catalog
    return _between(pair, catalog, share, settings)


def _can_pair(card: Card) -> bool:
    """Whether the weights of `card` may be interpolated: its own floats, of the full shape."""
    is_own = not card.published and card.role == "student"
    return is_own and card.precision == "float32" and card.compressed_from is None


def _fit(card: Card, other: Card) -> bool:
    """Whether one of the two is the other, trained on for looks (or back)."""
    shapes = [(each.task, each.architecture, each.arguments) for each in (card, other)]
    is_alike = shapes[0] == shapes[1] and card.is_for_looks != other.is_for_looks
    return is_alike and (_started_from(card, other) or _started_from(other, card))


def _started_from(card: Card, start: Card) -> bool:
    return any(start.name == run.get("name") or start.sha256 == run.get("sha256") for run in card.history)


def _without_partner(card: Card, catalog: Catalog) -> str:
    """Why `card` has no sharpness to set, and which networks have one."""
    why = "has no sharp partner of its shape"
    if card.precision != "float32":
        why = "has 8-bit weights, which cannot be interpolated"
    elif card.compressed_from is not None:
        why = "was pruned, so that its weights belong to no pair"
    names = [each.name for each in catalog.cards if (pair := sharp_pair_of(each, catalog)) and pair.faithful == each]
    advice = f"choose one of {', '.join(names)}" if names else "no network here has one, so leave the sharpness out"
    return f"The network '{card.name}' {why}; {advice}."


def _between(pair: SharpPair, catalog: Catalog, share: float, settings: Settings) -> tuple[Card, Catalog]:
    """The interpolated network and the catalog of its folder, from the disk if it is there and unaltered."""
    folder = settings.home / "sharpness" / "-".join(card.sha256[:16] for card in pair)
    name = f"{pair.faithful.name}-sharpness-{share:g}"
    kept = Catalog(folder)
    found = next((card for card in kept.cards if card.name == name), None)
    if found is not None and sha256_of(kept.weights_path(found)) == found.sha256:
        return found, kept
    try:
        card = _write(pair, catalog, share, folder, name)
    except OSError as error:
        raise SettingsError(
            f"The network between the two cannot be written ({error.strerror}): set KDSR_HOME to a folder that can."
        ) from error
    return card, Catalog(folder)


def _write(pair: SharpPair, catalog: Catalog, share: float, folder: Path, name: str) -> Card:
    """Write the weights and then the card of the interpolated network `name`; its card."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save_weights(_interpolated(pair, catalog, share), folder / f"{name}.safetensors")
    card = _card(pair, share, name, weights)
    write_card(card, folder / f"{name}.json")
    return card


def _interpolated(pair: SharpPair, catalog: Catalog, share: float) -> "dict[str, Tensor]":
    """The state at `share` of the way from the faithful to the sharp network, in float32."""
    import torch

    faithful, sharp = (catalog.load(card.name).state_dict() for card in pair)
    return {name: torch.lerp(value, sharp[name], share) for name, value in faithful.items()}


def _card(pair: SharpPair, share: float, name: str, weights: Path) -> Card:
    """The card of the interpolated network: nothing was measured on it, and its recipe is the pair."""
    ends = {
        key: {"name": card.name, "sha256": card.sha256, "recipe": card.recipe} for key, card in pair._asdict().items()
    }
    licences = dict.fromkeys(card.licence for card in pair)
    data = [entry for card in pair for entry in card.data]
    return dataclasses.replace(
        pair.faithful,
        name=name,
        title=f"{pair.faithful.title}, sharpness {share:g}",
        file_bytes=weights.stat().st_size,
        sha256=sha256_of(weights),
        licence=" and ".join(licences),
        trained_on="nothing: interpolated weights",
        steps=0,
        twin=None,
        recipe={"sharpness": share, **ends},
        history=(),
        data=tuple(entry for number, entry in enumerate(data) if entry not in data[:number]),
        figures=(),
        looks=(),
        latency=(),
        notes=f"Weights interpolated between {pair.faithful.name} and {pair.sharp.name}.",
    )
