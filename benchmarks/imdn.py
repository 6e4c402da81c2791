"""A peer for speed: the network IMDN x4 (arXiv:1909.11856, section 3) with random weights, as an ONNX graph in floats
and in 8-bit integers.

Written from the paper's figures 2 and 3; 715,176 parameters. The 8-bit graph is what ONNX Runtime's own quantisation
makes of it, by channel, with levels before and after each layer (QDQ).
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

CHANNELS, DISTILLED, BLOCKS = 64, 16, 6
GMACS_PER_OUTPUT_MEGAPIXEL = 44.4
"""The kernels of 710 K at each of the 62,500 input pixels of a megapixel; the attention sees means only."""


class _Writer:
    """Collects nodes and random weights."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: object) -> list[str]:
        names = [f"{kind}{len(self.nodes)}.{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}{len(self.nodes)}", **attributes))
        return names

    def constant(self, values: np.ndarray) -> str:
        self.weights.append(onnx.numpy_helper.from_array(values, f"weight{len(self.weights)}"))
        return self.weights[-1].name

    def conv(self, given: str, channels: int, made: int, side: int = 3, *, leaky: bool = False) -> str:
        kernel = self._random.standard_normal((made, channels, side, side)) * (2 / (channels * side**2)) ** 0.5
        bias = self._random.standard_normal(made) * 0.01
        weights = [self.constant(values.astype(np.float32)) for values in (kernel, bias)]
        [result] = self.add("Conv", given, *weights, kernel_shape=[side, side], pads=[side // 2] * 4)
        return self.add("LeakyRelu", result, alpha=0.05)[0] if leaky else result

    def attention(self, given: str) -> str:
        """Contrast-aware channel attention: standard deviation plus mean of each channel."""
        [mean] = self.add("GlobalAveragePool", given)
        [centred] = self.add("Sub", given, mean)
        [variance] = self.add("GlobalAveragePool", self.add("Mul", centred, centred)[0])
        [contrast] = self.add("Add", self.add("Sqrt", variance)[0], mean)
        squeezed = self.add("Relu", self.conv(contrast, CHANNELS, 4, 1))[0]
        [share] = self.add("Sigmoid", self.conv(squeezed, 4, CHANNELS, 1))
        return self.add("Mul", given, share)[0]

    def block(self, given: str) -> str:
        """Information multi-distillation: three times a quarter is kept and the rest goes on."""
        kept, rest, sizes = [], given, self.constant(np.array([DISTILLED, CHANNELS - DISTILLED]))
        for channels in (CHANNELS, CHANNELS - DISTILLED, CHANNELS - DISTILLED):
            part, rest = self.add("Split", self.conv(rest, channels, CHANNELS, leaky=True), sizes, outputs=2, axis=1)
            kept.append(part)
        kept.append(self.conv(rest, CHANNELS - DISTILLED, DISTILLED))
        [joined] = self.add("Concat", *kept, axis=1)
        return self.add("Add", self.conv(self.attention(joined), CHANNELS, CHANNELS, 1), given)[0]


def write_imdn(path: Path) -> None:
    """Write the graph in floats, (1, 3, H, W) to (1, 3, 4H, 4W)."""
    writer = _Writer()
    first = here = writer.conv("image", 3, CHANNELS)
    blocks = [here := writer.block(here) for _ in range(BLOCKS)]
    joined = writer.conv(writer.add("Concat", *blocks, axis=1)[0], BLOCKS * CHANNELS, CHANNELS, 1, leaky=True)
    [deep] = writer.add("Add", writer.conv(joined, CHANNELS, CHANNELS), first)
    writer.nodes.append(
        helper.make_node("DepthToSpace", [writer.conv(deep, CHANNELS, 48)], ["restored"], blocksize=4, mode="CRD")
    )
    ends = [
        helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, "height", "width"]),
        helper.make_tensor_value_info("restored", onnx.TensorProto.FLOAT, [1, 3, "high", "wide"]),
    ]
    graph = helper.make_graph(writer.nodes, "imdn", ends[:1], ends[1:], writer.weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)


def write_integer_imdn(floats: Path, path: Path) -> None:
    """Write the graph at `floats` in 8-bit integers."""
    quantize_static(
        str(floats),
        str(path),
        _Noise(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


class _Noise(CalibrationDataReader):
    """Four random pictures."""

    def __init__(self) -> None:
        random = np.random.default_rng(1)
        self._pictures = iter([{"image": random.random((1, 3, 48, 48), dtype=np.float32)} for _ in range(4)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._pictures, None)
