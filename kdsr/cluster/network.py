"""A network that travels: its card and weights as bytes, which a worker puts into a folder of its own machine."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from kdsr.cluster.places import write_bytes
from kdsr.restore.order import PictureOrder
from kdsr.settings import Settings
from kdsr.zoo import Catalog


@dataclass(frozen=True)
class Packed:
    """An order with its network's files: `card` (JSON) and `weights` (safetensors), of `name`."""

    order: PictureOrder
    name: str
    card: bytes
    weights: bytes


def packed(order: PictureOrder) -> Packed:
    """`order` with all that another machine needs for it; the network's weights are 0.1 to 70 MB."""
    weights = order.catalog.weights_path(order.card)
    return Packed(order, order.card.name, weights.with_suffix(".json").read_bytes(), weights.read_bytes())


def unpacked(what: Packed, settings: Settings) -> PictureOrder:
    """The order as it is used here: its network lies in a folder of `settings.home`, named by its SHA-256.

    Raises:
        WeightsError: what arrived is not what its card says.
    """
    folder = settings.home / "cluster" / what.order.card.sha256[:16]
    for suffix, content in ((".safetensors", what.weights), (".json", what.card)):
        path = folder / f"{what.name}{suffix}"
        if not (path.is_file() and path.read_bytes() == content):
            write_bytes(str(path), content)
    catalog = Catalog(Path(folder))
    return dataclasses.replace(what.order, card=catalog.find(what.name), catalog=catalog)
