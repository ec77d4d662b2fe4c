"""NumPy scalars, arrays and dtypes in a pickle, rebuilt from checked parts.

NumPy's own reconstruction (read with version 2.4.6) is bypassed: `dtype.__setstate__` takes over
item sizes and fields unchecked, which a forged pickle can turn into reads of foreign memory.
"""

import math
import re

import numpy as np

from exceptions import ArtifactError

DTYPE = re.compile(r"[biufc]\d{1,2}|[SU]\d{1,8}|O8?|\?")
DTYPE_STATE_LENGTH = 8
MAX_CODE_POINT = 0x10FFFF


class DtypeShell:
    """A dtype in the making: its byte order comes after it."""

    def __init__(self, spec: object) -> None:
        if not isinstance(spec, str) or not DTYPE.fullmatch(spec):
            found = repr(spec[:50]) if isinstance(spec, str) else type(spec).__name__
            raise ArtifactError(f"the pickle has the NumPy type {found}, not plain data")
        self.dtype = np.dtype(spec)

    def set_state(self, state: tuple[object, ...]) -> None:
        """Take the byte order; a type with fields or sub-arrays is refused."""
        if len(state) != DTYPE_STATE_LENGTH or any(part is not None for part in state[2:5]):
            raise ArtifactError("the pickle has a structured NumPy type, not plain data")
        match state[1]:
            case "<" | ">" | "|" | "=" as byte_order:
                self.dtype = self.dtype.newbyteorder(byte_order)
            case _:
                raise ArtifactError("the pickle has a NumPy type of unknown byte order")


class ArrayShell:
    """An array in the making: `numpy` pickles an empty one first and its state after it."""

    def __init__(self) -> None:
        self.array: np.ndarray | None = None

    def set_state(self, state: tuple[object, ...]) -> None:
        """Take `(version, shape, dtype, is_fortran, data)`."""
        _, shape, dtype, is_fortran, data = state
        self.array = make_array(data, dtype, shape, "F" if is_fortran else "C")


def make_array(data: object, dtype: object, shape: object, order: object) -> np.ndarray:
    """Build an array from the bytes, or for objects the list, that a pickle gives for it."""
    if not isinstance(dtype, DtypeShell):
        raise ArtifactError("the pickle has a NumPy array without a type")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ArtifactError("the pickle has a NumPy array without a shape")
    flat = _flat_array(data, dtype.dtype)
    if flat.size != math.prod(shape):
        raise ArtifactError(
            f"the pickle has a NumPy array of {flat.size} values for the shape {str(shape)[:100]}"
        )
    return flat.reshape(shape, order="F" if order == "F" else "C")


def make_scalar(dtype: object, data: object) -> object:
    """Build a NumPy scalar from its bytes."""
    return make_array(data, dtype, (1,), "C")[0]


def _flat_array(data: object, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "O":
        if not isinstance(data, list):
            raise ArtifactError("the pickle has a NumPy array of objects that is not a list")
        objects = np.empty(len(data), dtype=object)
        for position, item in enumerate(data):
            objects[position] = item
        return objects
    if not isinstance(data, bytes | bytearray):
        raise ArtifactError("the pickle has a NumPy array without bytes")
    if not data:
        return np.empty(0, dtype=dtype)
    if dtype.kind == "b":
        return np.frombuffer(data, dtype=np.uint8).astype(np.bool_)
    values = np.frombuffer(data, dtype=dtype).copy()
    if dtype.kind == "U":
        code_points = values.view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if code_points.max() > MAX_CODE_POINT:
            raise ArtifactError("the pickle has a NumPy text that is no Unicode")
    return values
