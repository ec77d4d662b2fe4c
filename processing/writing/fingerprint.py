"""A fingerprint of data and settings: tells whether a checkpoint belongs to a job."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def fingerprint(
    text: str, tables: Iterable[pa.Table], arrays: Iterable[NDArray[np.generic] | None]
) -> str:
    """SHA-256 over a text, tables of numbers and arrays, as hex digits.

    Args:
        text: Settings and versions.
        tables: Tables of float32 columns without missing values.
        arrays: Arrays of any shape; None stands for one that is not there.
    """
    digest = hashlib.sha256(text.encode())
    for table in tables:
        digest.update(f"table {table.shape}".encode())
        for column in table.columns:
            for chunk in column.chunks:
                digest.update(np.ascontiguousarray(chunk.to_numpy()).data)
    for array in arrays:
        if array is None:
            digest.update(b"none")
        else:
            digest.update(f"array {array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
