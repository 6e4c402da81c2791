"""The networks at hand: every card in the weights folder, and the networks that they describe."""

from pathlib import Path
from typing import TYPE_CHECKING

from kdsr.errors import UnknownNameError, WeightsError
from kdsr.tasks import find_task
from kdsr.zoo.card import ROLES, Card, read_card
from kdsr.zoo.weights import load_weights

if TYPE_CHECKING:
    from kdsr.models import Network


class Catalog:
    """The cards of one folder. A card that cannot be used is left out and told in `problems`."""

    def __init__(self, weights_dir: Path) -> None:
        self.weights_dir = Path(weights_dir)
        cards, problems = [], []
        for path in sorted(self.weights_dir.glob("*.json")):
            try:
                card = read_card(path)
            except WeightsError as error:
                problems.append(str(error))
                continue
            if card.name != path.stem:
                problems.append(
                    f"The card {path.name} names the network '{card.name}'; file and name must be the same."
                )
            elif not self.weights_path(card).is_file():
                problems.append(
                    f"The card {path.name} has no weights beside it; restore {card.name}.safetensors or remove the card."
                )
            else:
                cards.append(card)
        self.cards: tuple[Card, ...] = tuple(cards)
        self.problems: tuple[str, ...] = tuple(problems)

    def find(self, name: str) -> Card:
        """The card named `name`.

        Raises:
            UnknownNameError: no such network; the text names the nearest one, or says why its card cannot be used.
        """
        for card in self.cards:
            if card.name == name:
                return card
        for problem in self.problems:
            if f" {name}.json " in problem:
                raise UnknownNameError(problem)
        raise UnknownNameError.among("network", name, (card.name for card in self.cards))

    def for_task(self, task: str, role: str | None = None) -> tuple[Card, ...]:
        """The cards for `task` (of `role`, if given): teachers first, then students, each from large to small."""
        find_task(task)
        found = [card for card in self.cards if card.task == task and role in (None, card.role)]
        return tuple(sorted(found, key=lambda card: (ROLES.index(card.role), -card.parameters, card.name)))

    def weights_path(self, card: Card) -> Path:
        """Where the weights of `card` lie."""
        return self.weights_dir / f"{card.name}.safetensors"

    def load(self, name: str) -> "Network":
        """The network named `name` with its weights, in eval mode, on the CPU.

        Raises:
            UnknownNameError: no such network.
            WeightsError: weights that are missing, altered (SHA-256) or do not fit the card.
        """
        from kdsr.models import build_model, integer_form  # with torch, which an ONNX graph does without

        card = self.find(name)
        network = build_model(
            card.architecture, find_task(card.task).scale, card.arguments, planes=find_task(card.task).planes
        )
        network = integer_form(network) if card.precision == "int8" else network
        load_weights(network, self.weights_path(card), sha256=card.sha256)
        return network.eval().requires_grad_(False)
