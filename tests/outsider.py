"""Scores raw rows with a model directory as a user without this project does, and compares.

    python -I tests/outsider.py BASE [--tools]

Reads the channels and the model directory below BASE with pandas, pickle and LightGBM alone, and
writes as JSON how far its probabilities are from the job's predictions; with `--tools` also how
far treelite, SHAP and LightGBM's own contributions are from LightGBM's raw scores.
"""

import io
import json
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd


def read(source: Any, ending: str, texts: list[str]) -> pd.DataFrame:
    if ending == ".parquet":
        return pd.read_parquet(source)
    separator = "\t" if ending == ".tsv" else ","
    # Only an empty field is a missing category: `NA` is a country.
    missing: Any = {name: [""] for name in texts}
    dtype: Any = dict.fromkeys(texts, "str")
    return pd.read_csv(source, sep=separator, dtype=dtype, na_values=missing, keep_default_na=False)


def category(value: Any) -> str | None:
    if pd.isna(value):
        return None
    text = str(value)
    whole, _, fraction = text.partition(".")
    return whole if whole.isdigit() and set(fraction) == {"0"} else text


def features(base: Path, table: pd.DataFrame) -> np.ndarray[Any, Any]:
    model = base / "model"
    impute = pickle.loads((model / "impute_dict.pkl").read_bytes())
    risks = pickle.loads((model / "risk_table_map.pkl").read_bytes())
    rows = (model / "feature_columns.txt").read_text(encoding="utf-8").splitlines()
    names = [row.split(",", 1)[1] for row in rows if not row.startswith("#")]
    columns = []
    for name in names:
        if name in risks:
            bins, default = risks[name]["bins"], risks[name]["default_bin"]
            values = table[risks[name].get("column", name)]
            columns.append([bins.get(category(value), default) for value in values])
        else:
            numbers = pd.to_numeric(table[name], errors="coerce")
            columns.append(numbers.fillna(impute[name]).to_list())
    return np.array(columns, dtype=np.float64).T


def splits(base: Path) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    knobs = json.loads((base / "model" / "hyperparameters.json").read_text(encoding="utf-8"))
    result = {}
    for split in ("val", "test"):
        (file,) = (base / "input" / "data" / split).iterdir()
        raw = read(file, file.suffix, [knobs["id_name"], *knobs["cat_field_list"]])
        with tarfile.open(base / "output" / "data" / f"{split}.tar.gz") as archive:
            content = archive.extractfile(f"{split}/predictions{file.suffix}")
            assert content is not None
            predicted = read(io.BytesIO(content.read()), file.suffix, [knobs["id_name"]])
        assert predicted[knobs["id_name"]].tolist() == raw[knobs["id_name"]].tolist()
        result[split] = raw, predicted
    return result


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
    base = Path(sys.argv[1])
    path = base / "model" / "lightgbmmt_model.txt"
    booster = lgb.Booster(model_file=path)
    differences = {}
    for split, (raw, predicted) in splits(base).items():
        data = features(base, raw)
        prob = predicted[[name for name in predicted.columns if name.endswith("_prob")]]
        differences[split] = booster.predict(data) - prob.to_numpy()
    if "--tools" in sys.argv:
        differences |= compare_tools(path, booster, data)
    project = Path(__file__).resolve().parents[1]
    assert project not in map(Path, sys.path), "the project can be imported"
    worst = {name: float(np.abs(array).max()) for name, array in differences.items()}
    sys.stdout.write(json.dumps(worst))


if __name__ == "__main__":
    main()
