"""The sentences that follow from the figures: each rule on its own."""

from typing import Any

import pytest

from models.report.numbers import Figures
from models.report.verdict import compared, points_of_attention, shift_word

GOOD: dict[str, Any] = {
    "defined": True,
    "n_positives": 1000,
    "intervals": {"auc_roc": [0.8, 0.9]},
    "calibration_slope": 1.0,
    "mean_probability": 0.10,
    "base_rate": 0.10,
}


def sentences(changes: dict[str, Any], **top: Any) -> list[str]:
    drift = {"features": {"age": {"psi": 0.05}}, "scores": {"a": {"psi": 0.01}}}
    hierarchy = {"share_above": 0.001}
    val = {"task_0_a": GOOD, "task_1_b": GOOD}
    test = {"task_0_a": GOOD | changes, "task_1_b": GOOD, "drift": drift, "hierarchy": hierarchy}
    found = points_of_attention(Figures({"val": val, "test": test | top}), ["a", "b"], "test")
    return [str(sentence) for sentence in found]


def test_a_good_model_gives_no_cause_for_attention() -> None:
    assert sentences({}) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"defined": False}, "Could not be judged"),
        ({"intervals": {"auc_roc": [0.49, 0.9]}}, "no better than chance"),
        ({"intervals": {"auc_roc": [0.6, 0.79]}}, "worse on the test rows than on the validation"),
        ({"calibration_slope": 0.6}, "too extreme"),
        ({"calibration_slope": 1.5}, "too timid"),
        ({"mean_probability": 0.14}, "cannot be taken at their word"),
        ({"mean_probability": 0.07}, "cannot be taken at their word"),
        ({"n_positives": 49}, "all figures are rough"),
        (
            {
                "previous": {
                    "auc_roc": {"interval": [-0.2, -0.1]},
                    "average_precision": {"interval": [-0.1, 0.1]},
                }
            },
            "worse than the previous model",
        ),
    ],
)
def test_what_speaks_against_a_task_is_said(changes: dict[str, Any], words: str) -> None:
    [sentence] = sentences(changes)
    assert words in sentence
    assert "<bdi>a</bdi>" in sentence
    assert "<bdi>b</bdi>" not in sentence


@pytest.mark.parametrize("changes", [{"calibration_slope": 0.6}, {"mean_probability": 0.2}])
def test_few_positives_say_nothing_about_calibration(changes: dict[str, Any]) -> None:
    assert sentences(changes | {"n_positives": 99}) == []


def test_drift_and_hierarchy_are_said() -> None:
    drift = {"features": {"age": {"psi": 0.3}, "sum": {"psi": 0.2}}, "scores": {"a": {"psi": 0.4}}}
    found = sentences({}, drift=drift, hierarchy={"share_above": 0.02})
    assert "<bdi>age</bdi>" in found[0]
    assert "sum" not in found[0]
    assert "scores of these tasks" in found[1]
    assert "a subtask is given a higher probability" in found[2]


@pytest.mark.parametrize(
    ("auc", "precision", "word"),
    [
        ([0.1, 0.2], [-0.1, 0.1], "better"),
        ([-0.1, 0.1], [0.1, 0.2], "better"),
        ([-0.1, 0.1], [-0.1, 0.1], "unclear"),
        ([0.1, 0.2], [-0.2, -0.1], "unclear"),
        ([-0.2, -0.1], [-0.2, 0.1], "worse"),
    ],
)
def test_better_is_what_chance_cannot_explain(
    auc: list[float], precision: list[float], word: str
) -> None:
    previous = {"auc_roc": {"interval": auc}, "average_precision": {"interval": precision}}
    assert compared(Figures({"val": {"t": {"previous": previous}}}), "val", 0) == word
    assert compared(Figures({"val": {"t": {}}}), "val", 0) is None


def test_stability_index_in_words() -> None:
    assert [shift_word(value) for value in (0.05, 0.1, 0.25)] == ["stable", "moved", "shifted"]
