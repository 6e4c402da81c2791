"""The page served by the tests' own process, on a free port."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kdsr.jobs import WAITING, Jobs
from kdsr.settings import Settings


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of the page; no worker outlives it, also where a test failed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(settings.home / "gradio"))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        from kdsr.ui import serve  # late: gradio reads its environment on import

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        blocks = serve(settings, port=port, block=False)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            blocks.close()
            jobs = Jobs(settings, is_trusted=True)
            for run in jobs.runs():
                if run.state in WAITING:
                    jobs.stop(run.id)
