"""The server's answers to the tab *Live*: the available students, a student's graph, and, on request only, the same
picture restored by the server.

Each answer is an object that JSON can hold; after an error its only key is `error`, a sentence. They
run without a browser. Not here: files (`live.files`), layout (`live.tab`), the browser's part
(`live/*.js`).
"""

import base64
import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from kdsr.errors import InputError, KdsrError, UnknownNameError, find
from kdsr.image import Picture
from kdsr.models import build_model
from kdsr.restore import open_runtime, restore_picture
from kdsr.restore.stopwatch import Stopwatch
from kdsr.settings import Settings
from kdsr.tasks import TASKS, Strength, Task, find_task
from kdsr.ui import texts
from kdsr.ui.examples import available_examples
from kdsr.ui.html import file_address
from kdsr.ui.languages.speech import said_data
from kdsr.ui.live.files import public_binary, public_example, public_graph, public_thumbnail
from kdsr.ui.records import recorded
from kdsr.zoo import Card, Catalog, alike, at_sharpness, open_catalog, sharp_pair_of, style_of, style_title

MOST_PIXELS = 512 * 512
"""Of a picture that is restored here: the largest that the tab makes."""
REPEATS = 5
TIMING_BUDGET_S = 1.0
"""Time for repeats of one network, after its first run."""
_MOST_AT_ONCE = 8
"""Visitors whose pictures are at work or wait for it."""
_PATIENCE_S = 30.0
"""How long one visitor waits for another's picture."""
_UNREADABLE = "The server could not read the request: reload the page and try again."

Answer = dict[str, Any]


