"""Does distillation help an overfitting rare task? AI4I 2020, 400 trees, with and without it.

    python -m benchmarks.distillation PATH_TO/ai4i2020.csv --seeds 5

Prints the mean validation AUC over tasks after the last tree, with `adaptive` weights alone, and
what `adaptive_kd` adds to it for both teachers and several weights, with a 95 % confidence interval
over the seeds.
"""

import argparse
import json
import logging
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import stats

import lightgbmmt_training
from examples.ai4i2020 import write_tree

N_TREES = 400
PATIENCE = 3
VARIANTS: dict[str, dict[str, object]] = {
    f"{teacher}, {weight:g}": {
        "loss_type": "adaptive_kd",
        "loss_kd_teacher": teacher,
        "loss_kd_weight": weight,
        "loss_patience": PATIENCE,
    }
    for teacher in ("main", "best_self")
    for weight in (0.1, 1.0, 10.0)
}


def validation_aucs(csv_path: Path, seed: int, settings: Mapping[str, object]) -> dict[str, float]:
    """Trains the job on one random split; gives the mean validation AUC and that of `TWF`."""
    with TemporaryDirectory() as folder:
        base = Path(folder)
        write_tree(csv_path, base, seed=seed)
        knobs = base / "code" / "hyperparams" / "hyperparameters.json"
        values = json.loads(knobs.read_text()) | {"num_iterations": N_TREES, "seed": seed}
        knobs.write_text(json.dumps(values | settings))
        lightgbmmt_training.run_job({"SAGEMAKER_BASE_DIR": folder}, threading.Event())
        with tarfile.open(base / "output" / "data" / "val.tar.gz") as archive:
            file = archive.extractfile("val/metrics.json")
            if file is None:
                raise FileNotFoundError("val/metrics.json")
            metrics = json.load(file)
    return {
        "mean": metrics["aggregate"]["mean_auc_roc"],
        "TWF": metrics["task_1_TWF"]["auc_roc"],
    }


def interval(differences: list[float]) -> str:
    """Mean and half the width of the 95 % t-interval."""
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{np.mean(differences):+.4f} ± {half:.4f}"


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv_path", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    seeds = range(arguments.seeds)
    plain = [validation_aucs(arguments.csv_path, seed, {"loss_type": "adaptive"}) for seed in seeds]
    means = {name: float(np.mean([aucs[name] for aucs in plain])) for name in ("mean", "TWF")}
    print(
        f"AI4I 2020, {N_TREES} trees, {arguments.seeds} random splits, loss_patience {PATIENCE}\n"
    )
    print("| teacher, loss_kd_weight | validation AUC, mean over tasks | of TWF |")
    print("|---|---|---|")
    print(f"| none (`adaptive`) | {means['mean']:.4f} | {means['TWF']:.4f} |")
    for name, settings in VARIANTS.items():
        found = [validation_aucs(arguments.csv_path, seed, settings) for seed in seeds]
        columns = [
            interval([aucs[key] - base[key] for aucs, base in zip(found, plain, strict=True)])
            for key in ("mean", "TWF")
        ]
        print(f"| {name} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
