"""The scans of a JPEG, counted before it is decoded: each costs a pass over all pixels, and a few bytes hold one.

Source: ITU-T T.81, annex B.
"""

import re
from typing import BinaryIO

from kdsr.errors import InputError

MOST_SCANS = 100
"""Encoders write 1 to 20."""
MOST_SCAN_MEGAPIXELS = 1000.0
"""Scans times megapixels: 3 s of decoding."""
_MOST_MARKERS = 100_000
"""Segments of any kind, between scans too: 0.1 s."""
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""The next marker inside coded data, where restart markers and stuffed zeros are none."""
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = 0xD8, 0xD9, 0xDA


def check_scans(stream: BinaryIO, megapixels: float, caption: str) -> None:
    """Pass if the JPEG in `stream` has few enough scans to be decoded in seconds; others of its pictures don't count.

    Raises:
        InputError: it has more.
    """
    stream.seek(0)
    scans = count_scans(stream.read())
    if scans is None:
        raise InputError(f"{caption} is a JPEG of more than {_MOST_MARKERS:,} segments: save it again.")
    most = max(1, min(MOST_SCANS, int(MOST_SCAN_MEGAPIXELS / max(megapixels, 1e-6))))
    if scans > most:
        raise InputError(
            f"{caption} is a JPEG of {scans:,} scans, and at most {most} are read at its size: save it again."
        )


def count_scans(jpeg: bytes) -> int | None:
    """The number of scans of the first picture in `jpeg`; thumbnails inside its segments are none of it. None where it
    has more than `_MOST_MARKERS` segments.
    """
    scans, place, markers = 0, 0, 0
    while (found := _MARKER.search(jpeg, place)) and found[1][0] != _END_OF_IMAGE:
        place = found.end()
        markers += 1
        if markers > _MOST_MARKERS:
            return None
        scans += found[1][0] == _START_OF_SCAN
        if found[1][0] != _START_OF_IMAGE:
            place += int.from_bytes(jpeg[place : place + 2])
    return scans
