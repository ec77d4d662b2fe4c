"""How long hosts wait, from the environment."""

import pytest

from exceptions import UserError
from hosts.cluster.settings import HostSettings

GIVEN = {"HOSTS_WAIT_SECONDS": "7", "HOSTS_LOST_SECONDS": "3.5", "HOSTS_PORT": "9000"}


def test_every_variable_is_read() -> None:
    assert HostSettings.from_environment(GIVEN) == HostSettings(7, 3.5, 9000)


def test_what_is_empty_or_not_there_has_its_default() -> None:
    defaults = HostSettings(600, 30, 8786)
    assert HostSettings.from_environment({}) == defaults
    assert HostSettings.from_environment(dict.fromkeys(GIVEN, "")) == defaults


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("text", ["soon", "nan", "0", "-1", "1e9"])
def test_what_is_no_sensible_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(UserError, match=rf"{name} \(environment\): wanted .*, found '{text}'"):
        HostSettings.from_environment({**GIVEN, name: text})
