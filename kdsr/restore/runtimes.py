"""What runs a network: torch on the CPU or a GPU, ONNX Runtime and OpenVINO on the CPU. Opened once and kept warm.

Not here: tiles, padding and clamping (`engine`); a runtime takes one untiled picture whose sides are multiples.
"""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kdsr.errors import SettingsError, WeightsError, find
from kdsr.restore.cache import remembered
from kdsr.restore.choice import choice_key, choose, left_out, version_of
from kdsr.restore.device import torch_device
from kdsr.restore.export import ONLY_TORCH, about_graph, check_session, graph_session
from kdsr.restore.openvino_session import OpenvinoSession, has_openvino, open_openvino_session
from kdsr.restore.processor import cuts_byte_sums, lacks_bfloat16
from kdsr.restore.runtime import Runtime, RuntimeInfo
from kdsr.restore.session import INPUT, OUTPUT, Session, open_session
from kdsr.restore.trial import as_settings_error
from kdsr.settings import Settings, usable_threads
from kdsr.tasks import find_task
from kdsr.zoo import Card, Catalog, at_sharpness
from kdsr.zoo.weights import check_weights

if TYPE_CHECKING:
    from torch import Tensor

WARM = 6
"""Runtimes that are kept: teacher, student and twin of two tasks. Each holds its weights and the buffers of a tile, 20
to 200 MB.
"""


TRIED_PX = 16
"""Side of the picture on which a graph is tried when it is opened, times the network's multiple."""


class GraphRuntime:
    """ONNX Runtime or OpenVINO on the CPU, with one graph for 8-bit pictures and one for floats, which is opened when
    first used.
    """

    def __init__(
        self,
        name: str,
        precision: str,
        planes: int,
        settings: Settings,
        open_graph: Callable[[bool], Session | OpenvinoSession],
    ) -> None:
        first = open_graph(True)
        scale, multiple, halo = (int(about_graph(first)[key]) for key in ("scale", "multiple", "halo"))
        self.about = RuntimeInfo(
            name=name,
            device="cpu",
            threads=usable_threads(settings),
            precision=_precision(first, precision),
            scale=scale,
            planes=planes,
            multiple=multiple,
            halo=halo,
            max_output_megapixels=settings.max_output_megapixels,
        )
        self._open_graph: Callable[[bool], Session | OpenvinoSession] = lambda uint8: (
            first if uint8 else open_graph(False)
        )
        self._sessions: dict[bool, Session | OpenvinoSession] = {}
        self._opening = threading.Lock()
        self._session(uint8=True)

    def run(self, image: "Tensor") -> "Tensor":
        import torch

        return torch.from_numpy(self.run_array(image.detach().to("cpu", torch.float32).numpy()))

    def run_array(self, image: np.ndarray) -> np.ndarray:
        with as_settings_error(self.about.name):
            return _run(self._session(uint8=False), image)

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        with as_settings_error(self.about.name):
            return _run(self._session(uint8=True), pixels)

    def _session(self, *, uint8: bool) -> Session | OpenvinoSession:
        with self._opening:
            if uint8 not in self._sessions:
                session = self._open_graph(uint8)
                side = TRIED_PX * self.about.multiple
                pixels = np.zeros((side, side, self.about.planes), np.uint8)
                # The first run happens in one thread: libraries fill their tables then, not always safely.
                _run(session, pixels if uint8 else pixels.transpose(2, 0, 1)[None].astype(np.float32))
                self._sessions[uint8] = session
            return self._sessions[uint8]


def _run(session: Session | OpenvinoSession, given: np.ndarray) -> np.ndarray:
    return session.run([OUTPUT], {INPUT: np.ascontiguousarray(given)})[0]


