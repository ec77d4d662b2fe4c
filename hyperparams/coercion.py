"""The types of the knobs, and how a value written as text becomes one of them.

SageMaker passes every value as text, and people quote numbers in files, so both sources go through
the same conversions: text that converts exactly is converted, everything else is left as it is
and refused by the type. Text for a text knob is never touched: a column may be called ``1``.
"""

import ast
import re
from typing import Annotated, Any, Literal

from annotated_types import Gt, Lt
from pydantic import AfterValidator, BeforeValidator

from common.strict_json import parse_json

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_LINE_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029\0]")


def unquote(text: str) -> str:
    """Return the text that a JSON string literal stands for; other text as it is."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        try:
            return str(parse_json(text))
        except ValueError:
            return text
    return text


def _bare(value: object) -> object:
    """Strip spaces and every layer of JSON quotes: clients encode text once or twice."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    while (inner := unquote(text).strip()) != text:
        text = inner
    return text


def _to_number(value: object) -> object:
    bare = _bare(value)
    if isinstance(bare, str) and _NUMBER.fullmatch(bare):
        return float(bare)
    return bare


def _to_integer(value: object) -> object:
    number = _to_number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _to_flag(value: object) -> object:
    bare = _bare(value)
    if isinstance(bare, str):
        return {"true": True, "false": False}.get(bare.lower(), bare)
    return bare


def _to_container(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    bare = _bare(value)
    if not isinstance(bare, str) or not bare.startswith(("[", "{")):
        return bare
    try:
        return parse_json(bare)
    except ValueError:
        return _python_literal(bare)


def _python_literal(text: str) -> Any:
    """Read ``['a', 'b']``: a plain SageMaker ``Estimator`` passes ``str(value)``, not JSON.

    Of objects only the exact form that ``str`` gives is read, since others may hold a key twice.
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, list) or str(value) == text else text


def _check_name(name: str) -> str:
    if not name.strip() or _LINE_BREAKS.search(name):
        raise ValueError("blank, or more than one line")
    name.encode()  # a lone surrogate fails here: such a name cannot be written to a file
    return name


def _refuse_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - what pydantic takes for a refusal
    return value


AsNumber = BeforeValidator(_to_number)
AsInteger = BeforeValidator(_to_integer)
AsFlag = BeforeValidator(_to_flag)
AsChoice = BeforeValidator(_bare)
AsContainer = BeforeValidator(_to_container)

Integer = Annotated[int, AsInteger]
Number = Annotated[float, AsNumber]
Flag = Annotated[bool, AsFlag]
Name = Annotated[str, AfterValidator(_check_name)]
Names = Annotated[list[Name], AsContainer]
# A literal alone would take `true` for a 1.
Direction = Annotated[Literal[1, -1], BeforeValidator(_refuse_flag), AsInteger]
Rate = Annotated[float, AsNumber, Gt(0), Lt(1)]
