"""Memory of the page's process, which lives for days."""

import contextlib
import ctypes
import gc
import sys
import threading
import time

_EVERY_S = 20.0
_ARENAS = 2
"""Heaps that all threads share."""
_M_ARENA_MAX = -8
"""Its name in glibc's malloc.h."""


def share_few_heaps() -> None:
    """Let all threads share two heaps. To be called before there are threads.

    Otherwise glibc opens up to 8 heaps per core, one for a thread. Pictures of many sizes tear holes in each, and their
    memory is not returned. Large blocks stay in the heaps: apart from them, torch takes 1.3 to 1.5 times as long.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def return_freed_memory() -> None:
    """Collect garbage and return freed memory to the system; glibc keeps it in the arenas of many threads."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def keep_returning_freed_memory() -> None:
    """Return freed memory every 20 seconds, as long as the process lives.

    gradio leaves cycles behind with every answer, and Python looks for old garbage only when it is a quarter of all
    objects: with torch loaded that is hundreds of MB. What is here now stays for good, so it is set aside
    (`gc.freeze`): looking is then a matter of milliseconds.
    """

    def work() -> None:
        while True:
            time.sleep(_EVERY_S)
            return_freed_memory()

    gc.collect()
    gc.freeze()
    threading.Thread(target=work, name="memory", daemon=True).start()
