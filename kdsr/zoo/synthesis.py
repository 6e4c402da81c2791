"""The released generators: a teacher and its student, their weights and one card, in `weights/synthesis`.

They draw pictures from codes and restore nothing, so they stand in no catalogue. Not here: their training and their
figures (`examples/generator.py`, which writes the card).
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdsr.errors import WeightsError, find
from kdsr.files import replaced
from kdsr.zoo.weights import load_weights

if TYPE_CHECKING:
    from kdsr.models.generator import Generator

CARD = "greenery.json"


@dataclass(frozen=True)
class DrawnBy:
    """One way of drawing, and how far its pictures are from photographs."""

    frechet: tuple[float, ...]
    """Frechet distance to the held-out crops, one for each seed."""
    widths: tuple[int, ...]
    parameters: int
    sha256: str | None = None
    """Of `NAME.safetensors` beside the card; None where no weights were kept."""


@dataclass(frozen=True)
class SynthesisCard:
    """What the generators draw, how they were made and what they measure."""

    title: str
    licence: str
    latent: int
    samples: int
    """Pictures of each that the distances are taken on."""
    floor: float
    """The distance of the training crops from the held-out ones: what a generator could reach."""
    crops: int
    """That were trained on."""
    networks: dict[str, DrawnBy]
    """By name: `teacher`, and one student as `both` (teacher and discriminator), `alone` (no teacher) and `pairs` (no
    discriminator).
    """
    notes: str = ""


def read_synthesis(weights_dir: Path) -> SynthesisCard | None:
    """The card in `weights_dir`/synthesis; None where there is none.

    Raises:
        WeightsError: a card that is not readable, or that lacks the teacher or its student.
    """
    path = weights_dir / "synthesis" / CARD
    if not path.is_file():
        return None
    try:
        given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        networks = {
            name: DrawnBy(**one | {"frechet": tuple(one["frechet"]), "widths": tuple(one["widths"])})
            for name, one in given.pop("networks").items()
        }
        card = SynthesisCard(**given, networks=networks)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"The card {path.name} is not a card of generators ({error}); restore the file.") from error
    if not {"teacher", "both"} <= set(networks):
        raise WeightsError(f"The card {path.name} needs a teacher and its student; restore the file.")
    return card


def write_synthesis(card: SynthesisCard, weights_dir: Path) -> None:
    """Write `card` into `weights_dir`/synthesis, in one move."""
    with replaced(weights_dir / "synthesis" / CARD) as part:
        part.write_text(json.dumps(dataclasses.asdict(card), indent=2) + "\n", encoding="utf-8")


def load_generator(card: SynthesisCard, name: str, weights_dir: Path) -> "Generator":
    """The network `name` of `card` with its weights, in eval mode, on the processor.

    Raises:
        UnknownNameError: no such network. WeightsError: weights that are missing, altered or do not fit the card.
    """
    from kdsr.models.generator import Generator

    one = find("generator", name, card.networks)
    if one.sha256 is None:
        raise WeightsError(f"No weights of the generator '{name}' were kept; use the teacher.")
    network = Generator(card.latent, one.widths)
    load_weights(network, weights_dir / "synthesis" / f"{name}.safetensors", sha256=one.sha256)
    return network.eval().requires_grad_(False)
