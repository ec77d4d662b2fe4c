"""JSON as the standard has it: no NaN, no infinity, no key twice, only text that can be written."""

import json
import math
import re
from typing import Any, Never

from common.messages import as_json

_STRING_OR_NUMBER = re.compile(
    r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?',
    re.ASCII | re.IGNORECASE,
)
_MOST_DIGITS = 300  # such an integer still converts to a float; Python itself refuses 4300


class _TokenError(Exception):
    """A number that Python's JSON reader accepts and this module does not."""


def parse_json(text: str) -> Any:
    """Read one JSON document.

    Args:
        text: the document, without a byte-order mark.

    Returns:
        What ``json.loads`` returns.

    Raises:
        ValueError: the text is not JSON, or one of the cases in which ``json.loads`` is more
            generous than the standard. The message is one line, with line and column if known.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_token,
            parse_float=_finite_float,
            parse_int=_short_integer,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        msg = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise ValueError(msg) from None
    except _TokenError as error:
        token = str(error)
        msg = f"{token[:40]} is no number that JSON allows, at {_position(text, token)}"
        raise ValueError(msg) from None
    except UnicodeEncodeError:
        msg = r"a text holds half of a surrogate pair (\ud800 to \udfff)"
        raise ValueError(msg) from None
    except RecursionError:
        msg = "lists or objects are nested too deeply"
        raise ValueError(msg) from None
    return value


def _position(text: str, token: str) -> str:
    """Line and column of the first ``token`` outside strings: an earlier one would have failed."""
    start = next(
        match.start() for match in _STRING_OR_NUMBER.finditer(text) if match.group() == token
    )
    line_start = text.rfind("\n", 0, start) + 1
    return f"line {text.count(chr(10), 0, start) + 1} column {start - line_start + 1}"


def _refuse_token(token: str) -> Never:
    raise _TokenError(token)


def _finite_float(token: str) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise _TokenError(token)
    return value


def _short_integer(token: str) -> int:
    if len(token) > _MOST_DIGITS:
        raise _TokenError(token)
    return int(token)


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            both = f"{as_json(result[key])} and {as_json(value)}"
            msg = f"the key {as_json(key)} is given twice: {both}"
            raise ValueError(msg)
        result[key] = value
    return result
