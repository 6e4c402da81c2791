"""A Hub of one Space on this machine: what `huggingface_hub` asks for when a Space is made, filled and built."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

Hub = TypeVar("Hub")
TOKEN = "hf_" + "a" * 34


class FakeHub:
    """The Space's files, and every request that came in, in order."""

    def __init__(self, *, stages=("BUILDING", "RUNNING"), files=None, refuses=None):
        self.stages = list(stages)
        self.files = dict(files or {})
        self.refuses = refuses
        """A path that is answered with 403."""
        self.requests: list[tuple[str, str, Any]] = []
        self.address = ""

    def bodies(self, path):
        return [body for _, at, body in self.requests if at == path]

    def answer(self, method, path, body):
        """(status, what is answered: an object, or the lines of a log)"""
        self.requests.append((method, path, body))
        space = path.partition("/api/spaces/anna/kdsr")[2]
        if path == self.refuses:
            return 403, {"error": "You have no right to do this."}
        if path == "/api/repos/create":
            return 200, {"url": f"{self.address}/spaces/anna/kdsr", "name": "anna/kdsr", "id": "1"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if space.startswith("/preupload/"):
            given = json.loads(body)["files"]
            files = [{"path": each["path"], "uploadMode": "regular", "shouldIgnore": False} for each in given]
            return 200, {"files": files}
        if space.startswith("/commit/"):
            return self._commit(body)
        if space.startswith("/tree/"):
            return 200, [{"type": "file", "path": name, "size": 1, "oid": "0"} for name in self.files]
        if space.startswith("/logs/"):
            return 200, [f"{space.rpartition('/')[2]} line {number}\n" for number in (1, 2)]
        if space in ("/runtime", "/hardware"):
            stage = self.stages.pop(0) if len(self.stages) > 1 and space == "/runtime" else self.stages[0]
            return 200, {"stage": stage, "hardware": {"current": "cpu-basic", "requested": None}}
        return 200, {"id": "anna/kdsr", "sha": "0" * 40, "siblings": [{"rfilename": name} for name in self.files]}

    def _commit(self, body):
        commit(self.files, body)
        return 200, {"commitOid": "1" * 40, "commitUrl": f"{self.address}/spaces/anna/kdsr/commit/{'1' * 40}"}


def commit(files: dict[str, bytes], body: str) -> None:
    """Do to `files`, by their paths, what a request to commit asks for."""
    for line in body.splitlines():
        item = json.loads(line)
        if item["key"] == "file":
            files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
        elif item["key"] == "deletedFile":
            del files[item["value"]["path"]]


@contextmanager
def serving_hub(hub: Hub) -> Iterator[Hub]:
    """`hub` at its `address` until the end of the block; whoever has no token is refused.

    Its `answer(method, path, body)` gives a status, and bytes or what JSON can hold.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def _respond(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                status, told = 401, {"error": "Invalid token."}
            else:
                status, told = hub.answer(self.command, self.path.partition("?")[0], body)
            is_log = isinstance(told, list) and "/logs/" in self.path
            if is_log:
                told = "".join(f"data: {json.dumps({'data': line, 'timestamp': ''})}\n\n" for line in told).encode()
            sent = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "text/event-stream" if is_log else "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_HEAD = _respond

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
