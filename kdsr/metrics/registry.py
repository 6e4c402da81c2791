"""The metrics by name. Not here: their conventions (`kdsr.metrics.measure`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from torch import Tensor

from kdsr.errors import UnknownNameError
from kdsr.metrics.psnr import psnr
from kdsr.metrics.ssim import ssim


class MetricFunction(Protocol):
    """(restored, truth), each (N, C, H, W) in [0, 1], to (N,) float64."""

    def __call__(self, restored: Tensor, truth: Tensor, *, border: int = 0) -> Tensor: ...


@dataclass(frozen=True)
class Metric:
    """A function and how its figures are written."""

    function: MetricFunction
    title: str
    unit: str
    decimals: int
    """Digits after the point in tables: as many as papers give."""
    higher_is_better: bool
    source: str


METRICS: Mapping[str, Metric] = MappingProxyType({
    "psnr": Metric(psnr, "PSNR", "dB", decimals=2, higher_is_better=True, source="definition"),
    "ssim": Metric(ssim, "SSIM", "", decimals=4, higher_is_better=True, source="Wang et al. 2004, equation 13"),
})  # fmt: skip


def find_metric(name: str) -> Metric:
    """The metric named `name`.

    Raises:
        UnknownNameError: no such metric; the text names the nearest one.
    """
    if name not in METRICS:
        raise UnknownNameError.among("metric", name, METRICS)
    return METRICS[name]
