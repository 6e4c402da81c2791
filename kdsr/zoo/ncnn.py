"""Weights out of an ncnn pair (`.param`, `.bin`), under the names by which spandrel, or we, know the network.

A `.param` lists the layers in order; a `.bin` holds the weights of the convolutions and PReLUs one after the other. A
convolution has a tag (float16 or float32), its kernel, and its bias in float32. A PReLU has its slopes in float32,
without a tag. ncnn itself is not needed. Source: ncnn's `ModelBinFromDataReader`, layers Convolution and PReLU. Not
here: quantised kernels, any other layer with weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdsr.errors import WeightsError

_MAGIC = "7767517"
_FLOAT32_TAG, _FLOAT16_TAG = 0, 0x01306B47
_WITHOUT_WEIGHTS = frozenset(
    {"Input", "Split", "Concat", "BinaryOp", "Eltwise", "Interp", "PixelShuffle", "Padding", "Crop", "ReLU", "Sigmoid"}
)


@dataclass(frozen=True)
class NcnnLayer:
    """The weights of one layer: a convolution's kernel (out, in, k, k) and bias, or only slopes (channels,)."""

    name: str
    weight: Tensor
    bias: Tensor | None = None


@dataclass(frozen=True)
class _Declared:
    """One line of a `.param` that has weights."""

    kind: str
    name: str
    parameters: dict[int, str]

    def number(self, key: int, default: int = 0) -> int:
        return int(self.parameters.get(key, default))


def read_ncnn(param: Path, binary: Path) -> list[NcnnLayer]:
    """The layers with weights of an ncnn network, in the order of its file, floats in float32.

    Raises:
        WeightsError: a file that is missing or no ncnn network, a layer of another kind, or a `.bin` of another length.
    """
    for path in (param, binary):
        if not path.is_file():
            raise WeightsError(f"The file {path} is missing; an ncnn network is a pair of NAME.param and NAME.bin.")
    reader = _Reader(binary)
    layers = [_read(declared, reader) for declared in _declared(param)]
    if reader.left:
        raise WeightsError(
            f"{binary.name} holds {reader.left} bytes more than {param.name} declares; take the pair of one network."
        )
    return layers


def esrgan_state(layers: Sequence[NcnnLayer]) -> dict[str, Tensor]:
    """The convolutions of a x4 RRDBNet in order, as the state of BasicSR's RRDBNet (ESRGAN).

    Raises:
        WeightsError: not the number of layers that such a network has.
    """
    blocks, rest = divmod(len(layers) - 6, 15)
    if blocks < 1 or rest or any(layer.bias is None for layer in layers):
        raise WeightsError(
            f"A RRDBNet has 6 convolutions and 15 for each block, got {len(layers)} layers; take its pair."
        )
    inner = [
        f"body.{block}.rdb{part}.conv{conv}" for block in range(blocks) for part in (1, 2, 3) for conv in range(1, 6)
    ]
    return _named(["conv_first", *inner, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"], layers)


def compact_state(layers: Sequence[NcnnLayer]) -> dict[str, Tensor]:
    """Convolutions and PReLUs by turns, the last a convolution, as the state of BasicSR's SRVGGNetCompact.

    Raises:
        WeightsError: the layers do not take turns.
    """
    turns = [layer.bias is not None for layer in layers]
    if turns != [number % 2 == 0 for number in range(len(layers))] or len(layers) % 2 == 0:
        raise WeightsError(
            "A compact SRVGG has convolutions and PReLUs by turns and ends with a convolution; take its own ncnn pair."
        )
    return _named([f"body.{number}" for number in range(len(layers))], layers)


def plain_state(layers: Sequence[NcnnLayer]) -> dict[str, Tensor]:
    """As `compact_state`, but as the state of our own `plain` with `prelu` 1, which is the same network.

    Raises:
        WeightsError: the layers do not take turns.
    """
    compact_state(layers)  # for its check
    return _named([f"{'slopes' if number % 2 else 'layers'}.{number // 2}" for number in range(len(layers))], layers)


def _named(names: Sequence[str], layers: Sequence[NcnnLayer]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, layer in zip(names, layers, strict=True):
        state[f"{name}.weight"] = layer.weight
        if layer.bias is not None:
            state[f"{name}.bias"] = layer.bias
    return state


def _declared(param: Path) -> list[_Declared]:
    """The layers with weights that `param` lists."""
    try:
        magic, _, *lines = param.read_text(encoding="ascii").split("\n")
    except ValueError as error:
        raise WeightsError(f"{param.name} is no text of ncnn; give the .param of an ncnn network.") from error
    if magic.strip() != _MAGIC:
        raise WeightsError(f"{param.name} does not begin with ncnn's {_MAGIC}; give the .param of an ncnn network.")
    found = []
    for line in filter(None, map(str.strip, lines)):
        try:
            kind, name, inputs, outputs, *rest = line.split()
            pairs = (item.partition("=") for item in rest[int(inputs) + int(outputs) :])
            declared = _Declared(kind, name, {int(key): value for key, _, value in pairs})
        except ValueError as error:
            raise WeightsError(
                f"{param.name} has a line that is no layer: '{line[:80]}'; get the file again."
            ) from error
        if kind in ("Convolution", "PReLU"):
            found.append(declared)
        elif kind not in _WITHOUT_WEIGHTS:
            raise WeightsError(f"{param.name} has a layer {kind}; with weights only convolutions and PReLUs are read.")
    return found


def _read(declared: _Declared, reader: "_Reader") -> NcnnLayer:
    """The weights of the next layer, which is `declared`."""
    channels = declared.number(0)
    if declared.kind == "PReLU":
        return NcnnLayer(declared.name, reader.floats(channels))
    width = declared.number(1)
    height, size = declared.number(11, width), declared.number(6)
    area = channels * width * height
    if area < 1 or size < 1 or size % area or not declared.number(5):
        raise WeightsError(
            f"The convolution {declared.name} of {reader.name} has an incomplete kernel or no bias; take another file."
        )
    kernel = reader.tagged(size).reshape(channels, size // area, height, width)
    return NcnnLayer(declared.name, kernel, reader.floats(channels))


class _Reader:
    """A `.bin`, read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._bytes = path.read_bytes()
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._bytes) - self._at

    def floats(self, count: int) -> Tensor:
        """The next `count` numbers, float32."""
        return torch.from_numpy(np.frombuffer(self._next(4 * count), "<f4").copy())

    def tagged(self, count: int) -> Tensor:
        """The next `count` numbers behind a tag, float16 (filled up to 4 bytes) or float32."""
        tag = int.from_bytes(self._next(4), "little")
        if tag == _FLOAT32_TAG:
            return self.floats(count)
        if tag != _FLOAT16_TAG:
            raise WeightsError(
                f"{self.name} has a kernel of kind 0x{tag:08X}, neither float16 nor float32; take another file."
            )
        return torch.from_numpy(np.frombuffer(self._next((2 * count + 3) // 4 * 4), "<f2")[:count].astype(np.float32))

    def _next(self, count: int) -> bytes:
        if count > self.left:
            raise WeightsError(
                f"{self.name} ends too early: {count} bytes wanted, {self.left} left; get the file again."
            )
        self._at += count
        return self._bytes[self._at - count : self._at]
