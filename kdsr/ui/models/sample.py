"""One example restored by the network of a card and by those it is compared with: the comparison in the card.

Pictures are made once, with torch, and kept as files that the checksum of the weights names. Not here: a visitor's own
picture (`ui.restore`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from markupsafe import Markup

from kdsr.degrade import Degraded, degrade_picture
from kdsr.image import Picture, read_picture, to_tensor, write_picture
from kdsr.metrics import measure
from kdsr.restore import RUNTIMES, restore_picture
from kdsr.settings import Settings
from kdsr.tasks import Task, find_task
from kdsr.ui import texts
from kdsr.ui.compare import Shown, comparison
from kdsr.ui.examples import available_examples
from kdsr.ui.restore.headline import finite_db
from kdsr.ui.restore.result import COLUMNS, save_column
from kdsr.zoo import Card, Catalog

COMPARISON = "zoo-compare"
"""The id of its element."""
SIDE_PX = 240
"""Of the square: a multiple of every scale, small enough for a teacher on a slow processor."""
_CORNER = (20, 110)
"""Top and left of the square in the first example: a face."""


class Samples:
    """The comparisons of cards; pictures lie under `folder`, which the page may serve from."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self._made: dict[tuple[str, ...], tuple[Markup, list[Path]]] = {}

    def ready(self, card: Card, cards: Sequence[Card]) -> Markup:
        """The comparison of `card` among `cards`, if it was made before; else empty, at once."""
        html, files = self._made.get(_key(card, cards), (Markup(""), []))
        return html if all(file.is_file() for file in files) else Markup("")

    def make(self, card: Card, cards: Sequence[Card], catalog: Catalog) -> Markup:
        """The comparison of `card`; empty where there is no example picture.

        Raises:
            WeightsError: weights that are missing or altered. OSError: the folder cannot be written.
        """
        ready, examples = self.ready(card, cards), available_examples()
        if ready or not examples:
            return ready
        task, folder = find_task(card.task), self.folder / card.task
        (folder / "shown").mkdir(parents=True, exist_ok=True)
        clean = _square(read_picture(examples[0][1], self.settings))
        made = degrade_picture(clean, task) if task.has_truth else Degraded(to_tensor(clean), clean)
        given = save_column("input", made.picture, folder, task.name, enlarge=task.scale)
        shown = [Shown("input", COLUMNS["input"], _pixels(task), given.shown)]
        for role, one in compared_with(card, cards).items():
            file = folder / f"{one.sha256}.png"
            if not file.is_file():
                write_picture(self._restored(made, one, catalog), file)
            shown.append(Shown(role, COLUMNS[role], _figure(read_picture(file, self.settings), made, task), file))
        if task.has_truth:
            truth = save_column("truth", made.truth, folder, task.name)
            shown.append(Shown("truth", COLUMNS["truth"], "", truth.shown))
        html = comparison(examples[0][0].title, (SIDE_PX, SIDE_PX), shown, "input", card.role)
        self._made[_key(card, cards)] = html, [each.file for each in shown]
        return html

    def _restored(self, made: Degraded, card: Card, catalog: Catalog) -> Picture:
        """By torch, and not kept warm: *Restore* needs that room."""
        picture = made.picture if made.holes is None else replace(made.picture, alpha=None)
        return restore_picture(picture, RUNTIMES["torch"](card, catalog, self.settings), holes=made.holes)


def compared_with(card: Card, cards: Sequence[Card]) -> dict[str, Card]:
    """The networks of the comparison by role: `card`, and its twin and its teacher, where `cards` hold them."""
    named = {"twin": card.twin, "teacher": card.teacher} | {card.role: card.name}
    found = {role: next((one for one in cards if one.name == name), None) for role, name in named.items()}
    return {role: one for role in COLUMNS if (one := found.get(role)) is not None}


def _key(card: Card, cards: Sequence[Card]) -> tuple[str, ...]:
    return tuple(str(one.sha256) for one in compared_with(card, cards).values())


def _square(picture: Picture) -> Picture:
    top, left = _CORNER
    return replace(picture, pixels=picture.pixels[top : top + SIDE_PX, left : left + SIDE_PX])


def _pixels(task: Task) -> str:
    """What stands beside the title of the input."""
    return "its pixels, enlarged" if task.scale > 1 else ""


def _figure(restored: Picture, made: Degraded, task: Task) -> str:
    """What stands beside the title of a network's picture: its PSNR, where there is an original."""
    if not task.has_truth:
        return ""
    holes = None if made.holes is None else torch.from_numpy(made.holes)[None, None]
    value = finite_db(measure(to_tensor(restored), to_tensor(made.truth), task, holes=holes))
    return "" if value is None else texts.decibels(value)
