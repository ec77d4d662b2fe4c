"""Alert budgets, money and gain by decile against counting rows by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from models.evaluation.alert_budgets import (
    alert_budgets,
    gain_by_decile,
    money_at_false_positive_rates,
)
from models.evaluation.score_counts import ScoreCounts, count_by_score

N = 4000


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    prob = rng.permutation(np.linspace(0.001, 0.9, N))
    return {
        "label": (rng.random(N) < prob**2).astype(np.uint8),
        "prob": prob,
        "amount": rng.lognormal(3.0, 1.0, N),
        "weight": rng.integers(1, 4, N).astype(np.float64),
    }


def counts(rows: dict[str, np.ndarray], *, weighted: bool = False) -> ScoreCounts:
    weight = rows["weight"] if weighted else None
    return count_by_score(rows["label"], rows["prob"], weight, rows["amount"])


def test_budgets_are_the_highest_rows(rows: dict[str, np.ndarray]) -> None:
    order = np.argsort(-rows["prob"])
    label, amount = rows["label"][order], rows["amount"][order]
    budgets = alert_budgets(counts(rows))
    assert [budget["share"] for budget in budgets] == [0.001, 0.005, 0.01, 0.05]
    for budget, n_alerts in zip(budgets, [4, 20, 40, 200], strict=True):
        caught = label[:n_alerts]
        money = (amount * label)[:n_alerts].sum()
        assert budget == pytest.approx(
            {
                "share": budget["share"],
                "alerts": n_alerts,
                "threshold": rows["prob"][order][n_alerts - 1],
                "precision": caught.mean(),
                "recall": caught.sum() / label.sum(),
                "money_caught": money,
                "money_recall": money / (amount * label).sum(),
            }
        )


def test_integer_weights_equal_repeated_rows(rows: dict[str, np.ndarray]) -> None:
    repeated = {
        name: np.repeat(values, rows["weight"].astype(int)) for name, values in rows.items()
    }
    weighted, plain = counts(rows, weighted=True), counts(repeated)
    for one, other in zip(alert_budgets(weighted), alert_budgets(plain), strict=True):
        assert one == pytest.approx(other)
    for one, other in zip(gain_by_decile(weighted), gain_by_decile(plain), strict=True):
        assert one == pytest.approx(other)
    for part in (0, 1):
        assert money_at_false_positive_rates(weighted)[part] == pytest.approx(
            money_at_false_positive_rates(plain)[part]
        )


def test_money_at_false_positive_rates(rows: dict[str, np.ndarray]) -> None:
    fpr, _, thresholds = roc_curve(rows["label"], rows["prob"], drop_intermediate=False)
    at_stake = rows["amount"] * rows["label"]
    caught, recall = money_at_false_positive_rates(counts(rows))
    assert caught["total"] == pytest.approx(at_stake.sum())
    for percent in (1, 5):
        threshold = thresholds[fpr <= percent / 100][-1]
        money = at_stake[rows["prob"] >= threshold].sum()
        assert caught[f"at_{percent}pct_fpr"] == pytest.approx(money)
        assert recall[f"at_{percent}pct_fpr"] == pytest.approx(money / at_stake.sum())


def test_ties_at_the_border_count_in_proportion() -> None:
    # Forty rows of one probability, half of them positive: the budget of ten takes a quarter.
    counts = count_by_score(np.tile([0, 1], 500), np.repeat([0.9, 0.1], [40, 960]), None, None)
    budget = alert_budgets(counts)[2]
    assert (budget["alerts"], budget["precision"], budget["threshold"]) == (10.0, 0.5, 0.9)
    assert "money_caught" not in budget


def test_a_budget_of_less_than_a_row_has_no_precision() -> None:
    budgets = alert_budgets(count_by_score([0, 1] * 100, np.linspace(0.1, 0.9, 200)))
    assert [budget["precision"] is None for budget in budgets] == [True, False, False, False]


def test_without_money_at_stake_there_is_no_share_of_it() -> None:
    counts = count_by_score([0, 1] * 100, np.linspace(0.1, 0.9, 200), None, np.zeros(200))
    assert alert_budgets(counts)[3]["money_recall"] is None
    assert money_at_false_positive_rates(counts)[1] == {"at_1pct_fpr": None, "at_5pct_fpr": None}


def test_gain_by_decile_is_that_of_tenths_of_the_rows(rows: dict[str, np.ndarray]) -> None:
    tenths = rows["label"][np.argsort(-rows["prob"])].reshape(10, -1)
    total = rows["label"].sum()
    gains = gain_by_decile(counts(rows))
    for tenth, (labels, gain) in enumerate(zip(tenths, gains, strict=True)):
        assert gain == pytest.approx(
            {
                "positive_rate": labels.mean(),
                "lift": labels.mean() / rows["label"].mean(),
                "share_of_positives": labels.sum() / total,
                "cumulative_share": tenths[: tenth + 1].sum() / total,
            }
        )
    assert gains[-1]["cumulative_share"] == 1.0
