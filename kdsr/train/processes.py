"""One run in several processes: each takes its share of a batch, and all make the same step.

Started by `kdsr train ... --ray local --workers N` (`cluster.ray_train`), by `accelerate launch --multi_gpu -m kdsr
train ...` (one process per GPU) or, on processors, by `torchrun --standalone --nproc-per-node N -m kdsr train ...`.
Gradients are averaged by accelerate. Losses are means over pictures, so equal shares give the step of one process on
the full batch. Only the first process writes files.
"""

import os
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.train.data.pairs import Batch


class Processes:
    """The processes of this run as seen by this one; a single process does not import accelerate."""

    def __init__(self, device: str) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = 0
        self.device = choose_device(device)
        if self.count > 1:
            from accelerate import PartialState

            self._state = PartialState(cpu=self.device.type == "cpu")
            self.count, self.rank, self.device = (
                self._state.num_processes,
                self._state.process_index,
                self._state.device,
            )

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.count > 1:
            self._state.wait_for_everyone()

    def share_of(self, batch: Batch) -> Batch:
        """This process's part of `batch`.

        Raises:
            SettingsError: the batch cannot be shared equally.
        """
        if self.count == 1:
            return batch
        size = len(batch.truth)
        if size % self.count:
            raise SettingsError(
                f"A batch of {size} cannot be shared equally by {self.count} processes; "
                f"set batch_size to a multiple of {self.count}."
            )
        mine = slice(size // self.count * self.rank, size // self.count * (self.rank + 1))
        label = batch.label[mine] if batch.label is not None else None
        return Batch(
            batch.degraded[mine],
            batch.truth[mine],
            label,
            {tap: feature[mine] for tap, feature in batch.features.items()},
        )

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradients of every process by their mean over all processes."""
        if self.count == 1:
            return
        from accelerate.utils import reduce

        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = reduce(torch.cat([gradient.reshape(-1) for gradient in gradients]), "mean")
        assert isinstance(flat, Tensor)
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.reshape(gradient.shape))

    def any(self, wanted: bool) -> bool:
        """Whether `wanted` is True in any process."""
        if self.count == 1:
            return wanted
        from accelerate.utils import reduce

        total = reduce(torch.tensor(float(wanted), device=self.device), "sum")
        assert isinstance(total, Tensor)
        return bool(total > 0)


def choose_device(name: str) -> torch.device:
    """The device named `name`; `auto` is a GPU if there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
