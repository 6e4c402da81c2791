"""Clips: video files restored frame by frame, with sound, subtitles and times kept. Needs the extra `video`."""

from kdsr.video.clip import SUFFIXES, Clip, open_clip
from kdsr.video.encoder import CODECS, Encoding
from kdsr.video.pyav import is_installed
from kdsr.video.restore import ClipProgress, clip_settings, restore_clip

__all__ = [
    "CODECS",
    "SUFFIXES",
    "Clip",
    "ClipProgress",
    "Encoding",
    "clip_settings",
    "is_installed",
    "open_clip",
    "restore_clip",
]
