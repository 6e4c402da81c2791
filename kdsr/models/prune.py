"""A smaller plain network out of a larger one: layers copied, channels chosen by norm; or one of a smaller scale.

Source: starting the student out of a trained network by structured pruning, ASSL (NeurIPS 2021); norms as the measure
of a channel, Li et al. (arXiv:1608.08710). Difference: a channel counts by the product of the norms of the kernels that
write and read it.
"""

import copy
import itertools
from typing import cast

import torch
from torch import nn

from kdsr.models.plain import Plain


@torch.no_grad()
def pruned(network: Plain, width: int, depth: int) -> Plain:
    """A copy of the folded `network` with at most `width` channels and `depth` layers: its first, its last and evenly
    spaced ones between.
    """
    layers = [cast(nn.Conv2d, copy.deepcopy(layer)) for layer in network.layers]
    chosen = _spread(len(layers), depth)
    layers = [layers[number] for number in chosen]
    slopes = [] if network.slopes is None else [network.slopes[number] for number in chosen[:-1]]
    smaller = copy.deepcopy(network)
    smaller.layers = nn.ModuleList(layers)
    smaller.slopes = None if network.slopes is None else nn.ModuleList(copy.deepcopy(slopes))
    for number, (writer, reader) in enumerate(itertools.pairwise(layers)):
        kept = _strongest(writer, reader, width)
        _keep_outputs(writer, kept)
        _keep_inputs(reader, kept)
        if smaller.slopes is not None:
            slope = cast(nn.PReLU, smaller.slopes[number])
            slope.weight = nn.Parameter(slope.weight[kept])
            slope.num_parameters = len(kept)
    smaller.halo = network.halo_of(len(layers))
    return smaller


@torch.no_grad()
def of_scale(network: Plain, scale: int) -> Plain:
    """A copy of the folded `network` of a multiple of `scale` whose picture is that of `network`, shrunk: the mean over
    the pixels that become one. The last convolution gives those means, so it costs less than `network`.
    """
    small, ratio = copy.deepcopy(network), network.scale // scale
    last = cast(nn.Conv2d, small.layers[-1])
    for name in ("weight", "bias"):
        values = getattr(last, name)  # in the order of `depth_to_space`
        parts = values.reshape(3, scale, ratio, scale, ratio, *values.shape[1:])
        setattr(last, name, nn.Parameter(parts.mean(dim=(2, 4)).flatten(0, 2)))
    last.out_channels = len(last.weight)
    small.scale = scale
    return small


def _spread(count: int, depth: int) -> list[int]:
    """Numbers of at most `depth` of `count` layers: the first, the last and evenly spaced ones between."""
    if count <= depth:
        return list(range(count))
    return [round(index * (count - 1) / (depth - 1)) for index in range(depth)]


def _strongest(writer: nn.Conv2d, reader: nn.Conv2d, count: int) -> torch.Tensor:
    """Numbers of the `count` channels with the largest product of norms, in their old order."""
    strength = writer.weight.flatten(1).norm(dim=1) * reader.weight.transpose(0, 1).flatten(1).norm(dim=1)
    strongest: torch.Tensor = strength.topk(min(count, len(strength))).indices
    return strongest.sort().values


def _keep_outputs(conv: nn.Conv2d, kept: torch.Tensor) -> None:
    conv.weight = nn.Parameter(conv.weight[kept])
    if conv.bias is not None:
        conv.bias = nn.Parameter(conv.bias[kept])
    conv.out_channels = len(kept)


def _keep_inputs(conv: nn.Conv2d, kept: torch.Tensor) -> None:
    conv.weight = nn.Parameter(conv.weight[:, kept])
    conv.in_channels = len(kept)
