"""Boolean environment variables."""

import pytest

from exceptions import UserError
from processing.job.environment import environment_flag


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "yes", " Yes "])
def test_true(text: str) -> None:
    assert environment_flag({"X": text}, "X", default=False) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "NO\n"])
def test_false(text: str) -> None:
    assert environment_flag({"X": text}, "X", default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_default(default: bool) -> None:
    assert environment_flag({}, "X", default=default) is default


@pytest.mark.parametrize("text", ["", "on", "2", "tru", "t"])
def test_anything_else_names_variable_and_value(text: str) -> None:
    with pytest.raises(UserError, match=f"variable X must be true, .* found {text!r}"):
        environment_flag({"X": text}, "X", default=True)
