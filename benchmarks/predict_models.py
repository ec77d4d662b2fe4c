"""Times predictions of one model file of K tasks and of K files of one task, by turns.

`python -m benchmarks.predict_models TABLE --shared FILE --single FILE FILE ... --pairs 3
--threads 2` predicts the training rows of a made Parquet table in one process, with stock LightGBM
only, and prints a JSON list of pairs of seconds.
"""

import argparse
import json
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from benchmarks.speed_matrix import read_matrix


def time_pairs(
    x: NDArray[np.float32],
    shared: Path,
    singles: list[Path],
    n_pairs: int,
    n_threads: int,
) -> list[tuple[float, float]]:
    """Seconds that the shared model and the single models took, once per pair."""
    shared_model = [lgb.Booster(model_file=shared)]
    single_models = [lgb.Booster(model_file=path) for path in singles]
    for models in (shared_model, single_models):
        _predict_seconds(models, x[:1000], n_threads)
    return [
        (
            _predict_seconds(shared_model, x, n_threads),
            _predict_seconds(single_models, x, n_threads),
        )
        for _ in range(n_pairs)
    ]


def _predict_seconds(models: list[lgb.Booster], x: NDArray[np.float32], n_threads: int) -> float:
    started = time.perf_counter()
    for model in models:
        model.predict(x, num_threads=n_threads)
    return time.perf_counter() - started


def main() -> None:
    """Reads the command line, predicts, and prints the seconds."""
    parser = argparse.ArgumentParser(description="Time predictions of LightGBM model files.")
    parser.add_argument("table", type=Path, help="folder of a made Parquet table")
    parser.add_argument("--shared", type=Path, required=True, help="model file of K tasks")
    parser.add_argument("--single", type=Path, nargs="+", required=True, help="K model files")
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    x, _ = read_matrix(args.table / "train", [])
    print(json.dumps(time_pairs(x, args.shared, args.single, args.pairs, args.threads)))


if __name__ == "__main__":
    main()
