"""How figures and names are written on the page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from common.messages import printable

NO_VALUE = "\u2013"
_NARROW_SPACE = "\u202f"
_MINUS = "\u2212"


def score(value: float) -> str:
    """A metric between 0 and 1, such as an AUC, or a slope."""
    return _signed(f"{value:.3f}")


def percent(value: float) -> str:
    """A share, to three digits: 0.00123 is 0.123 %."""
    hundredths = 100 * value
    if hundredths == 0 or abs(hundredths) >= 99.95:
        digits = 0 if hundredths in (0, 100) else 1
    else:
        digits = min(max(2 - math.floor(math.log10(abs(hundredths))), 1), 4)
    return _signed(f"{hundredths:.{digits}f}") + f"{_NARROW_SPACE}%"


def share(value: float) -> str:
    """A share that was chosen, such as a budget: 0.001 is 0.1 %."""
    return f"{100 * value:g}{_NARROW_SPACE}%"


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return _signed(f"{100 * value:+.1f}")


def difference(value: float) -> str:
    """A difference of two metrics, with its sign."""
    return _signed(f"{value:+.3f}")


def count(value: float) -> str:
    """A number of rows, or a weight; a fraction shows where the number is small."""
    whole = float(value).is_integer() or abs(value) >= 1000
    return _signed(f"{value:,.0f}" if whole else f"{value:,.1f}")


def money(value: float) -> str:
    """An amount, in whole units of the column."""
    return _signed(f"{value:,.0f}")


def number(value: float) -> str:
    """Any number, to three digits, never as a power of ten while it is of a usual size."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        digits = 2 if value == 0 else max(2 - math.floor(math.log10(abs(value))), 0)
        return _signed(f"{value:,.{digits}f}")
    return _signed(f"{value:.2e}")


FORMATS = {
    "score": score,
    "percent": percent,
    "share": share,
    "points": points,
    "difference": difference,
    "count": count,
    "money": money,
    "number": number,
}


def name(text: object) -> Markup:
    """A name of the data: escaped, control characters visible, its direction kept to itself."""
    return Markup("<bdi>{}</bdi>").format(printable(str(text)))


def plain_name(text: object) -> str:
    """A name for an attribute, where there can be no element around it."""
    return printable(str(text))


class Figures:
    """Looks figures up in the metrics and writes them; the page has no other source of numbers.

    A figure is written as `<data value="0.93412" data-key="test 0 auc_roc">0.934</data>`: its exact
    value, and where in which `metrics.json` it stands. A number in the key counts entries: task 0
    is the first task, whatever its name.

    Args:
        metrics: The metrics of each split, as they stand in its `metrics.json`.
    """

    def __init__(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        self._metrics = metrics

    def get(self, *key: str | int) -> Any:
        """The value at a key, None where there is none on the way."""
        value: Any = self._metrics
        for part in key:
            if value is None:
                return None
            if isinstance(part, int):
                items = list(value.values()) if isinstance(value, Mapping) else value
                value = items[part] if part < len(items) else None
            elif isinstance(value, Mapping):
                value = value.get(part)
            else:
                return None
        return value

    def show(self, form: str, *key: str | int) -> Markup:
        """A figure in one of the `FORMATS`; a dash, with the reason, where it has no value."""
        value = self.get(*key)
        if value is None:
            reasons = self.get(*key[:2], "undefined") or {}
            reason = next((reasons[part] for part in key if part in reasons), "")
            return Markup('<span class="none" title="{}">{}</span>').format(reason, NO_VALUE)
        return Markup('<data value="{}" data-key="{}">{}</data>').format(
            repr(value), " ".join(map(str, key)), FORMATS[form](value)
        )

    def interval(self, form: str, *key: str | int) -> Markup:
        """Both ends of an interval."""
        if self.get(*key) is None:
            return self.show(form, *key)
        low, high = self.show(form, *key, 0), self.show(form, *key, 1)
        return Markup('<span class="interval">{} to {}</span>').format(low, high)


def sentence_list(items: Sequence[object]) -> Markup:
    """Names as `a, b and c`."""
    names = [name(item) for item in items]
    if len(names) < 2:
        return Markup("").join(names)
    return Markup("{} and {}").format(Markup(", ").join(names[:-1]), names[-1])


def attribute(text: object) -> Markup:
    """A text for an attribute, escaped."""
    return escape(printable(str(text)))


def _signed(text: str) -> str:
    """A real minus sign; no minus before a zero."""
    if text.startswith("-"):
        return text[1:] if not any(digit in text for digit in "123456789") else _MINUS + text[1:]
    return text
