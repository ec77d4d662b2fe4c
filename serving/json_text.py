"""JSON as the standard has it, from somebody who may mean harm."""

import json
from typing import Any, Never

from common.messages import quoted
from serving.faults import UnreadableError


class _RefusedError(Exception):
    """What Python's reader accepts and the standard, or common sense, does not."""


def decoded(body: bytes) -> str:
    """The body as text, without a byte-order mark.

    Raises:
        UnreadableError: It is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"the JSON is not UTF-8 text, from byte {error.start} on") from None


def parse_json(text: str, place: str = "") -> Any:
    """Reads one document.

    Args:
        text: The document.
        place: What messages call it beside "the JSON", such as `" of line 3"`.

    Raises:
        UnreadableError: It is no JSON, has a key twice, NaN or Infinity, an integer of more than
            4,300 digits, or is nested too deeply.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno} column {error.colno}"
    except RecursionError:
        reason = "lists or objects are nested too deeply"
    except _RefusedError as error:
        reason = str(error)
    except ValueError:
        # What is left is Python's guard against the time that a huge integer takes.
        reason = "it has a number of more than 4,300 digits"
    raise UnreadableError(f"the JSON{place} cannot be read: {reason}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for twice, _ in pairs:
            if twice in seen:
                break
            seen.add(twice)
        raise _RefusedError(f"the key {quoted(twice)} is given twice")
    return result


def _refuse(token: str) -> Never:
    raise _RefusedError(f"{token} is no number that JSON allows; a missing value is null")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
