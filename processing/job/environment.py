"""Switches in environment variables. Standard library only: it is read before packages exist."""

from collections.abc import Mapping

from exceptions import UserError

TRUE = frozenset({"true", "1", "yes"})
FALSE = frozenset({"false", "0", "no"})


def environment_flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """Read a boolean environment variable.

    Args:
        environ: The environment.
        name: The variable.
        default: Its value where it is not set.

    Returns:
        True for true/1/yes, False for false/0/no, in any case and with spaces around.

    Raises:
        UserError: The variable has another value.
    """
    if name not in environ:
        return default
    value = environ[name].strip().lower()
    if value not in TRUE | FALSE:
        raise UserError(
            f"Environment variable {name} must be true, false, 1, 0, yes or no, "
            f"found {environ[name][:100]!r}"
        )
    return value in TRUE
