"""`/healthz`, for whoever watches whether the page works, and `/metrics`, where it was asked for. Neither opens a
session.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from kdsr import __version__
from kdsr.errors import UnreachableError
from kdsr.jobs import WAITING, Jobs
from kdsr.ui.counts import CONTENT_TYPE, PageCounts
from kdsr.ui.isolation import Message, Receive, Send
from kdsr.ui.waiting import FairQueue


class Watched:
    """The ASGI application `app`, with these two addresses before it.

    counts: what `/metrics` tells; None: there is no such address.
    """

    def __init__(
        self, app: Callable[..., Awaitable[None]], queue: FairQueue, jobs: Jobs, counts: PageCounts | None
    ) -> None:
        self.app, self._queue, self._jobs, self._counts = app, queue, jobs, counts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
        elif path == "/healthz":
            await self._health()(scope, receive, send)
        elif path == "/metrics" and self._counts is not None:
            await (await run_in_threadpool(self._metrics, self._counts))(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _health(self) -> Response:
        taking = self._queue.is_taking
        told = {
            "status": "ok" if taking else "stopping", "version": __version__,
            "accepts_work": taking and not self._queue.is_full,
        }  # fmt: skip
        return Response(json.dumps(told), 200 if taking else 503, media_type="application/json")

    def _metrics(self, counts: PageCounts) -> Response:
        try:
            states = Counter(str(run.state) for run in self._jobs.store.runs() if run.state in WAITING)
        except UnreachableError as error:
            return Response(str(error), 503, media_type="text/plain")
        queue = self._queue
        text = counts.text(
            running=queue.running, waiting=queue.waiting, runs=states, is_taking=queue.is_taking and not queue.is_full
        )
        return Response(text, headers={"content-type": CONTENT_TYPE})
