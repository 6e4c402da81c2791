"""A clip through a network: decoded, restored and encoded at the same time, in bounded memory, piece by piece."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.image import Picture
from kdsr.restore.engine import restore_picture
from kdsr.restore.runtime import Runtime
from kdsr.settings import Settings, usable_threads
from kdsr.video.clip import Clip, Shot, open_clip, shots
from kdsr.video.encoder import Encoding, Piece
from kdsr.video.join import check_target, join
from kdsr.video.pieces import Pieces
from kdsr.video.pyav import av
from kdsr.video.steady import Steady
from kdsr.zoo import Card

_AHEAD = 4
"""Frames that wait before and behind the network."""
_MOST_AT_ONCE = 8
"""Frames in the network, so that memory stays bounded."""
_MOST_FRAMES, _LEAST_FRAMES, _PIECE_S = 250, 24, 20.0
"""A piece ends after so many frames, or after so many seconds once it has the least."""


@dataclass(frozen=True)
class ClipProgress:
    """How far a clip is: `frames` of about `expected` (None: not known), the rate of this run, and bytes so far."""

    frames: int
    expected: int | None
    frames_per_s: float
    size: int

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take; None where that is not known."""
        if self.expected is None or not self.frames_per_s:
            return None
        return max(0, self.expected - self.frames) / self.frames_per_s


