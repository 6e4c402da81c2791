"""Third-party teachers (ESRGAN, SwinIR, HAT, DAT, SCUNet, FBCNN, ...), read by the optional package spandrel.

`.safetensors` files and `.pth`/`.pt`/`.ckpt` files; the latter by torch's weights-only load, which runs no code.
"""

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from kdsr.errors import WeightsError
from kdsr.models import Network
from kdsr.zoo.weights import load_tensors

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")
_WRAPPINGS = ("params_ema", "params", "state_dict", "model")
"""Keys under which makers put the weights, the best one first."""


class Foreign(Network):
    """A third-party network. It can teach; its receptive field is unknown, so it is not run in tiles."""

    halo = 0
    planes = 3

    def __init__(self, model: nn.Module, scale: int, multiple: int) -> None:
        super().__init__()
        self.model = model
        self.scale = scale
        self.multiple = multiple

    def forward(self, image: Tensor) -> Tensor:
        """As every network: (N, 3, H, W) in [0, 1] to (N, 3, H * scale, W * scale)."""
        output: Tensor = self.model(image)
        return output


def load_foreign(path: Path) -> Foreign:
    """The network in the file at `path`, in eval mode, on the CPU; its architecture is detected from the weight names.

    Raises:
        WeightsError: spandrel is not installed, the file cannot be read without running code, no known architecture, or
            not RGB to RGB.
    """
    try:
        import spandrel
    except ImportError as error:
        raise WeightsError(
            f"Reading the foreign network {path.name} needs the package spandrel: pip install 'kdsr[foreign]'."
        ) from error
    tensors = read_tensors(path)
    try:
        found = spandrel.ModelLoader(device="cpu").load_from_state_dict(tensors)
    except (spandrel.UnsupportedModelError, KeyError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"The network in {path.name} is of no architecture that spandrel knows; "
            "give a file that it lists, or one of ours."
        ) from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or (found.input_channels, found.output_channels) != (3, 3):
        raise WeightsError(f"The network in {path.name} does not turn one RGB picture into one; give one that does.")
    return Foreign(found.model, found.scale, found.size_requirements.multiple_of).eval().requires_grad_(False)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights by name, from under the keys that makers wrap them in; no code in it is run.

    Raises:
        WeightsError: the file is missing, or no weights by name can be read from it without running code.
    """
    if path.suffix == ".safetensors":
        return load_tensors(path)
    if not path.is_file():
        raise WeightsError(f"The file {path} is missing; give the path of a network.")
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise WeightsError(
            f"The file {path.name} cannot be read as plain weights, and code in it is not run; "
            "convert it to safetensors."
        ) from error
    while isinstance(held, dict) and any(name in held for name in _WRAPPINGS):
        held = next(held[name] for name in _WRAPPINGS if name in held)
    if not isinstance(held, dict) or not held or not all(isinstance(value, Tensor) for value in held.values()):
        raise WeightsError(f"The file {path.name} holds no weights by name; give a file with one network's weights.")
    return held
