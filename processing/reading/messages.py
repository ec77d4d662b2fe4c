"""How lists of names and values are written into one line of an error message."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MAX_ITEMS = 8
MAX_ITEM_LENGTH = 60


def quoted(value: object) -> str:
    """A name or value of the user's in quotes, cut where it is too long for one line."""
    text = repr(value)
    return text if len(text) <= MAX_ITEM_LENGTH else f"{text[: MAX_ITEM_LENGTH - 4]}...{text[0]}"


def listed(items: Sequence[str], separator: str = ", ") -> str:
    """The first items, and how many more there are."""
    shown = separator.join(items[:MAX_ITEMS])
    rest = len(items) - MAX_ITEMS
    return f"{shown} and {rest} more" if rest > 0 else shown


def quoted_list(values: Iterable[object]) -> str:
    """Names or values in quotes, as `listed`."""
    return listed([quoted(value) for value in values])


def listed_with_nearest(names: Sequence[str], existing: Sequence[str]) -> str:
    """Missing names, each with the existing ones that it may stand for, as `listed`."""
    shown = [with_nearest(name, existing) for name in names[:MAX_ITEMS]]
    return listed([*shown, *names[MAX_ITEMS:]])


def with_nearest(name: str, existing: Sequence[str]) -> str:
    """The name in quotes with the one or two existing names that are most like it."""
    by_lower_case = {candidate.strip().lower(): candidate for candidate in reversed(existing)}
    nearest = get_close_matches(name.strip().lower(), list(by_lower_case), n=2, cutoff=0.7)
    if not nearest:
        return quoted(name)
    found = " or ".join(quoted(by_lower_case[candidate]) for candidate in nearest)
    return f"{quoted(name)} (nearest: {found})"


def first_line(error: BaseException) -> str:
    """The first line of another library's error, short enough to be quoted in ours."""
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
