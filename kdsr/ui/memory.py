"""Memory of the page's process, which lives for days."""

import contextlib
import ctypes
import gc
import sys
import threading
import time

_EVERY_S = 20.0
_ARENAS, _LARGE_BYTES = 2, 1 << 20
"""Heaps that all threads share, and from where on a block is returned as soon as it is freed."""
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Their names in glibc's malloc.h."""


def share_few_heaps() -> None:
    """Let all threads share two heaps, and keep pictures out of them. To be called before there are threads.

    Otherwise glibc opens a heap for each of up to 8 threads per core, and lets blocks of up to 32 MB into them.
    Pictures of many sizes tear holes there that are not returned: 200 MB after some hundred answers.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_ARENA_MAX, _ARENAS)
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


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
