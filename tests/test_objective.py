"""The objective of output distillation, in closed form."""

import pytest
import torch

from kdsr.distill import LOSSES, OutputObjective, find_loss
from kdsr.errors import SettingsError, ShapeError, UnknownNameError


def test_l1_of_a_constant_difference_is_that_difference():
    image = torch.zeros(2, 3, 5, 7)
    assert LOSSES["l1"].function(image + 0.25, image).item() == pytest.approx(0.25)


@pytest.mark.parametrize("share, wanted", [(1.0, 0.1), (0.0, 0.3), (0.5, 0.2), (0.25, 0.25)])
def test_the_total_balances_truth_and_teacher(share, wanted):
    restored = torch.zeros(1, 3, 4, 4)
    total, parts = OutputObjective(truth_share=share)(restored, restored + 0.1, restored + 0.3, share)
    assert total.item() == pytest.approx(wanted)
    assert {name: round(value.item(), 6) for name, value in parts.items()} == {"truth": 0.1, "teacher": 0.3}


def test_without_a_label_only_the_truth_counts():
    restored = torch.zeros(1, 3, 4, 4)
    total, parts = OutputObjective()(restored, restored + 0.1, None, 1.0)
    assert total.item() == pytest.approx(0.1) and parts.keys() == {"truth"}


def test_the_share_slides_in_a_straight_line():
    objective = OutputObjective(truth_share=0.2, truth_share_end=1.0)
    assert [objective.share(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 0.6, 1.0])
    assert objective.needs_label and not OutputObjective().needs_label


def test_what_does_not_fit_is_told():
    with pytest.raises(SettingsError, match="between 0 and 1"):
        OutputObjective(truth_share=1.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'l1'"):
        find_loss("l11")
    with pytest.raises(ShapeError, match="equal shapes"):
        OutputObjective()(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5), None, 1.0)
