"""What the whole job is compared with: a plain pandas script that trains a model for each task.

It reads the files, fills missing numbers with the mean, encodes categories by smoothed means of
the task at hand, trains one LightGBM model for each task, scores the validation rows and saves the
models. Out-of-fold encoding, checks, curves and predictions are left out, to its advantage.
"""

from pathlib import Path

import lightgbm as lgb
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.timing import run_as_program

SMOOTHING = 20.0


def read(path: str) -> pd.DataFrame:
    """Reads a CSV or Parquet file; columns `cat_...` are categories."""
    if path.endswith(".parquet"):
        df = pd.read_parquet(path)
        return df.astype(dict.fromkeys(_columns(df, "cat_"), "category"))
    categorical = _columns(pd.read_csv(path, nrows=0), "cat_")
    return pd.read_csv(path, dtype=dict.fromkeys(categorical, "category"))


def target_means(category: pd.Series, label: pd.Series) -> pd.Series:
    """Share of positives of every category, drawn towards that of all rows."""
    stats = label.groupby(category, observed=True).agg(["sum", "count"])
    return (stats["sum"] + SMOOTHING * label.mean()) / (stats["count"] + SMOOTHING)


def train_models(
    train_file: str, valid_file: str, folder: str, n_trees: int, n_threads: int
) -> dict[str, float]:
    """Does it all, and returns the validation AUC of each task."""
    train, valid = read(train_file), read(valid_file)
    numerical, categorical = _columns(train, "num_"), _columns(train, "cat_")
    means = train[numerical].mean()
    train[numerical] = train[numerical].fillna(means)
    valid[numerical] = valid[numerical].fillna(means)
    params = {"objective": "binary", "num_threads": n_threads, "verbosity": -1}
    features = [*numerical, *(f"{column}_risk" for column in categorical)]
    aucs = {}
    for task in _columns(train, "task_"):
        for column in categorical:
            risk = target_means(train[column], train[task])
            for df in (train, valid):
                encoded = df[column].map(risk).astype(float)
                df[f"{column}_risk"] = encoded.fillna(train[task].mean())
        model = lgb.train(params, lgb.Dataset(train[features], train[task]), n_trees)
        aucs[task] = float(roc_auc_score(valid[task], model.predict(valid[features])))
        model.save_model(Path(folder) / f"{task}.txt")
    return aucs


def _columns(df: pd.DataFrame, prefix: str) -> list[str]:
    return [name for name in df.columns if name.startswith(prefix)]


if __name__ == "__main__":
    run_as_program(train_models)
