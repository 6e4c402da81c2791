"""Speed of PSNR and SSIM against scikit-image, and the difference of the values, on one 2040x1356 pair.

    python benchmarks/metrics_speed.py [--repeats 15] [--threads 0]

The functions take turns, so that whatever else the machine does falls on all of them; the figure is the median.
scikit-image is called in the three ways that people call it: on the 8-bit picture, on float64 (its img_as_float), and
on float32. The 8-bit call is the one that evaluation scripts make, and the one that the targets (10x, 2x) are set
against. Ours gets the picture in the same 8 bits (`kdsr_uint8`) and as the float32 numbers that networks give (`kdsr`).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from kdsr.degrade import round_to_8_bits
from kdsr.metrics import measure, psnr, ssim, to_luma
from kdsr.tasks import find_task

HEIGHT, WIDTH = 1356, 2040
WANG_2004 = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0, help="of torch and OpenCV; 0 leaves their defaults")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
        cv2.setNumThreads(options.threads)
    restored, truth = made_up_pair()
    report = {
        "size": f"{WIDTH}x{HEIGHT}",
        "threads": torch.get_num_threads(),
        "psnr_rgb": compare(psnr_calls(restored, truth), options.repeats),
        "ssim_y": compare(ssim_calls(to_luma(restored), to_luma(truth)), options.repeats),
        "measure_ms": 1000
        * timed({"measure": lambda: measure(restored, truth, find_task("sr_x4")).psnr_db}, options.repeats)["measure"][
            0
        ],
    }
    print(json.dumps(report, indent=2))  # noqa: T201 - the output of a script


def made_up_pair() -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random picture and the same with noise, (1, 3, H, W) float32, whole 255ths."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, HEIGHT // 12, WIDTH // 12, generator=generator)
    truth = torch.nn.functional.interpolate(coarse, size=(HEIGHT, WIDTH), mode="bicubic")
    restored = truth + 0.03 * torch.randn(truth.shape, generator=generator)
    return round_to_8_bits(restored), round_to_8_bits(truth)


def psnr_calls(restored: torch.Tensor, truth: torch.Tensor) -> dict[str, Callable[[], float]]:
    """Ours and scikit-image's in three number types."""
    one, other = (np.ascontiguousarray(image[0].permute(1, 2, 0).numpy()) for image in (restored, truth))
    levels = [(image * 255).round().to(torch.uint8) for image in (restored, truth)]
    calls: dict[str, Callable[[], float]] = {
        "kdsr": lambda: psnr(restored, truth).item(),
        "kdsr_uint8": lambda: psnr(*levels).item(),
    }
    for kind, (a, b) in in_three_types(one, other).items():
        top = 255 if kind == "uint8" else 1.0
        calls[f"skimage_{kind}"] = lambda a=a, b=b, top=top: float(peak_signal_noise_ratio(b, a, data_range=top))  # type: ignore[misc]
    return calls


def ssim_calls(restored: torch.Tensor, truth: torch.Tensor) -> dict[str, Callable[[], float]]:
    """Ours and scikit-image's in two number types (luma is not whole levels, so there is no uint8 call that is the
    same).
    """
    one, other = (np.ascontiguousarray(image[0, 0].numpy()) for image in (restored, truth))
    calls: dict[str, Callable[[], float]] = {"kdsr": lambda: ssim(restored, truth).item()}
    for kind, (a, b) in in_three_types(one, other).items():
        if kind != "uint8":
            calls[f"skimage_{kind}"] = lambda a=a, b=b: float(structural_similarity(b, a, data_range=1.0, **WANG_2004))  # type: ignore[misc]
    return calls


def in_three_types(one: np.ndarray, other: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pair as float32 (itself), float64 and uint8."""
    return {
        "uint8": (np.rint(one * 255).astype(np.uint8), np.rint(other * 255).astype(np.uint8)),
        "float64": (one.astype(np.float64), other.astype(np.float64)),
        "float32": (one, other),
    }


def compare(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Milliseconds of each call, how many times each of ours is faster, and how far ours lie from the exact (float64)
    figure.
    """
    taken = timed(calls, repeats)
    exact = taken["skimage_float64"][1]
    report = {f"{name}_ms": 1000 * seconds for name, (seconds, _) in taken.items()}
    for ours, (seconds, value) in taken.items():
        if ours.startswith("kdsr"):
            report[f"{ours}_gap_to_float64"] = abs(value - exact)
            report |= {
                f"{ours}_times_faster_than_{peer}": taken[peer][0] / seconds
                for peer in taken
                if peer.startswith("skimage")
            }
    return report


def timed(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, tuple[float, float]]:
    """For each call its median seconds over interleaved repeats, after one warm-up, and its value."""
    values = {name: call() for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: (statistics.median(seconds[name]), values[name]) for name in calls}


if __name__ == "__main__":
    main()
