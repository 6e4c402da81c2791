"""Where a network learns in bfloat16: on processors that multiply in it; the others learn in float32."""

import torch


def autocast(device: torch.device, *, wanted: bool = True) -> torch.autocast:
    """A block in which convolutions are computed in bfloat16, if `wanted` and the device multiplies in it; otherwise nothing changes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies in bfloat16.

    A CPU that does not (without AVX-512 BF16 or AMX) converts number by number: on an AMD EPYC 7002 a step took twelve times as long as in float32.
    Graphics cards before Ampere do not either.
    """
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())  # torch has no public name for it
    return torch.cuda.is_bf16_supported(including_emulation=False)
