"""What the job is compared with, each used as its own users would.

All take a table's splits and give the probabilities of the test rows, shape (n, K). All grow trees
of 31 leaves (CatBoost: 32) with learning rate 0.1 unless told otherwise, at most 300 of them, and
stop when the log-loss on the validation rows has not improved for 30 trees. Missing numbers are
left to the library. Categories are CatBoost's own business; LightGBM and XGBoost take part with
native categories and with target-encoded ones: for each task, and for XGBoost for the main one.

CatBoost is held back where it would take minutes for a table: it does not combine categories.

The parameters were checked with lightgbm 4.7.0, catboost 1.2.10 and xgboost 3.4.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from benchmarks.tables import Table

NUM_LEAVES, LEARNING_RATE, MOST_TREES, PATIENCE = 31, 0.1, 300, 30
SINGLE = "K single LightGBM"  # in the report
XGBOOST_TREES = "XGBoost multi_output_tree"
NATIVE = ", native categories"  # ends the name of a model that gets categories as such


@dataclass(frozen=True)
class Growth:
    """How trees are grown, in all libraries' terms."""

    learning_rate: float = LEARNING_RATE
    num_leaves: int = NUM_LEAVES

    @property
    def depth(self) -> int:
        """Depth of CatBoost's symmetric trees that have about as many leaves."""
        return int(np.log2(self.num_leaves + 1))


EQUAL = Growth()
"""What all have when they are compared at equal settings."""

XGBOOST: dict[str, object] = {"objective": "binary:logistic", "tree_method": "hist"}
XGBOOST |= {"multi_strategy": "multi_output_tree", "grow_policy": "lossguide"}
XGBOOST |= {"max_leaves": NUM_LEAVES, "max_depth": 0, "learning_rate": LEARNING_RATE}
CATBOOST: dict[str, object] = {"loss_function": "MultiLogloss", "depth": 5}
CATBOOST |= {"learning_rate": LEARNING_RATE, "allow_writing_files": False, "verbose": False}

Floats = NDArray[np.float64]
Splits = Mapping[str, pd.DataFrame]
# From table, splits, seed and number of threads to the probabilities of the test rows.
Peer = Callable[[Table, Splits, int, int], Floats]
GrownPeer = Callable[..., Floats]  # a `Peer` that takes a `Growth` as well


def single_lightgbm(
    table: Table,
    splits: Splits,
    seed: int,
    n_threads: int,
    growth: Growth = EQUAL,
    *,
    lambda_l2: float = 0.0,
    native: bool = False,
) -> Floats:
    """K binary LightGBM models, each with its own early stopping.

    A row whose label is missing in the splits `train` or `val` is left out of that task's model.
    Categories are encoded for each task, or LightGBM's own business if `native`.
    """
    params: dict[str, object] = {"objective": "binary", "seed": seed, "lambda_l2": lambda_l2}
    params |= {"num_leaves": growth.num_leaves, "learning_rate": growth.learning_rate}
    params |= {"num_threads": n_threads, "verbosity": -1}
    probs = []
    for task in table.tasks:
        labelled = {name: splits[name][splits[name][task].notna()] for name in ("train", "val")}
        labelled["test"] = splits["test"]
        encoded = _native(table, labelled) if native else _encoded(table, labelled, task, seed)
        features: Mapping[str, Floats | pd.DataFrame] = encoded
        train = lgb.Dataset(features["train"], labelled["train"][task], params=params)
        valid = train.create_valid(features["val"], labelled["val"][task])
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        booster = lgb.train(params, train, MOST_TREES, [valid], callbacks=[stop])
        probs.append(np.asarray(booster.predict(features["test"])))
    return np.column_stack(probs)


