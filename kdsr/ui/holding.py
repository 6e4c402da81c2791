"""What the server holds of each open page and client: little, at most `MOST_SESSIONS`, freed when its page is closed.

gradio's own holds the configuration of the page once for each session: 340 kB that take 40 ms to make. Deep links need
it, and they are not served here. It keeps 10,000 sessions, closed ones too. Not here: stop signals (`sessions`), the
queue (`waiting`).
"""

import datetime
from copy import copy
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

MOST_SESSIONS = 2000
"""20 kB each, and what their pages chose: 40 MB, and not over 100."""
AS_NEW_S = 600.0
"""A session that holds nothing (a script's) is forgotten so long after its last request; the next one makes it anew."""
CLOSED_S = 3600.0
"""A page that lost its connection (a phone that sleeps) finds its state for so long, as with gradio."""


class HeldSession(SessionState):
    """The state of one session, without the configuration of its components."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.is_as_new = True

    def __setitem__(self, key: int, value: Any) -> None:
        self.is_as_new = False
        if isinstance(self.blocks_config.blocks.get(key), gr.State):
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Nothing: no configuration is held."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing: no configuration is held."""


class Holding(StateHolder):
    """The sessions of the page. Those that hold nothing give way first, then the one that was used longest ago."""

    def __getitem__(self, session_id: str) -> SessionState:
        with self.lock:
            if session_id not in self.session_data:
                self.session_data[session_id] = HeldSession(self.blocks)
                if len(self.session_data) > self.capacity:
                    self._forget(self._least_needed(session_id))
            self.session_data.move_to_end(session_id)
            self.time_last_used[session_id] = datetime.datetime.now()
            return self.session_data[session_id]

    def delete_all_expired_state(self) -> None:
        """Forget what is over; gradio asks every second."""
        now = datetime.datetime.now()
        with self.lock:
            for name, session in list(self.session_data.items()):
                unused_s = (now - self.time_last_used[name]).total_seconds()
                if (_is_as_new(session) and unused_s > AS_NEW_S) or (session.is_closed and unused_s > CLOSED_S):
                    self._forget(name)

    def _least_needed(self, newest: str) -> str:
        others = (name for name in self.session_data if name != newest)
        return next((name for name in others if _is_as_new(self.session_data[name])), next(iter(self.session_data)))

    def _forget(self, name: str) -> None:
        """`name` with the messages that nobody fetched; what still runs for it goes on."""
        del self.session_data[name], self.time_last_used[name]
        queue = self.blocks._queue
        if queue.event_ids_to_events.keys().isdisjoint(queue.pending_event_ids_session.get(name, ())):
            queue.pending_event_ids_session.pop(name, None)
            queue.pending_messages_per_session.pop(name, None)


def _is_as_new(session: SessionState) -> bool:
    return isinstance(session, HeldSession) and session.is_as_new
