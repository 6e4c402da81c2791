"""The teacher at work: its labels and features for any degraded pictures. Not here: where labels are kept (`labels`)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from kdsr.distill import Tapped
from kdsr.errors import SettingsError
from kdsr.models import Network
from kdsr.models.symmetry import SYMMETRIES, turn, turn_back
from kdsr.train.machine import autocast
from kdsr.zoo import Catalog, sha256_of
from kdsr.zoo.foreign import SUFFIXES, load_foreign


class Teacher:
    """One network or several: the label is the mean of their outputs; features are tapped from the first.

    Args:
        networks: folded networks of one scale, on the device that they work on.
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
        """The labels (N, 3, H * scale, W * scale) for `degraded` (N, planes, H, W), not rounded, and the features by
        tap.

        Sides must be multiples of `multiple`. Features are those of the picture as it is, not turned.
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
    taps: Sequence[str],
    self_ensemble: bool,
    learns: bool = False,
) -> Teacher:
    """The networks `names` as one teacher, frozen unless it `learns`.

    Raises:
        UnknownNameError, WeightsError: a network that is missing or altered, a tap that does not exist.
        SettingsError: networks of several scales.
    """
    networks = [
        load_teacher(catalog, name).to(device).to(memory_format=torch.channels_last).requires_grad_(learns)
        for name in names
    ]
    if len({network.scale for network in networks}) > 1:
        raise SettingsError(
            f"Teachers that work together need one scale, got {', '.join(str(network.scale) for network in networks)}."
        )
    return Teacher(networks, taps=taps, self_ensemble=self_ensemble)


def load_teacher(catalog: Catalog, name: str) -> Network:
    """The network `name` of the catalog, or by the path of its file: one of ours, with its card beside it, or a foreign
    one.
    """
    if not is_path(name):
        return catalog.load(name)
    path = Path(name)
    return Catalog(path.parent).load(path.stem) if path.with_suffix(".json").is_file() else load_foreign(path)


def teacher_sha256(catalog: Catalog, name: str) -> str:
    """What tells this teacher from any other."""
    return sha256_of(Path(name)) if is_path(name) else catalog.find(name).sha256


def is_path(name: str) -> bool:
    """Whether a teacher is named by its file."""
    return Path(name).suffix in SUFFIXES


def rounded(label: Tensor) -> Tensor:
    """`label` as it is kept: 8 bits, in [0, 1]. The rounding (0.3 levels) is far below the teacher's own error."""
    return torch.round(label.clamp(0, 1) * 255) / 255
