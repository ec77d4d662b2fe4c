"""The comparison with an earlier model against scikit-learn, a bootstrap of pairs, and by hand."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from models.evaluation.previous_model import compare_with_previous

N = 3000


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    risk = rng.normal(size=N)
    return {
        "label": (risk + rng.normal(size=N) > 2.0).astype(np.float64),
        "prob": norm.cdf(risk + 0.5 * rng.normal(size=N)),
        # Rounded, so that there are ties, and on another scale.
        "previous": 1000 * np.round(norm.cdf(risk + 0.8 * rng.normal(size=N)), 2),
        "weight": rng.gamma(2.0, 0.5, N),
        "amount": rng.lognormal(3.0, 1.0, N),
    }


def compared(rows: dict[str, np.ndarray], **changes: Any) -> tuple[Any, Any]:
    values: dict[str, Any] = rows | changes
    return compare_with_previous(
        values["label"], values["prob"], values["previous"], values["weight"], values["amount"]
    )


def differences(comparison: Any) -> list[dict[str, Any]]:
    return [
        comparison["auc_roc"],
        comparison["average_precision"],
        *comparison["recall_at_equal_alerts"],
    ]


def test_both_models_have_the_scores_of_scikit_learn(rows: dict[str, np.ndarray]) -> None:
    comparison, _ = compared(rows)
    for key, score in (
        ("auc_roc", roc_auc_score),
        ("average_precision", average_precision_score),
    ):
        expected = [
            score(rows["label"], rows[model], sample_weight=rows["weight"])
            for model in ("prob", "previous")
        ]
        figures = comparison[key]
        assert [figures["model"], figures["previous"]] == pytest.approx(expected)
        assert figures["difference"] == pytest.approx(expected[0] - expected[1])


@pytest.mark.parametrize("weighted", [False, True])
def test_the_intervals_reach_as_far_as_those_of_a_bootstrap_of_pairs(
    rows: dict[str, np.ndarray], weighted: bool
) -> None:
    weight = rows["weight"] if weighted else np.ones(N)
    rng = np.random.default_rng(1)
    comparison, _ = compared(rows, weight=weight)
    replicates = [
        [
            figures["difference"]
            for figures in differences(compared(rows, weight=weight * rng.poisson(1.0, N))[0])
        ]
        for _ in range(200)
    ]
    spreads = np.std(replicates, axis=0)
    for figures, spread in zip(differences(comparison), spreads, strict=True):
        if figures["interval"] is None:
            continue
        low, high = figures["interval"]
        assert (low + high) / 2 == pytest.approx(figures["difference"])
        assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1.0, abs=0.2)


@pytest.mark.long
def test_the_intervals_cover_the_difference() -> None:
    rng = np.random.default_rng(2)

    def draw(n_rows: int) -> tuple[np.ndarray, ...]:
        risk = rng.normal(size=n_rows)
        label = (risk + rng.normal(size=n_rows) > 2.0).astype(np.float64)
        return (label, *(norm.cdf(risk + noise * rng.normal(size=n_rows)) for noise in (0.5, 0.8)))

    everyone = compare_with_previous(*draw(10**6))[0]
    truth = [figures["difference"] for figures in differences(everyone)]
    del truth[2]
    covered = np.zeros(len(truth))
    for _ in range(500):
        found = differences(compare_with_previous(*draw(3000))[0])
        # The budget of 0.1 % is three of 3,000 rows, too few for an interval.
        assert found.pop(2)["interval"] is None
        covered += [
            figures["interval"][0] <= value <= figures["interval"][1]
            for figures, value in zip(found, truth, strict=True)
        ]
    assert np.all(covered >= 0.93 * 500), covered
    assert np.all(covered <= 0.97 * 500), covered


def test_a_model_against_itself_makes_no_difference(rows: dict[str, np.ndarray]) -> None:
    comparison, swaps = compared(rows, previous=rows["prob"])
    for figures in differences(comparison):
        assert figures["difference"] == 0.0
        assert figures["interval"] in ([0.0, 0.0], None)
    # Rows of the border are in part in both.
    assert all(swap["only_model"]["alerts"] < 3.0 for swap in swaps)


def test_swap_set_by_hand() -> None:
    """A hundred rows, five alerts: rows 0-4 for the model, 2-6 for the earlier one."""
    prob = np.linspace(0.9, 0.1, 100)
    previous = prob.copy()
    previous[:2], previous[5:7] = 0.0, 1.0
    label = np.zeros(100)
    label[[0, 2, 3, 5, 6, 50]] = 1
    amount = np.arange(100.0)
    comparison: Any
    swaps: Any
    comparison, swaps = compare_with_previous(label, prob, previous, None, amount)
    assert swaps[3] == {
        "share": 0.05,
        "both": {"alerts": 3.0, "positives": 2.0, "money": 5.0},
        "only_model": {"alerts": 2.0, "positives": 1.0, "money": 0.0},
        "only_previous": {"alerts": 2.0, "positives": 2.0, "money": 11.0},
    }
    recall = comparison["recall_at_equal_alerts"][3]
    assert (recall["model"], recall["previous"]) == pytest.approx((3 / 6, 4 / 6))


def test_ties_at_the_border_count_in_proportion() -> None:
    """The earlier model has two scores: each of its 20 high rows is one of five alerts in part."""
    label, prob = np.tile([0.0, 1.0], 50), np.linspace(0.9, 0.1, 100)
    previous = np.repeat([1.0, 0.0], [20, 80])
    swaps: Any = compare_with_previous(label, prob, previous)[1]
    assert swaps[3]["both"] == pytest.approx({"alerts": 5 / 4, "positives": 2 / 4})
    assert swaps[3]["only_previous"] == pytest.approx({"alerts": 15 / 4, "positives": 8 / 4})


def test_rows_that_cannot_be_judged_are_left_out(rows: dict[str, np.ndarray]) -> None:
    label, previous, weight = rows["label"].copy(), rows["previous"].copy(), rows["weight"].copy()
    label[:100], previous[100:200], weight[200:300] = np.nan, np.nan, 0.0
    kept = {name: values[300:] for name, values in rows.items()}
    assert compared(rows, label=label, previous=previous, weight=weight) == compared(kept)


def test_one_class_is_no_comparison(rows: dict[str, np.ndarray]) -> None:
    reason = "needs both classes among the rows with a score of the earlier model"
    only_negatives = np.where(rows["label"] == 1, np.nan, rows["previous"])
    assert compared(rows, previous=only_negatives) == (reason, reason)
    assert compared(rows, previous=np.full(N, np.nan)) == (reason, reason)
