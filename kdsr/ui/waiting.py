"""The queue of the page: gradio's own, fair between visitors, and with places for what takes long only.

A handler that answers at once (`QUICK`) takes no place, so Stop works while the queue is full. The others wait for
each other in turns that go round the addresses, and round the sessions of one address. Behind a proxy that this
server does not trust (`FORWARDED_ALLOW_IPS` of uvicorn), all visitors have the proxy's address.
"""

import itertools
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

import gradio as gr
from fastapi import Request
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import EstimationMessage, LogMessage, ProcessCompletedMessage
from starlette.exceptions import HTTPException

from kdsr.ui import texts
from kdsr.ui.events import QUEUE_PLACES, SESSION_PLACES
from kdsr.ui.languages.speech import language_of_request, said, speaking
from kdsr.ui.refusals import log_refusal

_QUICK_PLACES = 32
"""Requests for quick answers that one session may have waiting."""
_MOST_QUICK = 2000
_UNREAD = 32
"""Words on its place in the queue that wait for one session."""
_REMEMBERED = 4000
"""Addresses and sessions whose last turn is known."""


class FairQueue(Queue):
    """gradio's queue with turns and places."""

    _turns: OrderedDict[str, int]
    """When each address and session was last served, by number."""
    _served = 0
    is_taking = True
    """False once the page stops: what waits and what comes is refused; only quick answers go on."""

    @classmethod
    def of(cls, blocks: gr.Blocks) -> "FairQueue":
        """The queue of `blocks`, in place of the one that `blocks.queue()` has made."""
        made = blocks._queue
        queue = cls(
            made.live_updates, made.max_thread_count, made.update_intervals, None, blocks,
            made.default_concurrency_limit,
        )  # fmt: skip
        queue._turns = OrderedDict()
        blocks._queue = queue
        return queue

    async def push(self, body: Any, request: Request, username: str | None) -> Any:
        """Take `request` in, or refuse it with status 429 and one sentence."""
        fn = self.blocks.fns.get(body.fn_index)
        if fn is not None:
            session, address = body.session_hash or "", address_of(request)
            if not self.is_taking and fn.concurrency_limit is not None:
                raise _refused(texts.ENDING, address)
            waiting = self._waiting(is_quick=fn.concurrency_limit is None)
            most, of_session = (
                (_MOST_QUICK, _QUICK_PLACES) if fn.concurrency_limit is None else (QUEUE_PLACES, SESSION_PLACES)
            )
            if sum(event.session_hash == session for event in waiting) >= of_session:
                raise _refused(texts.QUEUE_SESSION.format(places=of_session), address)
            if len(waiting) >= most and not await self._made_room(waiting, address):
                raise _refused(texts.QUEUE_FULL.format(places=most), address)
        return await super().push(body, request, username)

    def get_events(self) -> Any:
        """The next events, as gradio takes them, from queues in their fair order. It asks 1000 times a second, so only
        a queue that has a free place is put into order.
        """
        for queue in self.event_queue_per_concurrency_id.values():
            limit = queue.concurrency_limit
            if limit is not None and not self.is_taking:
                for event in queue.queue:
                    self._refuse(event, texts.ENDING)
                queue.queue.clear()
            if limit is not None and queue.current_concurrency < limit and len(queue.queue) > 1:
                queue.queue[:] = fair_order(queue.queue, self._turns)
        found = super().get_events()
        if found is not None and found[0][0].fn.concurrency_limit is not None:
            self._served += 1
            for name in _names(found[0][0]):
                self._turns[name] = self._served
                self._turns.move_to_end(name)
            while len(self._turns) > _REMEMBERED:
                self._turns.popitem(last=False)
        return found

    def send_message(self, event: Event, event_message: Any) -> None:
        """Send it; an error without a text (`show_error` is off: it might tell of the server) gets a sentence. A client
        that fetches nothing is told no more about its place in the queue.
        """
        messages = self.pending_messages_per_session.get(event.session_hash)
        if isinstance(event_message, EstimationMessage) and messages is not None and messages.qsize() >= _UNREAD:
            return
        output = getattr(event_message, "output", None)
        if isinstance(output, dict) and output.get("error", "") is None:
            output |= {"error": texts.UNEXPECTED_REQUEST, "visible": True}
        with speaking(language_of_request(getattr(event, "request", None))):
            _in_its_language(event_message)
        super().send_message(event, event_message)

    @property
    def running(self) -> int:
        """Requests at work, quick ones not counted."""
        return len(self._running())

    @property
    def waiting(self) -> int:
        """Requests that wait, quick ones not counted."""
        return len(self._waiting(is_quick=False))

    @property
    def is_full(self) -> bool:
        """Whether no further request may wait."""
        return self.waiting >= QUEUE_PLACES

    def break_off(self) -> int:
        """Tell those whose request is at work that it gets no answer; their number."""
        running = self._running()
        for event in running:
            self._refuse(event, texts.ENDED)
        return len(running)

    def _running(self) -> list[Event]:
        events = [event for job in self.active_jobs for event in job or ()]
        return [event for event in events if event.fn.concurrency_limit is not None]

    def _refuse(self, event: Event, sentence: str) -> None:
        self.send_message(event, ProcessCompletedMessage(output={"error": sentence}, success=False))

    def _waiting(self, *, is_quick: bool) -> list[Event]:
        return [event for queue in self._queues(is_quick=is_quick) for event in queue.queue]

    def _queues(self, *, is_quick: bool) -> list[EventQueue]:
        queues = self.event_queue_per_concurrency_id.values()
        return [queue for queue in queues if (queue.concurrency_limit is None) == is_quick]

    async def _made_room(self, waiting: list[Event], address: str) -> bool:
        """Whether the address with the most events in `waiting` gave its newest up for `address`, which has fewer."""
        counts = Counter(address_of(event.request) for event in waiting)
        largest, most = counts.most_common(1)[0]
        if counts[address] + 1 >= most:
            return False
        theirs = [event for event in waiting if address_of(event.request) == largest]
        event = max(theirs, key=lambda each: each.enqueue_time)
        self._refuse(event, texts.QUEUE_YIELDED)
        await self.remove_from_queue(event._id)
        log_refusal(texts.QUEUE_YIELDED, largest)
        return True


