"""From over-parameterised networks to plain ones and back."""

import copy
from typing import TypeVar

import torch
from torch import nn

from kdsr.errors import WeightsError
from kdsr.models.blocks import RepConv2d

NetworkType = TypeVar("NetworkType", bound=nn.Module)


def folded(network: NetworkType) -> NetworkType:
    """A copy of `network` with every `RepConv2d` replaced by the ordinary convolution that it amounts to."""
    plain = copy.deepcopy(network)
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, RepConv2d):
                setattr(parent, name, child.folded())
    return plain


@torch.no_grad()
def absorb_folded(network: nn.Module, plain: nn.Module) -> list[str]:
    """Start `network` (over-parameterised or not) from the convolutions of `plain`; names of the layers left as they were.

    Layers are matched by name; a layer of another shape (the last one, when the scale differs) keeps its own start.

    Raises:
        WeightsError: no layer fits at all.
    """
    theirs = {name: module for name, module in plain.named_modules() if isinstance(module, nn.Conv2d)}
    left, taken = [], 0
    for name, mine in network.named_modules():
        if not isinstance(mine, (RepConv2d, nn.Conv2d)):
            continue
        other = theirs.get(name)
        if other is None or other.weight.shape != mine.weight.shape:
            left.append(name)
            continue
        if isinstance(mine, RepConv2d):
            mine.absorb(other)
        else:
            mine.load_state_dict(other.state_dict())
        taken += 1
    if not taken:
        raise WeightsError("The network to start from shares no layer with this one; choose one of the same architecture and width.")
    return left
