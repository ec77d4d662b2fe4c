"""Does distillation help an overfitting rare task? AI4I 2020, 400 trees, with and without it.

    python -m benchmarks.distillation PATH_TO/ai4i2020.csv --seeds 5

Prints the mean validation AUC over tasks after the last tree with `adaptive` weights, and what
`adaptive_kd` adds to it, with a 95 % confidence interval over the seeds.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.accuracy_job import train_in
from benchmarks.accuracy_report import markdown, paired_difference
from benchmarks.peers import Floats
from examples.ai4i2020 import write_tree

N_TREES, PATIENCE = 400, 3


def validation_aucs(csv_path: Path, n_seeds: int, **settings: object) -> Floats:
    """Mean validation AUC and that of `TWF` on each of several random splits, (s, 2)."""
    aucs = []
    for seed in range(n_seeds):
        with TemporaryDirectory() as folder:
            write_tree(csv_path, Path(folder), seed=seed)
            knobs = Path(folder) / "code" / "hyperparams" / "hyperparameters.json"
            values = json.loads(knobs.read_text()) | {"num_iterations": N_TREES, "seed": seed}
            knobs.write_text(json.dumps(values | settings))
            metrics = json.loads(train_in(Path(folder), "val.tar.gz", "val/metrics.json"))
        aucs.append([metrics["aggregate"]["mean_auc_roc"], metrics["task_1_TWF"]["auc_roc"]])
    return np.array(aucs)


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description="Compare teachers and weights of distillation.")
    parser.add_argument("csv_path", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    plain = validation_aucs(args.csv_path, args.seeds, loss_type="adaptive")
    lines = [["none (`adaptive`)", *(f"{auc:.4f}" for auc in plain.mean(axis=0))]]
    kd: dict[str, object] = {"loss_type": "adaptive_kd", "loss_patience": PATIENCE}
    for teacher, weight in ((name, w) for name in ("main", "best_self") for w in (0.1, 1, 10)):
        knobs = kd | {"loss_kd_teacher": teacher, "loss_kd_weight": weight}
        gains = (validation_aucs(args.csv_path, args.seeds, **knobs) - plain).T
        differences = [str(paired_difference(gain, resampled=False)) for gain in gains]
        lines.append([f"{teacher}, {weight:g}", *differences])
    print(f"AI4I 2020, {N_TREES} trees, {args.seeds} random splits, loss_patience {PATIENCE}\n")
    head = ["teacher, loss_kd_weight", "validation AUC, mean over tasks", "of TWF"]
    print(markdown(head, lines))


if __name__ == "__main__":
    main()
