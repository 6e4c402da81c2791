"""Converts a float graph to QDQ form by hand: QuantizeLinear and DequantizeLinear around each convolution."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def quantised(model: onnx.ModelProto, pictures: Sequence[np.ndarray]) -> onnx.ModelProto:
    """`model` (8-bit pictures in and out, inputs of convolutions from 0 up) with integers inside; ranges are the
    largest values seen on `pictures`.
    """
    graph, constants = model.graph, {tensor.name: tensor for tensor in model.graph.initializer}
    ready = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    tops = _largest(model, sorted({node.input[0] for node in graph.node if node.op_type == "Conv"} - ready), pictures)
    nodes = []
    for node in graph.node:
        if node.op_type == "Conv":
            given, kernel = node.input[:2]
            if given in tops:
                levels = (
                    _constant(graph, f"{given}_scale", np.float32(tops[given] / 255)),
                    _constant(graph, f"{given}_zero", np.uint8(0)),
                )
                nodes.append(helper.make_node("QuantizeLinear", [given, *levels], [f"{given}_levels"]))
                nodes.append(helper.make_node("DequantizeLinear", [f"{given}_levels", *levels], [f"{given}_rounded"]))
                node.input[0] = f"{given}_rounded"
            weights = numpy_helper.to_array(constants[kernel])
            scale = np.abs(weights).max(axis=(1, 2, 3)) / np.float32(127)
            whole = np.round(weights / scale[:, None, None, None]).astype(np.int8)
            parts = {"levels": whole, "scale": scale, "zero": np.zeros(len(scale), np.int8)}
            inputs = [_constant(graph, f"{kernel}_{name}", part) for name, part in parts.items()]
            nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{kernel}_rounded"], axis=0))
            node.input[1] = f"{kernel}_rounded"
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    made = helper.make_graph(nodes, graph.name, graph.input, graph.output, kept)
    return helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)


def _largest(model: onnx.ModelProto, names: list[str], pictures: Sequence[np.ndarray]) -> dict[str, float]:
    """The largest value of each tensor in `names` on `pictures`."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = [session.run(names, {"image": picture}) for picture in pictures]
    return {name: max(float(values[index].max()) for values in seen) for index, name in enumerate(names)}


def _constant(graph: onnx.GraphProto, name: str, value: np.ndarray | np.generic) -> str:
    if name not in {tensor.name for tensor in graph.initializer}:
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return name