def _in_its_language(message: Any) -> None:
    """Errors and toasts, which a visitor reads, in the language of the request; the title of a toast as well."""
    output = getattr(message, "output", None)
    if isinstance(output, dict) and isinstance(output.get("error"), str):
        output |= {name: said(output[name]) for name in ("error", "title") if isinstance(output.get(name), str)}
    if isinstance(message, LogMessage):
        message.log, message.title = said(message.log), said(message.title)


def fair_order(waiting: Iterable[Event], turns: dict[str, int]) -> list[Event]:
    """`waiting` in turns: round the addresses, and within one round its sessions; who was served longest ago is first.

    turns: when an address or session (`_names`) was last served, as a rising number.
    """
    by_address: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in sorted(waiting, key=lambda each: each.enqueue_time):
        address, session = _names(event)
        by_address[address][session].append(event)
    return _in_turn({name: _in_turn(sessions, turns) for name, sessions in by_address.items()}, turns)


def _in_turn(groups: dict[str, list[Event]], turns: dict[str, int]) -> list[Event]:
    """The first of each group, then the second of each, and so on; groups that were served longest ago first."""
    names = sorted(groups, key=lambda name: (turns.get(name, 0), groups[name][0].enqueue_time))
    rounds = itertools.zip_longest(*(groups[name] for name in names))
    return [event for each in rounds for event in each if event is not None]


def _names(event: Event) -> tuple[str, str]:
    address = address_of(event.request)
    return f"address {address}", f"session {address} {event.session_hash}"


def address_of(request: Any) -> str:
    """The network address that `request` came from."""
    client = getattr(request, "client", None)
    return getattr(client, "host", None) or ""


def _refused(sentence: str, address: str) -> HTTPException:
    log_refusal(sentence, address)
    return HTTPException(429, said(sentence))
