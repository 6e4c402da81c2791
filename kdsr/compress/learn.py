"""Quantisation-aware training: the calibrated 8-bit network is trained on, with the float network as teacher.

Gradients pass through rounding unchanged (straight-through estimator, Bengio et al., arXiv:1308.3432). Scales are
trained with the kernels (LSQ, arXiv:1902.08153), as logarithms, so that a step changes each by a similar share. The
target is a mean of truth and float network. Not here: ranges (`calibrate`), and the files of the result (`run`).
"""

import copy
import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.compress.calibrate import convolutions_of, integer_layers
from kdsr.compress.photographs import Photographs
from kdsr.errors import Stopped, TrainingError
from kdsr.models import IntegerConv2d, Network
from kdsr.models.integer import MOST_KERNEL_LEVELS, MOST_LEVELS

_TELL_EVERY = 50
_AVERAGE_DECAY = 0.99
_FAINTEST = 1e-6
"""Mean squared error at 60 dB: the least that a crop counts, so that empty crops do not dominate."""


class RoundedConv2d(nn.Module):
    """The convolution of `IntegerConv2d` with trainable float kernels and scales."""

    def __init__(self, conv: nn.Conv2d, start: IntegerConv2d) -> None:
        super().__init__()
        bias = start.floating().bias  # corrected for the rounding of the kernel
        assert bias is not None
        self.weight, self.bias = nn.Parameter(conv.weight.detach().clone()), nn.Parameter(bias.detach().clone())
        self.weight_scale = nn.Parameter(start.weight_scale.log())
        self.input_scale = nn.Parameter(start.input_scale.log())
        self.output_scale = nn.Parameter(start.output_scale.log()) if start.rounds_output else None
        self.input_zero, self.output_zero = float(start.input_zero), float(start.output_zero)

    def forward(self, image: Tensor) -> Tensor:
        given = _rounded(image, self.input_scale.exp(), -self.input_zero, MOST_LEVELS - self.input_zero)
        kernel = _rounded(
            self.weight, self.weight_scale.exp()[:, None, None, None], -MOST_KERNEL_LEVELS, MOST_KERNEL_LEVELS
        )
        output = F.conv2d(given, kernel, self.bias, padding=1)
        if self.output_scale is None:
            return output
        return _rounded(output, self.output_scale.exp(), -self.output_zero, MOST_LEVELS - self.output_zero)

    @torch.no_grad()
    def write_to(self, layer: IntegerConv2d) -> None:
        """Write the trained kernel and scales into `layer`."""
        layer.input_scale.copy_(self.input_scale.exp())
        if self.output_scale is not None:
            layer.output_scale.copy_(self.output_scale.exp())
        conv = layer.floating()
        conv.weight.copy_(self.weight)
        assert conv.bias is not None
        conv.bias.copy_(self.bias)
        layer.take(conv, self.weight_scale.exp())


def _rounded(values: Tensor, scale: Tensor, low: float, high: float) -> Tensor:
    """`values` as whole multiples of `scale` from `low` to `high`; the gradient passes the rounding, and stops where
    values are clipped.
    """
    levels = values / scale
    return (levels + (torch.round(levels) - levels).detach()).clamp(low, high) * scale


def learn(
    network: Network,
    start: Network,
    photographs: Photographs,
    *,
    on_step: Callable[[int, float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Network:
    """The 8-bit network `start` after training on the photographs, with the float `network` as teacher.

    Args:
        on_step: called every few steps with the step and the mean loss since the last call.
        should_stop: called before each step.
    Raises:
        Stopped: `should_stop` returned True; nothing is kept.
        TrainingError: the loss is not finite.
    """
    student = copy.deepcopy(start)
    student.layers = nn.ModuleList(
        RoundedConv2d(conv, layer) for conv, layer in zip(convolutions_of(network), integer_layers(start), strict=True)
    )
    student.layers[0].input_scale.requires_grad_(False)  # the levels of a picture are fixed
    average = copy.deepcopy(student).requires_grad_(False)
    total, counted, steps = 0.0, 0, photographs.plan.int8_steps
    for step, loss in enumerate(_losses(network, student, average, photographs, should_stop or (lambda: False))):
        total, counted = total + loss, counted + 1
        if not math.isfinite(total):
            raise TrainingError(
                f"The loss at step {step} of training in 8 bits is not finite; lower int8_learning_rate."
            )
        if on_step is not None and ((step + 1) % _TELL_EVERY == 0 or step + 1 == steps):
            on_step(step + 1, total / counted)
            total, counted = 0.0, 0
    result = copy.deepcopy(start)
    rounded = [module for module in average.modules() if isinstance(module, RoundedConv2d)]
    for layer, trained in zip(integer_layers(result), rounded, strict=True):
        trained.write_to(layer)
    return result


def _losses(
    network: Network, student: Network, average: Network, photographs: Photographs, should_stop: Callable[[], bool]
) -> Iterator[float]:
    """The loss of each step, after the step has changed `student` and its moving `average`."""
    plan = photographs.plan
    trainable = [parameter for parameter in student.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(trainable, plan.int8_learning_rate)
    for step in range(plan.int8_steps):
        if should_stop():
            raise Stopped(
                f"Stopped at step {step} of {plan.int8_steps} of training in 8 bits; the same command starts it again."
            )
        loss = _loss(student, network, photographs, step)
        cosine = 0.5 * (1 + math.cos(math.pi * step / plan.int8_steps))
        optimiser.param_groups[0]["lr"] = plan.int8_learning_rate * cosine
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        rate = 1 - min(_AVERAGE_DECAY, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), rate)
        yield loss.item()


def _loss(student: Network, network: Network, photographs: Photographs, step: int) -> Tensor:
    """The mean logarithm of each crop's mean squared error to truth and float network, in the shares of the plan.

    So the loss has the unit of the cost of 8 bits, decibels. Without the logarithm the strongest noise would count
    most, and weak noise lose most.
    """
    batch = photographs.batch(step)
    degraded = batch.degraded.contiguous(memory_format=torch.channels_last)
    restored = student(degraded)
    with torch.no_grad():
        label = network(degraded)
    share = photographs.plan.truth_share
    error = share * (restored - batch.truth).square() + (1 - share) * (restored - label).square()
    return (error.mean(dim=(1, 2, 3)) + _FAINTEST).log().mean()
