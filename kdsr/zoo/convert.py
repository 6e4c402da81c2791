"""The files of published teachers as states of our own networks. Read as data: nothing in a file is run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from kdsr.errors import WeightsError
from kdsr.zoo.foreign import read_tensors
from kdsr.zoo.ncnn import esrgan_state, plain_state, read_ncnn

State = dict[str, Tensor]


def read_published(form: str, paths: Sequence[Path]) -> State:
    """The state of the network whose files are at `paths`, floats in float16 where that is exact.

    Args:
        form: a name in `FORMS`.
        paths: one file, or an ncnn pair.
    Raises:
        WeightsError: files that are not of that form.
    """
    return {name: _smallest(tensor) for name, tensor in FORMS[form](*paths).items()}


def _dat(path: Path) -> State:
    """DAT's parameters; what follows from its sizes (masks of attention, positions) is left out."""
    from kdsr.models.dat import DERIVED

    tensors = read_tensors(path)
    return {f"model.{name}": value for name, value in tensors.items() if name.rpartition(".")[2] not in DERIVED}


def _ffdnet(path: Path) -> State:
    """FFDNet's convolutions, which alternate with activations: `model.0`, `model.2` and so on."""
    state = {}
    for name, value in read_tensors(path).items():
        parts = name.split(".")
        if len(parts) != 3 or parts[0] != "model" or not parts[1].isdecimal():
            raise WeightsError(f"{path.name} has a tensor {name}, which is none of FFDNet's; give its own file.")
        state[f"layers.{int(parts[1]) // 2}.{parts[2]}"] = value
    return state


def _esrgan(param: Path, binary: Path) -> State:
    return esrgan_state(read_ncnn(param, binary))


def _plain(param: Path, binary: Path) -> State:
    return plain_state(read_ncnn(param, binary))


def _compact(param: Path, binary: Path) -> State:
    inner = {f"inner.{name}": value for name, value in _plain(param, binary).items()}
    return inner | {"shrunk_to": torch.tensor(_shrunk_to(param))}


def _shrunk_to(param: Path) -> int:
    """The scale that a x4 network comes to by its last layer, an `Interp` whose parameter 1 is the ratio of heights."""
    last = param.read_text(encoding="ascii").split("\n")[-2 if param.read_bytes().endswith(b"\n") else -1].split()
    ratio = next((item.removeprefix("1=") for item in last if item.startswith("1=")), "")
    if not last or last[0] != "Interp" or not ratio:
        raise WeightsError(f"{param.name} does not end with a resize, as the compact networks of x2 and x3 do.")
    return round(4 * float(ratio))


FORMS: Mapping[str, Callable[..., State]] = MappingProxyType({
    "dat":     _dat,
    "ffdnet":  _ffdnet,
    "esrgan":  _esrgan,
    "plain":   _plain,
    "compact": _compact,
})  # fmt: skip


def _smallest(tensor: Tensor) -> Tensor:
    """`tensor` in float16 if that loses nothing: what was published in float16 takes half the space."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if torch.equal(half.float(), tensor) else tensor
