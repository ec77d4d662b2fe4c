"""What one host does of a job: a Dask actor, whose methods all run on one thread."""

from dataclasses import dataclass

from exceptions import DataError, UserError
from hosts.parts.host_data import HostData
from hosts.parts.host_training import HostTraining
from processing.job.failure import explain


@dataclass(frozen=True)
class Fault:
    """Why a host could not do what it was asked for.

    Attributes:
        host: Its name.
        message: One line.
        details: More lines, or for a fault of the program its traceback.
        is_data_fault: Whether it is a fault of the host's data.
    """

    host: str
    message: str
    details: str
    is_data_fault: bool


class HostPart:
    """The rows of one host, and all that is done to them."""

    def __init__(self, name: str, index: int, n_hosts: int) -> None:
        """Has no rows yet; `index` is the host's place among the `n_hosts`."""
        self._name = name
        self._data = HostData(index, n_hosts)
        self._training = HostTraining(self._data)

    def run(self, method: str, *arguments: object) -> object:
        """Does one step: `data.NAME` or `training.NAME`, a method of either.

        Returns:
            The step's result, or a `Fault`: an exception is a result here, so that one that the
            driver gets from Dask means that the host cannot be reached.
        """
        step, _, name = method.partition(".")
        owner = {"data": self._data, "training": self._training}[step]
        try:
            return getattr(owner, name)(*arguments)
        except Exception as error:  # noqa: BLE001 - told to the driver, which ends the job
            message, details = explain(error)
            if isinstance(error, UserError):
                details = ""
            return Fault(self._name, message, details, isinstance(error, DataError))
