"""Reads a made Parquet table as the matrix that other libraries are given."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray


def read_matrix(channel: Path, tasks: list[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """All features and some labels.

    Args:
        channel: Folder with the files of one split.
        tasks: Label columns wanted.

    Returns:
        Features, shape (n, d), in C order; labels, shape (n, K).
    """
    files = sorted(channel.glob("*.parquet"))
    schema = pa.parquet.read_schema(files[0])
    features = [name for name in schema.names if name.startswith("num_")]
    n_rows = sum(pa.parquet.read_metadata(file).num_rows for file in files)
    x = np.empty((n_rows, len(features)), dtype=np.float32)
    y = np.empty((n_rows, len(tasks)), dtype=np.uint8)
    start = 0
    for file in files:
        table = pa.parquet.read_table(file, columns=[*features, *tasks])
        rows = slice(start, start + len(table))
        for i, name in enumerate(features):
            x[rows, i] = table[name].to_numpy()
        for i, name in enumerate(tasks):
            y[rows, i] = table[name].to_numpy()
        start = rows.stop
    return x, y
