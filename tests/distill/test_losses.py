"""Every loss of distillation: its value in closed form, whom its gradient reaches, odd sizes, bf16, torch.compile, and
what it refuses.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kdsr.distill.adversarial import Adversarial
from kdsr.distill.contrastive import contrastive
from kdsr.distill.critic import Critic
from kdsr.distill.features import (
    ChannelDistribution,
    FitNet,
    VariationalInformation,
    attention_map,
    channel_distribution,
    spatial_affinity,
    variational,
)
from kdsr.distill.pixel import charbonnier, fft, l1, l2, mean_colour, psnr, psnr_colour, psnr_luma
from kdsr.distill.scores import hinton, soft_labels
from kdsr.errors import SettingsError, ShapeError


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def seeded(build: Callable[..., nn.Module], *arguments: int) -> nn.Module:
    torch.manual_seed(0)
    return build(*arguments)


@dataclass(frozen=True)
class Case:
    """A loss of (student, teacher), the channels of both, and its value where they are equal (None: a learnt projection
    leaves it open).
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    student: int = 3
    teacher: int = 3
    at_equality: float | None = 0.0
    flat: bool = False
    """Whether the inputs are scores (N, K) instead of (N, C, H, W)."""

    def inputs(self, height: int = 7, width: int = 13) -> tuple[Tensor, Tensor]:
        place = () if self.flat else (height, width)
        return random(2, self.student, *place, seed=1), random(2, self.teacher, *place, seed=2)


CASES = {
    "l1": Case(l1),
    "l2": Case(l2),
    "charbonnier": Case(charbonnier, at_equality=1e-3),
    "psnr": Case(psnr),
    "psnr_luma": Case(psnr_luma),
    "psnr_colour": Case(psnr_colour),
    "fft": Case(fft),
    "attention_map": Case(attention_map, 4, 6),
    "spatial_affinity": Case(spatial_affinity, 4, 6),
    "channel_distribution": Case(channel_distribution, 5, 5),
    "variational": Case(lambda student, teacher: variational(student, torch.ones(5), teacher), 5, 5),
    "fitnet": Case(seeded(FitNet, 4, 6), 4, 6, None),
    "channel_distribution_projected": Case(seeded(ChannelDistribution, 4, 6), 4, 6, None),
    "variational_information": Case(seeded(VariationalInformation, 4, 6), 4, 6, None),
    "soft_labels": Case(lambda student, teacher: soft_labels(student, teacher, temperature=4.0), 10, 10, flat=True),
    "hinton": Case(
        lambda student, teacher: hinton(student, teacher, torch.tensor([3, 0]), temperature=2.0, alpha=0.0),
        10,
        10,
        flat=True,
    ),
    "contrastive": Case(lambda student, teacher: contrastive(student, teacher, [teacher * 0.5, teacher.flip(1)])),
    "adversarial": Case(seeded(Adversarial), at_equality=None),
    "critic": Case(functools.partial(seeded(Critic).eval(), degraded=random(2, 3, 3, 5)), at_equality=None),
}
every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def test_pixel_losses_of_a_constant_difference_have_a_closed_form():
    truth = random(2, 3, 4, 6)
    restored = truth + 0.25
    assert l1(restored, truth).item() == pytest.approx(0.25, rel=1e-5)
    assert l2(restored, truth).item() == pytest.approx(0.0625, rel=1e-5)
    assert charbonnier(restored, truth).item() == pytest.approx(math.hypot(0.25, 1e-3), rel=1e-5)
    # Only the mean differs: 0.25 sqrt(4 * 6) in one of 4 * (6 / 2 + 1) coefficients of two parts each.
    assert fft(restored, truth).item() == pytest.approx(0.25 * math.sqrt(24) / 32, rel=1e-4)


def test_psnr_is_the_mean_of_each_pictures_logarithm():
    truth = torch.zeros(2, 3, 4, 6)
    restored = torch.stack([truth[0] + 0.01, truth[1] + 0.1])  # 40 and 20 dB
    assert psnr(restored, truth).item() == pytest.approx(0.01 * (math.log(2) + math.log(101)) / 2, rel=1e-5)


