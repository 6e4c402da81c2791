"""Which clips the page takes; what is wrong with one is a sentence that says the limit."""

from pathlib import Path

from kdsr.errors import InputError
from kdsr.settings import Settings
from kdsr.video import SUFFIXES, Clip, is_installed, open_clip

INSTEAD = "Cut it shorter or scale it down, or run `kdsr restore` on your own machine."


def clip_class() -> str:
    """The class of a field for files that takes clips as well; none where PyAV is not installed."""
    return "takes-clips" if is_installed() else ""


def is_clip(path: str | None) -> bool:
    """Whether the uploaded file is a video, by its name."""
    return path is not None and Path(path).suffix.lower() in SUFFIXES


def checked_clip(path: Path, settings: Settings) -> Clip:
    """The clip in `path`, if the page may restore it.

    Raises:
        InputError: it is too long or too large, or cannot be read. SettingsError: PyAV is not installed.
    """
    megabytes = path.stat().st_size / 1e6
    if megabytes > settings.max_clip_megabytes:
        raise InputError(
            f"This clip has {megabytes:.0f} MB, and the limit here is {settings.max_clip_megabytes:g} MB. {INSTEAD}"
        )
    clip = open_clip(path, max_megapixels=settings.max_clip_megapixels)
    if clip.duration_s is not None and clip.duration_s > settings.max_clip_seconds + 0.5:
        raise InputError(
            f"This clip lasts {clip.duration_s:.0f} s, and the limit here is {settings.max_clip_seconds:g} s. {INSTEAD}"
        )
    return clip
