"""What a file is that is not what its name says."""

import re
from collections.abc import Collection, Sequence

from common.messages import quoted

SAMPLE_BYTES = 4096
"""So many bytes from the start of a file are enough to tell."""

# Kinds by their first bytes. A kind whose mark could be the start of a column name is one only if
# bytes follow that no text has.
_MARKS: tuple[tuple[bytes, bool, str], ...] = (
    (b"\x1f\x8b", False, "a gzip file (end its name in .csv.gz or .tsv.gz)"),
    (b"PAR1", True, "a Parquet file (end its name in .parquet)"),
    (b"PARE", True, "an encrypted Parquet file"),
    (b"ORC", True, "an ORC file"),
    (b"Obj\x01", False, "an Avro file"),
    (b"ARROW1\x00", False, "an Arrow (Feather) file"),
    (b"\xd0\xcf\x11\xe0", False, "a spreadsheet or document of an old Office program"),
    (b"BZh", True, "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", False, "a Zstandard file"),
    (b"\xfd7zXZ\x00", False, "an xz file"),
    (b"7z\xbc\xaf", False, "a 7z archive"),
    (b"\x80\x04\x95", False, "a Python pickle"),
    (b"SQLite format 3\x00", False, "an SQLite database"),
    # UTF-32 comes first: its mark starts with that of UTF-16.
    (b"\xff\xfe\x00\x00", False, "text in UTF-32 (convert it to UTF-8)"),
    (b"\x00\x00\xfe\xff", False, "text in UTF-32 (convert it to UTF-8)"),
    (b"\xff\xfe", False, "text in UTF-16 (convert it to UTF-8)"),
    (b"\xfe\xff", False, "text in UTF-16 (convert it to UTF-8)"),
)
_ZIP = b"PK\x03\x04"
_SPREADSHEET_PARTS = (b"[Content_Types].xml", b"xl/", b"mimetypeapplication/vnd.oasis")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_PAGE = re.compile(rb"\s*<(!doctype html|html|head|body)[\s>]", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s", re.IGNORECASE)

_JSON = re.compile(r'\s*(\{\s*"?\w|\[\s*[{\[])|\s*[{\[]\s*$')
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_VALUE = re.compile(r"\s*([+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?)?\s*")


def foreign_kind(start: bytes) -> str | None:
    """What a file is, if it cannot be UTF-8 text.

    Args:
        start: its first `SAMPLE_BYTES` bytes, or all of a shorter file.

    Returns:
        For a sentence, with its article; None if it may be text, or is of no known kind.
    """
    for mark, needs_binary, kind in _MARKS:
        if start.startswith(mark) and (not needs_binary or _NO_TEXT.search(start)):
            return kind
    if start.startswith(_ZIP):
        is_spreadsheet = any(part in start for part in _SPREADSHEET_PARTS)
        return "a spreadsheet (save it as CSV in UTF-8)" if is_spreadsheet else "a zip archive"
    text = start.removeprefix(b"\xef\xbb\xbf")
    if _PAGE.match(text):
        return "an HTML page (of a download that failed?)"
    if _XML.match(text):
        return "an XML document (of a download that failed?)"
    return _wide_text(start)


def _wide_text(start: bytes) -> str | None:
    """Text in two or four bytes per character without a mark: most are below 256."""
    sample = start[: len(start) // 4 * 4]
    if len(sample) < 8:
        return None
    nothing = [sample[place::4].count(0) * 4 > len(sample) * 3 / 4 for place in range(4)]
    if sum(nothing) == 3:
        return "text in UTF-32 (convert it to UTF-8)"
    if nothing in ([False, True] * 2, [True, False] * 2):
        return "text in UTF-16 (convert it to UTF-8)"
    return None


def header_fault(names: Sequence[str], delimiter: str, wanted: Collection[str]) -> str | None:
    """What is wrong with a header that lacks wanted columns, if it does not look like a header.

    Args:
        names: what was read as column names.
        delimiter: what the fields were taken apart by.
        wanted: columns that the file should have.

    Returns:
        A clause of a sentence; None if the header looks like one.
    """
    other = _other_delimiter(names, delimiter, wanted)
    if other:
        return (
            f"the fields are separated by {_DELIMITERS[other]}, wanted {_DELIMITERS[delimiter]} "
            f"(the first line starts with {quoted(delimiter.join(names))})"
        )
    if set(names) & set(wanted):
        return None
    line = delimiter.join(names)
    values = [name for name in names if _VALUE.fullmatch(name)]
    if len(values) * 3 >= len(names):
        return f"there is no header: the first line holds values, not names ({quoted(line)})"
    if _JSON.match(line):
        return f"it holds JSON, not a table (the first line is {quoted(line)})"
    return None


def _other_delimiter(names: Sequence[str], delimiter: str, wanted: Collection[str]) -> str | None:
    line = delimiter.join(names)
    found = len(set(names) & set(wanted))
    for other in _DELIMITERS:
        pieces = [piece.strip().strip('"') for piece in line.split(other)]
        if other != delimiter and len(pieces) > 1 and len(set(pieces) & set(wanted)) > found:
            return other
    return None
