"""Hosts that speak TLS to each other, by the recipe of docs/hosts.md."""

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_jobs import HostJob, host_job
from jobs import job_environment, model_file
from recipes import recipes

WAIT_SECONDS = "6"
SECONDS_TO_END = 60.0
ROLES = ("SCHEDULER", "WORKER", "CLIENT")
TLS = "DASK_DISTRIBUTED__COMM__TLS__"
SCHEME = "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME"


def make_certificates(folder: Path) -> Path:
    """A CA, and a certificate of its own for a host, under the names of the recipe."""
    folder.mkdir()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca"],
        ["req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=of the test"],
        ["x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key"]
        + ["-CAcreateserial", "-days", "2", "-out", "host.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl program to make certificates with")
    return make_certificates(tmp_path_factory.mktemp("tls") / "own")


def recipe_variables(folder: Path) -> dict[str, str]:
    """What the recipe exports, run where the certificates are."""
    [recipe] = [text for text in recipes("docs/hosts.md", "sh") if "TLS" in text]
    dump = "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    before = job_environment(folder)
    done = subprocess.run(
        ["sh", "-ec", recipe + dump],
        cwd=folder,
        env=before,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return {name: value for name, value in found.items() if name.startswith("DASK_")}
