"""The handlers of the report in *Restore*: which pictures and networks go in, and the file. They run without a browser.

Pictures that were not restored yet are restored as the one on screen, with progress and a stop button.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Literal
from uuid import uuid4

import gradio as gr

from kdsr.errors import InputError, KdsrError, Stopped
from kdsr.files import replaced
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.disk import writing
from kdsr.ui.examples import available_examples
from kdsr.ui.html import status_line
from kdsr.ui.languages.speech import said_html
from kdsr.ui.records import recorded
from kdsr.ui.refusals import log_refusal
from kdsr.ui.report.as_html import report_html
from kdsr.ui.report.as_pdf import need_typst, report_pdf
from kdsr.ui.report.content import NETWORKS, with_networks
from kdsr.ui.restore.files import on_disk
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.run import restore_steps
from kdsr.ui.sessions import Orders, session_of

Kind = Literal["html", "pdf"]
SHOWN = "shown"
"""The picture on screen, in the choice of pictures; an example has its title."""
_MOST_KEPT = 16
Kept = dict[Order, RestoreResult]
Offered = tuple[str, ...]
Spot = tuple[float, float] | None


def write_report(
    results: Sequence[RestoreResult], settings: Settings, kind: Kind = "html", *,
    pair: tuple[str, str] = USUAL_PAIR, spots: Sequence[Spot] = (),
) -> Path:  # fmt: skip
    """The report of `results`, beside the pictures of the first.

    Raises:
        InputError: the disk is full. SettingsError: a PDF, and Typst is not installed.
    """
    made, first = datetime.now(UTC), results[0].columns[0].file
    if kind == "pdf":
        written = report_pdf(results, settings, made, pair=pair, spots=spots)
    else:
        written = said_html(report_html(results, settings, made, pair=pair, spots=spots)).encode()
    target = first.parent / f"{first.stem.rsplit('-', 1)[0]}-report.{kind}"
    with writing("The report"), replaced(target) as part:
        part.write_bytes(written)
    return target


def spot_of(query: Mapping[str, str]) -> Spot:
    """The spot (fractions) that the address shows enlarged; None where it shows the whole picture."""
    try:
        x, y, _zoom = map(float, query.get("spot", "").split(","))
    except ValueError:
        return None
    return (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None


class ReportHandlers:
    """The handlers, with those of the tab and the stop signals of reports."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore
        self.orders = Orders()

    def on_result(self, result: RestoreResult | None, offered: Offered) -> tuple[Any, Any, Offered]:
        """(networks, pictures, offered): what can go into a report of `result`; unchanged where it is offered."""
        if result is None:
            return gr.skip(), gr.skip(), offered
        networks = [(each.title, each.key) for each in result.columns if each.key in NETWORKS and each.key != "student"]
        pictures = [(f"{result.name} ({texts.REPORT_ON_SCREEN})", SHOWN)]
        pictures += [(title, title) for title in _other_examples(result)]
        if (now := (result.name, *(key for _, key in networks))) == offered:
            return gr.skip(), gr.skip(), offered
        return (
            gr.update(choices=networks, value=[key for _, key in networks]),
            gr.update(choices=pictures, value=[SHOWN]),
            now,
        )

    def on_press(self, request: gr.Request) -> tuple[str, Any]:
        """(status, stop) as soon as a report was asked for."""
        self.orders.give(session_of(request))
        return status_line(texts.WAITING, kind="busy"), gr.update(visible=True)

    def on_stop(self, request: gr.Request) -> None:
        self.orders.stop(session_of(request))

    def on_close(self, request: gr.Request) -> None:
        self.orders.close(session_of(request))

    def of_kind(self, kind: Kind) -> Callable[..., Iterator[tuple[Any, ...]]]:
        """The handler of the button for reports of `kind`."""

        def on_report(
            result: RestoreResult | None, pair: tuple[str, str], networks: list[str], pictures: list[str],
            offered: Offered, kept: Kept, request: gr.Request,
        ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
            signal = self.orders.take(session_of(request))
            if signal is None:
                yield (gr.skip(),) * 4
                return
            chosen = networks if offered else NETWORKS
            spot = spot_of(request.query_params)
            yield from self._report(kind, result, pair, chosen, pictures, kept, spot, signal)

        return on_report

    def _report(
        self, kind: Kind, result: RestoreResult | None, pair: tuple[str, str], networks: Sequence[str],
        pictures: Sequence[str], kept: Kept, spot: Spot, signal: Event,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """(status, stop, file, kept), until the report is there; what goes wrong is one sentence."""
        try:
            if result is None or not result.columns or not on_disk(result):
                raise InputError(texts.REPORT_FIRST)
            if not pictures:
                raise InputError(texts.REPORT_NO_PICTURE)
            if kind == "pdf":
                need_typst()
            made, spots = [], []
            for number, picture in enumerate(pictures, 1):
                place = f"{number}/{len(pictures)}"
                each = result if picture == SHOWN else (yield from self._restored(picture, place, result, kept, signal))
                made.append(with_networks(each, networks))
                spots.append(spot if picture == SHOWN else None)
            yield status_line(texts.REPORT_AT_WORK, kind="busy"), gr.skip(), gr.skip(), gr.skip()
            file = write_report(made, self.restore.settings, kind, pair=pair, spots=spots)
            yield status_line("", kind="done"), gr.update(visible=False), gr.update(value=str(file)), kept
        except Stopped as stop:
            yield status_line(str(stop), kind="stopped"), gr.update(visible=False), gr.update(value=None), kept
        except KdsrError as error:
            log_refusal(error)
            yield status_line(str(error), kind="error"), gr.update(visible=False), gr.update(value=None), kept

    def _restored(
        self, example: str, place: str, shown: RestoreResult, kept: Kept, signal: Event
    ) -> Generator[tuple[Any, ...], None, RestoreResult]:
        """The example restored as `shown` was, now or earlier in this visit; newly restored ones are put into `kept`.

        Raises:
            KdsrError: as `restore_steps` does.
        """
        order = _order_for(example, shown)
        if order in kept and on_disk(kept[order]):
            return kept[order]
        folder, result = self.restore.folder / uuid4().hex, None
        with recorded("restore"):
            for step in restore_steps(order, self.restore.settings, folder, signal):
                text = f"{example} ({place}): {step.text}"
                yield status_line(text, kind="busy", fraction=step.fraction), gr.skip(), gr.skip(), gr.skip()
                result = step.result if step.last else None
            if result is None:
                raise Stopped(texts.REPORT_STOPPED)
        kept[order] = result
        for oldest in list(kept)[:-_MOST_KEPT]:
            del kept[oldest]
        return result


def _other_examples(result: RestoreResult) -> list[str]:
    """The titles of the examples that are not on screen."""
    shown = result.order.picture if result.order else None
    return [example.title for example, path in available_examples() if path != shown]


def _order_for(example: str, shown: RestoreResult) -> Order:
    """What is asked for of an example, which is a clean picture: as for `shown`, measured where it can be.

    Raises:
        InputError: there is no such example, or `shown` says not how it was made.
    """
    path = next((path for one, path in available_examples() if one.title == example), None)
    if path is None or shown.order is None:
        raise InputError("There is no such example: reload the page.")
    order = replace(shown.order, picture=path, truth=None, mask=None)
    if not find_task(order.task).has_truth:
        return order
    order = replace(order, mode="clean")
    if shown.order.mode != "clean" or order.strength is None:
        order = replace(order, strength=getattr(find_task(order.task).strength, "default", None))
    return order
