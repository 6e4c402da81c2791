"""`kdsr restore` for a clip: a line of progress, and a stop that leaves what plays so far."""

import dataclasses
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdsr.cli.folders import Where, clips_in
from kdsr.cli.options import note, print_json
from kdsr.errors import InputError, SettingsError
from kdsr.settings import Settings

if TYPE_CHECKING:
    from kdsr.restore.runtime import Runtime
    from kdsr.video import ClipProgress

_EVERY_S = 10.0
"""Between two lines where no terminal shows one that changes."""


def is_clip(source: Path, out: Path) -> bool:
    """Whether `source` is restored as a video: by its name, or an animated GIF that becomes one."""
    from kdsr.video.clip import SUFFIXES
    from kdsr.video.join import FORMATS

    name = source.suffix.lower()
    return name in SUFFIXES or (name == ".gif" and out.suffix.lower() in FORMATS)


def restore_clip(
    source: Path, out: Path, runtime: "Runtime", settings: Settings, *, encoding: tuple[str, int | None],
    preview: str | None, **more: Any,
) -> None:  # fmt: skip
    """Restore the clip `source` and say what was done.

    encoding: the names of `Encoding`'s fields. preview: as in `seconds_of`. more: as in `kdsr.video.restore_clip`.

    Raises:
        Stopped: Ctrl-C or a request to end.
    """
    from kdsr.video import Encoding, restore_clip

    target = out / f"{source.stem}.mp4" if out.is_dir() or not out.suffix else out
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}.") from None
    seconds, shown = None if preview is None else seconds_of(preview), _Line(source.name)
    with _interrupts() as stopped:
        notes = restore_clip(
            source, target, runtime, settings, encoding=Encoding(*encoding), preview_s=seconds, on_progress=shown,
            should_stop=stopped.is_set, **more,
        )  # fmt: skip
    note(" ".join([f"{source.name} -> {target}", f"({shown.last})" if shown.last else "", *notes]))


def each_clip(
    where: Where, *, settings: Settings, opened_by: Callable[[], "Runtime"], made_by: str, **more: Any
) -> bool:
    """Restore the clips of the folders one after another; whether all went well.

    opened_by: opens the network. more: as in `restore_clip`.
    """
    from kdsr.image.batch import FileOutcome, Ledger, stamp_of

    failures, opened, jobs = [], None, clips_in(where)
    for number, job in enumerate(jobs, start=1):
        ledger, stamp = Ledger(job.target.parent, made_by), stamp_of(job.source)
        if ledger.has(job):
            note(f"[{number}/{len(jobs)}] {job.source.name} is finished already and skipped.")
            continue
        opened = opened or opened_by()
        try:
            restore_clip(job.source, job.target, opened, settings, made_by=made_by, **more)
            ledger.add(FileOutcome(job, stamp))
        except (InputError, SettingsError, OSError) as error:
            failures.append(f"{job.source.name}: {error}")
    for line in [f"{len(failures)} of {len(jobs)} clips failed:", *failures] if failures else []:
        note(line)
    return not failures


def evaluate_clip(
    clip: Path, model: str, runtime: str, settings: Settings, *, steady: bool, as_json: bool
) -> None:  # fmt: skip
    """Print the flicker of the network `model` on `clip`."""
    from kdsr.bench.flicker import LEAST_CHANGE_255, clip_flicker
    from kdsr.restore import open_runtime
    from kdsr.zoo import find_network

    card, catalog = find_network(model, settings)
    found = clip_flicker(
        clip, open_runtime(card, catalog, runtime=runtime, settings=settings), settings, steady=steady,
        on_frame=_tell_frame,
    )  # fmt: skip
    if as_json:
        figures = dataclasses.asdict(found) | {"flicker": found.flicker}
        print_json({"model": card.name, "video": clip.name, "runtime": runtime, "steady": steady} | figures)
        return
    ratio = "-" if found.flicker is None else f"{found.flicker:.2f}"
    print(f"model {card.name} video {clip.name} runtime {runtime}{' steady' if steady else ''}")
    print(
        f"{found.frames} frames, {found.still_share:.0%} still: flicker {ratio} (1: as the source, lower is steadier); "
        f"change of the source {found.source_change_255:.2f}, of the result {found.result_change_255:.2f} levels of 255"
    )
    if found.flicker is None:
        print(f"The source changes by less than {LEAST_CHANGE_255} levels, so there is no ratio.")


def _tell_frame(done: int, expected: int | None) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{expected or '?'} frames", end="\r", file=sys.stderr, flush=True)


def seconds_of(text: str) -> float:
    """The seconds that `text` names: `5`, `5s`, `1.5s` or `2m`.

    Raises:
        SettingsError: it names none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m)?", text.strip())
    if found is None or float(found[1]) == 0:
        raise SettingsError(f"--preview takes a time such as 5s or 2m, got '{text}'.")
    return float(found[1]) * (60 if found[2] == "m" else 1)


class _Line:
    """Prints how far a clip is: one line that changes on a terminal, else one every few seconds."""

    def __init__(self, name: str) -> None:
        self.name, self.last, self._printed = name, "", time.monotonic()

    def __call__(self, progress: "ClipProgress") -> None:
        whole = "" if progress.expected is None else f" of {max(progress.expected, progress.frames)}"
        self.last = (
            f"{progress.frames}{whole} frames, {progress.frames_per_s:.3g} frames/s, {progress.size / 1e6:.1f} MB"
        )
        left = "" if progress.left_s is None else f", {timedelta(seconds=round(progress.left_s))} left"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{self.name}: {self.last}{left}")
            sys.stderr.flush()
        elif time.monotonic() - self._printed > _EVERY_S:
            self._printed = time.monotonic()
            note(f"{self.name}: {self.last}{left}")


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Set where Ctrl-C or a request to end came; a second one ends the process."""
    stopped = threading.Event()

    def stop(number: int, _frame: object) -> None:
        stopped.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
