"""PyAV, which brings FFmpeg; an optional extra, imported where a clip is opened."""

import os
from functools import cache
from types import ModuleType

from kdsr.errors import SettingsError


@cache
def av() -> ModuleType:
    """The package `av`, silent.

    Raises:
        SettingsError: it is not installed.
    """
    os.environ.setdefault("SVT_LOG", "1")  # errors only
    try:
        import av as found
    except ImportError:
        raise SettingsError("Video needs PyAV, which is not installed; run pip install 'kdsr[video]'.") from None
    found.logging.set_level(found.logging.PANIC)
    return found
