"""The downloads of an ended run: weights, ONNX, card and recipe, as files that the page may serve."""

import shutil
from pathlib import Path
from typing import NamedTuple

from kdsr.files import replaced
from kdsr.jobs import Run
from kdsr.restore.export import write_graph
from kdsr.settings import Settings
from kdsr.ui.networks import find_network, name_of_run


class Downloads(NamedTuple):
    """The files, named by their content."""

    weights: Path
    onnx: Path
    card: Path
    recipe: Path


def downloads_of(run: Run, settings: Settings, folder: Path) -> Downloads:
    """The files of `run`, made in `folder` when first asked for; its network is checked against its card.

    Raises:
        UnknownNameError: the run has no network. WeightsError: altered weights, or a graph that computes something
            else.
    """
    card, catalog = find_network(name_of_run(run), settings)
    place = folder / run.id / card.sha256[:12]
    files = Downloads(
        *(place / f"{card.name}{suffix}" for suffix in (".safetensors", ".onnx", ".json", "-recipe.json"))
    )
    if not all(path.is_file() for path in files):
        network = catalog.load(card.name)
        place.mkdir(parents=True, exist_ok=True)
        write_graph(network, card, files.onnx, uint8=False)
        weights = catalog.weights_path(card)
        for source, target in (
            (weights, files.weights),
            (weights.with_suffix(".json"), files.card),
            (weights.with_name("recipe.json"), files.recipe),
        ):
            with replaced(target) as part:
                shutil.copyfile(source, part)
    return files
