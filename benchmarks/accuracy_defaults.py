"""What other hyperparameters would give: the job with its defaults against the job without."""

from collections.abc import Mapping

from benchmarks.accuracy_job import Job, as_peer
from benchmarks.peers import Peer

ALTERNATIVES: tuple[Mapping[str, object], ...] = (
    {"lambda_l2": 0},
    {"lambda_l2": 2},
    {"lambda_l2": 4},
    {"lambda_l2": 10},
    {"min_data_in_leaf": 5},
    {"use_quantized_grad": False},
    {"loss_split_gradient": "weighted_sum"},
    {"loss_type": "adaptive"},
)


def alternatives(job: Job) -> dict[str, Peer]:
    """The job with other settings, by what they are, as peers of the job with its defaults."""
    return {
        ", ".join(f"{name}={value}" for name, value in settings.items()): as_peer(job, settings)
        for settings in ALTERNATIVES
    }
