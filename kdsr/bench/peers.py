"""Peers for comparison in the same run: OpenCV's kernels, and spandrel's architectures with random weights.

Random weights take as long as trained ones but restore nothing: such a peer is for speed only.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import torch
from torch import nn

from kdsr.bench.speed import Contestant
from kdsr.errors import SettingsError, find
from kdsr.image import Picture
from kdsr.restore import restore_picture
from kdsr.restore.torch_runtime import TorchRuntime
from kdsr.settings import Settings
from kdsr.zoo.foreign import Foreign


def open_peer(name: str, scale: int, settings: Settings) -> Contestant:
    """The peer `name`, enlarging `scale` times.

    Raises:
        UnknownNameError: no such peer.
        SettingsError: its package is not installed, or it enlarges nothing (`scale` 1).
    """
    open_named = find("peer", name, PEERS)
    if scale == 1:
        raise SettingsError(f"The peer {name} enlarges pictures, and this task does not; leave --peer out.")
    return open_named(name, scale, settings)


def _kernel(interpolation: int) -> Callable[[str, int, Settings], Contestant]:
    def open_kernel(name: str, scale: int, _settings: Settings) -> Contestant:
        def run(picture: Picture) -> object:
            return cv2.resize(picture.pixels, None, fx=scale, fy=scale, interpolation=interpolation)

        return Contestant(model=name, runtime="opencv", precision="uint8", scale=scale, run=run, open_ms=0.0)

    return open_kernel


def _random(build: Callable[[int], nn.Module]) -> Callable[[str, int, Settings], Contestant]:
    def open_random(name: str, scale: int, settings: Settings) -> Contestant:
        started = time.perf_counter()
        try:
            network = build(scale)
        except ImportError as error:
            raise SettingsError(f"The peer {name} needs the package spandrel: pip install 'kdsr[foreign]'.") from error
        opened = TorchRuntime(Foreign(network, scale, 1).eval().requires_grad_(False), settings)
        open_ms = 1000 * (time.perf_counter() - started)
        return Contestant(
            model=name,
            runtime="torch",
            precision="float32",
            scale=scale,
            run=lambda picture: restore_picture(picture, opened),
            open_ms=round(open_ms, 1),
            speed_only=True,
        )

    return open_random


def _span(scale: int) -> nn.Module:
    from spandrel.architectures.SPAN import SPAN

    torch.manual_seed(0)
    span: nn.Module = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=28, upscale=scale)
    return span


PEERS: Mapping[str, Callable[[str, int, Settings], Contestant]] = MappingProxyType(
    {
        "opencv-bicubic": _kernel(cv2.INTER_CUBIC),
        "opencv-lanczos": _kernel(cv2.INTER_LANCZOS4),
        "span-28": _random(_span),
    }
)
"""`span-28` is the winner of NTIRE 2024's challenge on efficiency, by spandrel."""
