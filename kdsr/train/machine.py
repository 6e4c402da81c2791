"""What training asks of the machine: bfloat16 where it multiplies in it, memory, signals, and tiny numbers as zero."""

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
    """A block in which convolutions are computed in bfloat16, if `wanted` and the device multiplies in it; otherwise
    nothing changes.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies in bfloat16.

    A CPU that does not (without AVX-512 BF16 or AMX) converts number by number: on an AMD EPYC 7002 a step took twelve
    times as long as in float32. Graphics cards before Ampere do not either.
    """
    if device.type == "cpu":
        return bool(
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )  # torch has no public name for it
    return torch.cuda.is_bf16_supported(including_emulation=False)


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h
_NEVER = 2**31 - 1
_LARGEST = 32 * 2**20
"""The largest threshold that glibc takes; larger tensors still come from the system each time."""


def keep_freed_memory() -> None:
    """Have glibc keep what a step frees for the next one, instead of giving pages back that the system must then clear
    again.

    Pictures of a batch are a few MB each: without this a third of a small student's step goes into page faults.
    Elsewhere than on Linux with glibc, and on a GPU (where torch keeps its own memory), nothing changes.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _NEVER)


@contextmanager
def smallest_as_zero() -> Iterator[None]:
    """Count numbers below 1e-38 as zero until the end of the block; afterwards as it was before.

    The momentum of a channel that no longer fires sinks there, where processors compute a hundred times slower. The
    mode belongs to this thread and to those that it starts, which keep it. Processors that have no such mode go on as
    they are.
    """
    was_on = not (torch.full((1,), torch.finfo(torch.float32).tiny) / 2).any()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_on)


_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the block is done, so that what it changes is changed as a whole or not at
    all.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread alone
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
