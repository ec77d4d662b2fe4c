"""Reading pickles of other jobs without running anything that stands in them.

`pickle.Unpickler` with a restricted `find_class` is not enough here: its C code allocates what a
memo index or a length field claims, hashes tuples of any depth on the C stack, and NumPy's
`dtype.__setstate__` trusts its input. So the opcodes, which `pickletools` parses, are carried out
here, on plain values only. A name in the pickle is never looked up; the few admitted ones are
tokens, and `processing.untrusted.pickle_values` does what they stand for.
"""

import io
import pickletools
import warnings
from collections.abc import Iterator
from pathlib import Path

from exceptions import ArtifactError
from processing.untrusted.pickle_values import Arguments, Token, build, call, key, plain

MAX_BYTES = 64 * 1024 * 1024
MAX_OPCODES = 20_000_000

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple}
TUPLE_SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
FILL_SIZES = {"APPEND": 1, "SETITEM": 2, "APPENDS": 0, "SETITEMS": 0, "ADDITEMS": 0}  # 0: to mark
LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING"}
    | {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
    | {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
)
GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
MARK = object()


def load_plain_pickle(path: Path, source: str) -> object:
    """Load a pickle of plain data: protocols 0 to 5, nothing in it is run or imported.

    Admitted are None, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set and
    frozenset, OrderedDict and defaultdict (both become dict), and NumPy scalars, arrays and dtypes
    of bool, numbers, text, bytes and of admitted objects. The keys of a dict are scalars or tuples
    of scalars.

    Args:
        path: The file.
        source: Its name in messages.

    Returns:
        The object.

    Raises:
        ArtifactError: The file is no pickle, is damaged, is too large, or asks for anything else,
            which is named: `posix.system`.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return loads_plain_pickle(data, source)


def loads_plain_pickle(data: bytes, source: str) -> object:
    """Load a pickle from bytes like `load_plain_pickle`; `source` names it in messages."""
    if len(data) > MAX_BYTES:
        raise ArtifactError(f"{source}: the pickle is larger than {MAX_BYTES // 2**20} MiB")
    try:
        # pickletools warns of odd escapes in the texts of protocol 0.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            return _Machine().run(_opcodes(data))
    except ArtifactError as error:
        raise ArtifactError(f"{source}: {error}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        # What pickletools and the operations below raise on damaged bytes.
        raise ArtifactError(f"{source}: not a readable pickle ({_short(error)})") from None


def _opcodes(data: bytes) -> Iterator[tuple[str, object]]:
    for count, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
        if count >= MAX_OPCODES:
            raise ArtifactError(f"the pickle has more than {MAX_OPCODES} operations")
        yield opcode.name, argument


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:100]}"


class _Machine:
    """The stack machine of the pickle protocol, on plain values."""

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.memo: dict[object, object] = {}

    def run(self, opcodes: Iterator[tuple[str, object]]) -> object:
        for name, argument in opcodes:
            if name == "STOP":
                break
            self.step(name, argument)
        return plain(self.stack.pop())

    def step(self, name: str, argument: object) -> None:
        stack = self.stack
        if name in LITERALS:
            stack.append(argument)
        elif name in PUTS:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in GETS:
            stack.append(self.memo[argument])
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name == "MARK":
            stack.append(MARK)
        elif name in {"PROTO", "FRAME"}:
            pass
        elif name in {"POP", "POP_MARK", "DUP"}:
            self.move(name)
        elif name in {"GLOBAL", "STACK_GLOBAL", "INST"}:
            self.push_global(name, argument)
        elif name in {"REDUCE", "BUILD"}:
            self.apply(name)
        else:
            self.collect(name)

    def move(self, name: str) -> None:
        if name == "POP":
            self.stack.pop()
        elif name == "DUP":
            self.stack.append(self.stack[-1])
        else:
            self.pop_to_mark()

    def push_global(self, name: str, argument: object) -> None:
        if name == "STACK_GLOBAL":
            attribute, module = self.stack.pop(), self.stack.pop()
        else:
            module, _, attribute = str(argument).partition(" ")
        token = Token.of(module, attribute)
        if name == "INST":
            raise ArtifactError(f"the pickle makes an object of {token}, only plain data is read")
        self.stack.append(token)

    def apply(self, name: str) -> None:
        argument = self.stack.pop()
        target = self.stack.pop()
        self.stack.append(call(target, argument) if name == "REDUCE" else build(target, argument))

    def collect(self, name: str) -> None:
        stack = self.stack
        if name in TUPLE_SIZES:
            size = TUPLE_SIZES[name]
            if len(stack) < size:
                raise IndexError("stack underflow")
            stack[-size:] = [Arguments.of(stack[-size:])]
        elif name == "TUPLE":
            stack.append(Arguments.of(self.pop_to_mark()))
        elif name == "LIST":
            stack.append([plain(item) for item in self.pop_to_mark()])
        elif name == "DICT":
            items = self.pop_to_mark()
            stack.append({})
            self.fill(items)
        elif name == "FROZENSET":
            stack.append(frozenset([key(item) for item in self.pop_to_mark()]))
        elif name in FILL_SIZES:
            size = FILL_SIZES[name]
            items = [stack.pop() for _ in range(size)][::-1] if size else self.pop_to_mark()
            self.fill(items)
        else:
            raise ArtifactError(f"the pickle uses {name}, only plain data is read")

    def fill(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend([plain(item) for item in items])
        elif isinstance(target, set):
            target.update([key(item) for item in items])
        elif isinstance(target, dict):
            for name, value in zip(items[::2], items[1::2], strict=True):
                target[key(name)] = plain(value)
        else:
            raise ArtifactError(f"the pickle fills a {type(target).__name__} as a container")

    def pop_to_mark(self) -> list[object]:
        items = []
        while (item := self.stack.pop()) is not MARK:
            items.append(item)
        return items[::-1]
