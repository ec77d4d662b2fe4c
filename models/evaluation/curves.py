"""ROC and precision-recall pictures of every task of a split."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from common.disk_names import to_disk
from models.evaluation import calibration, ranking_metrics
from models.evaluation.file_names import safe_file_name
from models.evaluation.score_counts import Floats, ScoreCounts, count_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logger = logging.getLogger(__name__)

COLUMNS = 2000
"""Columns that a curve is thinned to: several to a pixel, so that the picture stays the same."""

MAX_TITLE_LENGTH = 46
"""Characters of a task name in a title."""

_FONT = "DejaVu Sans"  # comes with matplotlib, so that titles look the same on every machine
_BLUE, _GREY = "#1f5fa8", "#8a8a8a"


def plot_multitask_curves(
    y_true_tasks: Mapping[int, ArrayLike],
    y_pred_tasks: ArrayLike,
    task_columns: Sequence[str],
    out_dir: Path | str,
    prefix: str,
    *,
    sample_weights: Mapping[int, ArrayLike] | None = None,
) -> list[Path]:
    """Draw the ROC and the precision-recall curve of each task into files of their own.

    The files are `<prefix>_task_<i>_<task>_roc.jpg` and `..._pr.jpg`, the task as
    `safe_file_name` writes it. A task without both classes gets none. The figures in the legends
    are those of `compute_multitask_metrics`.

    Args:
        y_true_tasks: task index -> (n,) labels: 0, 1, or NaN where the label is unknown.
        y_pred_tasks: (n, K) probabilities.
        task_columns: K task names, in the order of the indices.
        out_dir: folder of the files; made if it is not there.
        prefix: what the file names start with, the name of the split.
        sample_weights: task index -> (n,) weights >= 0; a task without an entry is not weighted.

    Returns:
        The files, in the order of the tasks.

    Raises:
        ValueError: as `compute_multitask_metrics`.
    """
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for i, counts in enumerate(
        count_tasks(y_true_tasks, y_pred_tasks, task_columns, sample_weights)
    ):
        if not counts.has_both_classes:
            logger.info("No curves for task %d (%s): needs both classes", i, task_columns[i])
            continue
        stem = f"{prefix}_task_{i}_{safe_file_name(task_columns[i])}"
        title = f"{prefix}, task {i}: {readable_title(task_columns[i])}"
        for kind, draw in (("roc", _draw_roc), ("pr", _draw_precision_recall)):
            file = folder / to_disk(f"{stem}_{kind}.jpg")
            _save_picture(file, title, partial(draw, counts))
            files.append(file)
    return files


def roc_points(counts: ScoreCounts) -> tuple[Floats, Floats]:
    """Return false positive rate and recall, from (0, 0) to (1, 1), one point per threshold."""
    fpr = np.append(0.0, counts.false_positives / counts.total_negatives)
    recall = np.append(0.0, counts.true_positives / counts.total_positives)
    return fpr, recall


def precision_recall_points(counts: ScoreCounts) -> tuple[Floats, Floats]:
    """Return recall and precision at the thresholds that gain recall, from recall 0 on.

    As steps whose height is the precision at their right end, their area is the average precision.
    """
    gains = counts.positives > 0.0
    true_positives = counts.true_positives[gains]
    precision = true_positives / (true_positives + counts.false_positives[gains])
    recall = true_positives / counts.total_positives
    return np.append(0.0, recall), np.append(precision[0], precision)


def thin_curve(x: Floats, y: Floats, n_columns: int = COLUMNS) -> tuple[Floats, Floats]:
    """Replace a curve by first, lowest, highest and last value of each of `n_columns` columns.

    What is drawn covers the same heights in every column, as with all points ("M4", Jugel et al.,
    VLDB 2014). Short curves are returned as they are.

    Args:
        x: (m,) values in [0, 1], ascending.
        y: (m,) values.
        n_columns: number of columns of equal width.

    Returns:
        x and y of at most `4 * (n_columns + 1)` points, or all of them.
    """
    if x.size <= 4 * (n_columns + 1):
        return x, y
    starts = np.flatnonzero(np.diff(np.floor(x * n_columns), prepend=-1.0))
    ends = np.append(starts[1:], x.size) - 1
    lowest, highest = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    thin_x = np.column_stack((x[starts], x[starts], x[ends], x[ends]))
    thin_y = np.column_stack((y[starts], lowest, highest, y[ends]))
    return thin_x.ravel(), thin_y.ravel()


def readable_title(task: str) -> str:
    r"""Return a task name that a title can show: one line, of limited length, in a known font.

    Characters that do not print or that the font lacks stand as `\u6b3a`; a name of more than
    `MAX_TITLE_LENGTH` characters loses its middle.
    """
    # Imported here because it takes half a second, which every start of the job would pay.
    from matplotlib.font_manager import findfont, get_font  # noqa: PLC0415

    font = get_font(findfont(_FONT))
    shown = [c if c.isprintable() and font.get_char_index(ord(c)) else _escape(c) for c in task]
    if sum(map(len, shown)) <= MAX_TITLE_LENGTH:
        return "".join(shown)
    half = (MAX_TITLE_LENGTH - 1) // 2
    n_head = sum(length <= half for length in accumulate(map(len, shown)))
    n_tail = sum(length <= half for length in accumulate(map(len, reversed(shown))))
    return "".join([*shown[:n_head], "…", *shown[len(shown) - n_tail :]])


def _escape(char: str) -> str:
    # ascii() writes an ASCII control character as \n or \x00 and any other one as \u6b3a.
    return ascii(char)[1:-1]


def _save_picture(file: Path, title: str, draw: Callable[["Axes"], None]) -> None:
    # Imported here for the reason given in `readable_title`. Figures made without pyplot have no
    # global state, no backend to choose, and are freed with their last reference.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6.0, 6.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.12, 0.1, 0.83, 0.83))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    # Without parse_math=False a task name with two `$` would be read as a formula.
    axes.set_title(title, fontsize=11, fontfamily=_FONT, parse_math=False)
    draw(axes)
    figure.savefig(file, format="jpeg", pil_kwargs={"quality": 90})


def _draw_roc(counts: ScoreCounts, axes: "Axes") -> None:
    label = f"AUC {ranking_metrics.auc_roc(counts):.4f}\n{_sizes(counts)}"
    axes.plot(*thin_curve(*roc_points(counts)), color=_BLUE, lw=1.8, label=label, clip_on=False)
    axes.plot([0, 1], [0, 1], color=_GREY, lw=1, ls="--", label="random order, AUC 0.5")
    axes.set(xlabel="False positive rate", ylabel="Recall (true positive rate)")
    axes.legend(loc="lower right", edgecolor="0.85")


def _draw_precision_recall(counts: ScoreCounts, axes: "Axes") -> None:
    label = f"AP {ranking_metrics.average_precision(counts):.4f}\n{_sizes(counts)}"
    recall, precision = thin_curve(*precision_recall_points(counts))
    axes.step(recall, precision, where="pre", color=_BLUE, lw=1.8, label=label, clip_on=False)
    rate = calibration.base_rate(counts)
    axes.axhline(rate, color=_GREY, lw=1, ls="--", label=f"random order, AP {rate:.4g}")
    axes.set(xlabel="Recall", ylabel="Precision")
    axes.legend(loc="best", edgecolor="0.85")


def _sizes(counts: ScoreCounts) -> str:
    return f"{counts.n_positives:,} positive of {counts.n_rows:,} rows"
