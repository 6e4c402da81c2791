"""The log as one JSON object per line, for machines; without it, Python's usual lines on stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers that write lines of their own and pass nothing on."""


class JsonLines(logging.Formatter):
    """A record as one line: time (UTC), level, event, and its facts; else its logger and its message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        facts = getattr(record, "facts", None) or {
            "event": "log", "logger": record.name, "message": record.getMessage(),
        }  # fmt: skip
        line = {"time": time, "level": record.levelname.lower(), **facts}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def write_json(stream: TextIO | None = None) -> None:
    """Write every record of this process to `stream` (stdout) as JSON lines; call it once the server has started, which
    sets loggers up.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for other in [*root.handlers]:
        root.removeHandler(other)
    root.addHandler(handler)
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("kdsr").setLevel(logging.INFO)
    logging.captureWarnings(True)
