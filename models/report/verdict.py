"""What a reader must know before the details: sentences that follow from the figures."""

import math
from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup

from models.report.numbers import Figures, sentence_list

FEW_POSITIVES = 50
SHIFTED, MOVED = 0.25, 0.1
"""Population stability index above which a distribution is shifted, or has moved."""

_MOST_NAMES = 8
_ENOUGH_TO_CALIBRATE = 100
_SLOPES = (0.7, 1.4)
_RATIOS = (0.8, 1.25)
_ABOVE_MAIN = 0.01
SPLIT_NAMES = {"val": "validation", "test": "test"}


def compared(figures: Figures, split: str, task: int) -> str | None:
    """`better`, `worse` or `unclear` than the earlier model; None without one.

    Better is a model of which AUC or average precision is clearly higher, and neither clearly
    lower: where the interval of the difference leaves out zero.
    """
    ends = [
        figures.get(split, task, "previous", key, "interval")
        for key in ("auc_roc", "average_precision")
    ]
    if None in ends:
        return None
    higher, lower = any(low > 0 for low, _ in ends), any(high < 0 for _, high in ends)
    if higher == lower:
        return "unclear"
    return "better" if higher else "worse"


def shift_word(index: float) -> str:
    """How a population stability index is read."""
    return "shifted" if index >= SHIFTED else "moved" if index >= MOVED else "stable"


def points_of_attention(figures: Figures, tasks: Sequence[str], split: str) -> list[Markup]:
    """What speaks against the model, one sentence each; empty if nothing does.

    Args:
        figures: The metrics.
        tasks: K task names.
        split: The split that the verdict is about.
    """
    sentences = [*_of_tasks(figures, tasks, split), *_of_drift(figures, split)]
    share = figures.get(split, "hierarchy", "share_above")
    if share is not None and share > _ABOVE_MAIN:
        sentences.append(
            Markup(
                "In {} of the rows a subtask is given a higher probability than the main task, of "
                "which it is a part."
            ).format(figures.show("percent", split, "hierarchy", "share_above"))
        )
    return sentences


def _of_tasks(figures: Figures, tasks: Sequence[str], split: str) -> Iterator[Markup]:
    rules: list[tuple[Callable[[Figures, str, int], bool], Markup]] = [
        (
            _unjudged_by_test,
            Markup(
                "Could not be judged on the test rows, which have only one class or no label: {}."
            ),
        ),
        (
            _undefined,
            Markup("Could not be judged, for its rows have only one class or no label: {}."),
        ),
        (
            _chance,
            Markup("May be no better than chance, for the interval of its AUC includes 0.5: {}."),
        ),
        (_worse, Markup("Ranks worse than the previous model: {}.")),
        (_overfitted, Markup("Ranks worse on the test rows than on the validation rows: {}.")),
        (_extreme, Markup("Probabilities that are too extreme (calibration slope below 0.7): {}.")),
        (_timid, Markup("Probabilities that are too timid (calibration slope above 1.4): {}.")),
        (
            _biased,
            Markup(
                "Mean probability and share of positives differ by more than a quarter, so that "
                "probabilities cannot be taken at their word: {}."
            ),
        ),
        (_few, Markup("Fewer than 50 positives, so that all figures are rough: {}.")),
    ]
    for rule, sentence in rules:
        found = [tasks[task] for task in range(len(tasks)) if rule(figures, split, task)]
        if found:
            yield sentence.format(_names(found))


def _of_drift(figures: Figures, split: str) -> Iterator[Markup]:
    subjects = {"features": "these features", "scores": "the scores of these tasks"}
    for kind, subject in subjects.items():
        drift = figures.get(split, "drift", kind) or {}
        shifted = {key: entry["psi"] for key, entry in drift.items() if entry["psi"] >= SHIFTED}
        if shifted:
            yield Markup(
                "The distribution of {} differs much between training and {} rows (stability "
                "index above {}): {}."
            ).format(
                subject,
                SPLIT_NAMES[split],
                SHIFTED,
                _names(sorted(shifted, key=lambda key: -shifted[key])),
            )


def _names(found: Sequence[str]) -> Markup:
    if len(found) <= _MOST_NAMES:
        return sentence_list(found)
    listed = Markup(", ").join(sentence_list([item]) for item in found[:_MOST_NAMES])
    return Markup("{} and {} more").format(listed, len(found) - _MOST_NAMES)


def _unjudged_by_test(figures: Figures, split: str, task: int) -> bool:
    """Whether the verdict is on the validation rows, but there are test rows with labels."""
    return split == "val" and figures.get("test", task, "defined") is False


def _undefined(figures: Figures, split: str, task: int) -> bool:
    return not figures.get(split, task, "defined")


def _chance(figures: Figures, split: str, task: int) -> bool:
    ends = figures.get(split, task, "intervals", "auc_roc")
    return ends is not None and ends[0] <= 0.5


def _worse(figures: Figures, split: str, task: int) -> bool:
    return compared(figures, split, task) == "worse"


def _overfitted(figures: Figures, split: str, task: int) -> bool:
    val, test = (figures.get(name, task, "intervals", "auc_roc") for name in ("val", "test"))
    return val is not None and test is not None and bool(test[1] < val[0])


def _slope(figures: Figures, split: str, task: int) -> float:
    """The calibration slope; nan where there is none, or too few positives to tell."""
    slope = figures.get(split, task, "calibration_slope")
    enough = figures.get(split, task, "n_positives") >= _ENOUGH_TO_CALIBRATE
    return slope if slope is not None and enough else math.nan


def _extreme(figures: Figures, split: str, task: int) -> bool:
    return _slope(figures, split, task) < _SLOPES[0]


def _timid(figures: Figures, split: str, task: int) -> bool:
    return _slope(figures, split, task) > _SLOPES[1]


def _biased(figures: Figures, split: str, task: int) -> bool:
    mean, rate = (figures.get(split, task, key) for key in ("mean_probability", "base_rate"))
    enough = figures.get(split, task, "n_positives") >= _ENOUGH_TO_CALIBRATE
    return bool(enough and rate) and not _RATIOS[0] <= mean / rate <= _RATIOS[1]


def _few(figures: Figures, split: str, task: int) -> bool:
    defined = bool(figures.get(split, task, "defined"))
    return defined and bool(figures.get(split, task, "n_positives") < FEW_POSITIVES)
