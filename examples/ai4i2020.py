"""Turns the AI4I 2020 predictive maintenance table into an `/opt/ml` tree.

10,000 machines, five numerical columns, one categorical one; the main task is whether a machine
fails, the other tasks are four kinds of failure (tool wear, heat dissipation, power, overstrain).
Source: S. Matzka, UCI Machine Learning Repository, data set 601 (2020), licence CC BY 4.0.

Run it from the checkout: `python -m examples.ai4i2020 ai4i2020.csv BASE [--seed 0]`
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from examples.tree import FileFormat, LossType, add_options, write_splits

ID_NAME = "UDI"
CATEGORICAL = ["Type"]
NUMERICAL = [
    "Air temperature [K]",
    "Process temperature [K]",
    "Rotational speed [rpm]",
    "Torque [Nm]",
    "Tool wear [min]",
]
MAIN_TASK = "Machine_failure"
TASKS = [MAIN_TASK, "TWF", "HDF", "PWF", "OSF"]
SPLIT_SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def write_tree(
    csv_path: Path,
    base: Path,
    seed: int = 0,
    file_format: FileFormat = "csv",
    loss_type: LossType = "fixed",
) -> None:
    """Split the table at random (60 / 20 / 20 percent) and write it below `base`.

    Args:
        csv_path: `ai4i2020.csv` as published: byte-order mark, Windows line ends, 14 columns.
            All columns are kept; the job picks its own by name.
        base: the folder that stands for `/opt/ml`.
        seed: the same seed gives the same three splits.
        file_format: format of the data files.
        loss_type: the job's `loss_type`.

    Raises:
        FileExistsError: `base` already holds data.
    """
    table = pd.read_csv(csv_path, encoding="utf-8-sig", dtype={ID_NAME: "str"})
    order = np.random.default_rng(seed).permutation(len(table))
    bounds = np.round(np.cumsum(list(SPLIT_SHARES.values())) * len(table)).astype(int)
    parts = np.split(order, bounds[:-1])
    splits = {name: table.iloc[rows] for name, rows in zip(SPLIT_SHARES, parts, strict=True)}
    write_splits(base, splits, hyperparameters(loss_type, seed), file_format)


def hyperparameters(loss_type: LossType = "fixed", seed: int = 0) -> dict[str, object]:
    """The job's settings for this table."""
    return {
        "tab_field_list": NUMERICAL,
        "cat_field_list": CATEGORICAL,
        "label_name": MAIN_TASK,
        "task_label_names": TASKS,
        "id_name": ID_NAME,
        "loss_type": loss_type,
        "num_iterations": 100,
        "learning_rate": 0.1,
        "seed": seed,
    }


def main() -> None:
    """Read the command line and write the tree."""
    parser = argparse.ArgumentParser(description="Write AI4I 2020 as an /opt/ml tree.")
    parser.add_argument("csv_path", type=Path, help="ai4i2020.csv as published")
    add_options(parser)
    args = parser.parse_args()
    write_tree(args.csv_path, args.base, args.seed, args.file_format, args.loss_type)
    print(f"AI4I 2020 written to {args.base} ({args.file_format})")


if __name__ == "__main__":
    main()