def test_psnr_luma_counts_colour_a_tenth_of_luma():
    truth = torch.full((1, 3, 4, 6), 0.5)
    grey = truth + 0.02
    assert psnr_luma(grey, truth).item() == pytest.approx(0.01 * math.log1p(4 * (1 + 0.1)), rel=1e-4)
    tint = truth + torch.tensor([0.587, -0.299, 0.0]).reshape(1, 3, 1, 1)  # of the same luma
    assert psnr_luma(tint, truth).item() == pytest.approx(
        0.01 * math.log1p(1e4 * 0.1 * (0.587**2 + 0.299**2) / 3), rel=1e-4
    )
    with pytest.raises(ShapeError, match="psnr for other channels"):
        psnr_luma(truth[:, :1], truth[:, :1])


def test_psnr_colour_is_blind_to_luma_and_counts_cb_and_cr_alike():
    truth = torch.full((1, 3, 4, 6), 0.5)
    assert psnr_colour(truth + 0.1, truth).item() == pytest.approx(0.0, abs=1e-9)
    for tint in ([0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]):  # a hundredth of Cb, of Cr
        tinted = truth + 0.01 * torch.tensor(tint).reshape(1, 3, 1, 1)
        assert psnr_colour(tinted, truth).item() == pytest.approx(0.01 * math.log1p(0.5), rel=1e-3)
    with pytest.raises(ShapeError, match="psnr for other channels"):
        psnr_colour(truth[:, :1], truth[:, :1])


def test_mean_colour_compares_only_means_at_any_size_and_mask():
    degraded = random(2, 4, 7, 13)
    restored = degraded[:, :3].repeat_interleave(2, 2).repeat_interleave(2, 3).flip(3)
    assert mean_colour(restored, degraded).item() == pytest.approx(0.0, abs=1e-12)
    shifted = restored + torch.tensor([0.1, 0.0, 0.0])[:, None, None] * torch.tensor([1.0, 0.0])[:, None, None, None]
    assert mean_colour(shifted, degraded).item() == pytest.approx(0.01 / 6)
    degraded.requires_grad_()
    shifted.requires_grad_()
    mean_colour(shifted, degraded).backward()
    assert degraded.grad is None and shifted.grad[0, 0].abs().min() > 0
    for wrong in (degraded[:1], degraded[:, :2], degraded[0]):
        with pytest.raises(ShapeError, match=r"needs .*got .*\(.*; "):
            mean_colour(restored, wrong)


def test_attention_map_compares_unit_maps():
    student = torch.tensor([3.0, 0.0]).reshape(1, 1, 1, 2)
    teacher = torch.tensor([[1.0, 1.0], [1.0, 1.0]]).reshape(1, 2, 1, 2)
    assert attention_map(student, teacher).item() == pytest.approx((1 - 0.5**0.5) ** 2 + 0.5, rel=1e-6)


def test_spatial_affinity_compares_cosines():
    student = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).reshape(1, 2, 1, 2)  # two orthogonal places
    teacher = torch.tensor([3.0, 1.0]).reshape(1, 1, 1, 2)  # two parallel ones
    assert spatial_affinity(student, teacher).item() == pytest.approx(2 / 4)


def test_spatial_affinity_averages_large_features_over_blocks():
    small, other = random(1, 3, 20, 24, seed=1), random(1, 2, 20, 24, seed=2)
    large = [feature.repeat_interleave(2, -2).repeat_interleave(3, -1) for feature in (small, other)]
    assert spatial_affinity(*large).item() == pytest.approx(spatial_affinity(small, other).item(), rel=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_soft_labels_and_channel_distributions_are_the_same_divergence(temperature):
    student, teacher = (
        torch.zeros(1, 2),
        torch.tensor([[temperature * math.log(3.0), 0.0]]),
    )  # 1/2, 1/2 against 3/4, 1/4
    divergence = temperature**2 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert soft_labels(student, teacher, temperature=temperature).item() == pytest.approx(divergence, rel=1e-5)
    feature = [scores.reshape(1, 1, 1, 2).repeat(3, 5, 1, 1) for scores in (student, teacher)]
    assert channel_distribution(*feature, temperature=temperature).item() == pytest.approx(divergence, rel=1e-5)


@pytest.mark.parametrize(
    "alpha, wanted", [(1.0, math.log(2)), (0.0, 0.130812), (0.25, 0.25 * math.log(2) + 0.75 * 0.130812)]
)
def test_hinton_balances_labels_and_teacher(alpha, wanted):
    student, teacher = torch.zeros(1, 2), torch.tensor([[math.log(3.0), 0.0]])
    assert hinton(student, teacher, torch.tensor([0]), temperature=1.0, alpha=alpha).item() == pytest.approx(
        wanted, rel=1e-4
    )


def test_variational_is_half_of_log_variance_and_scaled_square():
    mean, teacher = torch.zeros(1, 2, 1, 1), torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1)
    wanted = 0.5 * ((0.0 + 1.0) + (math.log(4.0) + 4.0 / 4.0)) / 2
    assert variational(mean, torch.tensor([1.0, 4.0]), teacher).item() == pytest.approx(wanted)


