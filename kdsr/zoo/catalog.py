"""The networks of a folder: its cards, and the weights that belong to them."""

from pathlib import Path
from typing import TYPE_CHECKING

from kdsr.errors import UnknownNameError, WeightsError, find
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.zoo.card import ROLES, Card, is_meant_as_card, read_card
from kdsr.zoo.published import PUBLISHED
from kdsr.zoo.weights import load_weights

if TYPE_CHECKING:
    from kdsr.models import Network


def teachers_dir(settings: Settings) -> Path:
    """The folder of the published teachers that were added."""
    return settings.home / "teachers"


def open_catalog(settings: Settings) -> "Catalog":
    """The networks of this installation: the released ones, and the published teachers that were added."""
    return Catalog(settings.weights_dir, teachers_dir(settings))


def find_network(name: str, settings: Settings) -> tuple[Card, "Catalog"]:
    """The network `name` of this installation, or of a path: its weights or card, or a folder with one network.

    Raises:
        UnknownNameError: no such network. WeightsError: a path without usable weights and card, or with several.
    """
    path, released = Path(name), open_catalog(settings)
    is_known = any(card.name == name for card in released.cards)
    if is_known or not (path.is_dir() or path.suffix in (".safetensors", ".json", ".onnx")):
        return released.find(name), released
    if path.is_dir():
        catalog = Catalog(path)
        if len(catalog.cards) == 1:
            return catalog.cards[0], catalog
        found = ", ".join(card.name for card in catalog.cards) or "none"
        raise WeightsError(f"A folder with one network was wanted, and {path} holds {found}; name its .safetensors.")
    card_path = path.with_suffix(".json")
    if not (card_path.is_file() and path.with_suffix(".safetensors").is_file()):
        raise WeightsError(
            f"{path} is used with weights and card side by side; put {path.stem}.safetensors and {card_path.name} "
            "into one folder."
        )
    catalog = Catalog(path.parent)
    return catalog.find(path.stem), catalog


class Catalog:
    """The usable cards of one folder, and of `more_dirs`; `problems` has a sentence for each other card.

    Of two cards of one name, that of the earlier folder counts.
    """

    def __init__(self, weights_dir: Path, *more_dirs: Path) -> None:
        self.weights_dir = Path(weights_dir)
        self._folders: dict[str, Path] = {}
        cards: dict[str, Card] = {}
        problems: dict[str, str] = {}
        folders = (self.weights_dir, *map(Path, more_dirs))
        for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
            if path.stem in cards or path.stem in problems:
                continue
            try:
                cards[path.stem] = self._usable_card(path)
            except WeightsError as error:
                if is_meant_as_card(path):  # a folder of a run holds other JSON files too
                    problems[path.stem] = str(error)
            else:
                self._folders[path.stem] = path.parent
        self._by_name, self._problem_of = cards, problems
        self.cards: tuple[Card, ...] = tuple(cards.values())
        self.problems: tuple[str, ...] = tuple(problems.values())

    def _usable_card(self, path: Path) -> Card:
        """The card at `path`, if its name is that of the file and its weights are there."""
        card = read_card(path)
        if card.name != path.stem:
            raise WeightsError(f"The card {path.name} names the network '{card.name}'; file and name must be the same.")
        if not path.with_name(f"{card.name}.safetensors").is_file():
            raise WeightsError(
                f"The card {path.name} has no weights beside it; restore {card.name}.safetensors or remove the card."
            )
        return card

    def find(self, name: str) -> Card:
        """The card named `name`.

        Raises:
            UnknownNameError: no such network; the text names the nearest one, or says why its card cannot be used, or
                how a published teacher is added.
        """
        if (problem := self._problem_of.get(name)) is not None:
            raise UnknownNameError(problem)
        if name in PUBLISHED and name not in self._by_name:
            raise UnknownNameError(f"The published teacher {name} is not here yet; run: kdsr teachers add {name}")
        return find("network", name, self._by_name)

    def for_task(self, task: str, role: str | None = None) -> tuple[Card, ...]:
        """The cards for `task` (of `role`, if given): teachers first, then students, each from large to small.

        Within a role our own networks come before published ones, then those trained for PSNR before those trained for
        looks. The first is the default, and it is faithful.
        """
        find_task(task)
        found = [card for card in self.cards if card.task == task and role in (None, card.role)]

        def place(card: Card) -> tuple[int, bool, bool, int, str]:
            return ROLES.index(card.role), bool(card.published), card.is_for_looks, -card.parameters, card.name

        return tuple(sorted(found, key=place))

    def weights_path(self, card: Card) -> Path:
        """The path of the weights of `card`."""
        return self._folders.get(card.name, self.weights_dir) / f"{card.name}.safetensors"

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
