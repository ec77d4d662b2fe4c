"""The faults that a user can mend, told apart from ours by type.

Every other exception that leaves the job is a fault of the program and is reported with its
traceback.
"""


class UserError(ValueError):
    """A fault of the data, the hyperparameters or the environment.

    The message is all that the user sees: it says what was wanted, what was found and where.
    """


class DataError(UserError):
    """The tables in the input channels cannot be used as they are."""


class HyperparameterError(UserError):
    """The hyperparameters are incomplete, out of range or contradict each other."""


class ArtifactError(UserError):
    """A precomputed artifact is missing, malformed or contradicts the data."""


class CheckpointError(UserError):
    """A checkpoint does not belong to this job or cannot be read by this version."""


class PackageError(UserError):
    """A package that the job needs is missing and cannot be installed."""


class HostError(UserError):
    """A host of the job did not come, or was lost."""


class BusyError(UserError):
    """Another job is at work on the base directory."""
