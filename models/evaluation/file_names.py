"""Task names as parts of file names."""

import hashlib
import re

MAX_BYTES = 200
"""File systems allow 255 bytes per name; the rest is for what stands before and after the task."""

_HASH_DIGITS = 16
_ENCODED = re.compile(
    r"\A\.+"  # a leading dot hides a file, and `..` is the folder above
    r"|[/\x00-\x1f\x7f]"  # separator, NUL and control characters
    r"|[\ud800-\udfff]"  # halves of surrogate pairs have no UTF-8 form
    r"|%(?=[0-9A-Fa-f]{2})"  # would be read as an encoded character
)
_LOOKS_SHORTENED = re.compile(rf"~[0-9a-f]{{{_HASH_DIGITS}}}\Z")


def safe_file_name(text: str) -> str:
    """Return `text` as it can stand in a file name; different texts give different names.

    What a file name cannot hold is percent-encoded (UTF-8 bytes), as is a leading dot; everything
    else stays, spaces and non-ASCII letters included. A name that is then longer than `MAX_BYTES`
    bytes of UTF-8 is cut and ends in `~` and 16 hexadecimal digits of the text's SHA-256.
    """
    name = _ENCODED.sub(_percent_encode, text)
    # A short name that ends like a shortened one is hashed too, or the two could be the same.
    if len(name.encode()) <= MAX_BYTES and not _LOOKS_SHORTENED.search(name):
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]
    room = MAX_BYTES - len(digest) - 1
    return f"{name.encode()[:room].decode(errors='ignore')}~{digest}"


def _percent_encode(match: re.Match[str]) -> str:
    encoded = match.group().encode(errors="surrogatepass")
    return "".join(f"%{byte:02X}" for byte in encoded)
