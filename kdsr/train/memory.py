"""Memory that stays with the process from step to step."""

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h
_NEVER = 2**31 - 1
_LARGEST = 32 * 2**20
"""The largest threshold that glibc takes; larger tensors still come from the system each time."""


def keep_freed_memory() -> None:
    """Have glibc keep what a step frees for the next one, instead of giving pages back that the system must then clear again.

    Pictures of a batch are a few MB each: without this a third of a small student's step goes into page faults. Elsewhere than
    on Linux with glibc, and on a GPU (where torch keeps its own memory), nothing changes.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _NEVER)
