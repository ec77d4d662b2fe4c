"""How names, values and lists of them are written into one line of an error message."""

import difflib
import json
from collections.abc import Iterable, Sequence

MAX_ITEMS = 8
MAX_ITEM_LENGTH = 60


def printable(text: str) -> str:
    """The text with everything that is no visible character or space written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(value: object) -> str:
    """A name or value of the data in quotes, cut where it is too long for one line."""
    text = repr(value)
    return text if len(text) <= MAX_ITEM_LENGTH else f"{text[: MAX_ITEM_LENGTH - 4]}...{text[0]}"


def as_json(value: object, limit: int = 80) -> str:
    """A value of a JSON file as it stands there, in one line of about ``limit`` characters."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return printable(text if len(text) <= limit else text[:limit] + "...")


def listed(items: Sequence[str], separator: str = ", ", most: int = MAX_ITEMS) -> str:
    """The first items, and how many more there are."""
    shown = separator.join(items[:most])
    rest = len(items) - most
    return f"{shown} and {rest} more" if rest > 0 else shown


def quoted_list(values: Iterable[object]) -> str:
    """Names or values of the data in quotes, as `listed`."""
    return listed([quoted(value) for value in values])


def json_list(values: Iterable[object]) -> str:
    """Values of a JSON file, as `listed`."""
    return listed([as_json(value) for value in values], most=10)


def listed_with_nearest(names: Sequence[str], existing: Sequence[str]) -> str:
    """Missing names, each with the existing ones that it may stand for, as `listed`."""
    shown = [with_nearest(name, existing) for name in names[:MAX_ITEMS]]
    return listed([*shown, *names[MAX_ITEMS:]])


def with_nearest(name: str, existing: Sequence[str]) -> str:
    """The name in quotes with the one or two existing names that are most like it."""
    by_lower_case = {candidate.strip().lower(): candidate for candidate in reversed(existing)}
    close = difflib.get_close_matches(name.strip().lower(), list(by_lower_case), n=2, cutoff=0.7)
    if not close:
        return quoted(name)
    found = " or ".join(quoted(by_lower_case[candidate]) for candidate in close)
    return f"{quoted(name)} (nearest: {found})"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, however far; None if there is none."""
    by_plain_form = {_plain(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(_plain(name[:200]), by_plain_form, n=1, cutoff=0.0)
    return by_plain_form[close[0]] if close else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace("_", "")


def first_line(error: BaseException) -> str:
    """The first line of another library's error, short enough to be quoted in ours."""
    lines = str(error).splitlines()
    return printable(lines[0][:200]) if lines else type(error).__name__