def test_projected_losses_equal_the_plain_ones_after_an_identity():
    student, teacher = random(2, 3, 5, 7, seed=1), random(2, 3, 5, 7, seed=2)
    modules = FitNet(3, 3), ChannelDistribution(3, 3, temperature=2.0), VariationalInformation(3, 3)
    for module in modules:
        nn.init.dirac_(module.project.weight)
        nn.init.zeros_(module.project.bias)
    wanted = (
        l2(student, teacher),
        channel_distribution(student, teacher, temperature=2.0),
        l2(student, teacher) / 2,
    )  # its variance starts at 1
    assert [module(student, teacher).item() for module in modules] == pytest.approx(
        [value.item() for value in wanted], rel=1e-4
    )


def test_contrastive_is_the_ratio_of_two_distances():
    truth = random(1, 3, 6, 10)
    assert contrastive(truth, truth + 0.1, [truth - 0.2, truth + 0.6]).item() == pytest.approx(0.1 / 0.4, rel=1e-4)
    assert contrastive(truth, truth + 0.1, torch.stack([truth - 0.2, truth + 0.6])).item() == pytest.approx(
        0.1 / 0.4, rel=1e-4
    )


def test_contrastive_sees_picture_and_differences_at_three_scales():
    """A pixel of 1 in 4 x 4: picture and both differences by hand, then averaged to 2 x 2 and to one pixel."""
    pixel = torch.zeros(1, 1, 4, 4)
    pixel[..., 0, 0] = 1.0
    full, half, quarter = (1 / 16 + 1 / 12 + 1 / 12) / 3, (1 / 16 + 1 / 8 + 1 / 8) / 3, 1 / 16
    near = (full + half + quarter) / 3
    far = (1 + 0 + 0) / 3 * (2 / 3) + 1 / 3  # a constant 1 has no differences; its last level is one pixel
    assert contrastive(torch.zeros(1, 1, 4, 4), pixel, [torch.ones(1, 1, 4, 4)]).item() == pytest.approx(
        near / far, rel=1e-4
    )


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.at_equality is not None], ids=lambda case: case.loss.__name__
)
def test_equality_gives_the_best_value(case):
    student, _ = case.inputs()
    assert case.loss(student, student.clone()).item() == pytest.approx(case.at_equality, abs=1e-6)


@every_loss
def test_the_gradient_reaches_student_and_parameters_but_not_the_teacher(case):
    student, teacher = (tensor.requires_grad_() for tensor in case.inputs())
    case.loss(student, teacher).backward()
    assert student.grad.isfinite().all() and student.grad.abs().sum() > 0
    assert teacher.grad is None
    for parameter in case.loss.parameters() if isinstance(case.loss, nn.Module) else ():
        assert parameter.grad.isfinite().all()
        parameter.grad = None


@every_loss
@pytest.mark.parametrize("height, width", [(1, 1), (1, 5), (7, 13), (29, 50)])
def test_any_size_gives_a_finite_float32_scalar(case, height, width):
    student, teacher = case.inputs(height, width)
    student.requires_grad_()
    loss = case.loss(student, teacher)
    loss.backward()
    assert loss.shape == () and loss.dtype == torch.float32 and loss.isfinite() and student.grad.isfinite().all()


