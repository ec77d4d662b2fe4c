"""Scores rows that are features already with stock LightGBM alone, and compares.

    python -I tests/outsider.py BASE FOLDER [--tools]

Reads the predictions and the model file below BASE and the features in FOLDER with pandas and
LightGBM alone, and writes as JSON how far its probabilities are from the job's; with `--tools` also
how far treelite, SHAP and LightGBM's own contributions are from LightGBM's raw scores. Raw rows are
scored by the project: nobody else needs to know how it reads them.
"""

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd


def probabilities(base: Path, split: str) -> np.ndarray[Any, Any]:
    """The job's predictions of a split, (n, K)."""
    with tarfile.open(base / "output" / "data" / f"{split}.tar.gz") as archive:
        (name,) = (name for name in archive.getnames() if "/predictions." in name)
        content = archive.extractfile(name)
        assert content is not None
        data = io.BytesIO(content.read())
    if name.endswith(".parquet"):
        table = pd.read_parquet(data)
    else:
        table = pd.read_csv(data, sep="\t" if name.endswith(".tsv") else ",")
    return table[[name for name in table.columns if name.endswith("_prob")]].to_numpy()


def compare_tools(
    path: Path, booster: lgb.Booster, data: np.ndarray[Any, Any]
) -> dict[str, np.ndarray[Any, Any]]:
    import shap
    import treelite

    raw = booster.predict(data, raw_score=True)
    read_by_treelite = treelite.frontend.load_lightgbm_model(path)
    explainer = shap.TreeExplainer(booster)
    contributions = np.asarray(booster.predict(data, pred_contrib=True))
    by_task = contributions.reshape(len(data), -1, data.shape[1] + 1)
    return {
        "treelite": treelite.gtil.predict(read_by_treelite, data)[:, 0] - booster.predict(data),
        "treelite raw": treelite.gtil.predict(read_by_treelite, data, pred_margin=True)[:, 0] - raw,
        "shap": np.sum(explainer.shap_values(data), axis=1) + explainer.expected_value - raw,
        # SHAP's own walk over the trees (0.51) knows one output, the sum of all.
        "shap's own walk": explainer.model.predict(data) - np.sum(raw, axis=1),
        "contributions": by_task.sum(axis=2) - raw,
    }


def main() -> None:
    base, folder = map(Path, sys.argv[1:3])
    path = base / "model" / "lightgbmmt_model.txt"
    booster = lgb.Booster(model_file=path)
    differences = {}
    for split in ("val", "test"):
        data = pd.read_parquet(folder / f"{split}-features.parquet").to_numpy()
        differences[split] = booster.predict(data) - probabilities(base, split)
    if "--tools" in sys.argv:
        differences |= compare_tools(path, booster, data)
    project = Path(__file__).resolve().parents[1]
    assert project not in map(Path, sys.path), "the project can be imported"
    worst = {name: float(np.abs(array).max()) for name, array in differences.items()}
    sys.stdout.write(json.dumps(worst))


if __name__ == "__main__":
    main()
