"""Highest throughput of this machine in GFLOP/s, by precision; a multiplication and an addition are two operations.

The best of several runs of the operation that suits a processor best. For floats that is a large matrix product in
PyTorch, for 8-bit integers a wide convolution in OpenVINO. It is measured, not a manufacturer's figure: same threads
and same run as the networks. oneDNN, which both use, can leave out the newest instructions:
ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI disables the matrix units (AMX).
"""

import time
from collections.abc import Callable
from contextlib import suppress

import torch

from kdsr.errors import SettingsError
from kdsr.restore.openvino_session import has_openvino, integer_convolution
from kdsr.restore.processor import lacks_bfloat16
from kdsr.restore.trial import as_settings_error

SIDE = 2048
"""Rows and columns of the matrices: 16 MB each in float32, and 0.1 s on two cores."""
SECONDS = 0.8
"""Least time spent on each precision."""


def measure_limits(
    threads: int, device: str, *, seconds: float = SECONDS, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """GFLOP/s by precision: float32, and bfloat16 and int8 where this machine has them.

    bfloat16 is measured where it is multiplied in hardware; emulated, one product takes minutes. int8 is measured on
    the CPU where OpenVINO is installed and computes in it.
    """
    is_emulated = device == "cpu" and lacks_bfloat16()
    limits = {
        str(kind).removeprefix("torch."): _product_gflops(kind, threads, device, seconds, clock)
        for kind in ((torch.float32,) if is_emulated else (torch.float32, torch.bfloat16))
    }
    if device == "cpu" and has_openvino():
        with suppress(SettingsError), as_settings_error("openvino"):  # a share of this limit is then not stated
            run, operations = integer_convolution(threads)
            limits["int8"] = round(operations / _shortest_s(run, seconds, clock) / 1e9, 1)
    return limits


def _product_gflops(kind: torch.dtype, threads: int, device: str, seconds: float, clock: Callable[[], float]) -> float:
    """GFLOP/s of a product of two square matrices; float32 is full float32."""
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.rand(SIDE, SIDE, generator=generator).to(device, kind) for _ in range(2))

    def run() -> None:
        torch.matmul(left, right)
        if device != "cpu":
            torch.cuda.synchronize(device)

    return round(2.0 * SIDE**3 / _shortest_s(run, seconds, clock) / 1e9, 1)


def _shortest_s(run: Callable[[], object], seconds: float, clock: Callable[[], float]) -> float:
    """The shortest of at least 3 runs in seconds, repeated for `seconds`, after an untimed one."""
    run()
    shortest, began, runs = float("inf"), clock(), 0
    while runs < 3 or clock() - began < seconds:
        started = clock()
        run()
        shortest, runs = min(shortest, clock() - started), runs + 1
    return shortest
