"""Figures of how near a restored picture is to the truth, each with the convention it was taken by.

`psnr` and `ssim` are exact functions of two tensors; `measure` applies a task's convention to them, `error_map` shows
where the error is. Not here: losses (`kdsr.distill`), running over a set of pictures (`kdsr.bench`), figures that need
no truth.
"""

from kdsr.metrics.error_map import colour_bar, error_map, full_scale_255
from kdsr.metrics.luma import to_luma
from kdsr.metrics.measure import Measurement, measure
from kdsr.metrics.psnr import psnr, psnr_in
from kdsr.metrics.registry import METRICS, Metric, find_metric
from kdsr.metrics.ssim import ssim

__all__ = [
    "METRICS",
    "Measurement",
    "Metric",
    "colour_bar",
    "error_map",
    "find_metric",
    "full_scale_255",
    "measure",
    "psnr",
    "psnr_in",
    "ssim",
    "to_luma",
]
