"""PSNR, SSIM and error maps of a restored picture against its ground truth, by the convention of its task.

`psnr` and `ssim` are exact functions of two tensors; `measure` applies a task's convention to them; `error_map` shows
where the error is. The figures for looks (NIQE and others) are in `kdsr.metrics.looks`, which is not imported here: it
needs SciPy. Not here: losses (`kdsr.distill`), test sets (`kdsr.bench`).
"""

from kdsr.metrics.error_map import FULL_SCALE_255, error_map
from kdsr.metrics.luma import to_luma
from kdsr.metrics.measure import Measurement, measure
from kdsr.metrics.psnr import psnr, psnr_in
from kdsr.metrics.ssim import ssim

__all__ = [
    "FULL_SCALE_255",
    "Measurement",
    "error_map",
    "measure",
    "psnr",
    "psnr_in",
    "ssim",
    "to_luma",
]
