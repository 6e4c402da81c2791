"""Where torch runs a network: on the CPU or a GPU. A machine without a GPU is detected without importing torch (3 s,
0.5 GB).
"""

import ctypes
import sys
from pathlib import Path

from kdsr.errors import SettingsError
from kdsr.settings import Settings


def torch_device(settings: Settings) -> str:
    """The device that torch uses: as set, or for `auto` the GPU if there is one.

    Raises:
        SettingsError: a GPU is asked for that is not there.
    """
    if settings.device == "cpu" or (settings.device == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if settings.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = settings.device.partition(":")[2] or "0"
    if not index.isdecimal() or int(index) >= count:
        raise SettingsError(
            f"The device {settings.device} was asked for, and torch sees {count} GPUs here; choose cpu or auto."
        )
    return settings.device


def _may_have_gpu() -> bool:
    """Whether torch is worth asking: it is here already (and a Space may have changed its answer), or the driver of a
    GPU is.
    """
    if "torch" in sys.modules or not sys.platform.startswith("linux") or Path("/dev/kfd").exists():  # /dev/kfd: AMD
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True
