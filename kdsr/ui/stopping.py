"""The page's end on SIGTERM, from a container or a service manager: no new work, what runs may end, exit 0."""

import os
import signal
import time
from collections.abc import Callable
from threading import Thread
from types import FrameType

import gradio as gr

from kdsr.jobs import Jobs
from kdsr.ui.records import tell
from kdsr.ui.waiting import FairQueue

FETCH_S = 2.0
"""For the last answers and their pictures to be fetched."""
_POLL_S = 0.1


def stop_on_sigterm(blocks: gr.Blocks, queue: FairQueue, jobs: Jobs) -> None:
    """From now on, SIGTERM stops the page; only the main thread may call this."""
    begun: list[Thread] = []

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if not begun:
            begun.append(Thread(target=stop, args=(blocks, queue, jobs), name="stopping"))
            begun[0].start()

    signal.signal(signal.SIGTERM, on_signal)


def stop(blocks: gr.Blocks, queue: FairQueue, jobs: Jobs, leave: Callable[[int], object] = os._exit) -> None:
    """Stop the served page; what still runs after `settings.stop_s` gets a sentence, and `leave` ends the process.

    Background runs go on by themselves, as processes of their own, or end with a checkpoint (`settings.stop_runs`).
    """
    queue.is_taking = False
    settings, was_running = jobs.settings, queue.running
    tell("stopping", {"running": was_running, "waiting": queue.waiting, "seconds": settings.stop_s})
    ends_runs = settings.stop_runs == "on"
    jobs.close(ends_runs=ends_runs)
    ends = time.monotonic() + settings.stop_s
    while (queue.running or (ends_runs and jobs.has_workers())) and time.monotonic() < ends:
        time.sleep(_POLL_S)
    broken_off = queue.break_off()
    if was_running:
        time.sleep(FETCH_S)
    tell("stopped", {"broken_off": broken_off})
    blocks.close(verbose=False)
    if broken_off:  # its thread would hold the process up until its picture is done
        leave(0)
