"""The Frechet distance of two sets: closed forms, properties, an independent reference, and the features it reads."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from kdsr.errors import ShapeError
from kdsr.metrics.frechet import frechet_distance, pooled_features
from kdsr.metrics.lite import JUDGE, is_installed


def features(count=40, width=5, seed=0):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_shift_costs_its_squared_length_and_a_scale_its_standard_deviations():
    one = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -2.0], [0.0, 2.0]])
    assert frechet_distance(one, one + torch.tensor([3.0, 4.0])) == pytest.approx(25.0)
    # Variances 2/3 and 8/3 against nine times them: (3 - 1)^2 * (2/3 + 8/3).
    assert frechet_distance(one, 3.0 * one) == pytest.approx(4.0 * (2.0 + 8.0) / 3.0)


def test_a_set_has_no_distance_from_itself_and_order_does_not_matter():
    one, other = features(seed=1), 2.0 * features(60, seed=2) + 1.0
    assert frechet_distance(one, one.flip(0)) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one))


@pytest.mark.parametrize("count", [40, 4])
def test_it_is_the_textbook_formula_with_scipys_matrix_root(count):
    """Also where the covariances are singular: fewer pictures than numbers."""
    one, other = features(count, seed=3), features(count, seed=4) @ features(5, seed=5)
    first, second = (np.cov(each.numpy().T) for each in (one, other))
    root = sqrtm(first @ second + 1e-12 * np.eye(5)).real
    apart = ((one.mean(dim=0) - other.mean(dim=0)) ** 2).sum().item()
    assert frechet_distance(one, other) == pytest.approx(apart + np.trace(first + second - 2 * root), rel=1e-4)


def test_fewer_pictures_of_one_distribution_are_further_apart():
    few, many = (frechet_distance(features(count, 20, 6), features(count, 20, 7)) for count in (50, 5000))
    assert few > 10 * many > 0


def test_what_has_no_covariance_is_refused():
    for one in (features(1), features(width=6), features()[0]):
        with pytest.raises(ShapeError, match="at least 2 rows"):
            frechet_distance(one, features())
    with pytest.raises(ShapeError, match="sides from 32 pixels"):
        pooled_features(torch.zeros(2, 3, 31, 64))


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(JUDGE), reason="the extra `looks` is not installed")
def test_the_features_of_a_picture_do_not_depend_on_its_company():
    pictures = torch.rand(66, 3, 32, 37, generator=torch.Generator().manual_seed(0))
    together = pooled_features(pictures)
    assert together.shape == (66, 352) and together.dtype == torch.float64
    assert torch.allclose(together[65:], pooled_features(pictures[65:]), atol=1e-4)
    assert frechet_distance(together, pooled_features(pictures * 0.2)) > 10 * frechet_distance(together, together)
