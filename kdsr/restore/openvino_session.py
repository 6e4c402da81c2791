"""OpenVINO sessions on the CPU: an ONNX graph compiled for this processor. The only file that imports openvino.

The package is optional and takes a second to import: it is imported when the first graph is compiled. The precision of
the arithmetic is always set, because OpenVINO otherwise takes bfloat16 wherever the processor has it. A graph of
integers (QuantizeLinear, DequantizeLinear) runs in int8 under either precision, which then holds for the rest of it.

An 8-bit graph ends by putting bytes from planes together as pixels. OpenVINO takes 3 ms for that at 1024x1024, as long
as half a student. OpenCV does it in 0.9 ms, so that end is not compiled.
"""

import functools
import importlib.util
import io
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from kdsr.errors import SettingsError, WeightsError
from kdsr.settings import usable_cpus

PRECISIONS: Mapping[str, str] = MappingProxyType({"float32": "f32", "bfloat16": "bf16"})
"""Ours, and OpenVINO's word for it."""
_SIDE_PX, _CHANNELS = 64, 256
"""Of the convolution that measures what the processor can do at most."""
_STARTING = threading.Lock()


class OpenvinoSession:
    """A compiled graph, called as an ONNX Runtime session is. Threads that run it at once have a request each; requests
    are kept for the next ones.
    """

    def __init__(self, compiled: Any, about: Mapping[str, str], block: int | None) -> None:
        self.about = about
        """What `export` wrote into the graph about itself."""
        self._compiled = compiled
        self._block = block
        self._free: deque[Any] = deque()

    def run(self, _names: Sequence[str] | None, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The graph's one output for its one input."""
        try:
            request = self._free.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            request.infer(dict(given), share_inputs=True)
            made = request.get_output_tensor(0).data
            return [
                made.copy() if self._block is None else as_pixels(made, self._block)
            ]  # `made` is the request's, and the next run writes there
        finally:
            self._free.append(request)


def has_openvino() -> bool:
    """Whether the package is installed; it is not imported."""
    return importlib.util.find_spec("openvino") is not None


def open_openvino_session(source: Path | bytes, *, threads: int, precision: str) -> OpenvinoSession:
    """The graph in a file or in memory, compiled; height and width stay free. Ask `has_openvino` first.

    Raises:
        SettingsError: this processor has no arithmetic of that `precision`.
        WeightsError: not a graph that this OpenVINO can run.
    """
    core = _core()
    if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise SettingsError(
            "This processor has no bfloat16 arithmetic, which the runtime openvino-bf16 needs; choose openvino or auto."
        )
    try:
        model = core.read_model(io.BytesIO(source) if isinstance(source, bytes) else str(source))
        info = model.get_rt_info()
        about = {name: value.astype(str) for name, value in info["framework"].items()} if "framework" in info else {}
        model, block = _ending_in_planes(model)
        # Runs that come at once need a stream each, or they wait for each other. An 8-bit run is so short that changing
        # threads costs more.
        at_once = 1 if about.get("precision") == "int8" else max(1, usable_cpus() // threads)
        compiled = core.compile_model(model, "CPU", _options(threads, precision, at_once))
    except RuntimeError as error:
        why = str(error).strip().splitlines()[-1]
        name = "in memory" if isinstance(source, bytes) else source.name
        raise WeightsError(
            f"The ONNX graph {name} cannot be run here ({why}); remove the file, and it is made again."
        ) from error
    return OpenvinoSession(compiled, about, block)


def as_pixels(planes: np.ndarray, block: int) -> np.ndarray:
    """(H * block, W * block, 3) uint8 from `planes` (1, 3 * block**2, H, W): by colour, then by place in a block, row
    by row.
    """
    height, width = planes.shape[2:]
    parts = planes.reshape(3, block, block, height, width)
    pixels = np.empty((height, block, width, 3 * block), np.uint8)
    for row in range(block):
        pixels[:, row] = cv2.merge([parts[colour, row, column] for column in range(block) for colour in range(3)])
    return pixels.reshape(height * block, width * block, 3)


def _ending_in_planes(model: Any) -> tuple[Any, int | None]:
    """`model` without its end that makes pixels of planes, and the side of its blocks; as it is, and None, if it ends
    otherwise.
    """
    import openvino
    from openvino import opset13 as operators

    node = model.get_results()[0].input_value(0).get_node()
    if model.output(0).element_type != openvino.Type.u8:
        return model, None
    for kind in ("Transpose", "Squeeze"):
        if node.get_type_name() != kind:
            return model, None
        node = node.input_value(0).get_node()
    block = 1
    if node.get_type_name() == "DepthToSpace":
        attributes = node.get_attributes()
        if attributes["mode"] != "depth_first":
            return model, None
        block, node = int(attributes["block_size"]), node.input_value(0).get_node()
    return openvino.Model([operators.result(node.output(0))], model.get_parameters(), "planes"), block


def integer_convolution(threads: int) -> tuple[Callable[[], object], float]:
    """A function that runs one 3x3 convolution of 8-bit integers, large and of the shape that suits a processor best,
    and its operations.

    For measuring what the processor can do at most. Operations: multiplications and additions. Ask `has_openvino`
    first.
    """
    core = _core()
    import openvino
    from openvino import opset13 as operators

    random = np.random.default_rng(0)
    levels = operators.parameter([1, _CHANNELS, _SIDE_PX, _SIDE_PX], openvino.Type.u8)
    low, high, one, top = (np.float32(value) for value in (0, 255, 1, 255))
    image = operators.fake_quantize(operators.convert(levels, "f32"), low, high, low, one, 256)
    kernel = operators.constant(random.integers(-127, 128, (_CHANNELS, _CHANNELS, 3, 3)).astype(np.int8))
    scaled = operators.multiply(operators.convert(kernel, "f32"), operators.constant(np.float32(0.01)))
    made = operators.relu(operators.convolution(image, scaled, [1, 1], [1, 1], [1, 1], [1, 1]))
    result = operators.convert(operators.fake_quantize(made, low, top, low, top, 256), "u8")
    compiled = core.compile_model(
        openvino.Model([operators.result(result)], [levels], "limit"), "CPU", _options(threads, "float32")
    )
    request, given = (
        compiled.create_infer_request(),
        random.integers(0, 256, (1, _CHANNELS, _SIDE_PX, _SIDE_PX), np.uint8),
    )
    return lambda: request.infer([given], share_inputs=True), 2.0 * 9 * _CHANNELS**2 * _SIDE_PX**2


def _core() -> Any:
    """OpenVINO itself, one for the process. A second thread waits until the first has made it."""
    with _STARTING:
        return _started()


@functools.cache
def _started() -> Any:
    """`Type.to_dtype` fills a table when first called, and two threads that do so together wait for each other for
    ever: one holds the table and wants the interpreter, the other the reverse. So it is called here, under a lock.
    """
    import openvino

    openvino.Type.f32.to_dtype()
    return openvino.Core()


def _options(threads: int, precision: str, at_once: int = 1) -> dict[str, Any]:
    """`at_once` runs beside each other, each by `threads` threads. Threads are not tied to cores: others use these as
    well.
    """
    return {
        "INFERENCE_PRECISION_HINT": PRECISIONS[precision], "INFERENCE_NUM_THREADS": threads * at_once,
        "NUM_STREAMS": at_once, "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False,
    }  # fmt: skip
