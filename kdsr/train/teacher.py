"""The teacher: labels and features of any degraded pictures. Not here: how labels are cached (`data.labels`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdsr.degrade import bicubic_resize
from kdsr.distill import Tapped
from kdsr.errors import SettingsError
from kdsr.models import Network
from kdsr.models.symmetry import SYMMETRIES, turn, turn_back
from kdsr.train.machine import autocast
from kdsr.zoo import Catalog, sha256_of
from kdsr.zoo.foreign import SUFFIXES, load_foreign


class Teacher:
    """One network or several: the label is the mean of their outputs; features come from the first.

    Args:
        networks: folded networks of one scale, on one device.
        taps: names of modules of the first network.
        self_ensemble: a network's output is the mean over the 8 symmetries of the square (EDSR, arXiv:1707.02921,
            section 3.4).
    """

    def __init__(self, networks: Sequence[Network], *, taps: Sequence[str] = (), self_ensemble: bool = False) -> None:
        self.networks = [Tapped(network, taps if index == 0 else ()) for index, network in enumerate(networks)]
        self.symmetries = SYMMETRIES if self_ensemble else SYMMETRIES[:1]
        self.scale = networks[0].scale
        self.planes = networks[0].planes
        self.multiple = max(network.multiple for network in networks)

    def __call__(self, degraded: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Labels (N, 3, H * scale, W * scale) of `degraded` (N, planes, H, W), not rounded, and features by tap.

        H and W must be multiples of `multiple`. Features are those of the unturned picture.
        """
        total: Tensor | None = None
        features: dict[str, Tensor] = {}
        for symmetry in self.symmetries:
            turned = turn(degraded, symmetry).contiguous(memory_format=torch.channels_last)
            for network in self.networks:
                with autocast(degraded.device):
                    output, seen = network(turned)
                features = features or seen
                output = turn_back(output.float(), symmetry)
                total = output if total is None else total + output
        assert total is not None
        return total / (len(self.symmetries) * len(self.networks)), features


def open_teacher(
    catalog: Catalog,
    names: Sequence[str],
    device: torch.device,
    *,
    scale: int,
    taps: Sequence[str],
    self_ensemble: bool,
    learns: bool = False,
) -> Teacher:
    """The networks `names` as one teacher of labels `scale` times as large as its inputs; frozen unless `learns`.

    Raises:
        UnknownNameError, WeightsError: a network that is missing or altered, a tap that does not exist.
        SettingsError: a network for another scale.
    """
    networks = [
        load_teacher(catalog, name, scale).to(device).to(memory_format=torch.channels_last).requires_grad_(learns)
        for name in names
    ]
    return Teacher(networks, taps=taps, self_ensemble=self_ensemble)


class Shrunk(Network):
    """The picture of `network`, shrunk by bicubic to `scale`, a divisor of its own."""

    def __init__(self, network: Network, scale: int) -> None:
        super().__init__()
        self.network = network
        self.scale, self.planes, self.halo, self.multiple = scale, network.planes, network.halo, network.multiple

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), from `image` (N, planes, H, W) in [0, 1]."""
        return bicubic_resize(self.network(image).float(), self.scale / self.network.scale)

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Module]]:
        """Those of `network`, by their own names: a tap finds them."""
        yield from self.network.named_modules(*args, **kwargs)


def load_teacher(catalog: Catalog, name: str, scale: int) -> Network:
    """The network `name` of the catalog, or at the path `name`: one with a card beside it, or a foreign one; `Shrunk`
    where it enlarges by a multiple of `scale`.

    Raises:
        SettingsError: it is for another scale. UnknownNameError, WeightsError: it is missing or altered.
    """
    if not is_path(name):
        network = catalog.load(name)
    else:
        path = Path(name)
        has_card = path.with_suffix(".json").is_file()
        network = Catalog(path.parent).load(path.stem) if has_card else load_foreign(path)
    if network.scale == scale:
        return network
    if scale == 1 or network.scale % scale:
        raise SettingsError(
            f"The teacher '{name}' enlarges {network.scale} times, and the task needs {scale}; choose one for this task"
            f"{', or one that enlarges a multiple of it.' if scale > 1 else '.'}"
        )
    return Shrunk(network, scale)


def teacher_sha256(catalog: Catalog, name: str) -> str:
    """The SHA-256 of the teacher's weights file."""
    return sha256_of(Path(name)) if is_path(name) else catalog.find(name).sha256


def is_path(name: str) -> bool:
    """Whether `name` is a file of weights, not a name of the catalog."""
    return Path(name).suffix in SUFFIXES


def rounded(label: Tensor) -> Tensor:
    """`label` as it is cached: rounded to 8 bits, in [0, 1]. The rounding error is far below the teacher's."""
    return torch.round(label.clamp(0, 1) * 255) / 255
