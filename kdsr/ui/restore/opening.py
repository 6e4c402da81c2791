"""How the tab *Restore* opens, by the address, and how it follows the address when the visitor goes back or forward.

Not here: what the words of the address mean (`restore.place`), the run itself (`restore.handlers`).
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from kdsr.ui import texts
from kdsr.ui.address import is_named, named
from kdsr.ui.html import error_line, status_line
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice, order_of
from kdsr.ui.restore.files import on_disk
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.open_page import OpenPage
from kdsr.ui.restore.place import Here, Scene, is_own, place_of, words_of
from kdsr.ui.restore.request import Order, what_is_lacking
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.view import UNCHANGED, View, final_view, pair_view
from kdsr.ui.sessions import session_of


class OpeningHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore

    def here(self, owner: str) -> Here:
        """What an address can name, for the visitor `owner`."""
        restore = self.restore
        names, uploads = [name for _, name in restore.tasks()], restore.uploads.of(owner)

        def usual(task: str, style: str = "") -> Choice:
            return restore.usual(task, owner, style)

        return Here(names, restore.default_task(), usual, restore.settings, uploads)

    def on_load(self, owner: str, request: gr.Request) -> tuple[Any, ...]:
        """(address, *what `RestoreHandlers.placed` gives, problems, their lines, resumed): the tab as the address has
        it, with what is in the weights folder now. resumed: True where a run is to be ordered, as `on_open` makes none.
        """
        here = self.here(owner)
        place, said = place_of(request.query_params, here)
        task, *placed = self.restore.placed(place, owner, request)
        problems = self.restore.problems()
        note = gr.update(visible=bool(problems), label=texts.problems_title(len(problems)))
        lines = "".join(f"- {sentence}\n" for sentence in problems)
        tasks = gr.update(choices=self.restore.tasks(), value=task)
        resumed = not self._is_opening(order_of(place.picture, None, place.choice)) or gr.skip()
        return _address(place, here, said), tasks, *placed, note, lines, resumed

    def on_open(
        self, choice: Choice, picture: str | None, pair: tuple[str, str], request: gr.Request
    ) -> Iterator[View]:
        """The page opens on an example already restored: computed for the first visitor, shown again to the next.

        Nothing for what is ordered as any other run.
        """
        session, openings = session_of(request), self.restore.openings
        order = order_of(picture, None, choice)
        made = openings.get(order)
        if picture is None:
            yield View(status=status_line(texts.NO_EXAMPLES))
        elif made is not None and on_disk(made):
            page = self.restore.pages.setdefault(session, OpenPage())
            page.pair = pair
            yield final_view(page.now(made), *pair)
        elif not self._is_opening(order) or self.restore.orders.is_waiting(session):
            yield View()
        else:
            self.restore.orders.give(session)
            yield from self.restore.run(order, pair, session, keep=True)

    def _is_opening(self, order: Order) -> bool:
        """Whether the page can open on the result of `order`: nothing lacks, and the picture is nobody's own."""
        if order.picture is None:
            return True
        return not is_own(str(order.picture)) and not what_is_lacking(order, self.restore.settings)

    def on_follow(
        self,
        choice: Choice,
        picture: str | None,
        result: RestoreResult | None,
        owner: str,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """(address, pictures, explanations, left, right, *what `RestoreHandlers.compared` gives): the visitor went back
        or forward. Only what the address changes is changed, and a run is ordered where the picture changes.
        """
        query = request.query_params
        if query.get("tab", "restore") != "restore" or "model" in query or "run" in query:
            return (UNCHANGED,) * 5 + NOTHING_COMPARED
        here = self.here(owner)
        wanted, said = place_of(query, here)
        address, unchanged = _address(wanted, here, said), (UNCHANGED,) * 4
        if (wanted.choice, wanted.picture) != (choice, picture):
            return address, *unchanged, *self.restore.placed(wanted, owner, request), *self.restore.ordered(request)
        shown, page = unchanged, self.restore.page(request)
        page.pair, result = wanted.pair, page.result or result
        if result is not None and on_disk(result):
            view = pair_view(result, *wanted.pair)
            shown = view.pictures, view.explained, *wanted.pair
        return address, *shown, *NOTHING_COMPARED[:-4], wanted.pair, *NOTHING_COMPARED[-3:]

    def on_placed(
        self, choice: Choice, picture: str | None, pair: tuple[str, str], owner: str, shown: str | None
    ) -> Any:
        """The address: something was chosen. The visitor's own picture is remembered for going back and for a reload.

        An address that is `shown` already stays, with the sentence on what it asked for in vain.
        """
        if picture is not None and is_own(picture):
            self.restore.uploads.add(owner, picture)
        words = words_of(Scene(choice, picture, (pair[0], pair[1])), self.here(owner))
        return UNCHANGED if is_named(words, shown) else named(words)


def _address(place: Scene, here: Here, said: str) -> Any:
    return named(words_of(place, here), error_line(said), is_answer=True)