def open_torch(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under torch."""
    from kdsr.restore.torch_runtime import TorchRuntime

    return TorchRuntime(catalog.load(card.name), settings)


def open_onnx(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under ONNX Runtime. The weights are checked as well, since a graph replaces them."""
    check_weights(catalog.weights_path(card), card.sha256)
    threads, planes = usable_threads(settings), find_task(card.task).planes

    def open_graph(uint8: bool) -> Session:
        return graph_session(card, catalog, settings, lambda source: open_session(source, threads=threads), uint8=uint8)

    return GraphRuntime("onnx", "float32", planes, settings, open_graph)


def open_openvino(card: Card, catalog: Catalog, settings: Settings, *, precision: str = "float32") -> Runtime:
    """The network of `card` under OpenVINO, in float32 or bfloat16; each graph is compared with torch once on this
    machine.
    """
    if card.precision == "int8" and cuts_byte_sums():
        raise WeightsError(
            "This processor has no VNNI, and without it OpenVINO saturates sums of 8-bit products "
            "and gives another picture than the network; take the runtime onnx or auto."
        )
    check_weights(catalog.weights_path(card), card.sha256)
    threads, planes, memory = usable_threads(settings), find_task(card.task).planes, remembered(settings.home)

    def open_graph(uint8: bool) -> OpenvinoSession:
        session = graph_session(
            card,
            catalog,
            settings,
            lambda source: open_openvino_session(source, threads=threads, precision=precision),
            uint8=uint8,
        )
        inside = _precision(session, precision)
        checked = f"checked openvino {version_of('openvino')} {inside} {'uint8' if uint8 else 'float'} {card.sha256}"
        if memory.get(checked) is not True:
            check_session(session, catalog.load(card.name), uint8=uint8, precision=inside)
            memory.put(checked, True)
        return session

    return GraphRuntime("openvino", precision, planes, settings, open_graph)


def open_openvino_bf16(card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    """The network of `card` under OpenVINO in bfloat16: faster on processors that have it, and a little off."""
    return open_openvino(card, catalog, settings, precision="bfloat16")


def _precision(session: Session | OpenvinoSession, asked: str) -> str:
    """The precision of the arithmetic inside: a network of integers keeps them, whatever is asked for the rest."""
    return "int8" if about_graph(session).get("precision") == "int8" else asked


RUNTIMES: Mapping[str, Callable[[Card, Catalog, Settings], Runtime]] = MappingProxyType({
    "torch":         open_torch,
    "onnx":          open_onnx,
    "openvino":      open_openvino,
    "openvino-bf16": open_openvino_bf16,
})  # fmt: skip


def available_runtimes(precision: str = "float32", architecture: str = "plain") -> tuple[str, ...]:
    """The names in `RUNTIMES` whose packages are installed, and which this processor executes correctly, for networks
    of `precision` and `architecture`.
    """
    if architecture in ONLY_TORCH:
        return ("torch",)
    return tuple(
        name
        for name in RUNTIMES
        if not name.startswith("openvino") or (has_openvino() and _suits_processor(name, precision))
    )


def exact_runtimes(precision: str = "float32", architecture: str = "plain") -> tuple[str, ...]:
    """Those of `available_runtimes` that compute what a card says, and so may be chosen without being asked for."""
    return tuple(name for name in available_runtimes(precision, architecture) if name != "openvino-bf16")


def _suits_processor(openvino: str, precision: str) -> bool:
    return not (openvino == "openvino-bf16" and lacks_bfloat16()) and not (precision == "int8" and cuts_byte_sums())


def open_runtime(
    card: Card, catalog: Catalog, *, runtime: str = "auto", sharpness: float | None = None, settings: Settings
) -> Runtime:
    """The network of `card`, ready to run; the same object again as long as it is kept warm.

    Args:
        runtime: a name in `RUNTIMES`, or `auto`. That is torch on a GPU; on the CPU it is the fastest of those
            installed that compute what the card says. A short measurement on first use finds it (`choice`). Never
            bfloat16 for a network of floats.
        sharpness: in [0, 1], for a student with a sharp partner, or that partner. 0 is the faithful of the two, 1 the
            sharp one; between them weights are interpolated (`zoo.at_sharpness`). None is `card`.
    Raises:
        UnknownNameError: no such runtime, or no such network in `catalog`.
        WeightsError: weights that are missing, altered or do not fit the card.
        SettingsError: no such device, or a runtime that is not installed, fails here or cannot run this architecture. A
            sharpness out of range, or of a `card` without a partner.
    """
    if sharpness is not None:
        card, catalog = at_sharpness(card, catalog, sharpness, settings)
    find("runtime", runtime, {**RUNTIMES, "auto": None})
    if runtime.startswith("openvino") and not has_openvino():
        raise SettingsError(
            f"The runtime {runtime} needs the package openvino, which is not installed; "
            "pip install 'kdsr[fast]', or choose another runtime."
        )
    if card.architecture in ONLY_TORCH and runtime not in ("torch", "auto"):
        raise SettingsError(f"{card.name} runs only in torch; take the runtime torch or auto.")
    if runtime == "auto":
        runtime = _fastest(card, catalog, settings)
    key = (card.name, card.sha256, catalog.weights_dir, runtime, settings)
    return _WARM.get(key, lambda: _opened(runtime, card, catalog, settings))


def passed_over(card: Card, settings: Settings) -> tuple[str, ...]:
    """What `auto` went on without when it chose for the shape of `card` on this machine: a sentence each."""
    return left_out(choice_key(card, settings), remembered(settings.home))


def _opened(runtime: str, card: Card, catalog: Catalog, settings: Settings) -> Runtime:
    with as_settings_error(runtime):
        return RUNTIMES[runtime](card, catalog, settings)


def _fastest(card: Card, catalog: Catalog, settings: Settings) -> str:
    """The name of the runtime that `auto` selects."""
    if torch_device(settings) != "cpu":
        return "torch"
    candidates = {
        name: functools.partial(_opened, name, card, catalog, settings)
        for name in exact_runtimes(card.precision, card.architecture)
    }
    return choose(candidates, choice_key(card, settings), remembered(settings.home))


class WarmRuntimes:
    """The runtimes used last, at most `limit`. One that is dropped here lives on as long as somebody runs it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, Runtime] = OrderedDict()
        self._reading = threading.Lock()
        self._building = (
            threading.Lock()
        )  # one at a time, so that none is built twice; those already warm need not wait

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
