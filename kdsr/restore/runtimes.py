"""What runs a network: torch on the CPU or a GPU, ONNX Runtime on the CPU. Opened once and kept warm.

Not here: tiles, padding and clamping (`engine`); a runtime takes a picture whole, with sides that are multiples.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kdsr.errors import UnknownNameError
from kdsr.restore.device import torch_device
from kdsr.restore.export import graph_session
from kdsr.restore.session import INPUT, OUTPUT, Session, metadata_of
from kdsr.settings import Settings, usable_threads
from kdsr.tasks import find_task
from kdsr.zoo import Card, Catalog
from kdsr.zoo.weights import check_weights

if TYPE_CHECKING:
    from torch import Tensor

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

    def run(self, image: "Tensor") -> "Tensor":
        """(1, planes, H, W) float32 in [0, 1] to (1, 3, H * scale, W * scale) float32, not clamped."""

    def run_array(self, image: np.ndarray) -> np.ndarray:
        """As `run`, for an array."""

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, planes) uint8 to (H * scale, W * scale, 3) uint8, clipped and rounded."""


class OnnxRuntime:
    """ONNX Runtime on the CPU, with one graph for 8-bit pictures and one for floats, which is opened when first used."""

    name = "onnx"
    device = "cpu"

    def __init__(self, card: Card, settings: Settings, open_graph: Callable[[bool], Session]) -> None:
        self._sessions = {True: open_graph(True)}
        about = metadata_of(self._sessions[True])
        self.planes, self.precision = find_task(card.task).planes, card.precision
        self.scale, self.multiple, self.halo = (int(about[name]) for name in ("scale", "multiple", "halo"))
        self.max_output_megapixels = settings.max_output_megapixels
        self.threads = usable_threads(settings)
        self._open_graph = open_graph
        self._opening = threading.Lock()

    def run(self, image: "Tensor") -> "Tensor":
        import torch

        return torch.from_numpy(self.run_array(image.detach().to("cpu", torch.float32).numpy()))

    def run_array(self, image: np.ndarray) -> np.ndarray:
        return self._session(uint8=False).run([OUTPUT], {INPUT: np.ascontiguousarray(image)})[0]

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        return self._session(uint8=True).run([OUTPUT], {INPUT: np.ascontiguousarray(pixels)})[0]

    def _session(self, *, uint8: bool) -> Session:
        with self._opening:
            if uint8 not in self._sessions:
                self._sessions[uint8] = self._open_graph(uint8)
            return self._sessions[uint8]


def open_torch(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under torch."""
    from kdsr.restore.torch_runtime import TorchRuntime

    return TorchRuntime(catalog.load(card.name), settings)


def open_onnx(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under ONNX Runtime. The weights are checked as well: a graph stands for them."""
    check_weights(catalog.weights_path(card), card.sha256)
    threads = usable_threads(settings)
    return OnnxRuntime(card, settings, lambda uint8: graph_session(card, catalog, settings, uint8=uint8, threads=threads))


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
