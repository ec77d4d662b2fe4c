"""All losses, driven by one table: derivatives, values, purity, weights."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.loss.adaptive import AdaptiveLoss
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.loss.base import NO_DISTILLATION, Distillation, MultiTaskLoss
from models.loss.distillation import add_distillation_grad_hess, squared_gap
from models.loss.fixed import FixedLoss
from models.loss.logloss import logloss, sigmoid

Array = NDArray[Any]
N_ROWS, N_TASKS = 60, 3

_rng = np.random.default_rng(7)
RAW_SCORE = _rng.normal(0, 3, (N_ROWS, N_TASKS))
LABEL = (_rng.random((N_ROWS, N_TASKS)) < 0.4).astype(np.uint8)
TEACHER_SCORE = _rng.normal(0, 3, (N_ROWS, N_TASKS))


@dataclass(frozen=True)
class Case:
    """A loss, and who learns from whom."""

    name: str
    loss: MultiTaskLoss
    distillation: Distillation = NO_DISTILLATION

    @property
    def kd_weight(self) -> float:
        """Weight of the distillation term."""
        return self.loss.kd_weight if isinstance(self.loss, AdaptiveDistillationLoss) else 0.0

    def teacher_prob(self, prob: Array) -> Array:
        """Probabilities of each task's teacher, shape (n, K)."""
        if self.distillation.teacher_score is not None:
            return sigmoid(self.distillation.teacher_score)
        return np.repeat(prob[:, [self.loss.main_task]], N_TASKS, axis=1)

    def grad_hess(self, raw_score: Array, label: Array = LABEL) -> tuple[Array, Array]:
        """The derivatives, in new arrays."""
        grad, hess = np.full_like(raw_score, np.nan), np.full_like(raw_score, np.nan)
        self.loss.grad_hess(sigmoid(raw_score), label, grad, hess, self.distillation)
        return grad, hess

    def value(self, raw_score: Array) -> Array:
        """The loss per row and task."""
        return self.loss.value(raw_score, LABEL, self.distillation)


CASES = [
    Case("fixed", FixedLoss(N_TASKS, 0)),
    Case("fixed, main task last", FixedLoss(N_TASKS, 2, 0.9, 0.1)),
    Case("adaptive", AdaptiveLoss(N_TASKS, 0)),
    Case("kd, nobody struggles", AdaptiveDistillationLoss(N_TASKS, 0)),
    Case("kd, one student", AdaptiveDistillationLoss(N_TASKS, 0), Distillation((2,))),
    Case("kd, strong", AdaptiveDistillationLoss(N_TASKS, 1, kd_weight=7.0), Distillation((0, 2))),
    Case("kd, weight 0", AdaptiveDistillationLoss(N_TASKS, 1, kd_weight=0.0), Distillation((0, 2))),
    Case(
        "kd, best self",
        AdaptiveDistillationLoss(N_TASKS, 0, kd_weight=2.5, teacher="best_self"),
        Distillation((1, 2), TEACHER_SCORE),
    ),
]
EVERY_LOSS = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def own_derivative(function: Any, raw_score: Array, step: float = 1e-5) -> Array:
    """Central difference of column k of `function` with respect to column k of the scores.

    Only one column is moved at a time: a teacher that is another task then stays as it is.
    """
    derivative = np.empty_like(raw_score)
    for k in range(raw_score.shape[1]):
        above, below = raw_score.copy(), raw_score.copy()
        above[:, k] += step
        below[:, k] -= step
        derivative[:, k] = (function(above)[:, k] - function(below)[:, k]) / (2 * step)
    return derivative


@EVERY_LOSS
def test_gradient_is_the_derivative_of_the_value(case: Case) -> None:
    grad, _ = case.grad_hess(RAW_SCORE)
    np.testing.assert_allclose(grad, own_derivative(case.value, RAW_SCORE), rtol=1e-6, atol=1e-9)


