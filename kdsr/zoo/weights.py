"""Weights on disk: safetensors, written in one move, read strictly. Nothing here unpickles.

torch is imported when tensors are read or written: checking a file's SHA-256 needs no torch.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from kdsr.errors import WeightsError
from kdsr.files import replaced

if TYPE_CHECKING:
    from torch import Tensor, nn


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_weights(path: Path, sha256: str) -> None:
    """Nothing, if the file at `path` has that SHA-256.

    Raises:
        WeightsError: it is missing or another one.
    """
    if not path.is_file():
        raise WeightsError(_missing(path))
    if sha256_of(path) != sha256:
        raise WeightsError(
            f"The weights {path.name} are not those of the card (their SHA-256 differs); restore the file."
        )


def save_weights(state: Mapping[str, "Tensor"], path: Path) -> Path:
    """Write `state` to `path` in one move (a reader sees the old file or the new one, never a part).

    Raises:
        OSError: it cannot be written.
    """
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().to("cpu").contiguous() for name, tensor in state.items()}
    try:
        with replaced(path) as part:
            save_file(tensors, part)
    except SafetensorError as error:  # a full disk, among others
        raise OSError(str(error)) from error
    return path


def load_tensors(path: Path) -> dict[str, "Tensor"]:
    """All tensors of a safetensors file.

    Raises:
        WeightsError: the file is missing or is not one.
    """
    from safetensors.torch import load_file

    if not path.is_file():
        raise WeightsError(_missing(path))
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"The weights {path.name} are not a readable safetensors file ({error}); restore the file."
        ) from error


def load_weights(network: "nn.Module", path: Path, *, sha256: str | None = None) -> None:
    """Give `network` the weights at `path`, floats in float32, every key used exactly once.

    Raises:
        WeightsError: missing or unreadable file, another SHA-256 than `sha256`, or keys or shapes that do not fit.
    """
    import torch

    if sha256 is not None:
        check_weights(path, sha256)
    state = {
        name: tensor.to(torch.float32) if tensor.is_floating_point() else tensor
        for name, tensor in load_tensors(path).items()
    }
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise WeightsError(f"The weights {path.name} do not fit the network of the card: {first}.") from error


def _missing(path: Path) -> str:
    return f"The weights {path.name} are missing from {path.parent}; restore the file or remove its card."
