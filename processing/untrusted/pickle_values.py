"""What may stand in a plain pickle, and what its admitted names do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from exceptions import ArtifactError
from processing.untrusted.pickle_numpy import ArrayShell, DtypeShell, make_array, make_scalar

FACTORIES = ("int", "float", "str", "bool", "list", "dict", "tuple")  # of a defaultdict
SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)
CONTAINERS = (list, tuple, dict, set, frozenset, bytearray)


@dataclass(frozen=True)
class Token:
    """An admitted name in a pickle. It stands for itself only: nothing is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}".encode("unicode_escape").decode()

    @classmethod
    def of(cls, module: object, name: object) -> "Token":
        """Return the token of an admitted name.

        Raises:
            ArtifactError: The name is not admitted.
        """
        if not isinstance(module, str) or not isinstance(name, str):
            raise ArtifactError("the pickle is malformed: it asks for a name that is no text")
        token = cls(module[:100], name[:100])
        if token in ADMITTED:
            return token
        advice = ""
        if token.module.partition(".")[0] == "pandas":
            advice = "; save plain dicts instead of pandas objects, for example series.to_dict()"
        raise ArtifactError(f"the pickle asks for {token}, only plain data is read{advice}")


class Arguments(tuple[object, ...]):
    """A tuple that holds tokens or unfinished NumPy objects: no value, only an argument."""

    __slots__ = ()

    @classmethod
    def of(cls, items: list[object]) -> tuple[object, ...]:
        """Make a tuple of plain values, or arguments if there is anything else among them."""
        if any(isinstance(item, Token | Arguments | ArrayShell | DtypeShell) for item in items):
            return cls(items)
        return tuple([plain(item) for item in items])


def plain(value: object) -> object:
    """Return a value that may stand in a container, a finished NumPy object for its shell.

    Raises:
        ArtifactError: The value is a name, an unfinished array or a mark of the pickle.
    """
    if isinstance(value, ArrayShell) and value.array is not None:
        return value.array
    if isinstance(value, DtypeShell):
        return value.dtype
    if isinstance(value, Token):
        raise ArtifactError(f"the pickle has {value} as a value, only plain data is read")
    if isinstance(value, Arguments) or not isinstance(
        value, SCALARS + CONTAINERS + (np.ndarray, np.dtype)
    ):
        raise ArtifactError("the pickle is malformed: it has an unfinished value")
    return value


def key(value: object) -> object:
    """Return a dict key or set member: a scalar or a tuple of scalars.

    Deeper tuples are refused, for Python hashes them on the C stack.
    """
    if isinstance(value, SCALARS):
        return value
    if type(value) is tuple and all(isinstance(item, SCALARS) for item in value):
        return value
    raise ArtifactError(f"the pickle has a key of type {type(value).__name__}, not a scalar")


def call(target: object, arguments: object) -> object:
    """Do what an admitted name does when the pickle calls it.

    Raises:
        ArtifactError: It does not make plain data.
    """
    if not isinstance(target, Token) or not isinstance(arguments, tuple):
        raise ArtifactError("the pickle is malformed: it calls a value")
    make = ADMITTED[target]
    if make is None:
        raise ArtifactError(f"the pickle calls {target}, only plain data is read")
    return make(*arguments)


def build(target: object, state: object) -> object:
    """Set the state of a NumPy object; nothing else has one."""
    if not isinstance(target, ArrayShell | DtypeShell) or not isinstance(state, tuple):
        raise ArtifactError(f"the pickle sets the state of a {type(target).__name__}")
    target.set_state(state)
    return target


def _named(value: object) -> str:
    return str(value) if isinstance(value, Token) else f"a {type(value).__name__}"


def _mapping(items: Iterable[tuple[object, object]] = ()) -> dict[object, object]:
    return {key(name): plain(value) for name, value in items}


def _default_mapping(factory: object = None) -> dict[object, object]:
    if factory is not None and not (isinstance(factory, Token) and factory.name in FACTORIES):
        raise ArtifactError(f"the pickle has a defaultdict of {_named(factory)}, not plain data")
    return {}


def _set(items: list[object] | None = None) -> set[object]:
    return {key(item) for item in items or []}


def _frozenset(items: list[object] | None = None) -> frozenset[object]:
    return frozenset(_set(items))


def _encode(text: str = "", encoding: str = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in {"latin1", "latin-1"}:
        raise ArtifactError("the pickle has bytes in an unknown encoding")
    return text.encode("latin1")


def _bytearray(data: str | bytes = b"", encoding: str = "latin1") -> bytearray:
    return bytearray(data if isinstance(data, bytes) else _encode(data, encoding))


def _complex(real: float, imaginary: float) -> complex:
    return complex(real, imaginary)


def _dtype(spec: object, _align: object = False, _copy: object = True) -> DtypeShell:
    return DtypeShell(spec)


def _array(subtype: object, _shape: object, _typecode: object) -> ArrayShell:
    if subtype != Token("numpy", "ndarray"):
        raise ArtifactError(f"the pickle has a NumPy array of class {_named(subtype)}")
    return ArrayShell()


def _array_of_buffer(data: object, dtype: object, shape: object, order: object) -> np.ndarray:
    return make_array(data, dtype, shape, order)


def _admitted() -> dict[Token, Callable[..., object] | None]:
    names: dict[Token, Callable[..., object] | None] = {
        Token("collections", "OrderedDict"): _mapping,
        Token("collections", "defaultdict"): _default_mapping,
        Token("_codecs", "encode"): _encode,
        Token("numpy", "dtype"): _dtype,
        Token("numpy", "ndarray"): None,
    }
    # Protocols below 3 use the module names of Python 2.
    for module in ("builtins", "__builtin__"):
        names |= {Token(module, name): None for name in FACTORIES}
        names |= {
            Token(module, "set"): _set,
            Token(module, "frozenset"): _frozenset,
            Token(module, "bytes"): _encode,
            Token(module, "bytearray"): _bytearray,
            Token(module, "complex"): _complex,
        }
    # NumPy 1 and NumPy 2.
    for core in ("numpy.core", "numpy._core"):
        names[Token(f"{core}.multiarray", "_reconstruct")] = _array
        names[Token(f"{core}.multiarray", "scalar")] = make_scalar
        names[Token(f"{core}.numeric", "_frombuffer")] = _array_of_buffer
    return names


ADMITTED = _admitted()
