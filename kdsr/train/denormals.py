"""The smallest numbers as zero while a network learns."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def smallest_as_zero() -> Iterator[None]:
    """Count numbers below 1e-38 as zero until the end of the block; afterwards as it was before.

    The momentum of a channel that no longer fires sinks there, where processors compute a hundred times slower. The mode belongs to
    this thread and to those that it starts, which keep it. Processors that have no such mode go on as they are.
    """
    was_on = not (torch.full((1,), torch.finfo(torch.float32).tiny) / 2).any()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_on)