def restore_clip(
    source: Path,
    target: Path,
    runtime: Runtime,
    settings: Settings,
    *,
    made_by: str,
    encoding: Encoding | None = None,
    preview_s: float | None = None,
    strip: bool = False,
    for_browsers: bool = False,
    steady: bool = False,
    tile_px: int | None = None,
    on_progress: Callable[[ClipProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[str, ...]:
    """Write the clip in `source`, restored frame by frame, to `target`, and give its notes.

    Sound, subtitles, chapters and metadata are copied as they are; frames keep their times, colour tags, range and
    aspect. Turned clips are written upright. Finished pieces lie in the folder `target`.pieces until all is done: the
    same call goes on after them. A stop, or a disk that is full, leaves in `target` what plays so far.

    Args:
        runtime: opened with `clip_settings` it is quickest.
        settings: limits, and the threads of all frames together.
        made_by: network and options as one text; pieces made by another text are not used.
        preview_s: only so many seconds from the start.
        strip: metadata of the source are not copied.
        for_browsers: what every browser plays: 8 bits, 4:2:0, and no sound that the kind of `target` does not take.
        steady: frames are blended with the ones before where nothing moves (`kdsr.video.steady`).
    Raises:
        InputError: `source` or `target` cannot be used.
        SettingsError: the network needs a mask, or the codec cannot write the result.
        Stopped: `should_stop` said so.
    """
    encoding, clip = encoding or Encoding(), _checked(source, target, runtime, settings)
    if for_browsers:
        clip = replace(clip, bits=8, chroma="420")
    notes = clip.notes + check_target(clip, target, encoding, may_be_silent=for_browsers)
    stat = source.stat()
    pieces = Pieces(
        target, f"{made_by} {encoding} {tile_px}{' steady' if steady else ''} {stat.st_size} {stat.st_mtime_ns}"
    )
    blend = Steady() if steady else None
    work = _Work(
        clip, pieces, runtime, encoding, preview_s, tile_px, on_progress, should_stop or (lambda: False),
        _runs_at_once(runtime, settings), blend,
    )  # fmt: skip
    is_whole = _written(work, target, strip=strip)
    if not is_whole:
        what = f"{target} plays up to there, and t" if pieces.finished else "T"
        raise Stopped(f"Stopped after {pieces.frames} frames; {what}he same command goes on.")
    if not pieces.finished:
        raise InputError(f"{source.name} holds no frame that can be decoded.")
    pieces.remove()
    return notes


def _written(work: "_Work", target: Path, *, strip: bool) -> bool:
    """Whether the whole clip is in `target`; else what is finished of it is.

    Raises:
        InputError: an encoder or a disk failed; what was finished before is in `target`.
    """
    failure: InputError | None = None
    is_whole, clip, pieces = False, work.clip, work.pieces
    try:
        is_whole = work.run()
    except av().FFmpegError as error:
        failure = InputError(f"{target} cannot be written: {error.strerror or error}.")
    if pieces.finished:
        is_all = is_whole and work.preview_s is None
        until = None if is_all else float((pieces.finished[-1].last_pts + clip.step) * clip.time_base)
        join(clip, pieces, target, until=until, strip=strip)
    if failure is not None:
        raise failure
    return is_whole


def _checked(source: Path, target: Path, runtime: Runtime, settings: Settings) -> Clip:
    """The clip in `source`, where all is well so far."""
    if runtime.about.planes != 3:
        raise SettingsError("A network for inpainting needs a mask for each frame; choose one of another task.")
    clip = open_clip(source, max_megapixels=settings.max_input_megapixels)
    if source.resolve() == target.resolve():
        raise InputError(f"The result would replace the clip {source}; choose another name.")
    return clip


@dataclass
class _Work:
    """One call of `restore_clip`."""

    clip: Clip
    pieces: Pieces
    runtime: Runtime
    encoding: Encoding
    preview_s: float | None
    tile_px: int | None
    on_progress: Callable[[ClipProgress], None] | None
    should_stop: Callable[[], bool]
    at_once: int
    blend: Steady | None = None
    frames: int = 0
    """Of this run."""

    def run(self) -> bool:
        """Restore what is left; whether all is done."""
        self.started = time.monotonic()
        at_once = self.at_once
        with (
            ThreadPoolExecutor(1) as reader,
            ThreadPoolExecutor(at_once) as restorers,
            ThreadPoolExecutor(1) as writer,
        ):
            wanted = self._wanted()
            coming = self._blended(_made_ahead(restorers, self._restored, _read_ahead(reader, wanted), at_once))
            try:
                for first in coming:
                    self._piece(first, coming, writer)
                    if self.should_stop():
                        return False
            finally:
                reader.submit(wanted.close).result()
        return not self.should_stop()

    def _wanted(self) -> Generator[Shot, None, None]:
        """Frames that are not restored yet, until a stop."""
        start: int | None = self.pieces.finished[0].first_pts if self.pieces.finished else None
        for shot in shots(self.clip, self.pieces.last_pts):
            start = shot.pts if start is None else start
            if self.should_stop():
                return
            if self.preview_s is not None and float((shot.pts - start) * self.clip.time_base) >= self.preview_s:
                return
            yield shot

    def _piece(self, first: Shot, coming: Iterator[Shot], writer: ThreadPoolExecutor) -> None:
        """Write a piece of what comes, restored already, that begins with `first`."""
        opened, shot = time.monotonic(), first
        height, width = first.pixels.shape[:2]
        with self.pieces.new() as path, Piece(path, self.clip, self.encoding, width=width, height=height) as piece:
            waiting: deque[Future[None]] = deque([writer.submit(piece.write, first)])
            count = 1
            while not self.should_stop() and not _is_long(count, time.monotonic() - opened):
                found = next(coming, None)
                if found is None:
                    break
                shot = found
                waiting.append(writer.submit(piece.write, shot))
                count += 1
                if len(waiting) > _AHEAD:
                    waiting.popleft().result()
            for each in waiting:
                each.result()
        self.pieces.add(first_pts=first.pts, last_pts=shot.pts, frames=count)
        self._tell()

    def _restored(self, shot: Shot) -> tuple[Shot, np.ndarray]:
        """A frame, and what the network makes of it."""
        return shot, restore_picture(Picture(shot.pixels), self.runtime, tile_px=self.tile_px).pixels

    def _blended(self, made: Iterator[tuple[Shot, np.ndarray]]) -> Iterator[Shot]:
        """Restored frames in order, each blended with the ones before where that is wanted."""
        for shot, restored in made:
            pixels = restored if self.blend is None else self.blend.blended(shot.pixels, restored)
            self.frames += 1
            if self.frames % 8 == 0:
                self._tell()
            yield replace(shot, pixels=pixels)

    def _tell(self) -> None:
        if self.on_progress is not None:
            passed_s = max(1e-9, time.monotonic() - self.started)
            done = self._before + self.frames
            self.on_progress(ClipProgress(done, self._expected, self.frames / passed_s, self.pieces.size))

    def __post_init__(self) -> None:
        self._before = self.pieces.frames
        expected = self.clip.expected_frames
        if self.preview_s is not None:
            seconds = min(self.preview_s, self.clip.duration_s or self.preview_s)
            expected = max(1, round(seconds * float(self.clip.rate)))
        self._expected = expected


def _is_long(frames: int, passed_s: float) -> bool:
    return frames >= _MOST_FRAMES or (frames >= _LEAST_FRAMES and passed_s > _PIECE_S)


def clip_settings(settings: Settings, card: Card) -> Settings:
    """Settings to open the network `card` with for a clip: one thread for each frame, as many frames as threads.

    Threads that share a frame wait for each other while the clip is decoded and encoded. Networks of integers share
    it, since their runtime takes one frame at a time.
    """
    return settings if card.precision == "int8" else replace(settings, threads=1)


def _runs_at_once(runtime: Runtime, settings: Settings) -> int:
    """Frames in the network beside each other; two at least, so that it is busy while one begins or ends."""
    return min(_MOST_AT_ONCE, max(2, usable_threads(settings) // runtime.about.threads))


def _made_ahead(
    pool: ThreadPoolExecutor, make: Callable[[Shot], tuple[Shot, np.ndarray]], items: Iterator[Shot], at_once: int
) -> Iterator[tuple[Shot, np.ndarray]]:
    """What `make` makes of `items`, in order, `at_once` of them at a time."""
    waiting: deque[Future[tuple[Shot, np.ndarray]]] = deque()
    for item in items:
        waiting.append(pool.submit(make, item))
        if len(waiting) > at_once:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read_ahead(reader: ThreadPoolExecutor, items: Iterator[Shot]) -> Iterator[Shot]:
    """`items`, the next few of which are read while one is in use."""
    waiting = deque(reader.submit(next, items, None) for _ in range(_AHEAD))
    while waiting:
        found = waiting.popleft().result()
        if found is None:
            return
        waiting.append(reader.submit(next, items, None))
        yield found
