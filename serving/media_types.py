"""The content types that are read and written, and how a request names them."""

from dataclasses import dataclass

from common.messages import quoted
from serving.faults import NotAcceptableError, UnsupportedTypeError

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
PARQUET = "application/x-parquet"

READ = (CSV, JSON, JSON_LINES, PARQUET)
WRITTEN = (JSON, CSV, JSON_LINES)

_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_HEADER_PARAMETER = {"present": True, "absent": False}


@dataclass(frozen=True)
class MediaType:
    """A content type.

    Attributes:
        name: Such as `text/csv`.
        header: Of CSV, whether the first row holds the column names (the parameter of RFC 4180);
            None: not said.
    """

    name: str
    header: bool | None = None


def content_type(value: str | None) -> MediaType:
    """What the `Content-Type` header says that the body is.

    Raises:
        UnsupportedTypeError: Nothing that is read here.
    """
    name, parameters = _split(value or "")
    if name not in READ:
        found = quoted(value) if value else "none"
        raise UnsupportedTypeError(f"wanted a content type of {', '.join(READ)}, found {found}")
    charset = parameters.get("charset", "utf-8").lower()
    if name != PARQUET and charset not in _CHARSETS:
        raise UnsupportedTypeError(f"wanted text in UTF-8, found the charset {quoted(charset)}")
    return MediaType(name, _HEADER_PARAMETER.get(parameters.get("header", "").lower()))


def accepted_type(value: str | None) -> MediaType:
    """The best of the types that the `Accept` header admits; JSON where it admits everything.

    Raises:
        NotAcceptableError: It admits nothing that is written here.
    """
    if not value or not value.strip():
        return MediaType(JSON)
    best, best_quality = None, 0.0
    for part in value.split(","):
        name, parameters = _split(part)
        quality = _quality(parameters.get("q", "1"))
        written = next((known for known in WRITTEN if _admits(name, known)), None)
        if written is not None and quality > best_quality:
            header = _HEADER_PARAMETER.get(parameters.get("header", "").lower())
            best, best_quality = MediaType(written, header), quality
    if best is None:
        raise NotAcceptableError(
            f"wanted to be asked for {', '.join(WRITTEN)}, found the accept header {quoted(value)}"
        )
    return best


def _admits(pattern: str, name: str) -> bool:
    kind, _, _ = name.partition("/")
    return pattern in (name, f"{kind}/*", "*/*")


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _split(value: str) -> tuple[str, dict[str, str]]:
    """The type in lower case, and its parameters."""
    name, *rest = value.split(";")
    parameters = {}
    for part in rest:
        key, _, text = part.partition("=")
        parameters[key.strip().lower()] = text.strip().strip('"')
    return name.strip().lower(), parameters
