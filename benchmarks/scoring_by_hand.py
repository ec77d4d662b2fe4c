"""What batch scoring is compared with: the script that one would write by hand.

It reads everything into pandas, fills and maps with the artifacts of the model directory, predicts
with stock LightGBM and writes everything again. Types are guessed by pandas, so that it is right
only where guesses are, as in the made tables of the benchmark.
"""

import json
import pickle
from pathlib import Path

import lightgbm as lgb
import pandas as pd

from benchmarks.timing import run_as_program


def score(model: str, rows: str, output: str, n_threads: int) -> int:
    """Scores all files of a folder into one file of the same format, and returns their rows."""
    folder = Path(model)
    booster = lgb.Booster(model_file=folder / "lightgbmmt_model.txt")
    impute = pickle.loads((folder / "impute_dict.pkl").read_bytes())  # noqa: S301 - our own
    risks = pickle.loads((folder / "risk_table_map.pkl").read_bytes())  # noqa: S301 - our own
    features = json.loads((folder / "selected_features.json").read_text())["selected_features"]
    lines = (folder / "feature_columns.txt").read_text().splitlines()
    columns = [line.split(",", 1)[1] for line in lines if not line.startswith("#")]
    tasks = json.loads((folder / "hyperparameters.json").read_text())["task_label_names"]

    files = sorted(Path(rows).glob("part-*"))
    is_parquet = files[0].suffix == ".parquet"
    table = pd.concat([pd.read_parquet(f) if is_parquet else pd.read_csv(f) for f in files])
    data = table[features].copy()
    for column, mean in impute.items():
        data[column] = data[column].fillna(mean)
    for name, risk in risks.items():
        codes = table[risk.get("column", name)]
        data[name] = codes.map(risk["bins"]).fillna(risk["default_bin"])
    prob = booster.predict(data[columns], num_threads=n_threads)
    for index, task in enumerate(tasks):
        table[f"{task}_prob"] = prob[:, index]

    Path(output).mkdir(parents=True, exist_ok=True)
    if is_parquet:
        table.to_parquet(Path(output) / "predictions.parquet", index=False)
    else:
        table.to_csv(Path(output) / "predictions.csv", index=False)
    return len(table)


if __name__ == "__main__":
    run_as_program(score)
