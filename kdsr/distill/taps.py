"""Features of any network by the names of its modules, without a change to the network's code."""

from collections.abc import Sequence

from torch import Tensor, nn

from kdsr.errors import find
from kdsr.models import Network


class Tapped:
    """A network that also returns the outputs of the modules `names`, by their names in `named_modules` (`layers.3`).

    Raises:
        UnknownNameError: the network has no such module; the text names the nearest one.
    """

    def __init__(self, network: Network, names: Sequence[str] = ()) -> None:
        self.network = network
        self._seen: dict[str, Tensor] = {}
        modules = {name: module for name, module in network.named_modules() if name}
        for name in dict.fromkeys(names):
            find("module of the network", name, modules).register_forward_hook(self._keep(name))

    def __call__(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The network's output for `image`, and the features by name, each (N, C, H, W)."""
        self._seen.clear()
        output = self.network(image)
        return output, dict(self._seen)

    def _keep(self, name: str):  # type: ignore[no-untyped-def]
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._seen[name] = output

        return hook


def channels_at(network: Network, name: str) -> int:
    """Channels of the module `name`: those of its last convolution.

    Raises:
        UnknownNameError: no such module, or none that holds a convolution.
    """
    widths = {
        key: [
            int(part.weight.shape[0])
            for part in module.modules()
            if getattr(part, "weight", None) is not None and part.weight.ndim == 4
        ]
        for key, module in network.named_modules()
        if key
    }
    with_convolution = {key: found[-1] for key, found in widths.items() if found}
    return find("module of the network with a convolution", name, with_convolution)
