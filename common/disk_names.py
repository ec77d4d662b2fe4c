"""File names in UTF-8 whatever the locale says.

In the C locale Python takes file names for ASCII: a name with other letters can be neither written
nor shown as it is. In a UTF-8 locale both functions change nothing.
"""

import os
from pathlib import PurePath


def to_disk(name: str) -> str:
    """What Python must call a file whose name is to be this text in UTF-8."""
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def from_disk(path: PurePath) -> str:
    """The text that a path is in UTF-8, with `/` between its parts; other bytes stay surrogates."""
    return os.fsencode(path.as_posix()).decode("utf-8", "surrogateescape")
