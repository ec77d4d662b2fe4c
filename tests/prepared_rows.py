"""Rows as features, for those who have stock LightGBM and nothing of this project."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from scoring.model_directory import load_scorer


def prepared_rows(base: Path, split: str) -> pd.DataFrame:
    """The rows of a split of a job as float64 features, in the order of the model.

    Numbers that are there are those of the file, as whoever reads them by other means has them: the
    job knows them as float32.
    """
    (file,) = (base / "input" / "data" / split).iterdir()
    rows = _read(file)
    scorer = load_scorer(base / "model")
    lines = (base / "model" / "feature_columns.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split(",", 1)[1] for line in lines if not line.startswith("#")]
    features = pd.DataFrame(scorer.features_of(rows).astype("float64"), columns=names)
    for name in scorer.numerical:
        given = pd.to_numeric(rows[name].to_pandas(), errors="coerce")
        features[name] = given.fillna(features[name])
    return features


def write_prepared_rows(base: Path, folder: Path) -> None:
    """Writes those of the validation and the test split, which `outsider.py` reads."""
    for split in ("val", "test"):
        prepared_rows(base, split).to_parquet(folder / f"{split}-features.parquet")


def _read(file: Path) -> pa.Table:
    if file.suffix == ".parquet":
        return pq.read_table(file)
    separator = "\t" if file.suffix == ".tsv" else ","
    names = file.read_text(encoding="utf-8").partition("\n")[0].split(separator)
    return pa_csv.read_csv(
        file,
        parse_options=pa_csv.ParseOptions(delimiter=separator),
        convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
