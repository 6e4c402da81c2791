"""Post-training quantisation: equalised channels where they help, ranges of least squared error, corrected biases.

Equalisation follows Nagel et al. (arXiv:1906.04721), by the size of the activations only, since kernels have a scale
per output channel; bias correction is that of the same paper. The search for clipped ranges is that of Banner et al.
(arXiv:1810.05723) without its model of the distribution. A picture in [0, 1] keeps its own 256 levels. Not here:
quantisation-aware training (`learn`).
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from kdsr.models import IntegerConv2d, Network, RoundedEnlargement, integer_form
from kdsr.models.integer import MOST_KERNEL_LEVELS, MOST_LEVELS, to_levels
from kdsr.models.plain import Plain

_SHARES = torch.linspace(0.3, 1.0, 57)
"""Shares of the full range that the search tries."""
_SAMPLE = 4_096
"""Number of values kept of each tensor and batch."""
_FEWER = 4
"""Means are taken over every `_FEWER`-th batch; ranges need all."""
_RARE = 1e-4
"""Share of a channel's largest values that its size ignores."""
_UNUSED = 1e-3
"""A channel whose size is below this share of the median is not scaled."""


@dataclass(frozen=True)
class Range:
    """Scale and zero level of a tensor's 256 levels."""

    scale: float
    zero: int

    def error(self, values: Tensor) -> float:
        """Mean squared error of `values` rounded to levels; lower is better."""
        scale, zero = torch.tensor(self.scale), torch.tensor(self.zero)
        return float(((to_levels(values, scale, zero) - zero) * scale - values).square().mean())


Listener = Callable[[Tensor, Tensor], None]
"""Takes a layer's input and output."""
PICTURE = Range(1 / MOST_LEVELS, 0)


@torch.no_grad()
def rounded(network: Network, batches: Sequence[Tensor]) -> tuple[Network, Network]:
    """(floats, their 8-bit integers) of the folded plain `network`: as it is or `equalised`, whichever comes nearer to
    it on some of `batches`.

    Channels that few pixels open, as the holes of inpainting do, are better left as they are.

    Raises:
        SettingsError: an architecture that has no 8-bit form.
    """
    few = batches[::_FEWER]
    pairs = [(floats, calibrated(floats, batches)) for floats in (network, equalised(network, batches))]
    return min(
        pairs, key=lambda pair: sum(float((pair[1](degraded) - network(degraded)).square().mean()) for degraded in few)
    )


@torch.no_grad()
def calibrated(network: Network, batches: Sequence[Tensor]) -> Network:
    """The folded plain `network` in 8-bit integers, its ranges found on `batches` of degraded crops (N, planes, P, P).

    In a network that enlarges, the output of the last convolution is rounded to levels, and these bytes become pixels.
    Other networks keep its three channels in floats.

    Raises:
        SettingsError: an architecture that has no 8-bit form.
    """
    form, convolutions = integer_form(network).eval(), convolutions_of(network)
    samples = _samples(network, batches)
    for index, (conv, layer) in enumerate(zip(convolutions, integer_layers(form), strict=True)):
        _set(layer, "input", best_range(samples[index]))
        layer.take(conv, best_kernel_scales(conv.weight))
    if form.scale > 1:
        _set(integer_layers(form)[-1], "output", best_range(samples[-1]))
    enlargement = cast(Plain, network).skip
    if enlargement is not None:
        seen: list[Tensor] = []
        _run_watched(network, batches, [(enlargement, lambda _, output: seen.append(_some_of(output)))])
        _set(cast(RoundedEnlargement, cast(Plain, form).skip), "output", best_range(torch.cat(seen)))
    _correct_biases(form, network, batches)
    return form


def _correct_biases(form: Network, network: Network, batches: Sequence[Tensor]) -> None:
    """Shift the biases of `form`, layer by layer, until each channel has its mean in `network`.

    Rounded kernels change the means by a little.
    """
    few = batches[::_FEWER]
    wanted = _mean_outputs(network, convolutions_of(network), few)
    for place, layer in enumerate(integer_layers(form)):  # each looks at what the corrected ones before it give
        gap = wanted[place] - _mean_outputs(form, [layer], few)[0]
        layer.bias.add_(torch.round(gap / (layer.input_scale * layer.weight_scale)).int())


def _mean_outputs(network: Network, layers: Sequence[nn.Module], batches: Sequence[Tensor]) -> list[Tensor]:
    """For each of `layers` the mean of each output channel, (C,)."""
    means: list[list[Tensor]] = [[] for _ in layers]
    listeners = [
        (layer, lambda _, output, kept=kept: kept.append(output.mean(dim=(0, 2, 3))))
        for layer, kept in zip(layers, means, strict=True)
    ]
    _run_watched(network, batches, listeners)
    return [torch.stack(values).mean(dim=0) for values in means]