class LiveHandlers:
    """The answers and their shared state: settings, and a lock so that one network runs at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._place = threading.Lock()
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def offer(self, _: object = None) -> Answer:
        """The students, smallest first within a task, the one to start with, and the examples."""
        return _answered(self._offer)

    def thumbnails(self, _: object = None) -> Answer:
        """Small pictures of the examples, in their order; they take a second when they are first made."""
        return _answered(self._thumbnails)

    def binary(self, _: object = None) -> Answer:
        """The address of ONNX Runtime Web's binary."""
        return _answered(lambda: {"binary": file_address(public_binary(self.settings))})

    def graph(self, order: object) -> Answer:
        """The address of the graph of a student, and the multiple that its sides must have.

        order: `network` (a student's name) and, for one of a pair, `sharpness` (0 to 1, in tenths).
        """
        return _answered(lambda: self._graph(_fields(order)))

    def compare(self, order: object) -> Answer:
        """The picture of `order` by the student or its teacher: PNG, milliseconds, and where they were taken.

        order: as in `graph`, and `role` (`student` or `teacher`), `width`, `height`, `pixels` (base64 of RGB bytes).
        """
        return _answered(lambda: self._compare(order))

    def _offer(self) -> Answer:
        catalog = open_catalog(self.settings)
        cards = offered(catalog)
        start = next(
            (card for card in cards if card.task == "sr_x4" and card.compressed_from is None),
            cards[0] if cards else None,
        )
        networks = [_described(card, catalog) for card in cards]
        examples = [
            {"title": example.title, "picture": file_address(public_example(source, self.settings))}
            for example, source in available_examples()
        ]
        return {"networks": networks, "start": start.name if start else None, "examples": examples}

    def _thumbnails(self) -> Answer:
        return {
            "thumbnails": [file_address(public_thumbnail(source, self.settings)) for _, source in available_examples()]
        }

    def _graph(self, order: Answer) -> Answer:
        card, catalog = self._network(order, _student(order, open_catalog(self.settings)))
        return {"graph": file_address(public_graph(card, catalog, self.settings)), "multiple": _multiple(card)}

    def _network(self, order: Answer, student: Card) -> tuple[Card, Catalog]:
        """`student` at the sharpness of `order`, and the catalog that holds it."""
        catalog, sharpness = open_catalog(self.settings), order.get("sharpness")
        if sharpness is None:
            return student, catalog
        if type(sharpness) not in (int, float):
            raise InputError(_UNREADABLE)
        return at_sharpness(student, catalog, round(sharpness, 1), self.settings)

    def _compare(self, order: object) -> Answer:
        begun = time.perf_counter()
        given = _fields(order)
        role, picture = _read(given)
        catalog = open_catalog(self.settings)
        student = _student(given, catalog)
        if role == "teacher":
            teacher = _teacher_of(student, catalog)
            if teacher is None:
                task = find_task(student.task).title.lower()
                raise UnknownNameError(f"There is no teacher for {task} in the weights folder to compare with.")
            card = teacher
        else:
            card, catalog = self._network(given, student)
        with recorded("live"), self._turn():
            restored, figures = self._timed(card, catalog, picture)
        png = cv2.imencode(".png", restored.pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
        answer = {
            "name": card.name,
            "title": card.title,
            "png": base64.b64encode(png.tobytes()).decode("ascii"),
            **figures,
        }
        return answer | {"busy_ms": 1000 * (time.perf_counter() - begun)}

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One picture at a time, so that times are true; few wait, because each holds a thread of the page.

        Raises:
            InputError: too many wait, or it took too long.
        """
        if not self._room.acquire(blocking=False):
            raise InputError(texts.LIVE_BUSY)
        try:
            if not self._place.acquire(timeout=_PATIENCE_S):
                raise InputError(texts.LIVE_BUSY)
            try:
                yield
            finally:
                self._place.release()
        finally:
            self._room.release()

    def _timed(self, card: Card, catalog: Catalog, picture: Picture) -> tuple[Picture, Answer]:
        """`picture` restored, and the medians of warm runs, array to array and in the network only."""
        watch = Stopwatch(open_runtime(card, catalog, settings=self.settings))
        restored = restore_picture(picture, watch)
        network_s: list[float] = []
        whole_s: list[float] = []
        while not whole_s or (len(whole_s) < REPEATS and sum(whole_s) < TIMING_BUDGET_S):
            watch.seconds, since = 0.0, time.perf_counter()
            restore_picture(picture, watch)
            whole_s.append(time.perf_counter() - since)
            network_s.append(watch.seconds)
        place = {
            "runtime": texts.RUNTIMES.get(watch.about.name, watch.about.name),
            "device": watch.about.device,
            "threads": watch.about.threads,
            "precision": watch.about.precision,
        }
        return restored, place | {
            "network_ms": 1000 * statistics.median(network_s),
            "end_to_end_ms": 1000 * statistics.median(whole_s),
            "repeats": len(whole_s),
        }


def offered(catalog: Catalog) -> list[Card]:
    """The students that a browser can run: those without a mask; by task, and by style where it has some, the smallest
    first, those for looks last.
    """
    return [
        card
        for task in TASKS.values()
        if task.planes == 3
        for card in sorted([*reversed(catalog.for_task(task.name, "student"))], key=_place)
    ]


def _place(card: Card) -> tuple[bool, str]:
    return card.is_for_looks, style_of(card)


def _described(card: Card, catalog: Catalog) -> Answer:
    """The facts about `card` and its task that the tab needs."""
    task, teacher = find_task(card.task), _teacher_of(card, catalog)
    return {
        "name": card.name,
        "title": card.title,
        "parameters": texts.counted(card.parameters),
        "task": task.title,
        "scale": task.scale,
        "degradation": task.degradation,
        "strength": _strength(task),
        "sharpness": _sharpness(card, catalog),
        "style": style_of(card),
        "styleTitle": style_title(style_of(card)),
        "teacher": teacher and teacher.title,
    }


def _strength(task: Task) -> Answer | None:
    """Of the degradations that the browser makes itself; a picture for any other task is restored as it is."""
    level = task.strength
    if not isinstance(level, Strength) or task.degradation not in ("noise", "jpeg"):
        return None
    return {
        "title": level.title,
        "unit": level.unit,
        "minimum": level.minimum,
        "maximum": level.maximum,
        "default": level.default,
    }


def _sharpness(card: Card, catalog: Catalog) -> Answer | None:
    """The dial of one of a pair, at the end that `card` is; None for other students."""
    pair = sharp_pair_of(card, catalog)
    if pair is None:
        return None
    ends = {"minimum": 0, "maximum": 1, "default": int(card == pair.sharp)}
    return {"title": "Sharpness", "unit": "0 faithful, 1 sharp"} | ends


def _student(order: Answer, catalog: Catalog) -> Card:
    """The offered student that `order` names.

    Raises:
        UnknownNameError: there is none.
    """
    return find("student", str(order.get("network")), {card.name: card for card in offered(catalog)})


def _teacher_of(card: Card, catalog: Catalog) -> Card | None:
    """The teacher that `card` names, else the largest one for its task."""
    teachers = alike(catalog.for_task(card.task, "teacher"), card)
    return next((teacher for teacher in teachers if teacher.name == card.teacher), next(iter(teachers), None))


def _multiple(card: Card) -> int:
    task = find_task(card.task)
    return build_model(card.architecture, task.scale, card.arguments, planes=task.planes).multiple


def _fields(order: object) -> Answer:
    """What a browser sent, as an object."""
    return order if isinstance(order, dict) else {}


def _read(given: Answer) -> tuple[str, Picture]:
    """(role, picture) of what a browser sent.

    Raises:
        InputError: it is not what the tab sends.
    """
    sides, role = [given.get("height"), given.get("width")], given.get("role")
    height, width = (side if type(side) is int and side > 0 else 0 for side in sides)
    if role not in ("student", "teacher") or not (height and width):
        raise InputError(_UNREADABLE)
    if width * height > MOST_PIXELS:
        raise InputError(
            f"The server restores at most {MOST_PIXELS:,} pixels, got {width} x {height}: choose a smaller size."
        )
    try:
        pixels = base64.b64decode(str(given.get("pixels")), validate=True)
    except ValueError:
        pixels = b""
    if len(pixels) != width * height * 3:
        raise InputError("The picture arrived incomplete: try again.")
    return role, Picture(np.frombuffer(pixels, np.uint8).reshape(height, width, 3), name="live")


def _answered(work: Callable[[], Answer]) -> Answer:
    """The result of `work`, or the sentence of its `KdsrError`, in the language of the request."""
    try:
        answer = work()
    except KdsrError as error:
        answer = {"error": str(error)}
    spoken: Answer = said_data(answer)
    return spoken
