"""PyAV, which brings FFmpeg; an optional extra, imported where a clip is opened."""

import importlib.util
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from kdsr.errors import SettingsError

if TYPE_CHECKING:
    from av.container import InputContainer

_READ = (
    *("mov", "mp4", "matroska", "webm", "avi", "mpeg", "mpegvideo", "mpegts", "asf", "flv", "live_flv", "ogg"),
    *("mxf", "nut", "yuv4mpegpipe", "gif"),
)
"""Kinds of files that hold their own frames. A playlist names other files, which whoever sends one may not read."""


def is_installed() -> bool:
    """Whether clips can be opened here."""
    return importlib.util.find_spec("av") is not None


@cache
def av() -> ModuleType:
    """The package `av`, silent.

    FFmpeg's messages go nowhere, not to Python's log: a thread of a decoder would wait for the interpreter to tell an
    error, while the interpreter waits for that thread to end, and the whole process would stand still for good.

    Raises:
        SettingsError: it is not installed.
    """
    os.environ.setdefault("SVT_LOG", "1")  # errors only
    try:
        import av as found
    except ImportError:
        raise SettingsError("Video needs PyAV, which is not installed; run pip install 'kdsr[video]'.") from None
    found.logging.set_level(None)
    return found


def opened(path: Path) -> "InputContainer":
    """The video file at `path`, to read from: a context manager.

    Raises:
        av.FFmpegError: it is none, or a playlist.
    """
    container: InputContainer = av().open(str(path.absolute()), options={"format_whitelist": ",".join(_READ)})
    return container
