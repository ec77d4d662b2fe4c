"""What the job is compared with, each used as its own users would.

All take a table's splits and give the probabilities of the test rows, shape (n, K). All grow trees
of 31 leaves (CatBoost: 32) with learning rate 0.1, at most 300 of them, and stop when the log-loss
on the validation rows has not improved for 30 trees. Missing numbers are left to the library.
Categories are CatBoost's own business; LightGBM gets them target-encoded for each task, XGBoost
target-encoded for the main task.

Two peers are held back where they would take minutes for a table: CatBoost does not combine
categories, and XGBoost has 64 bins, as its time grows with bins times features times tasks.

The parameters were checked with lightgbm 4.7.0, catboost 1.2.10 and xgboost 3.4.1.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from benchmarks.tables import Table

NUM_LEAVES = 31
LEARNING_RATE = 0.1
MOST_TREES = 300
PATIENCE = 30
SINGLE = "K single LightGBM"
"""Name of the single models in the report."""

XGBOOST: dict[str, object] = {
    "objective": "binary:logistic",
    "multi_strategy": "multi_output_tree",
    "tree_method": "hist",
    "grow_policy": "lossguide",
    "max_leaves": NUM_LEAVES,
    "max_depth": 0,
    "learning_rate": LEARNING_RATE,
}
CATBOOST: dict[str, object] = {
    "loss_function": "MultiLogloss",
    "learning_rate": LEARNING_RATE,
    "depth": 5,
    "allow_writing_files": False,
    "verbose": False,
}

Floats = NDArray[np.float64]
Splits = Mapping[str, pd.DataFrame]
Peer = Callable[[Table, Splits, int, int], Floats]
"""From table, splits, seed and number of threads to the probabilities of the test rows."""


def single_lightgbm(
    table: Table, splits: Splits, seed: int, n_threads: int, lambda_l2: float = 0.0
) -> Floats:
    """K binary LightGBM models, each with its own early stopping and category encoding.

    A row whose label is missing in the splits `train` or `val` is left out of that task's model.
    """
    params = {
        "objective": "binary",
        "num_leaves": NUM_LEAVES,
        "learning_rate": LEARNING_RATE,
        "lambda_l2": lambda_l2,
        "num_threads": n_threads,
        "seed": seed,
        "verbosity": -1,
    }
    probs = []
    for task in table.tasks:
        labelled = {name: rows[rows[task].notna()] for name, rows in splits.items()}
        features = _encoded(table, labelled, task, seed)
        train = lgb.Dataset(features["train"], labelled["train"][task], params=params)
        valid = train.create_valid(features["val"], labelled["val"][task])
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        booster = lgb.train(params, train, MOST_TREES, [valid], callbacks=[stop])
        probs.append(np.asarray(booster.predict(features["test"])))
    return np.column_stack(probs)


def catboost_multilogloss(table: Table, splits: Splits, seed: int, n_threads: int) -> Floats:
    """One CatBoost model of symmetric trees with vector leaves."""
    from catboost import CatBoostClassifier, Pool  # noqa: PLC0415 - may not be installed

    pools = {}
    for name, rows in splits.items():
        features = rows[table.features].assign(**_texts(table, rows))
        labels = rows[table.tasks].to_numpy()
        pools[name] = Pool(features, labels, cat_features=table.categorical)
    model = CatBoostClassifier(
        **CATBOOST,
        iterations=MOST_TREES,
        one_hot_max_size=10,
        max_ctr_complexity=1,
        early_stopping_rounds=PATIENCE,
        thread_count=n_threads,
        random_seed=seed,
    )
    model.fit(pools["train"], eval_set=pools["val"])
    return np.asarray(model.predict_proba(pools["test"]), dtype=np.float64)


def xgboost_multi_output(table: Table, splits: Splits, seed: int, n_threads: int) -> Floats:
    """One XGBoost model of trees with vector leaves."""
    import xgboost  # noqa: PLC0415 - may not be installed

    features = _encoded(table, splits, table.tasks[0], seed)
    matrices = {
        name: xgboost.DMatrix(features[name], rows[table.tasks].to_numpy())
        for name, rows in splits.items()
    }
    own = {"max_bin": 64, "eval_metric": "logloss", "nthread": n_threads, "seed": seed}
    booster = xgboost.train(
        XGBOOST | own,
        matrices["train"],
        MOST_TREES,
        evals=[(matrices["val"], "val")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    best = (0, booster.best_iteration + 1)
    return np.asarray(booster.predict(matrices["test"], iteration_range=best), dtype=np.float64)


def installed_peers(lambda_l2: float) -> dict[str, Peer]:
    """The peers whose package is installed, by the name they have in the report.

    Single models take part with LightGBM's default regularization of leaf values, 0, and with the
    job's `lambda_l2`, which tells what sharing trees does from what this does.
    """
    regularized = partial(single_lightgbm, lambda_l2=lambda_l2)
    peers: dict[str, tuple[str, Peer]] = {
        SINGLE: ("lightgbm", single_lightgbm),
        f"{SINGLE}, lambda_l2 {lambda_l2:g}": ("lightgbm", regularized),
        "CatBoost MultiLogloss": ("catboost", catboost_multilogloss),
        "XGBoost multi_output_tree": ("xgboost", xgboost_multi_output),
    }
    return {name: peer for name, (module, peer) in peers.items() if find_spec(module)}


def _texts(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    return rows[table.categorical].astype(object).fillna("missing").astype(str)


def _encoded(table: Table, splits: Splits, label: str, seed: int) -> dict[str, Floats]:
    """Features of every split as numbers; the training rows' categories out of fold."""
    numbers = {name: rows[table.numerical].to_numpy(dtype=float) for name, rows in splits.items()}
    if not table.categorical:
        return numbers
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    encoder = TargetEncoder(target_type="binary", cv=folds)
    texts = {name: _texts(table, rows) for name, rows in splits.items()}
    risks = {"train": encoder.fit_transform(texts["train"], splits["train"][label])}
    risks |= {name: encoder.transform(texts[name]) for name in splits if name != "train"}
    return {name: np.hstack([numbers[name], risks[name]]) for name in splits}
