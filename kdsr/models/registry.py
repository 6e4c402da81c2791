"""The networks, one line each, and the functions for all of them: build, warm start, count."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn

from kdsr.errors import SettingsError, find
from kdsr.models.compact import Compact
from kdsr.models.dat import Dat
from kdsr.models.ffdnet import Ffdnet
from kdsr.models.fold import absorb_folded, folded
from kdsr.models.integer import floating
from kdsr.models.network import Network
from kdsr.models.plain import Plain
from kdsr.models.prune import of_scale, pruned
from kdsr.models.residual import Residual
from kdsr.models.rrdb import Rrdb


@dataclass(frozen=True)
class Architecture:
    """How a network of one kind is built, and where it comes from."""

    build: Callable[..., Network]
    source: str


MODELS: Mapping[str, Architecture] = MappingProxyType({
    "plain": Architecture(Plain, source="SESR, arXiv:2103.09404; ECBSR, ACM MM 2021"),
    "residual": Architecture(Residual, source="EDSR, arXiv:1707.02921; PAN, arXiv:2010.01073"),
    "rrdb": Architecture(Rrdb, source="ESRGAN, arXiv:1809.00219; Real-ESRGAN, arXiv:2107.10833"),
    "compact": Architecture(Compact, source="Real-ESRGAN, arXiv:2107.10833"),
    "dat": Architecture(Dat, source="DAT, arXiv:2308.03364, by spandrel"),
    "ffdnet": Architecture(Ffdnet, source="FFDNet, arXiv:1710.04026"),
})  # fmt: skip


def build_model(name: str, scale: int, arguments: Mapping[str, int], *, planes: int = 3, rep: bool = False) -> Network:
    """The network `name` for `scale` and `planes` of input, freshly initialised; `rep` gives its over-parameterised
    form for training.

    Raises:
        UnknownNameError: no such architecture.
        SettingsError: an argument that it does not take.
    """
    architecture = find("architecture", name, MODELS)
    try:
        return architecture.build(scale, planes=planes, rep=rep, **arguments)
    except TypeError as error:
        raise SettingsError(
            f"The architecture '{name}' does not take these arguments: {dict(arguments)} ({error})."
        ) from error


def start(network: Network, trained: Network) -> None:
    """Start `network` from the folded network `trained`: a larger plain one is pruned to its size first, and one of a
    multiple of its scale gives its picture shrunk. Otherwise see `absorb_folded`.

    A network of 8-bit integers is dequantised first.

    Raises:
        WeightsError: no layer fits.
    """
    trained = floating(trained)
    if isinstance(network, Plain) and isinstance(trained, Plain):
        if trained.skip is None and trained.scale > network.scale and trained.scale % network.scale == 0:
            trained = of_scale(trained, network.scale)
        trained = pruned(trained, width=network.width, depth=len(network.layers))
    absorb_folded(network, trained)


def count_parameters(network: Network) -> int:
    """The number of parameters of the folded network."""
    return sum(parameter.numel() for parameter in folded(network).parameters())


@torch.no_grad()
def count_macs(network: Network) -> int:
    """Multiply-accumulates of the folded network's convolutions for one output megapixel."""
    plain = folded(network).eval()
    total = 0

    def add(module: nn.Conv2d, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in plain.modules() if isinstance(m, nn.Conv2d)]
    side = 16
    plain(torch.zeros(1, plain.planes, side, side))
    for hook in hooks:
        hook.remove()
    return round(total / (side * plain.scale) ** 2 * 1_000_000)
