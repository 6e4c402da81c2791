"""The objective: the balance of truth and teacher in closed form, and terms beside it."""

import pytest
import torch

from kdsr.distill import Balance, Objective, ObjectiveInputs, Tapped, Term, channels_at, find_loss
from kdsr.errors import SettingsError, ShapeError, UnknownNameError
from kdsr.models import build_model

FLAT = torch.zeros(1, 3, 4, 4)


@pytest.mark.parametrize("share, wanted", [(1.0, 0.1), (0.0, 0.3), (0.5, 0.2), (0.25, 0.25)])
def test_the_total_balances_truth_and_teacher(share, wanted):
    total, parts = Objective(Balance(truth_share=0.5))(ObjectiveInputs(FLAT, FLAT + 0.1, FLAT + 0.3), share)
    assert total.item() == pytest.approx(wanted)
    assert {name: round(value.item(), 6) for name, value in parts.items()} == {"truth": 0.1, "teacher": 0.3}


def test_without_a_label_only_the_truth_counts():
    total, parts = Objective(Balance())(ObjectiveInputs(FLAT, FLAT + 0.1), 1.0)
    assert total.item() == pytest.approx(0.1) and parts.keys() == {"truth"}


def test_terms_have_their_weights_and_names_of_their_own():
    terms = (
        Term("l2", weight=10.0),
        Term("l2", weight=2.0, target="truth"),
        Term("attention_map", weight=3.0, student_tap="a", teacher_tap="b"),
    )
    feature = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    seen = ObjectiveInputs(
        FLAT, FLAT + 0.1, FLAT + 0.3, student_features={"a": feature}, teacher_features={"b": feature.flip(3)}
    )
    total, parts = Objective(Balance(), terms)(seen, 1.0)
    assert parts["l2"].item() == pytest.approx(0.09) and parts["l2_1"].item() == pytest.approx(0.01)
    assert total.item() == pytest.approx(0.1 + 10 * 0.09 + 2 * 0.01 + 3 * parts["attention_map"].item())


@pytest.mark.parametrize(
    ("largest", "factor"),
    [(100.0, 0.5 / 4), (0.01, 0.01)],  # 0.5 of the balance's norm, for a term whose norm is 4 times that; its bound
)
def test_a_gradient_share_sets_the_factor_up_to_the_weight(largest, factor):
    weights = torch.tensor([1.0, 1.0], requires_grad=True)
    objective = Objective(Balance("l2"), (Term("l2", weight=largest, target="truth", gradient_share=0.5),))
    balance, part = 3 * weights.sum(), 12 * weights.sum()
    total = objective.with_shared_gradients(balance, {"truth": balance, "l2": part}, weights)
    assert objective.shares_gradients and total.item() == pytest.approx(6 + factor * 24)
    assert torch.autograd.grad(total, weights)[0].tolist() == pytest.approx([3 + factor * 12] * 2)


def test_a_term_with_a_gradient_share_is_not_yet_in_the_total():
    term = Term("l2", weight=9.0, target="truth", gradient_share=0.5)
    total, parts = Objective(Balance(), (term,))(ObjectiveInputs(FLAT, FLAT + 0.1), 1.0)
    assert total.item() == pytest.approx(0.1) and parts["l2"].item() == pytest.approx(0.01)


def test_a_loss_to_the_input_needs_no_teacher():
    term = Term("mean_colour", weight=2.0)
    total, parts = Objective(Balance("l2"), (term,))(
        ObjectiveInputs(FLAT + 0.1, FLAT, degraded=FLAT[..., :2, :2] + 0.3), 1.0
    )
    assert not term.needs_teacher and parts["mean_colour"].item() == pytest.approx(0.04)
    assert total.item() == pytest.approx(0.01 + 2 * 0.04)


def test_the_share_changes_linearly():
    balance = Balance(truth_share=0.2, truth_share_end=1.0)
    assert [balance.share(progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 0.6, 1.0])
    assert balance.needs_teacher and not Balance().needs_teacher


def test_what_a_loss_learns_is_no_part_of_the_student():
    student, teacher = (
        build_model("plain", 2, {"width": 16, "depth": 3}),
        build_model("residual", 2, {"width": 24, "blocks": 2}),
    )
    term = Term("fitnet", student_tap="layers.1", teacher_tap="blocks.1")
    objective = Objective(
        Balance(),
        (term,),
        student_channels=lambda tap: channels_at(student, tap),
        teacher_channels=lambda tap: channels_at(teacher, tap),
    )
    before = set(student.state_dict())
    restored, seen = Tapped(student, ["layers.1"])(torch.rand(2, 3, 5, 7))
    with torch.no_grad():
        label, taught = Tapped(teacher, ["blocks.1"])(torch.rand(2, 3, 5, 7))
    total, _ = objective(
        ObjectiveInputs(restored, torch.rand_like(label), label, student_features=seen, teacher_features=taught), 1.0
    )
    total.backward()
    assert set(student.state_dict()) == before and {
        tuple(value.shape[:2]) for value in objective.parameters() if value.ndim == 4
    } == {(24, 16)}
    assert (
        all(parameter.grad is not None for parameter in objective.parameters())
        and student.layers[0].weight.grad is not None
    )
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_what_does_not_fit_is_refused():
    with pytest.raises(SettingsError, match="gradient_share of 'l2' must be at least 0, got -1"):
        Term("l2", gradient_share=-1.0)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        Balance(truth_share=1.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'l1'"):
        find_loss("l11")
    with pytest.raises(ShapeError, match="one shape"):
        Objective(Balance())(ObjectiveInputs(FLAT, torch.zeros(1, 3, 4, 5)), 1.0)
    with pytest.raises(SettingsError, match="one kind of negatives"):
        _ = Objective(Balance(), (Term("contrastive"), Term("contrastive_dynamic"))).negatives
    with pytest.raises(UnknownNameError, match=r"layers\.2"):
        channels_at(build_model("plain", 2, {"width": 16, "depth": 3}), "layer.2")
