"""Memory of the page's process, which lives for days."""

import contextlib
import ctypes
import gc
import sys
import threading
import time

_EVERY_S = 60.0


def return_freed_memory() -> None:
    """Collect garbage and return freed memory to the system; glibc keeps it in the arenas of many threads."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def keep_returning_freed_memory() -> None:
    """Return freed memory every minute, as long as the process lives.

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
