"""What the roles of a job on several hosts are given."""

from collections.abc import Callable

from steps.job_data import JobInputs

StopRequested = Callable[[], bool]
"""Whether the job has been asked to stop."""

RunJob = Callable[[JobInputs, StopRequested], None]
"""Runs the steps of the job, given its inputs."""