@EVERY_LOSS
def test_hessian_is_the_derivative_of_the_gradient_except_for_students(case: Case) -> None:
    _, hess = case.grad_hess(RAW_SCORE)
    numeric = own_derivative(lambda score: case.grad_hess(score)[0], RAW_SCORE)
    others = [k for k in range(N_TASKS) if k not in case.distillation.students]
    np.testing.assert_allclose(hess[:, others], numeric[:, others], rtol=1e-6, atol=1e-9)


@EVERY_LOSS
def test_a_students_hessian_is_gauss_newton(case: Case) -> None:
    _, hess = case.grad_hess(RAW_SCORE)
    slope = sigmoid(RAW_SCORE) * (1 - sigmoid(RAW_SCORE))
    is_student = np.isin(np.arange(N_TASKS), case.distillation.students)
    expected = slope + np.where(is_student, 2 * case.kd_weight * slope**2, 0.0)
    np.testing.assert_allclose(hess, expected, rtol=1e-12)


def test_gauss_newton_is_the_exact_hessian_where_student_and_teacher_agree() -> None:
    raw_score = np.linspace(-4, 4, 33)[:, None]
    loss = AdaptiveDistillationLoss(1, 0, kd_weight=3.0, teacher="best_self")
    case = Case("agree", loss, Distillation((0,), raw_score.copy()))
    label = np.zeros((33, 1))
    _, hess = case.grad_hess(raw_score, label)
    numeric = own_derivative(lambda score: case.grad_hess(score, label)[0], raw_score)
    np.testing.assert_allclose(hess, numeric, rtol=1e-6)


@EVERY_LOSS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_derivatives_and_values_are_finite_and_hessians_never_negative(
    case: Case, dtype: type
) -> None:
    extremes = np.array([-1e4, -800, -90, -40, -1e-30, 0.0, 1e-30, 17, 40, 90, 800, 1e4])
    raw_score: Array = np.resize(np.repeat(extremes, 2), (N_ROWS, N_TASKS)).astype(dtype)
    grad, hess = case.grad_hess(raw_score)
    assert np.isfinite(grad).all()
    assert np.isfinite(hess).all()
    assert np.isfinite(case.value(raw_score)).all()
    assert (hess >= 0).all()