@torch.no_grad()
def equalised(network: Network, batches: Sequence[Tensor]) -> Network:
    """A copy of the folded plain `network` that computes the same, each channel between two layers with values of the
    same size on `batches`.

    Size is the value that one in ten thousand passes: the largest one itself is an accident.
    """
    alike = copy.deepcopy(network)
    for (writer, reader), size in zip(
        itertools.pairwise(convolutions_of(alike)), _sizes(network, batches), strict=True
    ):
        factor = size / size.median().clamp(min=1e-6)
        factor[factor < _UNUSED] = 1.0
        writer.weight /= factor[:, None, None, None]
        writer.bias.div_(factor)  # type: ignore[union-attr]
        reader.weight *= factor[None, :, None, None]
    return alike


def convolutions_of(network: Network) -> list[nn.Conv2d]:
    """The convolutions of a folded plain `network` that get an 8-bit form, in order; a learned enlargement has none."""
    return [cast(nn.Conv2d, layer) for layer in cast(Plain, network).layers]


def integer_layers(network: Network) -> list[IntegerConv2d]:
    """The convolutions of integers of `network`, first to last."""
    return [module for module in network.modules() if isinstance(module, IntegerConv2d)]


def best_range(values: Tensor) -> Range:
    """The range of least squared error over `values`; 8-bit values that fill [0, 1] keep their levels."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    if low == 0.0 and 0.9 < high <= 1.0 and PICTURE.error(values) < 1e-12:
        return PICTURE
    ranges = []
    for share in _SHARES.tolist():
        scale = (high - low) * share / MOST_LEVELS
        ranges.append(Range(scale, round(-low * share / scale)))
    return min(ranges, key=lambda candidate: candidate.error(values))


def best_kernel_scales(weight: Tensor) -> Tensor:
    """For each output channel of `weight` (out, in, 3, 3) the scale with the least squared error, (out,)."""
    rows = weight.detach().flatten(1)
    full = rows.abs().amax(dim=1).clamp(min=1e-8) / MOST_KERNEL_LEVELS
    scales = full * _SHARES[:, None]  # (shares, out)
    levels = torch.round(rows / scales[..., None]).clamp(-MOST_KERNEL_LEVELS, MOST_KERNEL_LEVELS)
    errors = (levels * scales[..., None] - rows).square().sum(dim=2)
    return scales.gather(0, errors.argmin(dim=0)[None])[0]


def _sizes(network: Network, batches: Sequence[Tensor]) -> list[Tensor]:
    """The size of the values of each channel (C,) of the inputs of all convolutions but the first."""

    def size(values: Tensor) -> Tensor:
        rows = values.transpose(0, 1).flatten(1)
        return rows.kthvalue(max(1, round(rows.shape[1] * (1 - _RARE))), dim=1).values

    return [torch.stack(values).mean(dim=0) for values in _seen(network, batches, size)[1:-1]]


def _samples(network: Network, batches: Sequence[Tensor]) -> list[Tensor]:
    """Values of the input of each convolution, and of the output of the last one."""
    return [torch.cat(values) for values in _seen(network, batches, _some_of)]


def _some_of(values: Tensor) -> Tensor:
    """About `_SAMPLE` of `values`, evenly chosen."""
    return values.flatten()[:: max(1, values.numel() // _SAMPLE)].clone()


def _seen(network: Network, batches: Sequence[Tensor], look: Callable[[Tensor], Tensor]) -> list[list[Tensor]]:
    """For each convolution `look` of its input in each batch; last, `look` of the last convolution's output."""
    convolutions = convolutions_of(network)
    kept: list[list[Tensor]] = [[] for _ in range(len(convolutions) + 1)]

    def into(values: list[Tensor]) -> Listener:
        return lambda given, _: values.append(look(given.detach()))

    listeners = [(conv, into(values)) for conv, values in zip(convolutions, kept[:-1], strict=True)]
    listeners.append((convolutions[-1], lambda _, output: kept[-1].append(look(output.detach()))))
    _run_watched(network, batches, listeners)
    return kept


def _run_watched(network: Network, batches: Sequence[Tensor], listeners: Sequence[tuple[nn.Module, Listener]]) -> None:
    """Run `network` on `batches`; each listener gets the input and the output of its layer."""
    hooks = [
        layer.register_forward_hook(lambda _, given, output, tell=tell: tell(given[0], output))
        for layer, tell in listeners
    ]
    try:
        for degraded in batches:
            network(degraded)
    finally:
        for hook in hooks:
            hook.remove()


def _set(layer: IntegerConv2d | RoundedEnlargement, end: str, found: Range) -> None:
    getattr(layer, f"{end}_scale").fill_(found.scale)
    getattr(layer, f"{end}_zero").fill_(found.zero)
