"""Pruning in closed form: which channels and which layers are kept, and in which order."""

import pytest
import torch

from kdsr.models import build_model
from kdsr.models.prune import pruned


def network(width: int, depth: int):
    return build_model("plain", 2, {"width": width, "depth": depth}).eval()


@torch.no_grad()
def test_a_channel_counts_by_what_writes_it_times_what_reads_it():
    larger = network(4, 2)
    writer, reader = larger.layers
    writer.weight.copy_(torch.tensor([1.0, 5.0, 3.0, 2.5])[:, None, None, None].expand_as(writer.weight))
    reader.weight.copy_(torch.tensor([6.0, 1.0, 3.0, 3.5])[None, :, None, None].expand_as(reader.weight))
    writer.bias.copy_(torch.tensor([10.0, 20.0, 30.0, 40.0]))
    smaller = pruned(larger, 2, 2)  # products 6, 5, 9 and 8.75; the writer alone would keep 1, the reader alone 0
    assert smaller.layers[0].bias.tolist() == [30.0, 40.0]
    assert smaller.layers[0].weight[:, 0, 0, 0].tolist() == [3.0, 2.5]
    assert smaller.layers[1].weight[0, :, 0, 0].tolist() == [3.0, 3.5]
    assert torch.equal(smaller.layers[1].bias, reader.bias)
    assert writer.bias.tolist() == [10.0, 20.0, 30.0, 40.0]  # the larger network is left as it was


@torch.no_grad()
def test_pruning_channels_that_nothing_reads_changes_nothing():
    larger = network(7, 3)
    for layer in larger.layers[1:]:
        layer.weight[:, [0, 3, 6]] = 0.0
    image = torch.rand(1, 3, 7, 13)
    smaller = pruned(larger, 4, 3)
    assert smaller.layers[1].weight.shape == (4, 4, 3, 3)
    assert torch.allclose(smaller(image), larger(image), atol=1e-6)


@pytest.mark.parametrize(
    "depth, wanted, kept", [(5, 3, [0, 2, 4]), (6, 4, [0, 2, 3, 5]), (7, 2, [0, 6]), (3, 3, [0, 1, 2]), (2, 5, [0, 1])]
)
@torch.no_grad()
def test_the_first_the_last_and_evenly_spaced_layers_are_kept(depth, wanted, kept):
    larger = network(6, depth)
    for number, layer in enumerate(larger.layers):
        layer.bias.fill_(number)
    smaller = pruned(larger, 6, wanted)
    assert [int(layer.bias[0]) for layer in smaller.layers] == kept
    assert (smaller.halo, smaller.width) == (len(kept), 6)
