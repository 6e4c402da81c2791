"""From over-parameterised networks to plain ones and back."""

import copy
from typing import TypeVar

import torch
from torch import nn

from kdsr.errors import WeightsError
from kdsr.models.blocks import RepConv2d

NetworkType = TypeVar("NetworkType", bound=nn.Module)


def folded(network: NetworkType) -> NetworkType:
    """A copy of `network` with every `RepConv2d` replaced by the equivalent ordinary convolution."""
    plain = copy.deepcopy(network)
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, RepConv2d):
                setattr(parent, name, child.folded())
    return plain


@torch.no_grad()
def absorb_folded(network: nn.Module, plain: nn.Module) -> list[str]:
    """Start `network` (over-parameterised or not) from the convolutions of `plain`; names of the layers left as they
    were.

    Layers are matched by name. A wider `network` of the same scale computes what `plain` computes in its first
    channels. This is Net2Net (arXiv:1511.05641), but new channels start at random and unread. A layer that fits in
    neither way keeps its own start.

    Raises:
        WeightsError: no layer fits at all.
    """
    theirs = {name: module for name, module in plain.named_modules() if isinstance(module, nn.Conv2d)}
    may_widen = [getattr(network, name, None) == getattr(plain, name, None) for name in ("scale", "multiple")] == [
        True,
        True,
    ]
    left, taken = [], 0
    for name, mine in network.named_modules():
        if not isinstance(mine, (RepConv2d, nn.Conv2d)):
            continue
        other = theirs.get(name)
        if other is None or not (other.weight.shape == mine.weight.shape or (may_widen and _is_wider(mine, other))):
            left.append(name)
            continue
        wider = _widened(mine.folded() if isinstance(mine, RepConv2d) else mine, other)
        if isinstance(mine, RepConv2d):
            mine.absorb(wider)
        else:
            mine.load_state_dict(wider.state_dict())
        taken += 1
    _absorb_slopes(network, plain)
    if not taken:
        raise WeightsError(
            "The network to start from shares no layer with this one; "
            "choose one of the same architecture and at most its width."
        )
    return left


def _absorb_slopes(network: nn.Module, plain: nn.Module) -> None:
    """Give the PReLUs of `network` the slopes that `plain` has in their places: 0 where it has a ReLU."""
    theirs = {name: module for name, module in plain.named_modules() if isinstance(module, nn.PReLU)}
    for name, mine in network.named_modules():
        if isinstance(mine, nn.PReLU):
            other = theirs.get(name)
            count = mine.num_parameters if other is None else min(mine.num_parameters, other.num_parameters)
            mine.weight[:count] = 0.0 if other is None else other.weight[:count]


def _is_wider(mine: RepConv2d | nn.Conv2d, other: nn.Conv2d) -> bool:
    sides = zip(mine.weight.shape, other.weight.shape, strict=True)
    return all(ours >= its for ours, its in sides) and mine.weight.shape[2:] == other.weight.shape[2:]


def _widened(start: nn.Conv2d, other: nn.Conv2d) -> nn.Conv2d:
    """`start` whose first output channels are those of `other` and read its input channels only."""
    wider = copy.deepcopy(start)
    out_channels, in_channels = other.weight.shape[:2]
    wider.weight[:out_channels] = 0.0
    wider.weight[:out_channels, :in_channels] = other.weight
    if wider.bias is not None and other.bias is not None:
        wider.bias[:out_channels] = other.bias
    return wider
