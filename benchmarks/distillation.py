"""Does distillation help an overfitting rare task? AI4I 2020, 400 trees, with and without it.

    python -m benchmarks.distillation PATH_TO/ai4i2020.csv --seeds 5

Prints the mean validation AUC over tasks after the last tree, with `adaptive` weights alone, and
what `adaptive_kd` adds to it for both teachers and several weights, with a 95 % confidence interval
over the seeds.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.accuracy_job import train_in
from benchmarks.accuracy_report import paired_difference
from examples.ai4i2020 import write_tree

N_TREES = 400
PATIENCE = 3


def validation_aucs(csv_path: Path, seed: int, settings: Mapping[str, object]) -> list[float]:
    """Trains the job on one random split; gives the mean validation AUC and that of `TWF`."""
    with TemporaryDirectory() as folder:
        base = Path(folder)
        write_tree(csv_path, base, seed=seed)
        knobs = base / "code" / "hyperparams" / "hyperparameters.json"
        values = json.loads(knobs.read_text()) | {"num_iterations": N_TREES, "seed": seed}
        knobs.write_text(json.dumps(values | settings))
        metrics = json.loads(train_in(base, "val.tar.gz", "val/metrics.json"))
    return [metrics["aggregate"]["mean_auc_roc"], metrics["task_1_TWF"]["auc_roc"]]


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv_path", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()

    def aucs(**settings: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        found = [validation_aucs(args.csv_path, seed, settings) for seed in range(args.seeds)]
        return np.array(found)

    plain = aucs(loss_type="adaptive")
    mean, twf = plain.mean(axis=0)
    print(f"AI4I 2020, {N_TREES} trees, {args.seeds} random splits, loss_patience {PATIENCE}\n")
    print("| teacher, loss_kd_weight | validation AUC, mean over tasks | of TWF |\n|---|---|---|")
    print(f"| none (`adaptive`) | {mean:.4f} | {twf:.4f} |")
    for teacher in ("main", "best_self"):
        for weight in (0.1, 1.0, 10.0):
            distilled = aucs(
                loss_type="adaptive_kd",
                loss_kd_teacher=teacher,
                loss_kd_weight=weight,
                loss_patience=PATIENCE,
            )
            gains = [paired_difference(gain, resampled=False) for gain in (distilled - plain).T]
            print(f"| {teacher}, {weight:g} | {gains[0]} | {gains[1]} |")


if __name__ == "__main__":
    main()
