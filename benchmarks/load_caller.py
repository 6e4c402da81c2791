"""One client of the page by HTTP, for `load.py`."""

import json
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

ANSWER_S = 900.0
"""It waits so long for the server's word."""


class Refused(Exception):
    """What the server said instead of an answer, with the status of HTTP if that is no success."""


class Caller:
    """One client of its own, by HTTP; files that are answered stay in memory."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/gradio_api", timeout=ANSWER_S)

    def upload(self, path: Path) -> dict[str, Any]:
        """The picture at `path` as a handler takes it."""
        with open(path, "rb") as file:
            (name,) = self._checked(self.http.post("/upload", files={"files": file})).json()
        return {"path": name, "meta": {"_type": "gradio.FileData"}}

    def ask(self, name: str, given: dict[str, Any]) -> str:
        """The number of the event of `name`, which is under way."""
        return str(self._checked(self.http.post(f"/call/v2/{name}", json=given)).json()["event_id"])

    def answer(self, name: str, given: dict[str, Any]) -> Any:
        """What `name` gives."""
        with self.http.stream("GET", f"/call/{name}/{self.ask(name, given)}") as stream:
            event = ""
            for line in stream.iter_lines():
                kind, _, content = line.partition(": ")
                if kind == "event":
                    event = content
                elif kind == "data" and event == "error":
                    raise Refused(content)
                elif kind == "data" and event == "complete":
                    return json.loads(content)[0]
        raise Refused("no answer")

    def picture(self, file: dict[str, Any]) -> np.ndarray | None:
        """The pixels of an answered file, BGR."""
        data = self._checked(self.http.get(f"/file={file['path']}")).content
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    @staticmethod
    def _checked(response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        raise Refused(f"{response.status_code}: {response.text[:80]}")
