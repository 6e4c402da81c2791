"""What runs a network: torch on the CPU or a GPU, ONNX Runtime on the CPU. Opened once and kept warm.

Not here: tiles, padding and clamping (`engine`); a runtime takes a picture whole, with sides that are multiples.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kdsr.errors import SettingsError, UnknownNameError
from kdsr.models import Network, is_integer
from kdsr.restore.export import graph_session
from kdsr.restore.graph import INPUT, OUTPUT
from kdsr.restore.session import Session
from kdsr.settings import Settings, usable_threads
from kdsr.zoo import Card, Catalog

WARM = 6
"""Runtimes that are kept: teacher, student and twin of two tasks. Each holds its weights and the buffers of a tile, 20 to 200 MB."""


class Runtime(Protocol):
    """A network that is ready to run; may be called from several threads."""

    name: str
    device: str
    """`cpu`, `cuda` or `cuda:N`."""
    threads: int
    """CPU threads of one run; on a GPU, 1."""
    precision: str
    """Of the arithmetic inside."""
    scale: int
    planes: int
    multiple: int
    halo: int
    max_output_megapixels: float
    """Largest picture that is made with it."""

    def run(self, image: Tensor) -> Tensor:
        """(1, planes, H, W) float32 in [0, 1] to (1, 3, H * scale, W * scale) float32, not clamped."""

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, planes) uint8 to (H * scale, W * scale, 3) uint8, clipped and rounded."""


class TorchRuntime:
    """torch, eager, channels last, in full float32 (no TF32: tiled must equal untiled)."""

    name = "torch"
    precision = "float32"

    def __init__(self, network: Network, settings: Settings) -> None:
        self.scale, self.planes, self.multiple, self.halo = network.scale, network.planes, network.multiple, network.halo
        self.max_output_megapixels = settings.max_output_megapixels
        self.device = torch_device(settings)
        self.threads = usable_threads(settings) if self.device == "cpu" else 1
        self._network = network.to(self.device).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def run(self, image: Tensor) -> Tensor:
        image = image.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)
        if self.device != "cpu":
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                return self._network(image)
        if torch.get_num_threads() != self.threads:  # torch keeps this number per thread of the caller
            torch.set_num_threads(self.threads)
        return self._network(image)

    @torch.no_grad()
    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        image = torch.from_numpy(np.array(pixels)).to(self.device).permute(2, 0, 1)[None]
        restored = self.run(image.float().div_(255)).clamp_(0, 1).mul_(255).round_()
        return restored.to(torch.uint8)[0].permute(1, 2, 0).contiguous().cpu().numpy()


class OnnxRuntime:
    """ONNX Runtime on the CPU, with one graph for floats and one for 8-bit pictures, each opened when first used."""

    name = "onnx"
    device = "cpu"

    def __init__(self, network: Network, settings: Settings, open_graph: Callable[[bool], Session]) -> None:
        self.scale, self.planes, self.multiple, self.halo = network.scale, network.planes, network.multiple, network.halo
        self.max_output_megapixels = settings.max_output_megapixels
        self.threads = usable_threads(settings)
        self.precision = "int8" if is_integer(network) else "float32"
        self._open_graph = open_graph
        self._sessions: dict[bool, Session] = {}
        self._opening = threading.Lock()

    def run(self, image: Tensor) -> Tensor:
        given = image.detach().to("cpu", torch.float32).contiguous().numpy()
        return torch.from_numpy(self._session(uint8=False).run([OUTPUT], {INPUT: given})[0])

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        return self._session(uint8=True).run([OUTPUT], {INPUT: np.ascontiguousarray(pixels)})[0]

    def _session(self, *, uint8: bool) -> Session:
        with self._opening:
            if uint8 not in self._sessions:
                self._sessions[uint8] = self._open_graph(uint8)
            return self._sessions[uint8]


def torch_device(settings: Settings) -> str:
    """The device that torch uses: as set, or for `auto` the GPU if there is one.

    Raises:
        SettingsError: a GPU is asked for that is not there.
    """
    if settings.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if settings.device != "cpu":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = settings.device.partition(":")[2] or "0"
        if not index.isdecimal() or int(index) >= count:
            raise SettingsError(f"The device {settings.device} was asked for, and torch sees {count} GPUs here; choose cpu or auto.")
    return settings.device


def open_torch(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under torch."""
    return TorchRuntime(catalog.load(card.name), settings)


def open_onnx(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under ONNX Runtime. The weights are read and checked as well: a graph stands for them."""
    threads = usable_threads(settings)
    return OnnxRuntime(catalog.load(card.name), settings, lambda uint8: graph_session(card, catalog, settings, uint8=uint8, threads=threads))


RUNTIMES: Mapping[str, Callable[[Card, Catalog, Settings], Runtime]] = MappingProxyType({
    "torch": open_torch,
    "onnx":  open_onnx,
})  # fmt: skip


def open_runtime(card: Card, catalog: Catalog, *, runtime: str = "auto", settings: Settings) -> Runtime:
    """The network of `card`, ready to run; the same object again as long as it is kept warm.

    Args:
        runtime: `torch`, `onnx`, or `auto`: torch on a GPU, ONNX Runtime on the CPU, where each is the faster one.
    Raises:
        UnknownNameError: no such runtime, or no such network in `catalog`.
        WeightsError: weights that are missing, altered or do not fit the card.
        SettingsError: a device that is not there.
    """
    if runtime not in (*RUNTIMES, "auto"):
        raise UnknownNameError.among("runtime", runtime, (*RUNTIMES, "auto"))
    if runtime == "auto":
        runtime = "onnx" if torch_device(settings) == "cpu" else "torch"
    key = (card.name, card.sha256, catalog.weights_dir, runtime, settings)
    return _WARM.get(key, lambda: RUNTIMES[runtime](card, catalog, settings))


class WarmRuntimes:
    """The runtimes used last, at most `limit`. One that is dropped here lives on as long as somebody runs it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, Runtime] = OrderedDict()
        self._reading = threading.Lock()
        self._building = threading.Lock()  # one at a time, so that none is built twice; those already warm need not wait

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, build: Callable[[], Runtime]) -> Runtime:
        """The runtime kept under `key`, else the one that `build` gives."""
        kept = self._find(key)
        if kept is not None:
            return kept
        with self._building:
            kept = self._find(key)
            if kept is None:
                kept = build()
                with self._reading:
                    self._kept[key] = kept
                    while len(self._kept) > self.limit:
                        self._kept.popitem(last=False)
            return kept

    def _find(self, key: Hashable) -> Runtime | None:
        with self._reading:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


_WARM = WarmRuntimes(WARM)
"""One for the process: threads, memory and a GPU's context belong to the process too."""
