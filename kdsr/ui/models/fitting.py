"""The part of the tab *Models* that asks for a frame rate: its controls, and the button that measures on this machine.

Not here: the answer (`models.fit`), how a network is timed (`kdsr.bench.frames`).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr

from kdsr.bench.frames import Frame, FrameTimes, measure_frames
from kdsr.errors import KdsrError, Stopped
from kdsr.ui import texts
from kdsr.ui.events import LATEST_TOLD, QUEUED, QUICK
from kdsr.ui.html import status_line
from kdsr.ui.models import fit_texts
from kdsr.ui.models.chart import BY_FRAME
from kdsr.ui.models.fit import FRAMES, HERE, MOST_RATE, RateWanted, judged, shown_frame
from kdsr.ui.models.handlers import ModelsHandlers, ModelsPage
from kdsr.ui.models.rows import sorted_cards
from kdsr.ui.models.selection import Selection
from kdsr.ui.sessions import Orders, session_of


class Measuring(NamedTuple):
    """What the button changes, beside the page; those not given stay unchanged."""

    status: Any = gr.skip()
    measure_here: Any = gr.skip()
    stop_measuring: Any = gr.skip()


class FitHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, models: ModelsHandlers) -> None:
        self.models = models
        self.orders = Orders()

    def on_press(self, request: gr.Request) -> Measuring:
        """An order to measure, which waits until no picture is being restored."""
        self.orders.give(session_of(request))
        return _busy(texts.WAITING)

    def on_measure(self, selection: Selection, request: gr.Request) -> Iterator[Measuring]:
        """The progress while the networks of the shown task are timed, one after the other."""
        signal = self.orders.take(session_of(request))
        zoo = self.models.zoo()
        card = zoo.find(selection.network)
        if signal is None or card is None:
            yield _idle("")
            return
        cards = judged(sorted_cards(zoo.cards, card.task))
        times = zoo.times or FrameTimes(self.models.settings)
        try:
            for number, one in measure_frames(
                cards, zoo.catalog, selection.wanted.frame, times, should_stop=signal.is_set
            ):
                yield _busy(fit_texts.AT_WORK.format(name=one.title), number / len(cards))
            status = status_line(fit_texts.DONE, kind="done")
        except Stopped:
            status = status_line(fit_texts.STOPPED, kind="stopped")
        except KdsrError as error:
            status = status_line(str(error), kind="error")
        yield _idle(status)

    def on_measured(self, selection: Selection) -> ModelsPage:
        """The answer and the plot by what was measured here, for what is chosen by now."""
        wanted = selection.wanted._replace(basis=HERE)
        return self.models.plotted(selection._replace(wanted=wanted, by=BY_FRAME))

    def on_stop(self, request: gr.Request) -> None:
        """No further pass begins."""
        self.orders.stop(session_of(request))

    def on_close(self, request: gr.Request) -> None:
        """A closed page measures no more."""
        self.orders.close(session_of(request))


def _busy(text: str, fraction: float | None = None) -> Measuring:
    line = status_line(text, kind="busy", fraction=fraction)
    return Measuring(line, gr.update(visible=False), gr.update(visible=True))


def _idle(status: str) -> Measuring:
    return Measuring(status, gr.update(visible=True), gr.update(visible=False))


def add_fit(pickable: str) -> dict[str, Any]:
    """The components, hidden until a task has figures. `pickable` is the script of HTML that names networks."""
    wanted = RateWanted()
    with gr.Column(visible=False, elem_id="zoo-fit") as box:
        head = gr.HTML(elem_id="zoo-fit-head")
        with gr.Row(elem_id="zoo-fit-wanted"):
            rate = gr.Slider(1, MOST_RATE, wanted.rate, step=1, label=fit_texts.RATE, elem_id="zoo-rate")
            frames = [(shown_frame(frame), _value(frame)) for frame in FRAMES]
            frame = gr.Radio(frames, value=_value(wanted.frame), label=fit_texts.FRAME, elem_id="zoo-frame")
            basis = gr.Radio(
                list(fit_texts.BASES), value=HERE, label=fit_texts.BASIS, elem_id="zoo-basis", visible=False
            )
        said = gr.HTML(elem_id="zoo-fit-answer", js_on_load=pickable)
        with gr.Row(elem_id="zoo-fit-buttons"):
            measure = gr.Button(fit_texts.MEASURE, elem_id="zoo-fit-measure")
            stop = gr.Button("Stop", variant="stop", visible=False, elem_id="zoo-fit-stop")
            status = gr.HTML(elem_id="zoo-fit-status")
    return {
        "fit_box": box, "fit_head": head, "rate": rate, "frame": frame, "basis": basis, "fit": said,
        "measure_here": measure, "stop_measuring": stop, "fit_status": status,
    }  # fmt: skip


def _value(frame: Frame) -> str:
    return f"{frame.width}x{frame.height}"


def wire_fit(
    models: ModelsHandlers, parts: dict[str, Any], selection: gr.State, page: list[Any], blocks: gr.Blocks
) -> None:
    """The events of the part. `page` are the tab's outputs."""
    handlers = FitHandlers(models)
    asked = [parts[name] for name in ("rate", "frame", "basis")]
    for name in ("rate", "frame", "basis"):
        parts[name].input(models.on_wanted, [*asked, selection], page, **LATEST_TOLD)
    measuring = [parts[name] for name in ("fit_status", "measure_here", "stop_measuring")]
    pressed = parts["measure_here"].click(handlers.on_press, None, measuring, **QUICK)
    ended = pressed.then(handlers.on_measure, selection, measuring, **QUEUED)
    ended.then(handlers.on_measured, selection, page, **LATEST_TOLD)
    stopping = parts["stop_measuring"].click(lambda: _busy(texts.STOPPING), None, measuring, **QUICK)
    stopping.then(handlers.on_stop, None, None, **QUICK)
    blocks.unload(handlers.on_close)
