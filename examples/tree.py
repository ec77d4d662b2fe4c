"""Writes a table as the `/opt/ml` tree that the training job reads.

The layout is SageMaker's: one folder per channel below `input/data/`, and the hyperparameters as
JSON in `code/hyperparams/hyperparameters.json`. The training channel is written as several shards
beside an empty `_SUCCESS` file, as Spark and its relatives leave it.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

FileFormat = Literal["csv", "tsv", "parquet"]
LossType = Literal["fixed", "adaptive", "adaptive_kd"]

TRAIN_SHARDS = 3


def write_splits(
    base: Path,
    splits: Mapping[str, pd.DataFrame],
    hyperparameters: Mapping[str, object],
    file_format: FileFormat = "csv",
) -> None:
    """Write `splits` and `hyperparameters` below `base`, which is made if need be.

    Args:
        base: the folder that stands for `/opt/ml`.
        splits: channel name (`train`, `val`, `test`) to table; `train` becomes several files.
        hyperparameters: contents of `code/hyperparams/hyperparameters.json`.
        file_format: format of all data files. A missing value is an empty field or a null.

    Raises:
        FileExistsError: a channel's folder already holds files; they would join the new data.
    """
    folders = {name: base / "input" / "data" / name for name in splits}
    occupied = [
        str(folder) for folder in folders.values() if folder.exists() and any(folder.iterdir())
    ]
    if occupied:
        raise FileExistsError(f"these folders are not empty: {', '.join(occupied)}")
    for name, table in splits.items():
        folders[name].mkdir(parents=True, exist_ok=True)
        shards = TRAIN_SHARDS if name == "train" else 1
        bounds = [len(table) * i // shards for i in range(shards + 1)]
        for i in range(shards):
            part = table.iloc[bounds[i] : bounds[i + 1]]
            _write_table(part, folders[name] / f"part-{i:05d}.{file_format}", file_format)
        if name == "train":
            (folders[name] / "_SUCCESS").touch()
    settings = base / "code" / "hyperparams" / "hyperparameters.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(hyperparameters, indent=2, ensure_ascii=False)
    settings.write_text(text + "\n", encoding="utf-8")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every example has: `base`, `--seed`, `--format`, `--loss-type`."""
    parser.add_argument("base", type=Path, help="folder that stands for /opt/ml")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same files (default: 0)")
    parser.add_argument(
        "--format",
        dest="file_format",
        choices=get_args(FileFormat),
        default="csv",
        help="format of the data files (default: csv)",
    )
    parser.add_argument(
        "--loss-type",
        choices=get_args(LossType),
        default="fixed",
        help="the job's loss_type (default: fixed)",
    )


def _write_table(table: pd.DataFrame, path: Path, file_format: FileFormat) -> None:
    if file_format == "parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, sep="\t" if file_format == "tsv" else ",")
