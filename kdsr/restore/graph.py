"""A network as an ONNX graph: traced by torch.fx, each step written as one operator or a few.

torch.onnx.export is not used: its older exporter is deprecated, and its newer one needs onnxscript and fills the graph
with arithmetic on shapes. Here height and width are free, and the operators are those that every runtime has. These are
Conv, Relu, LeakyRelu, PRelu, Sigmoid, Add, Sub, Mul, Concat, Gather, DepthToSpace and SpaceToDepth. 8-bit graphs also
have Transpose, Unsqueeze, Squeeze, Cast, QuantizeLinear and DequantizeLinear. There is no Pad, and a Resize only in
published networks. A convolution of integers lies between DequantizeLinear and QuantizeLinear (the QDQ form), which
ONNX Runtime and OpenVINO recognise. A new step in a network is one entry of `_STEPS`. Not here: files, checks,
metadata.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn
from torch.fx.node import map_arg

from kdsr.errors import SettingsError
from kdsr.models import Entry, IntegerConv2d, Network, RoundedEnlargement
from kdsr.restore.session import INPUT, OUTPUT
from kdsr.restore.tracing import trace

OPSET = 17
IR_VERSION = 8
"""Both are old on purpose: runtimes and browsers of 2022 and later read them."""
_PICTURE = (float(np.float32(1 / 255)), 0)
"""Scale and zero of an 8-bit picture's levels."""


def onnx_graph(network: Network, *, uint8: bool) -> onnx.ModelProto:
    """`network` as an ONNX model with one input `image` and one output `restored`, height and width free.

    Float: (1, planes, H, W) float32 RGB in [0, 1] to (1, 3, H * scale, W * scale) float32, not clamped. With `uint8`:
    (H, W, planes) uint8 to (H * scale, W * scale, 3) uint8, clipped and rounded half to even. H and W are multiples of
    `network.multiple`.

    Raises:
        SettingsError: the network has a step that no operator is known for.
    """
    graph = _Graph()
    traced = trace(network)
    values: dict[fx.Node, _Value] = {}
    last = next(node for node in traced.graph.nodes if node.op == "output").args[0]
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            values[node] = graph.from_bytes(INPUT, network.planes) if uint8 else _Value(INPUT, network.planes)
        elif node.op != "output":
            if (
                uint8 and node is last and node.target is F.pixel_shuffle
            ):  # round first: then single bytes are moved, not floats
                values[node.args[0]] = graph.to_bytes(values[node.args[0]])
            arguments, keywords = map_arg((node.args, node.kwargs), cast(Any, values.__getitem__))
            values[node] = _step(node, traced)(graph, *arguments, **keywords)
    result = values[last]
    if uint8:
        planes = result if last.target is F.pixel_shuffle else graph.to_bytes(result)
        pixels = graph.add(
            "Transpose", graph.add("Squeeze", planes.name, graph.constant(np.array([0]))), perm=[1, 2, 0]
        )
        return graph.model(pixels, ["H", "W", network.planes], ["H_out", "W_out", 3], TensorProto.UINT8)
    return graph.model(result.name, [1, network.planes, "H", "W"], [1, 3, "H_out", "W_out"], TensorProto.FLOAT)


@dataclass(frozen=True)
class _Value:
    """A tensor (1, channels, height, width) in the graph."""

    name: str
    channels: int
    levels: tuple[float, int] | None = None
    """Scale and zero, where each value is one of their 256 levels already."""
    integers: str = ""
    """Those levels, where `levels` is given."""


@dataclass
class _Graph:
    """The operators and constants written so far."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator_name: str, *inputs: str, **attributes: Any) -> str:
        """Write one operator; the name of its output."""
        output = f"{operator_name.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator_name, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, array: np.ndarray | np.generic) -> str:
        """Write one constant; its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def from_bytes(self, name: str, channels: int) -> _Value:
        """(H, W, C) uint8 to (1, C, H, W) float32 in [0, 1]."""
        planes = self.add("Unsqueeze", self.add("Transpose", name, perm=[2, 0, 1]), self.constant(np.array([0])))
        return self.of_levels(planes, channels, _PICTURE)

    def to_bytes(self, value: _Value) -> _Value:
        """float32 in [0, 1] to uint8, clipped and rounded."""
        return _Value(self.add("QuantizeLinear", value.name, *self._scale_and_zero(_PICTURE)), value.channels)

    def rounded(self, value: _Value, levels: tuple[float, int]) -> _Value:
        """`value` rounded to `levels`; nothing is written where it is one of them already."""
        if value.levels == levels:
            return value
        integers = self.add("QuantizeLinear", value.name, *self._scale_and_zero(levels))
        return self.of_levels(integers, value.channels, levels)

    def of_levels(self, integers: str, channels: int, levels: tuple[float, int]) -> _Value:
        """The dequantised `integers`."""
        return _Value(self.add("DequantizeLinear", integers, *self._scale_and_zero(levels)), channels, levels, integers)

    def _scale_and_zero(self, levels: tuple[float, int]) -> tuple[str, str]:
        return self.constant(np.float32(levels[0])), self.constant(np.uint8(levels[1]))

    def model(
        self, result: str, input_shape: list[int | str], output_shape: list[int | str], element: int
    ) -> onnx.ModelProto:
        """The complete model, checked."""
        for node in self.nodes:
            node.output[:] = [OUTPUT if name == result else name for name in node.output]
        given = helper.make_tensor_value_info(INPUT, element, input_shape)
        restored = helper.make_tensor_value_info(OUTPUT, element, output_shape)
        graph = helper.make_graph(self.nodes, "kdsr", [given], [restored], self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="kdsr"
        )
        onnx.checker.check_model(model)
        return model


