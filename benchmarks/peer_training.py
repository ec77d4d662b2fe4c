"""Times the training of other libraries on a made table.

`python -m benchmarks.peer_training xgboost TABLE --tasks task_00 task_01 --short 10 --long 60
--threads 2` prints a JSON object: seconds to build the library's matrix, and those of a short and a
long training on it. Trees have 31 leaves (CatBoost: 32).

The parameters were checked with lightgbm 4.7.0, catboost 1.2.10 and xgboost 3.2.0.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from benchmarks.speed_matrix import read_matrix

Trainer = Callable[[int], object]
"""Trains that many trees."""

Maker = Callable[[NDArray[np.float32], NDArray[np.uint8], int], Trainer]
"""Builds a library's matrix from features, labels and number of threads."""


def single_lightgbm(x: NDArray[np.float32], y: NDArray[np.uint8], n_threads: int) -> Trainer:
    """K binary models one after the other on one Dataset."""
    params = {"objective": "binary", "num_threads": n_threads, "verbosity": -1}
    dataset = lgb.Dataset(x, y[:, 0], params=params, free_raw_data=False).construct()

    def train(n_trees: int) -> None:
        for label in y.T:
            dataset.set_label(label)
            lgb.train(params, dataset, n_trees)

    return train


def xgboost_multi_output(x: NDArray[np.float32], y: NDArray[np.uint8], n_threads: int) -> Trainer:
    """One model of trees with vector leaves."""
    import xgboost  # noqa: PLC0415 - may not be installed

    matrix = xgboost.QuantileDMatrix(x, y, nthread=n_threads)
    params: dict[str, Any] = {
        "objective": "binary:logistic",
        "multi_strategy": "multi_output_tree",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": 31,
        "max_depth": 0,
        "learning_rate": 0.1,
        "nthread": n_threads,
    }
    return lambda n_trees: xgboost.train(params, matrix, n_trees)


def catboost_multilogloss(x: NDArray[np.float32], y: NDArray[np.uint8], n_threads: int) -> Trainer:
    """One model of symmetric trees with vector leaves."""
    from catboost import CatBoostClassifier, Pool  # noqa: PLC0415 - may not be installed

    pool = Pool(x, y)
    pool.quantize()

    def train(n_trees: int) -> None:
        CatBoostClassifier(
            loss_function="MultiLogloss",
            iterations=n_trees,
            learning_rate=0.1,
            depth=5,
            thread_count=n_threads,
            allow_writing_files=False,
            verbose=False,
        ).fit(pool)

    return train


PEERS: dict[str, Maker] = {
    "lightgbm": single_lightgbm,
    "xgboost": xgboost_multi_output,
    "catboost": catboost_multilogloss,
}


def measure(
    make: Maker,
    x: NDArray[np.float32],
    y: NDArray[np.uint8],
    trees: tuple[int, int],
    n_threads: int,
) -> dict[str, float]:
    """Seconds to build the matrix, and to train `trees[0]` and `trees[1]` trees on it."""
    started = time.perf_counter()
    train = make(x, y, n_threads)
    build = time.perf_counter() - started
    seconds = []
    for n_trees in trees:
        started = time.perf_counter()
        train(n_trees)
        seconds.append(time.perf_counter() - started)
    return {"build": build, "short": seconds[0], "long": seconds[1]}


def main() -> None:
    """Reads the command line, trains, and prints the seconds."""
    parser = argparse.ArgumentParser(description="Time the training of another library.")
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("table", type=Path, help="folder of a made Parquet table")
    parser.add_argument("--tasks", nargs="+", required=True, help="label columns")
    parser.add_argument("--short", type=int, required=True, help="trees of the short training")
    parser.add_argument("--long", type=int, required=True, help="trees of the long training")
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    x, y = read_matrix(args.table / "train", args.tasks)
    print(json.dumps(measure(PEERS[args.peer], x, y, (args.short, args.long), args.threads)))


if __name__ == "__main__":
    main()
