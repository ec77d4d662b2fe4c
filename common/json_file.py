"""One way to read a JSON file: hyperparameters, the platform's files, artifacts."""

from pathlib import Path
from typing import Any

from common.messages import as_json
from common.regular_file import open_regular
from common.strict_json import parse_json
from exceptions import UserError

MOST_BYTES = 16 * 2**20


def read_json_object(
    path: Path, fault: type[UserError] = UserError, shown: str | None = None
) -> dict[str, Any] | None:
    """Read a file that holds one JSON object, as `parse_json` understands it.

    Args:
        path: The file. It may start with a byte-order mark.
        fault: Type of the error.
        shown: The file, as the user knows it; None: the path.

    Returns:
        The object, or None if there is nothing of that name.

    Raises:
        UserError: Of the type `fault`, in one line: it is no regular file, cannot be read, is
            larger than 16 MiB, is no UTF-8 text, no JSON, or no object.
    """
    name = shown or str(path)
    try:
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise fault(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise fault(f"{name} is larger than {MOST_BYTES // 2**20} MiB")
    try:
        value = parse_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise fault(
            f"{name} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at line {line} "
            f"column {column}"
        ) from error
    except ValueError as error:
        raise fault(f"{name} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise fault(f"{name} must hold one JSON object, found {as_json(value)}")
    return value
