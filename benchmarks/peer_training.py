"""Programs that the speed program measures: training and prediction with other models.

Single-task LightGBM, its default parameters and 31 leaves, is the unit of most figures. The
parameters were checked with lightgbm 4.7.0, catboost 1.2.10 and xgboost 3.4.1.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import CATBOOST, XGBOOST
from benchmarks.speed_data import read_matrix
from benchmarks.timing import run_as_program

# What the job does by default, see `models.engine.structure`.
_QUANTIZED = {"use_quantized_grad": True, "num_grad_quant_bins": 64, "stochastic_rounding": False}

X = NDArray[np.float32]
Y = NDArray[np.uint8]
# Builds a library's matrix from features, labels and threads; gives what trains so many trees.
Maker = Callable[[X, Y, int], Callable[[int], object]]


def single_lightgbm(x: X, y: Y, n_threads: int) -> Callable[[int], object]:
    """K binary models one after the other on one Dataset."""
    params = _binary(n_threads)
    dataset = lgb.Dataset(x, y[:, 0], params=params, free_raw_data=False).construct()

    def train(n_trees: int) -> None:
        for label in y.T:
            dataset.set_label(label)
            lgb.train(params, dataset, n_trees)

    return train


def xgboost_multi_output(x: X, y: Y, n_threads: int) -> Callable[[int], object]:
    """One model of trees with vector leaves."""
    import xgboost  # noqa: PLC0415 - may not be installed

    matrix = xgboost.QuantileDMatrix(x, y, nthread=n_threads)
    return lambda n_trees: xgboost.train({**XGBOOST, "nthread": n_threads}, matrix, n_trees)


def catboost_multilogloss(x: X, y: Y, n_threads: int) -> Callable[[int], object]:
    """One model of symmetric trees with vector leaves."""
    from catboost import CatBoostClassifier, Pool  # noqa: PLC0415 - may not be installed

    pool = Pool(x, y)
    pool.quantize()
    own = {**CATBOOST, "thread_count": n_threads}
    return lambda n_trees: CatBoostClassifier(**own, iterations=n_trees).fit(pool)


PEERS: dict[str, Maker] = {"lightgbm": single_lightgbm, "xgboost": xgboost_multi_output}
PEERS["catboost"] = catboost_multilogloss


def measure(make: Maker, x: X, y: Y, trees: Sequence[int], n_threads: int) -> dict[str, float]:
    """Seconds to build the matrix, and to train `trees[0]` and `trees[1]` trees on it."""
    started = time.perf_counter()
    train = make(x, y, n_threads)
    build = time.perf_counter() - started
    short, long = (_seconds(partial(train, n_trees)) for n_trees in trees)
    return {"build": build, "short": short, "long": long}


def train_single(
    table: Path, task: str, n_trees: int, n_threads: int, *, quantized: bool = False
) -> lgb.Booster:
    """Trains a binary model on a made table; no validation rows, nothing but the trees."""
    x, y = read_matrix(table / "train", [task])
    params = _binary(n_threads) | (_QUANTIZED if quantized else {})
    dataset = lgb.Dataset(x, y[:, 0], params=params)
    return lgb.train(params, dataset, n_trees, callbacks=[_print_progress])


def time_predictions(
    x: X, shared: Path, singles: list[Path], n_pairs: int, n_threads: int
) -> list[tuple[float, float]]:
    """Seconds that a model file of K tasks and K files of one task take, by turns, in each pair."""
    kinds = [[lgb.Booster(model_file=path) for path in paths] for paths in ([shared], singles)]

    def seconds(models: list[lgb.Booster], x: X) -> float:
        return _seconds(lambda: [model.predict(x, num_threads=n_threads) for model in models])

    for models in kinds:
        seconds(models, x[:1000])
    return [(seconds(kinds[0], x), seconds(kinds[1], x)) for _ in range(n_pairs)]


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def _binary(n_threads: int) -> dict[str, object]:
    return {"objective": "binary", "num_threads": n_threads, "verbosity": -1}


def _print_progress(env: lgb.callback.CallbackEnv) -> None:
    """Prints as often as the job does."""
    done, n_trees = env.iteration + 1, env.end_iteration
    if done % max(1, n_trees // 10) == 0 or done == n_trees:
        print(f"iteration {done}/{n_trees}", flush=True)


def run(program: str, table: str, n_threads: int, tasks: Sequence[str] = (), **own: Any) -> object:
    """One of the programs on a made table: `single`, `predict`, or the module of a peer."""
    if program == "single":
        model = own.pop("model", None)
        booster = train_single(Path(table), tasks[0], n_threads=n_threads, **own)
        return model and str(booster.save_model(model))
    x, y = read_matrix(Path(table) / "train", list(tasks))
    if program == "predict":
        return time_predictions(x, n_threads=n_threads, **own)
    return measure(PEERS[program], x, y, n_threads=n_threads, **own)


if __name__ == "__main__":
    run_as_program(run)
