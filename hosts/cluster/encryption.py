"""Encrypted connections between hosts, where Dask's own configuration asks for them."""

from collections.abc import Sequence

import dask
from distributed import Security
from distributed.core import rpc

from exceptions import UserError

ROLES = ("scheduler", "worker", "client")
"""What a host of a job can be to another one; each has a certificate of its own in Dask."""

_UNENCRYPTED = ("tcp", "ws")
_SETTINGS = "distributed.comm"


def own_scheme() -> str:
    """What the hosts of a job speak to each other."""
    return str(dask.config.get(f"{_SETTINGS}.default-scheme"))


def server_at(address: str) -> rpc:
    """A Dask server to ask, by Dask's configuration of a client.

    Dask's own parts look there by themselves.
    """
    return rpc(address, connection_args=Security().get_connection_args("client"))


def check_encryption(scheme: str, roles: Sequence[str] = ROLES) -> None:
    """Checks that this host can speak as it is told to, before it waits for others.

    Args:
        scheme: What is spoken.
        roles: What this host is to others.

    Raises:
        UserError: A certificate is missing or cannot be read, or nothing would be encrypted though
            it has to be.
    """
    try:
        security = Security()
    except ValueError as error:
        raise UserError(str(error)) from error
    if security.require_encryption and scheme in _UNENCRYPTED:
        raise UserError(
            f"{_SETTINGS}.require-encryption is set, but the hosts would speak {scheme}: wanted "
            f"tls as {_setting('default-scheme')} and in DASK_SCHEDULER_ADDRESS"
        )
    if scheme != "tls":
        return
    for role in roles:
        wanted = [_setting("tls.ca-file"), _setting(f"tls.{role}.cert")]
        files = security.get_tls_config_for_role(role)
        for setting, file in zip(wanted, (files["ca_file"], files["cert"]), strict=True):
            if not file:
                raise UserError(f"the hosts speak tls: wanted a PEM file as {setting}, found none")
        try:
            security.get_connection_args(role)
        except OSError as error:
            wanted.append(_setting(f"tls.{role}.key"))
            found = ", ".join(str(files[name]) for name in ("ca_file", "cert", "key"))
            raise UserError(
                f"the hosts speak tls: wanted PEM files that belong together as "
                f"{', '.join(wanted)}, found {found}: {error}"
            ) from error


def _setting(name: str) -> str:
    """A setting of Dask's, as its documentation and as the environment call it."""
    variable = f"DASK_{_SETTINGS}.{name}".upper().replace(".", "__").replace("-", "_")
    return f"{_SETTINGS}.{name} ({variable})"
