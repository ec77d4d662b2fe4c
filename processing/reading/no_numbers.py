"""Texts in numerical columns that are no numbers, and what is said of them."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from common.messages import listed, quoted, quoted_list
from exceptions import DataError

logger = logging.getLogger(__name__)

_MAX_EXAMPLES = 3
_KINDS_OF_TEXT = {
    r"[+-]?[0-9][0-9. ']*,[0-9]+": "numbers with commas? write 1234.5",
    r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}([T ].*)?": "dates? turn them into numbers, such as "
    "days since one day, or name the column in cat_field_list",
    r".*[;|\t].*": "several fields? there may be another delimiter",
}


class NoNumbers:
    """The texts of a column that are no numbers and count as missing.

    Attributes:
        count: how many there were.
        examples: up to three different ones.
    """

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[str] = []

    def add(self, texts: pa.Array) -> None:
        """Count some more, repeats included."""
        self.count += len(texts)
        if len(texts) and len(self.examples) < _MAX_EXAMPLES:
            for text in pc.unique(texts).slice(0, 2 * _MAX_EXAMPLES).to_pylist():
                if text not in self.examples and len(self.examples) < _MAX_EXAMPLES:
                    self.examples.append(text)


def check_numbers(
    source: str, found: Mapping[str, tuple[NoNumbers, int]], encoded: Collection[str]
) -> None:
    """Tell of texts that are no numbers; refuse columns that hold nothing else.

    Args:
        source: the channel that the table is read from.
        found: by column the texts that are no numbers, and how many values are numbers.
        encoded: columns of which upstream has made numbers; others say what is wrong with them.

    Raises:
        DataError: columns without a number, all of them named.
    """
    problems = []
    for name, (texts, usable) in found.items():
        if not texts.count:
            continue
        examples = quoted_list(texts.examples) + _kind_of_texts(texts.examples)
        if not usable and name not in encoded:
            problems.append(
                f"column {quoted(name)} has {texts.count} texts, for example {examples}"
            )
        else:
            more = f", more than half of {texts.count + usable} values"
            logger.warning(
                "%s: column %s: %d texts are no numbers and count as missing%s, for example %s",
                source,
                quoted(name),
                texts.count,
                more if texts.count > usable else "",
                examples,
            )
    if problems:
        raise DataError(
            f"channel {source!r}: wanted numbers in numerical columns, found none: "
            f"{listed(problems, '; ')}"
        )


def _kind_of_texts(texts: Sequence[str]) -> str:
    for pattern, kind in _KINDS_OF_TEXT.items():
        if all(re.fullmatch(pattern, text.strip()) for text in texts):
            return f" ({kind})"
    return ""
