"""The downloads of an ended run: weights, ONNX, card, recipe and twin, as files that the page may serve."""

import contextlib
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

from kdsr.files import replaced
from kdsr.jobs import Run, State
from kdsr.jobs.search import SEARCH_FOLDER
from kdsr.restore.export import write_graph
from kdsr.settings import Settings
from kdsr.train import recipe_from_json
from kdsr.train.twin import TWIN_FOLDER
from kdsr.ui.disk import writing
from kdsr.ui.networks import find_network, name_of_run
from kdsr.zoo import Card, Catalog


class Downloads(NamedTuple):
    """The files, named by their content."""

    weights: Path
    onnx: Path
    card: Path
    recipe: Path
    twin: Path | None = None
    """An archive of the twin's weights and card, if a twin was trained to its end."""


def downloads_of(run: Run, settings: Settings, folder: Path) -> Downloads:
    """The files of `run`, made in `folder` when first asked for; its network is checked against its card.

    Raises:
        UnknownNameError: the run has no network. WeightsError: altered weights, or a graph that computes something
            else. InputError: the disk is full.
    """
    card, catalog = find_network(name_of_run(run), settings)
    place = folder / run.id / card.sha256[:12]
    suffixes = (".safetensors", ".onnx", ".json", "-recipe.json")
    weights, onnx, about, recipe = (place / f"{card.name}{suffix}" for suffix in suffixes)
    twin = catalog.weights_path(card).with_name(TWIN_FOLDER)
    has_twin = run.state is State.DONE and recipe_from_json(run.recipe).twin and twin.is_dir()
    files = Downloads(weights, onnx, about, recipe, place / f"{card.name}-twin.zip" if has_twin else None)
    if not all(path.is_file() for path in files if path is not None):
        with writing("The downloads"):
            _write(card, catalog, files)
    return files


def trials_of_run(run: Run, home: Path, folder: Path) -> Path | None:
    """An archive in `folder` of what the search of `run`, whose folder is `home`, wrote of its trials.

    None where it wrote nothing, or the disk is full.
    """
    tables = sorted((home / SEARCH_FOLDER).glob("trials.*"))
    if not tables:
        return None
    target = folder / run.id / str(max(path.stat().st_mtime_ns for path in tables)) / f"{run.name}-trials.zip"
    if not target.is_file():
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target) as part, zipfile.ZipFile(part, "w") as archive:
                for path in tables:
                    archive.write(path, path.name)
    return target if target.is_file() else None


def _write(card: Card, catalog: Catalog, files: Downloads) -> None:
    """Write `files` of the network of `card`.

    Raises:
        OSError: the disk takes them not.
    """
    network = catalog.load(card.name)
    files.onnx.parent.mkdir(parents=True, exist_ok=True)
    write_graph(network, card, files.onnx, uint8=False)
    home = catalog.weights_path(card)
    for source, target in (
        (home, files.weights),
        (home.with_suffix(".json"), files.card),
        (home.with_name("recipe.json"), files.recipe),
    ):
        with replaced(target) as part:
            shutil.copyfile(source, part)
    if files.twin is not None:
        _pack_twin(Catalog(home.with_name(TWIN_FOLDER)), files.twin)


def _pack_twin(catalog: Catalog, target: Path) -> None:
    """Write weights and card of the network named as `target`, checked against each other, into that archive."""
    catalog.load(target.stem)
    weights = catalog.weights_path(catalog.find(target.stem))
    with replaced(target) as part, zipfile.ZipFile(part, "w") as archive:
        for path in (weights, weights.with_suffix(".json")):
            archive.write(path, path.name)
