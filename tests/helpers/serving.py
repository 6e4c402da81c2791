"""The page served by the tests' own process, on a free port."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.networks import TINY, write_random_network
from kdsr.jobs import WAITING, Jobs
from kdsr.settings import Settings


def tiny_settings_in(folder: Path) -> Settings:
    """Settings below `folder`, with the tiny random networks of `TINY`, on one thread."""
    (folder / "weights").mkdir()
    for seed, name in enumerate(TINY):
        write_random_network(folder / "weights", name, seed=seed)
    return Settings(weights_dir=folder / "weights", home=folder / "home", device="cpu", threads=1)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of the page; no worker outlives it, also where a test failed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(settings.home / "gradio"))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        from kdsr.ui import serve  # late: gradio reads its environment on import

        port = free_port()
        blocks = serve(settings, port=port, block=False)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            blocks.close()
            jobs = Jobs(settings, is_trusted=True)
            for run in jobs.runs():
                if run.state in WAITING:
                    jobs.stop(run.id)