def catboost_multilogloss(
    table: Table, splits: Splits, seed: int, n_threads: int, growth: Growth = EQUAL
) -> Floats:
    """One CatBoost model of symmetric trees with vector leaves."""
    from catboost import CatBoostClassifier, Pool  # noqa: PLC0415 - may not be installed

    pools = {}
    for name, rows in splits.items():
        features = rows[table.features].assign(**_texts(table, rows))
        labels = rows[table.tasks].to_numpy()
        pools[name] = Pool(features, labels, cat_features=table.categorical)
    own: dict[str, object] = {"one_hot_max_size": 10, "max_ctr_complexity": 1}
    own |= {"early_stopping_rounds": PATIENCE}
    own |= {"iterations": MOST_TREES, "thread_count": n_threads, "random_seed": seed}
    own |= {"learning_rate": growth.learning_rate, "depth": growth.depth}
    model = CatBoostClassifier(**CATBOOST | own)
    model.fit(pools["train"], eval_set=pools["val"])
    return np.asarray(model.predict_proba(pools["test"]), dtype=np.float64)


def xgboost_multi_output(
    table: Table,
    splits: Splits,
    seed: int,
    n_threads: int,
    growth: Growth = EQUAL,
    *,
    native: bool = False,
) -> Floats:
    """One XGBoost model of trees with vector leaves.

    Categories are encoded for the main task, or XGBoost's own business if `native`.
    """
    import xgboost  # noqa: PLC0415 - may not be installed

    encoded = _native(table, splits) if native else _encoded(table, splits, table.tasks[0], seed)
    features: Mapping[str, Floats | pd.DataFrame] = encoded
    matrices = {
        name: xgboost.DMatrix(features[name], rows[table.tasks].to_numpy(), enable_categorical=True)
        for name, rows in splits.items()
    }
    own: dict[str, object] = {"eval_metric": "logloss", "nthread": n_threads, "seed": seed}
    own |= {"learning_rate": growth.learning_rate, "max_leaves": growth.num_leaves}
    stop = {"early_stopping_rounds": PATIENCE, "evals": [(matrices["val"], "val")]}
    params = XGBOOST | own
    booster = xgboost.train(params, matrices["train"], MOST_TREES, verbose_eval=False, **stop)
    best = (0, booster.best_iteration + 1)
    return np.asarray(booster.predict(matrices["test"], iteration_range=best), dtype=np.float64)


def installed_peers(lambda_l2: float) -> dict[str, GrownPeer]:
    """The peers whose package is installed, by the name they have in the report.

    Single models take part with LightGBM's default regularization of leaf values, 0, and with the
    job's `lambda_l2`, which tells what sharing trees does from what this does.
    """
    regularized = partial(single_lightgbm, lambda_l2=lambda_l2)
    peers: dict[str, tuple[str, GrownPeer]] = {
        SINGLE: ("lightgbm", single_lightgbm),
        f"{SINGLE}, lambda_l2 {lambda_l2:g}": ("lightgbm", regularized),
        f"{SINGLE}{NATIVE}": ("lightgbm", partial(single_lightgbm, native=True)),
        "CatBoost MultiLogloss": ("catboost", catboost_multilogloss),
        XGBOOST_TREES: ("xgboost", xgboost_multi_output),
        f"{XGBOOST_TREES}{NATIVE}": ("xgboost", partial(xgboost_multi_output, native=True)),
    }
    return {name: peer for name, (module, peer) in peers.items() if find_spec(module)}


def takes_part(name: str, table: Table) -> bool:
    """Whether a peer is compared on a table: some cannot do without a label, or have no category.

    Models with native categories are the plain ones where there is no category.
    """
    if name.endswith(NATIVE) and not table.categorical:
        return False
    return not table.has_blank_labels or not name.startswith(("CatBoost", "XGBoost"))


def _native(table: Table, splits: Splits) -> dict[str, pd.DataFrame]:
    """Features with pandas' categories, those of the training rows; others are missing."""
    features = {name: rows[table.features].copy() for name, rows in splits.items()}
    for column in table.categorical:
        categories = features["train"][column].dropna().unique()
        for rows in features.values():
            rows[column] = pd.Categorical(rows[column], categories=categories)
    # Neither library takes every name.
    numbers = [f"f{number}" for number in range(len(table.features))]
    return {name: rows.set_axis(numbers, axis=1) for name, rows in features.items()}


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
