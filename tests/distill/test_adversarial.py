"""The adversarial loss: the reversed gradient, its value in closed form, whom one step improves, any size."""

import math

import pytest
import torch
from torch import Tensor, nn

from kdsr.distill.adversarial import Adversarial, Discriminator, reverse_gradient


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_a_reversed_gradient_leaves_the_picture_and_turns_the_gradient():
    image = random(1, 3, 2, 2).requires_grad_()
    reversed_image = reverse_gradient(image, 0.5)
    assert torch.equal(reversed_image, image)
    (3.0 * reversed_image).sum().backward()
    assert torch.equal(image.grad, torch.full_like(image, -1.5))


def test_adversarial_is_two_where_all_scores_are_zero():
    module = Adversarial()
    nn.init.zeros_(module.discriminator.body[-1].weight)
    nn.init.zeros_(module.discriminator.body[-1].bias)
    assert module(random(1, 3, 7, 13), random(1, 3, 7, 13, seed=1)).item() == pytest.approx(2.0)


def test_one_scalar_teaches_the_discriminator_and_moves_the_student_against_it():
    torch.manual_seed(0)
    module, label = Adversarial(), random(4, 3, 16, 16, seed=1)
    restored = random(4, 3, 16, 16, seed=2).requires_grad_()
    before = module(restored, label)
    before.backward()
    with torch.no_grad():
        score = module.discriminator(restored).mean()
        assert module.discriminator(restored - 0.1 * restored.grad / restored.grad.norm()).mean() > score
        for parameter in module.parameters():
            parameter -= 0.01 * parameter.grad
        assert module(restored, label) < before


@pytest.mark.parametrize("height, width", [(1, 1), (7, 13), (17, 33)])
def test_the_discriminator_scores_patches_of_16_pixels(height, width):
    assert Discriminator()(random(2, 3, height, width)).shape == (2, 1, math.ceil(height / 16), math.ceil(width / 16))
