"""torch as a runtime, on the CPU or a GPU. A separate file, because importing torch takes 3 s and 0.5 GB."""

import numpy as np
import torch
from torch import Tensor

from kdsr.models import Network
from kdsr.restore.device import torch_device
from kdsr.restore.runtime import RuntimeInfo
from kdsr.settings import Settings, usable_threads


class TorchRuntime:
    """torch, eager, channels last, in full float32 (no TF32: tiled must equal untiled)."""

    def __init__(self, network: Network, settings: Settings) -> None:
        device = torch_device(settings)
        self.about = RuntimeInfo(
            name="torch",
            device=device,
            threads=usable_threads(settings) if device == "cpu" else 1,
            precision="float32",
            scale=network.scale,
            planes=network.planes,
            multiple=network.multiple,
            halo=network.halo,
            max_output_megapixels=settings.max_output_megapixels,
        )
        self._network = network.to(device).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def run(self, image: Tensor) -> Tensor:
        image = image.to(self.about.device, torch.float32).contiguous(memory_format=torch.channels_last)
        if self.about.device != "cpu":
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                return self._network(image)
        if torch.get_num_threads() != self.about.threads:  # torch keeps this number per thread of the caller
            torch.set_num_threads(self.about.threads)
        return self._network(image)

    def run_array(self, image: np.ndarray) -> np.ndarray:
        return self.run(torch.from_numpy(image)).cpu().numpy()

    @torch.no_grad()
    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        image = torch.from_numpy(np.array(pixels)).to(self.about.device).permute(2, 0, 1)[None]
        restored = self.run(image.float().div_(255)).clamp_(0, 1).mul_(255).round_()
        return restored.to(torch.uint8)[0].permute(1, 2, 0).contiguous().cpu().numpy()