def _step(node: fx.Node, traced: fx.GraphModule) -> Callable[..., _Value]:
    """The function that writes `node` into a graph, called as (graph, *values)."""
    if node.op == "call_module":
        layer = traced.get_submodule(str(node.target))
        if isinstance(layer, IntegerConv2d):
            return lambda graph, image: _integer_convolution(graph, image, layer)
        if isinstance(layer, RoundedEnlargement):
            return lambda graph, image: _rounded_enlargement(graph, image, layer)
        if isinstance(layer, Entry):
            return lambda graph, image: image if layer.levels is None else graph.rounded(image, layer.levels)
        if isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
            return lambda graph, image: _convolution(graph, image, layer)
        if isinstance(layer, nn.PReLU):
            return lambda graph, image: _prelu(graph, image, layer)
        raise SettingsError(
            f"The layer {node.target} ({type(layer).__name__}) has no ONNX form here; add one to kdsr/restore/graph.py."
        )
    if node.target not in _STEPS:
        raise SettingsError(f"The step {node.target} has no ONNX form here; add one to kdsr/restore/graph.py.")
    return _STEPS[node.target]


def _convolution(graph: _Graph, image: _Value, layer: nn.Conv2d) -> _Value:
    inputs = [image.name, graph.constant(layer.weight.detach().cpu().numpy())]
    if layer.bias is not None:
        inputs.append(graph.constant(layer.bias.detach().cpu().numpy()))
    name = graph.add(
        "Conv", *inputs,
        kernel_shape=list(layer.kernel_size), pads=list(layer.padding) * 2,
        strides=list(layer.stride), dilations=list(layer.dilation), group=layer.groups,
    )  # fmt: skip
    return _Value(name, layer.out_channels)


def _integer_convolution(graph: _Graph, image: _Value, layer: IntegerConv2d) -> _Value:
    given = graph.rounded(image, (float(layer.input_scale), int(layer.input_zero)))
    scale = layer.weight_scale.detach().cpu().numpy()
    kernel = _whole_numbers(graph, layer.weight, scale)
    bias = _whole_numbers(graph, layer.bias, layer.input_scale.cpu().numpy() * scale)
    name = graph.add(
        "Conv", given.name, kernel, bias, kernel_shape=list(layer.kernel_size), pads=list(layer.padding) * 2
    )
    output = _Value(name, layer.out_channels)
    return graph.rounded(output, (float(layer.output_scale), int(layer.output_zero))) if layer.rounds_output else output


def _rounded_enlargement(graph: _Graph, image: _Value, layer: RoundedEnlargement) -> _Value:
    """Read from the bytes themselves: between DequantizeLinear and QuantizeLinear, ONNX Runtime would round its kernel
    to 8 bits.
    """
    picture = graph.rounded(image, _PICTURE)
    given = graph.add("Cast", picture.integers, to=TensorProto.FLOAT)
    kernel = graph.constant(layer.exact_kernel().detach().cpu().numpy())
    name = graph.add("Conv", given, kernel, kernel_shape=list(layer.kernel_size), pads=list(layer.padding) * 2)
    zero = int(layer.output_zero)
    coarse = (
        graph.constant(np.float32(layer.output_scale.cpu().numpy() * np.float32(255))),
        graph.constant(np.uint8(zero)),
    )
    return graph.of_levels(
        graph.add("QuantizeLinear", name, *coarse), layer.out_channels, (float(layer.output_scale), zero)
    )


def _whole_numbers(graph: _Graph, numbers: torch.Tensor, scale: np.ndarray) -> str:
    """`numbers` (out, ...) times their channel's `scale`, kept as integers in the graph."""
    kept = numbers.detach().cpu().numpy()
    return graph.add(
        "DequantizeLinear",
        graph.constant(kept),
        graph.constant(scale),
        graph.constant(np.zeros(len(kept), kept.dtype)),
        axis=0,
    )


def _relu(graph: _Graph, image: _Value, *, inplace: bool = False) -> _Value:
    return _Value(graph.add("Relu", image.name), image.channels)


