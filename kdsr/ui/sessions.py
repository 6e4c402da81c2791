"""One order and one stop signal for each visitor's session, so that Stop, a new picture and a closed tab end the right
run.
"""

from threading import Event, Lock

import gradio as gr
from markupsafe import Markup

from kdsr.ui import texts
from kdsr.ui.html import status_line


class Orders:
    """The newest order of each session: its stop signal, and whether a run has taken it up yet.

    Orders are given by quick handlers and taken up when the queue has a place. A run that finds no new order ends at
    once: an earlier run in the queue has done the newest one already.
    """

    def __init__(self) -> None:
        self._signals: dict[str, Event] = {}
        self._waiting: set[str] = set()
        self._lock = Lock()

    def give(self, session: str) -> Event:
        """A new order of `session`, with its stop signal; an earlier run of that session is stopped."""
        with self._lock:
            if session in self._signals:
                self._signals[session].set()
            self._signals[session] = Event()
            self._waiting.add(session)
            return self._signals[session]

    def is_waiting(self, session: str) -> bool:
        """Whether `session` has an order that no run has taken up."""
        with self._lock:
            return session in self._waiting

    def waiting(self, session: str) -> Event | None:
        """The stop signal of the waiting order of `session`; None if there is none."""
        with self._lock:
            return self._signals[session] if session in self._waiting else None

    def take(self, session: str) -> Event | None:
        """The stop signal of the waiting order of `session`, which waits no more; None if there is none."""
        with self._lock:
            if session not in self._waiting:
                return None
            self._waiting.remove(session)
            return self._signals[session]

    def is_newest(self, session: str, signal: Event) -> bool:
        """Whether `signal` belongs to the newest order of `session`."""
        with self._lock:
            return self._signals.get(session) is signal

    def stop(self, session: str) -> None:
        """Tell the newest run of `session` to stop."""
        with self._lock:
            if session in self._signals:
                self._signals[session].set()

    def close(self, session: str) -> None:
        """Tell it to stop, and forget the session."""
        self.stop(session)
        with self._lock:
            self._signals.pop(session, None)
            self._waiting.discard(session)


def stopping_line() -> Markup:
    """The status as soon as *Stop* is pressed. The page asks for it before it asks to stop, in a request of its own: it
    must not come after the run's last word.
    """
    return status_line(texts.STOPPING, kind="busy")


def session_of(request: gr.Request | None) -> str:
    """The visitor's session as gradio names it: one for each open page."""
    return getattr(request, "session_hash", None) or "one"