@every_loss
def test_bf16_inputs_are_computed_in_float32(case):
    student, teacher = (tensor.bfloat16() for tensor in case.inputs())
    loss = case.loss(student, teacher)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(case.loss(student.float(), teacher.float()).item(), rel=1e-6)


@pytest.mark.slow
@every_loss
def test_every_loss_compiles_as_one_graph(case):
    student, teacher = case.inputs()
    compiled = torch.compile(case.loss, fullgraph=True, backend="aot_eager")
    gradients = []
    for loss in (case.loss, compiled):
        student = student.detach().requires_grad_()
        value = loss(student, teacher)
        value.backward()
        gradients.append((value.item(), student.grad))
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-5)
    torch.testing.assert_close(gradients[0][1], gradients[1][1])


@every_loss
def test_shapes_that_do_not_fit_are_refused_in_one_sentence(case):
    student, teacher = case.inputs()
    for wrong in (teacher[..., :-1], teacher[:1]):
        with pytest.raises(ShapeError, match=r"needs .*got .*\(.*; "):
            case.loss(student, wrong)


@pytest.mark.parametrize("call, sentence", [
    (lambda: channel_distribution(torch.zeros(1, 2, 3, 3), torch.zeros(1, 4, 3, 3)), "of one shape"),
    (lambda: FitNet(4, 6)(torch.zeros(1, 5, 3, 3), torch.zeros(1, 6, 3, 3)), "student's feature of 4 channels"),
    (lambda: FitNet(4, 6)(torch.zeros(1, 4, 3, 3), torch.zeros(1, 5, 3, 3)), "after its projection"),
    (lambda: variational(torch.zeros(1, 2, 3, 3), torch.ones(3), torch.zeros(1, 2, 3, 3)), "one variance for each"),
    (lambda: contrastive(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), []), "at least one negative"),
    (lambda: contrastive(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)), "each negative"),
    (lambda: Adversarial()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)), "built for 3 channels"),
    (lambda: hinton(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2), temperature=1.0, alpha=0.5), "int64 label"),
])  # fmt: skip
def test_other_misfits_are_named(call, sentence):
    with pytest.raises(ShapeError, match=sentence):
        call()


@pytest.mark.parametrize(
    "temperature, alpha, sentence",
    [(0.0, 0.5, "temperature"), (math.nan, 0.5, "temperature"), (1.0, 1.5, "between 0 and 1")],
)
def test_settings_out_of_range_are_refused(temperature, alpha, sentence):
    with pytest.raises(SettingsError, match=sentence):
        hinton(
            torch.zeros(2, 3),
            torch.zeros(2, 3),
            torch.zeros(2, dtype=torch.int64),
            temperature=temperature,
            alpha=alpha,
        )


@pytest.mark.parametrize("loss", [attention_map, spatial_affinity])
def test_dead_features_give_no_gradient_instead_of_an_endless_one(loss):
    student = torch.zeros(1, 4, 5, 5, requires_grad=True)
    loss(student, random(1, 3, 5, 5)).backward()
    assert torch.equal(student.grad, torch.zeros_like(student))


seeds = st.integers(0, 10_000)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, name=st.sampled_from(sorted(set(CASES) - {"variational_information"})), scale=st.floats(0.01, 100.0))
def test_no_loss_but_the_likelihood_falls_below_zero(seed, name, scale):
    case = CASES[name]
    place = () if case.flat else (5, 3)
    value = case.loss(
        scale * (random(2, case.student, *place, seed=seed) - 0.5),
        scale * (random(2, case.teacher, *place, seed=seed + 1) - 0.5),
    )
    assert value.item() >= -1e-6


@settings(max_examples=15, deadline=None)
@given(seed=seeds, scale=st.floats(0.1, 100.0))
def test_attention_and_affinity_ignore_a_positive_scale_and_the_order_of_channels(seed, scale):
    student, teacher = random(2, 4, 5, 3, seed=seed), random(2, 6, 5, 3, seed=seed + 1)
    shuffled = scale * student[:, torch.randperm(4, generator=torch.Generator().manual_seed(seed))]
    for loss in (attention_map, spatial_affinity):
        assert loss(shuffled, teacher).item() == pytest.approx(loss(student, teacher).item(), rel=1e-3, abs=1e-6)