def _prelu(graph: _Graph, image: _Value, layer: nn.PReLU) -> _Value:
    slopes = layer.weight.detach().cpu().numpy()[:, None, None]
    return _Value(graph.add("PRelu", image.name, graph.constant(slopes)), image.channels)


def _leaky_relu(graph: _Graph, image: _Value, negative_slope: float = 0.01, *, inplace: bool = False) -> _Value:
    return _Value(graph.add("LeakyRelu", image.name, alpha=negative_slope), image.channels)


def _sigmoid(graph: _Graph, image: _Value) -> _Value:
    return _Value(graph.add("Sigmoid", image.name), image.channels)


def _silu(graph: _Graph, image: _Value, *, inplace: bool = False) -> _Value:
    return _Value(graph.add("Mul", image.name, graph.add("Sigmoid", image.name)), image.channels)


def _arithmetic(operator_name: str) -> Callable[[_Graph, _Value | float, _Value | float], _Value]:
    """The step that joins two tensors of equal shape, or a tensor and a number."""

    def write(graph: _Graph, left: _Value | float, right: _Value | float) -> _Value:
        names = [side.name if isinstance(side, _Value) else graph.constant(np.float32(side)) for side in (left, right)]
        return _Value(
            graph.add(operator_name, *names), max(side.channels for side in (left, right) if isinstance(side, _Value))
        )

    return write


def _join(graph: _Graph, images: list[_Value], dim: int = 0) -> _Value:
    if dim != 1:
        raise SettingsError(f"Tensors are joined along channels (dim 1) only, got dim {dim}.")
    return _Value(
        graph.add("Concat", *(image.name for image in images), axis=1), sum(image.channels for image in images)
    )


def _select(graph: _Graph, image: _Value, channels: np.ndarray) -> _Value:
    """The given channels in that order, as bytes where they are; nothing is written when they are all of them as they
    stand.
    """
    if np.array_equal(channels, np.arange(image.channels)):
        return image
    if image.levels is not None:
        return graph.of_levels(
            graph.add("Gather", image.integers, graph.constant(channels), axis=1), len(channels), image.levels
        )
    return _Value(graph.add("Gather", image.name, graph.constant(channels), axis=1), len(channels))


def _slice(graph: _Graph, image: _Value, where: tuple[slice, ...]) -> _Value:
    if len(where) != 2 or where[0] != slice(None):
        raise SettingsError(f"Slices are taken of channels (dim 1) only, got {where}.")
    return _select(graph, image, np.arange(image.channels)[where[1]])


def _interpolate(
    graph: _Graph, image: _Value, *, scale_factor: float, mode: str, align_corners: bool | None = None, **other: Any
) -> _Value:
    if mode not in _RESIZES or align_corners or any(value for value in other.values()):
        raise SettingsError(f"Pictures are resized by bicubic or nearest, with pixel centres aligned, got {mode}.")
    scales = graph.constant(np.array([1, 1, scale_factor, scale_factor], np.float32))
    return _Value(graph.add("Resize", image.name, "", scales, **_RESIZES[mode]), image.channels)


def _repeat(graph: _Graph, image: _Value, times: int, dim: int = 1) -> _Value:
    if dim != 1:
        raise SettingsError(f"Channels (dim 1) are repeated only, got dim {dim}.")
    return _select(graph, image, np.repeat(np.arange(image.channels), times))


def _shuffle(graph: _Graph, image: _Value, factor: int) -> _Value:
    if factor == 1:
        return image
    return _Value(graph.add("DepthToSpace", image.name, blocksize=factor, mode="CRD"), image.channels // factor**2)


def _unshuffle(graph: _Graph, image: _Value, factor: int) -> _Value:
    """torch counts the channels of its result by colour, then place; ONNX by place, then colour."""
    if factor == 1:
        return image
    packed = _Value(graph.add("SpaceToDepth", image.name, blocksize=factor), image.channels * factor**2)
    return _select(graph, packed, np.arange(packed.channels).reshape(factor**2, image.channels).T.ravel())


_RESIZES: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.75, "coordinate_transformation_mode": "half_pixel"},
    "nearest": {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
})  # fmt: skip
"""By torch's name: what ONNX calls the same."""

_STEPS: Mapping[Any, Callable[..., _Value]] = MappingProxyType({
    F.relu:              _relu,
    F.leaky_relu:        _leaky_relu,
    F.interpolate:       _interpolate,
    F.silu:              _silu,
    torch.sigmoid:       _sigmoid,
    operator.add:        _arithmetic("Add"),
    operator.sub:        _arithmetic("Sub"),
    operator.mul:        _arithmetic("Mul"),
    operator.getitem:    _slice,
    torch.cat:           _join,
    F.pixel_shuffle:     _shuffle,
    F.pixel_unshuffle:   _unshuffle,
    "repeat_interleave": _repeat,
})  # fmt: skip
"""By the function that a network calls, or by the name of the tensor's method."""
