"""Prints what a finished job wrote: the test metrics of every task, and the files with their sizes.

Run it from the checkout: `python -m examples.show_results BASE`, where BASE is the folder that
stood for `/opt/ml`. Needs nothing but Python's standard library.
"""

import argparse
import json
import re
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

TaskMetrics = dict[str, float | None]

HEADINGS = ["task", "positives", "rate", "AUC", "avg. prec.", "log-loss", "best F1", "at prob. >="]
SCORES = {  # key in metrics.json: decimals shown
    "auc_roc": 4,
    "average_precision": 4,
    "log_loss": 4,
    "f1_at_best_threshold": 3,
    "best_f1_threshold": 3,
}
UNKNOWN = "-"
CONTENTS = {
    "lightgbmmt_model.txt": "the model: lightgbm.Booster(model_file=...)",
    "feature_columns.txt": "the model's features, in order",
    "feature_importance.json": "gain of every feature",
    "hyperparameters.json": "all settings, defaults filled in",
    "impute_dict.pkl": "value for missing numbers, per column",
    "risk_table_map.pkl": "risk of every category, per column",
    "selected_features.json": "the features chosen",
    "training_state.json": "course of the training",
    "weight_evolution.json": "task weights, first to last",
    "report.html": "the report, for a browser",
    "val.tar.gz": "validation split: predictions, metrics, curves",
    "test.tar.gz": "test split: predictions, metrics, curves",
}


def read_test_metrics(base: Path) -> dict[str, TaskMetrics]:
    """Read `test/metrics.json` out of `output/data/test.tar.gz`.

    Args:
        base: the folder that stands for `/opt/ml`.

    Returns:
        Task name to its metrics, in task order. For a task with one class only (`"defined": false`)
        the scores are None: the file's 0.5 is a placeholder and no measurement.

    Raises:
        FileNotFoundError: there is no such archive.
    """
    with tarfile.open(base / "output" / "data" / "test.tar.gz") as archive:
        member = archive.extractfile("test/metrics.json")
        if member is None:
            raise FileNotFoundError("test.tar.gz: test/metrics.json is not a file")
        content = json.load(member)
    metrics = {}
    for key, values in content.items():
        if not key.startswith("task_"):
            continue
        unmeasured = {} if values.get("defined", True) else dict.fromkeys(SCORES)
        metrics[re.sub(r"^task_\d+_", "", key)] = values | unmeasured
    return metrics


def metrics_table(metrics: dict[str, TaskMetrics]) -> str:
    """Lay out one row per task and a row of means, which skip what is unknown."""
    rows = []
    for task, values in metrics.items():
        n_rows, positives = values.get("n_rows"), values.get("n_positives")
        rate = positives / n_rows if n_rows and positives is not None else None
        counts = [_number(positives, ",.0f"), _number(rate, ".2%")]
        scores = [_number(values.get(key), f".{digits}f") for key, digits in SCORES.items()]
        rows.append([task, *counts, *scores])
    means = []
    for key, digits in SCORES.items():
        known = [value for values in metrics.values() if (value := values.get(key)) is not None]
        mean = sum(known) / len(known) if known and key != "best_f1_threshold" else None
        means.append("" if key == "best_f1_threshold" else _number(mean, f".{digits}f"))
    return _table(HEADINGS, rows, ["mean", "", "", *means])


def files_table(base: Path) -> str:
    """List the files below `model/` and `output/data/` with their sizes and what they are."""
    files = [
        file
        for folder in (base / "model", base / "output" / "data")
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    sizes = [file.stat().st_size for file in files]
    names = [file.relative_to(base).as_posix() for file in files]
    width = max((len(name) for name in names), default=0)
    lines = [
        f"  {name:<{width}}  {_size(size):>8}  {CONTENTS.get(file.name, '')}".rstrip()
        for name, size, file in zip(names, sizes, files, strict=True)
    ]
    return "\n".join(lines)


def show(base: Path) -> str:
    """Put both tables together.

    Raises:
        FileNotFoundError: the job has not written `output/data/test.tar.gz`.
    """
    metrics = read_test_metrics(base)
    report = base / "output" / "data" / "report.html"
    counts = [n_rows for values in metrics.values() if (n_rows := values.get("n_rows")) is not None]
    rows = f" ({max(counts):,.0f} rows)" if counts else ""
    return "\n".join(
        [
            f"Test split{rows}, {len(metrics)} tasks, one model",
            "",
            metrics_table(metrics),
            "",
            f"Written below {base}",
            "",
            files_table(base),
            *(["", f"Open in a browser: {report.resolve()}"] if report.exists() else []),
        ]
    )


def _number(value: float | None, spec: str) -> str:
    return UNKNOWN if value is None else format(value, spec)


def _size(size: float) -> str:
    for unit in ("B", "KB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} MB"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], last: Sequence[str]) -> str:
    widths = [max(map(len, column)) for column in zip(headings, *rows, last, strict=True)]
    rule = "  " + "-" * (sum(widths) + 2 * (len(widths) - 1))

    def line(cells: Sequence[str]) -> str:
        numbers = (f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True))
        return "  " + "  ".join([f"{cells[0]:<{widths[0]}}", *numbers]).rstrip()

    return "\n".join([line(headings), rule, *map(line, rows), rule, line(last)])


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description="Show what a finished job wrote.")
    parser.add_argument("base", type=Path, help="folder that stood for /opt/ml")
    base = parser.parse_args().base
    try:
        print(show(base))
    except FileNotFoundError:
        sys.exit(
            f"there is no {base / 'output/data/test.tar.gz'}: run the job with test data first"
        )


if __name__ == "__main__":
    main()
