"""The processor of this machine: its name, and which products its instruction sets compute.

Read from Linux's /proc/cpuinfo: psutil gives neither the name nor the instruction sets.
"""

import hashlib
import platform
from pathlib import Path

_SETS = {"amx_tile": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx512f": "AVX-512", "avx_vnni": "AVX-VNNI", "avx2": "AVX2"}
"""Instruction sets that decide a network's speed, the fastest first: the flag in /proc/cpuinfo and the maker's name."""


def processor_name() -> str:
    """The processor's name, as its maker gives it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def processor_kind() -> str:
    """`processor_name` and its fastest instruction set: in a cloud one name may mean several processors."""
    flags = _cpuinfo("flags").split()
    return ", ".join([processor_name(), *(name for flag, name in _SETS.items() if flag in flags)][:2])


def instructions() -> str:
    """The first 8 digits of a SHA-256 over the names of the processor's instruction sets."""
    return hashlib.sha256(_cpuinfo("flags").encode()).hexdigest()[:8]


def cuts_byte_sums() -> bool:
    """Whether sums of unsigned times signed bytes saturate at 16 bits: x86 without VNNI; False if unknown."""
    flags = _cpuinfo("flags")
    return "avx2" in flags and "vnni" not in flags


def lacks_bfloat16() -> bool:
    """Whether bfloat16 is not multiplied in hardware: x86 without AVX-512 BF16 and AMX; False if unknown.

    `kdsr.train.machine` asks torch, which restoring does not import.
    """
    flags = _cpuinfo("flags")
    return bool(flags) and "avx512_bf16" not in flags and "amx_bf16" not in flags


def _cpuinfo(name: str) -> str:
    """The first value of `name`; empty elsewhere than on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
