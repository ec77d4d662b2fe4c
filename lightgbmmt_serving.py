"""Serves a model: probabilities for raw rows by HTTP, as SageMaker's endpoints call a container.

    docker run -p 8080:8080 -v $PWD/opt_ml:/opt/ml IMAGE serve
    SAGEMAKER_BASE_DIR=./opt_ml python lightgbmmt_serving.py    # with requirements-serving.txt

The model directory is `/opt/ml/model` (`SM_MODEL_DIR` moves it), the port 8080
(`SAGEMAKER_BIND_TO_PORT` moves it). docs/scoring.md says what can be asked.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping

if __name__ == "__main__":
    # Process 1 of a container would not even notice it while the model is loaded.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    # One thread per process: see serving.processes. Read when the libraries are loaded.
    for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_variable] = "1"

from joblib import cpu_count

from common.log_lines import log_to_stdout
from exceptions import UserError
from processing.job.paths import model_directory
from serving.application import create_application
from serving.handler import model_fn, warm_up
from serving.processes import ScoringServer, allow_many_connections

__all__ = ["main"]

logger = logging.getLogger("serving")

DEFAULT_PORT = 8080


def main(environ: Mapping[str, str]) -> int:
    """Loads the model and serves it until SIGTERM; 1 if it cannot be loaded."""
    log_to_stdout()
    try:
        port = bind_port(environ)
        folder = model_directory(environ)
        scorer = model_fn(folder)
        warm_up(scorer)
    except UserError as error:
        # The sentence says it all; a traceback would hide it.
        logger.error("The model is not served: %s", error)  # noqa: TRY400
        return 1
    n_processes = cpu_count()  # respects the limit of a container
    logger.info(
        "Serving %s (%d tasks, %d features) on port %d with %d processes",
        folder,
        len(scorer.tasks),
        len(scorer.features),
        port,
        n_processes,
    )
    allow_many_connections()
    application = create_application(scorer, n_processes)
    # What is there now is shared by all processes: the collector must not write to it.
    gc.collect()
    gc.freeze()
    ScoringServer(application, port, n_processes).run()
    return 0


def bind_port(environ: Mapping[str, str]) -> int:
    """The port to listen on.

    Raises:
        UserError: `SAGEMAKER_BIND_TO_PORT` is no port.
    """
    text = environ.get("SAGEMAKER_BIND_TO_PORT") or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise UserError(f"SAGEMAKER_BIND_TO_PORT must be a port, 1 to 65535, found {text[:100]!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(os.environ))
