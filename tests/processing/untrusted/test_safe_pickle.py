"""Plain data reads as with pickle; everything else is refused and does not run."""

import collections
import contextlib
import io
import os
import pickle
import pickletools
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions import ArtifactError, DataError
from processing.untrusted import safe_pickle
from processing.untrusted.safe_pickle import load_plain_pickle, loads_plain_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
)
KEYS = SCALARS | st.tuples(SCALARS, SCALARS)
PLAIN = st.recursive(
    SCALARS | st.sets(KEYS) | st.frozensets(KEYS) | st.binary().map(bytearray),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(PLAIN, st.sampled_from(PROTOCOLS))
def test_plain_data_reads_as_with_pickle(value: object, protocol: int) -> None:
    assert loads_plain_pickle(pickle.dumps(value, protocol), "p") == value


ARRAYS = [
    np.array([1.5, -2.0, np.inf]),
    np.arange(6, dtype=np.int32).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([True, False]),
    np.array(["a", "ü€", ""]),
    np.array([b"x", b"yz"]),
    np.array([1, 2], dtype=">i4"),
    np.array(["a", None, 3], dtype=object),
    np.empty((0, 3), dtype=np.float32),
    np.array(3.0),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_arrays_read_as_with_pickle(array: np.ndarray, protocol: int) -> None:
    # The array stands there twice: the second time as a memo reference.
    loaded = loads_plain_pickle(pickle.dumps([array, array], protocol), "p")
    assert isinstance(loaded, list)
    for read in loaded:
        assert read.dtype == array.dtype
        assert read.shape == array.shape
        assert read.tolist() == array.tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "scalar",
    [np.float64(0.1), np.float32(2.5), np.int64(-7), np.uint8(3), np.bool_(True), np.str_("ü")],
    ids=repr,
)
def test_scalars_and_types_read_as_with_pickle(scalar: np.generic, protocol: int) -> None:
    data = pickle.dumps({"a": scalar, "type": scalar.dtype, scalar: 1}, protocol)
    loaded = loads_plain_pickle(data, "p")
    assert loaded == {"a": scalar, "type": scalar.dtype, scalar: 1}
    assert isinstance(loaded, dict)
    assert type(loaded["a"]) is type(scalar)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_of_numpy_1_are_admitted(protocol: int) -> None:
    data = pickle.dumps({"a": np.float64(0.1), "b": np.arange(3)}, protocol)
    if protocol < 4:  # in the later ones the length of a name stands before it
        data = data.replace(b"numpy._core.", b"numpy.core.")
    assert str(loads_plain_pickle(data, "p")) == str({"a": np.float64(0.1), "b": np.arange(3)})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_ordered_and_default_dicts_become_dicts(protocol: int) -> None:
    nested: collections.defaultdict[str, object] = collections.defaultdict(dict)
    nested["x"] = collections.OrderedDict([("a", 1.0), ("b", 2.0)])
    loaded = loads_plain_pickle(pickle.dumps(nested, protocol), "p")
    assert loaded == {"x": {"a": 1.0, "b": 2.0}}
    assert type(loaded) is dict
    without_factory = collections.defaultdict(None, {"a": 1})
    assert loads_plain_pickle(pickle.dumps(without_factory, protocol), "p") == {"a": 1}


class Reduced:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, r"(posix|nt)\.system"),
        (eval, r"(builtins|__builtin__)\.eval"),
        (getattr, r"(builtins|__builtin__)\.getattr"),
        (subprocess.Popen, r"(subprocess|commands)\.\w+"),
        (pickle.loads, r"_?pickle\.loads"),
        (np.load, r"numpy\.load"),
        (DataError, r"exceptions\.DataError"),
        (Path, r"pathlib\.(_local\.)?Path"),  # it calls itself so in Python 3.13
    ],
)
def test_calls_are_refused_by_name_and_do_not_run(
    function: Callable[..., object], name: str, protocol: int, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    attack = Reduced(function, f"touch {ran}")
    for value in (attack, {"a": {"bins": [attack]}}, np.array([attack], dtype=object)):
        with pytest.raises(ArtifactError, match=f"^f.pkl: the pickle asks for {name}, only plain"):
            loads_plain_pickle(pickle.dumps(value, protocol), "f.pkl")
    assert not ran.exists()


def test_pandas_objects_are_refused_with_advice() -> None:
    with pytest.raises(ArtifactError, match=r"asks for pandas\..* save plain dicts"):
        loads_plain_pickle(pickle.dumps(pd.Series({"a": 1.0})), "p")


def pickled_array(dtype: bytes, state: bytes) -> bytes:
    """An array whose type and state are written by hand (protocol 2)."""
    return (
        b"\x80\x02cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01" + state + b"cnumpy\ndtype\n(" + dtype + b"K\x00K\x01tR"
    )


TYPE_STATE = b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
FORGED = {
    "no pickle": (b"column,value\n", "not a readable pickle"),
    "empty": (b"", "not a readable pickle"),
    "truncated": (pickle.dumps({"a": [1.0, 2.0]})[:-5], "not a readable pickle"),
    "no value": (b".", "not a readable pickle"),
    "unknown memo": (b"\x80\x02h\x07.", "not a readable pickle"),
    "open mark": (b"(.", "unfinished value"),
    "text of 10 GB": (b"\x80\x04\x8d" + struct.pack("<Q", 10**10) + b"a.", "not a readable pickle"),
    "bytes of 10 GB": (b"\x80\x04\x8e" + struct.pack("<Q", 10**10) + b".", "not a readable pickle"),
    "array of 10 GB": (b"\x80\x05\x96" + struct.pack("<Q", 10**10) + b".", "not a readable pickle"),
    "frame of 10 GB": (b"\x80\x04\x95" + struct.pack("<Q", 10**10) + b".", "not a readable pickle"),
    "huge decimal": (b"L" + b"9" * 5000 + b"L\n.", "not a readable pickle"),
    "unhashable key": (b"}]K\x01s.", "a key of type list"),
    "deep key": (b"}K\x01" + b"\x85" * 100_000 + b"K\x01s.", "a key of type tuple"),
    "name as value": (b"cbuiltins\nint\n.", "builtins.int as a value"),
    "name in a list": (b"]cbuiltins\nint\na.", "builtins.int as a value"),
    "name in a tuple": (b"](cbuiltins\nint\nta.", "unfinished value"),
    "call of a type": (b"cbuiltins\nint\n)R.", "calls builtins.int"),
    "call of a value": (b"K\x01)R.", "calls a value"),
    "state of a name": (b"cnumpy\ndtype\n}b.", "sets the state of a Token"),
    "state of a dict": (b"}}b.", "sets the state of a dict"),
    "new object": (b"ccollections\nOrderedDict\n)\x81.", "uses NEWOBJ"),
    "old object": (b"(icollections\nOrderedDict\n.", "makes an object of collections.OrderedDict"),
    "mark object": (b"(ccollections\nOrderedDict\no.", "uses OBJ"),
    "extension": (b"\x82\x01.", "uses EXT1"),
    "persistent": (b"Pname\n.", "uses PERSID"),
    "outside buffer": (b"\x80\x05\x97.", "uses NEXT_BUFFER"),
    "dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x0bdtype.mro()\x93.", "not a readable|asks for"),
    "name no text": (b"\x80\x04" + b"K\x01" + b"\x85" * 100_000 + b"K\x01\x93.", "no text"),
    "bad encoding": (b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x04\x00\x00\x00utf8tR.", "encoding"),
    "factory": (b"ccollections\ndefaultdict\n(c_codecs\nencode\ntR.", "defaultdict of _codecs"),
    "too many values": (pickle.dumps([1])[:-1] + b"R.", "not a readable|malformed"),
    "unbuilt array": (
        b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR.",
        "unfinished value",
    ),
    "array of a dict": (
        b"cnumpy._core.multiarray\n_reconstruct\n(cbuiltins\ndict\n(K\x00tU\x01btR.",
        "array of class builtins.dict",
    ),
    "structured": (
        pickle.dumps(np.zeros(2, dtype=[("a", "O"), ("b", "f8")]), 2),
        "NumPy type 'V16'",
    ),
    "date": (pickle.dumps(np.datetime64("2020-01-01"), 2), "NumPy type 'M8'"),
    "type by name": (b"cnumpy\ndtype\n(X\x06\x00\x00\x00objectK\x00K\x01tR.", "type 'object'"),
    "type with fields": (
        b"cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NU\x01a}K\x08K\x01K\x00tb.",
        "structured",
    ),
    "pointers as bytes": (
        pickled_array(b"U\x02O8", b"(K\x01t") + TYPE_STATE + b"K\x00U\x08AAAAAAAAtb.",
        "array of objects that is not a list",
    ),
    "short data": (
        pickled_array(b"U\x02f8", b"(K\x05t")
        + TYPE_STATE
        + b"K\x00c_codecs\nencode\n(U\x08AAAAAAAAU\x06latin1tRtb.",
        "1 values for the shape",
    ),
    "huge shape": (
        pickled_array(b"U\x02f8", b"(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft")
        + TYPE_STATE
        + b"K\x00c_codecs\nencode\n(U\x08AAAAAAAAU\x06latin1tRtb.",
        "1 values for the shape",
    ),
    "no Unicode": (
        pickled_array(b"U\x02U1", b"(K\x01t")
        + TYPE_STATE
        + b"K\x00c_codecs\nencode\n(U\x04\xff\xff\xff\xffU\x06latin1tRtb.",
        "no Unicode",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_and_damaged_pickles_are_refused(name: str) -> None:
    data, message = FORGED[name]
    with pytest.raises(ArtifactError, match=message) as caught:
        loads_plain_pickle(data, "dir/f.pkl")
    text = str(caught.value)
    assert text.startswith("dir/f.pkl: ")
    assert len(text) < 400
    assert "\n" not in text


def test_odd_escapes_of_protocol_0_are_text_without_a_warning() -> None:
    assert loads_plain_pickle(b"S'a\\q'\n.", "p") == "a\\q"


def test_a_huge_memo_index_costs_nothing() -> None:
    assert loads_plain_pickle(b"\x80\x02K\x07r\xf0\xff\xff\xff.", "p") == 7


def test_shared_parts_are_not_multiplied() -> None:
    value: object = 1.0
    for _ in range(100):
        value = [value, value]
    loads_plain_pickle(pickle.dumps(value), "p")


def test_deeply_nested_containers_do_not_crash() -> None:
    # Bottom up: [[[...]]] without recursion when it is written.
    loads_plain_pickle(b"]" * 1_000_000 + b"a" * 999_999 + b".", "p")


def test_size_and_number_of_operations_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_pickle, "MAX_BYTES", 2 * 2**20)
    huge = tmp_path / "huge.pkl"
    with huge.open("wb") as file:
        file.truncate(10 * 2**30)  # sparse: it takes no room
    with pytest.raises(ArtifactError, match=r"^f: the pickle is larger than 2 MiB"):
        load_plain_pickle(huge, "f")
    monkeypatch.setattr(safe_pickle, "MAX_OPCODES", 100)
    with pytest.raises(ArtifactError, match="more than 100 operations"):
        loads_plain_pickle(b"N" * 101 + b".", "p")


@given(st.data())
def test_random_damage_is_refused_or_reads_as_plain_data(data: st.DataObject) -> None:
    document = {"a": {"bins": {"x": np.float64(0.5)}, "default_bin": 0.1}, "b": np.arange(3)}
    damaged = bytearray(pickle.dumps(document, data.draw(st.sampled_from(PROTOCOLS))))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ArtifactError):
        loads_plain_pickle(bytes(damaged), "p")


@pytest.mark.parametrize("opcode", pickletools.opcodes, ids=lambda opcode: opcode.name)
def test_a_lone_opcode_is_refused_or_reads_as_plain_data(
    opcode: pickletools.OpcodeInfo,
) -> None:
    for data in (b"\x00" * 9, b"1\n2\n", b""):
        with contextlib.suppress(ArtifactError):
            loads_plain_pickle(b"N" + opcode.code.encode("latin1") + data + b".", "p")


def test_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    buffer = io.BytesIO()
    pickle.dump({"a": 1.5}, buffer)
    path.write_bytes(buffer.getvalue())
    assert load_plain_pickle(path, "a") == {"a": 1.5}
