"""Settings of the machine for training: bfloat16, freed memory, signals, denormal numbers."""

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch


def autocast(device: torch.device, *, wanted: bool = True) -> torch.autocast:
    """A context in which convolutions use bfloat16, if `wanted` and `has_bfloat16(device)`; else it changes nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies in bfloat16.

    A CPU without AVX-512 BF16 or AMX emulates it: on an AMD EPYC 7002 a step took twelve times as long as in float32.
    Graphics cards before Ampere have none either.
    """
    if device.type == "cpu":
        return bool(
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )  # torch has no public name for it
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h
_NEVER = 2**31 - 1
_LARGEST = 32 * 2**20
"""The largest threshold of glibc; larger tensors still come from the system each time."""


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next step instead of returning its pages to the system.

    The tensors of a batch are a few MB each; without this a third of a small student's step is page faults. Changes
    nothing elsewhere than on Linux with glibc, and nothing on a GPU, where torch has its own allocator.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _NEVER)


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Count numbers below 1e-38 as zero inside the block, and restore the mode of before at its end.

    The momentum of a dead channel decays into that range, where processors compute a hundred times slower. The mode
    belongs to this thread and to threads started in the block. Processors without such a mode are not changed.
    """
    was_on = not (torch.full((1,), torch.finfo(torch.float32).tiny) / 2).any()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_on)


_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer SIGINT and SIGTERM to the end of the block, so that a signal never splits an update."""
    if threading.current_thread() is not threading.main_thread():  # signals reach only the main thread
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = {number: signal.signal(number, lambda *given: came.append(given)) for number in _NUMBERS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
        for number, frame in came[:1]:
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)
            elif handler is not signal.SIG_IGN:
                signal.raise_signal(signal.Signals(number))