@EVERY_LOSS
def test_float32_gives_what_float64_gives_to_its_precision(case: Case) -> None:
    grad, hess = case.grad_hess(RAW_SCORE)
    grad32, hess32 = case.grad_hess(RAW_SCORE.astype(np.float32))
    assert grad32.dtype == hess32.dtype == case.value(RAW_SCORE.astype(np.float32)).dtype
    assert grad32.dtype == np.float32
    np.testing.assert_allclose(grad32, grad, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(hess32, hess, rtol=1e-5, atol=1e-6)


@EVERY_LOSS
def test_a_block_of_rows_gets_what_the_whole_gets(case: Case) -> None:
    grad, hess = case.grad_hess(RAW_SCORE)
    rows = slice(17, 40)
    block = replace(case, distillation=case.distillation.of_rows(rows))
    block_grad, block_hess = block.grad_hess(RAW_SCORE[rows], LABEL[rows])
    np.testing.assert_array_equal(block_grad, grad[rows])
    np.testing.assert_array_equal(block_hess, hess[rows])


@EVERY_LOSS
def test_arguments_are_left_as_they_are(case: Case) -> None:
    raw_score, prob, label = RAW_SCORE.copy(), sigmoid(RAW_SCORE), LABEL.copy()
    case.loss.grad_hess(prob, label, np.empty_like(prob), np.empty_like(prob), case.distillation)
    case.loss.value(raw_score, label, case.distillation)
    np.testing.assert_array_equal(raw_score, RAW_SCORE)
    np.testing.assert_array_equal(prob, sigmoid(RAW_SCORE))
    np.testing.assert_array_equal(label, LABEL)


@EVERY_LOSS
def test_value_is_logloss_plus_the_gap_of_a_student(case: Case) -> None:
    prob = sigmoid(RAW_SCORE)
    expected = -np.where(LABEL == 1, np.log(prob), np.log1p(-prob))
    for k in case.distillation.students:
        expected[:, k] += case.kd_weight * (prob[:, k] - case.teacher_prob(prob)[:, k]) ** 2
    np.testing.assert_allclose(case.value(RAW_SCORE), expected, rtol=1e-9)


def test_derivatives_by_hand() -> None:
    # p = 3/4 and 1/5; the second task struggles against a main task of 3/4.
    raw_score = np.log([[3.0, 0.25]])
    loss = AdaptiveDistillationLoss(2, 0, kd_weight=0.5)
    grad, hess = np.empty((1, 2)), np.empty((1, 2))
    label = np.array([[1, 0]], dtype=np.uint8)
    loss.grad_hess(sigmoid(raw_score), label, grad, hess, Distillation((1,)))
    student_slope = 0.2 * 0.8
    np.testing.assert_allclose(grad, [[-0.25, 0.2 + (0.2 - 0.75) * student_slope]], rtol=1e-12)
    np.testing.assert_allclose(hess, [[0.1875, student_slope + student_slope**2]], rtol=1e-12)


def test_a_student_between_label_and_teacher_is_drawn_to_both() -> None:
    prob, teacher = np.array([0.3]), np.array([0.9])
    grad, hess = np.zeros(1), np.zeros(1)
    add_distillation_grad_hess(prob, teacher, 1.0, grad, hess)
    assert grad[0] < 0  # a higher score brings the student nearer to its teacher
    assert squared_gap(prob, teacher, 1.0)[0] == pytest.approx(0.36)


@pytest.mark.parametrize(
    ("raw_score", "label", "expected"),
    [(0.0, 0, np.log(2)), (0.0, 1, np.log(2)), (1000.0, 1, 0.0), (1000.0, 0, 1000.0)],
)
def test_logloss_by_hand(raw_score: float, label: int, expected: float) -> None:
    assert logloss(np.array([raw_score]), np.array([label])) == pytest.approx(expected)


def test_sigmoid_writes_where_it_is_told() -> None:
    out = np.empty(3)
    assert sigmoid(np.array([0.0, -1e4, 1e4]), out=out) is out
    assert out.tolist() == [0.5, 0.0, 1.0]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (FixedLoss(3, 0, 0.7, 0.2), [0.7, 0.2, 0.2]),
        (FixedLoss(3, 2, 1.0, 0.0), [0.0, 0.0, 1.0]),
        (AdaptiveLoss(3, 1, 0.5, 0.25), [0.25, 0.5, 0.25]),
        (AdaptiveLoss(4, 0, 1.0, 1.0), [0.25, 0.25, 0.25, 0.25]),
        (AdaptiveDistillationLoss(2, 1, 0.6, 0.2), [0.25, 0.75]),
    ],
)
def test_initial_weights_by_hand(loss: MultiTaskLoss, expected: list[float]) -> None:
    np.testing.assert_allclose(loss.initial_weights(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("method", "frequency", "due"),
    [
        ("standard", 3, [3, 6, 9, 12, 15, 18, 21]),
        ("delta", 7, [7, 14, 21]),
        ("sqrt", 1, list(range(1, 23))),
        ("tenIters", 3, [10, 20]),
    ],
)
def test_when_the_weights_move(method: str, frequency: int, due: list[int]) -> None:
    loss = AdaptiveLoss(2, 0, weight_method=method, update_frequency=frequency)
    assert [n for n in range(1, 23) if loss.update_due(n)] == due


def test_the_update_is_scaled_by_the_learning_rate_and_to_sum_1() -> None:
    loss = AdaptiveLoss(3, 0, weight_lr=0.5)
    weights = loss.updated_weights(np.array([0.5, 0.3, 0.2]), np.array([1.0, 0.8, 0.4]), None)
    np.testing.assert_allclose(weights, np.array([0.5, 0.4, 0.5]) / 1.4, rtol=1e-12)
