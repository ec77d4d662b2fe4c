"""Leaf values by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.leaf_values import LeafValueSettings, newton_values


def values(sum_grad: Any, sum_hess: Any, **changes: float) -> list[list[float]]:
    """Leaf values with learning rate 1 and no regularization, unless told otherwise."""
    plain = {"learning_rate": 1.0, "lambda_l1": 0.0, "lambda_l2": 0.0, "min_sum_hessian": 0.0}
    settings = LeafValueSettings(**(plain | changes))
    result = newton_values(np.array(sum_grad, float), np.array(sum_hess, float), settings)
    assert result.dtype == np.float64
    return [list(map(float, row)) for row in result]


@pytest.mark.parametrize(
    ("sum_grad", "sum_hess", "changes", "expected"),
    [
        ([[4.0, -6.0]], [[8.0, 2.0]], {}, [[-0.5, 3.0]]),
        ([[4.0, -6.0]], [[8.0, 2.0]], {"learning_rate": 0.1}, [[-0.05, 0.3]]),
        ([[4.0, -6.0]], [[7.0, 2.0]], {"lambda_l2": 1.0}, [[-0.5, 2.0]]),
        ([[4.0, -6.0, 0.5]], [[3.0, 2.0, 1.0]], {"lambda_l1": 1.0}, [[-1.0, 2.5, 0.0]]),
        ([[4.0, -6.0]], [[0.0, 2.0]], {"min_sum_hessian": 4.0}, [[-1.0, 1.5]]),
        (
            [[3.0], [-3.0]],
            [[0.5], [1.0]],
            {"min_sum_hessian": 1.0, "lambda_l1": 1.0, "lambda_l2": 1.0, "learning_rate": 0.5},
            [[-0.5], [0.5]],
        ),
        ([[0.0, 2.0]], [[0.0, 0.0]], {}, [[0.0, 0.0]]),  # nothing is known of the curvature
        (np.zeros((0, 3)), np.zeros((0, 3)), {}, []),
    ],
)
def test_by_hand(sum_grad: Any, sum_hess: Any, changes: dict[str, float], expected: Any) -> None:
    found = values(sum_grad, sum_hess, **changes)
    assert len(found) == len(expected)
    for row, expected_row in zip(found, expected, strict=True):
        assert row == pytest.approx(expected_row, abs=1e-15)


@given(
    grad=arrays(np.float64, (3, 2), elements=st.floats(-1e6, 1e6)),
    hess=arrays(np.float64, (3, 2), elements=st.floats(0, 1e6)),
    l1=st.floats(0, 10),
    l2=st.floats(0, 10),
)
@settings(deadline=None)
def test_values_are_finite_and_point_downhill(grad: Any, hess: Any, l1: float, l2: float) -> None:
    result = newton_values(grad, hess, LeafValueSettings(0.1, l1, l2, 1e-3))
    assert np.isfinite(result).all()
    assert (result * grad <= 0).all()


def test_a_value_is_the_minimum_of_its_own_quadratic() -> None:
    grad, hess, l2 = -3.0, 2.0, 0.5
    (value,) = values([[grad]], [[hess]], lambda_l2=l2)[0]
    steps = value + np.linspace(-1, 1, 201)
    objective = grad * steps + 0.5 * (hess + l2) * steps**2
    assert steps[np.argmin(objective)] == pytest.approx(value, abs=1e-12)
