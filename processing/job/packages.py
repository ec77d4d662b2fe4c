"""Installing at job start what is missing of `requirements.txt`.

Standard library only at import: it runs before anything else is there.
"""

import importlib
import importlib.metadata
import logging
import mmap
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from exceptions import PackageError
from processing.job.code_artifact import PackageIndex, make_client, parse_arn, request_index
from processing.job.environment import environment_flag

logger = logging.getLogger(__name__)

PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+_-]+)")
# With the private index no other one may be asked: a foreign package of the same name could win.
INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")
# These would write the index URL somewhere.
TALKATIVE_VARIABLES = ("PIP_LOG", "PIP_LOG_FILE", "PIP_VERBOSE", "PIP_REPORT")
SHOWN_LINES = 5
LOADED_BYTES = 512 * 2**20
"""Address space of all that the job imports, hardly any of which is memory that is used."""
SHOWN_CHARACTERS = 600


def missing_requirements(requirements_file: Path) -> list[str]:
    """Return the pins of a requirements file that the running Python does not satisfy.

    Args:
        requirements_file: Lines `name==version`, comments and blank lines.

    Returns:
        The unsatisfied pins, as `name==version`, in the order of the file.

    Raises:
        ValueError: A line is something else: a fault of the program, whose file it is.
    """
    missing = []
    for number, line in enumerate(requirements_file.read_text("utf-8").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = PIN.fullmatch(text)
        if match is None:
            raise ValueError(f"{requirements_file}, line {number}: wanted name==version, {line!r}")
        if not _is_installed(match["name"], match["version"]):
            missing.append(text)
    return missing


def install_missing(requirements_file: Path, environ: Mapping[str, str]) -> list[str]:
    """Install what is missing, from CodeArtifact or from public PyPI; nothing if all is there.

    `USE_SECURE_PYPI` (default true) chooses CodeArtifact, whose repository `CA_REPOSITORY_ARN`
    names. Its token reaches pip in an environment variable of that process only. Only wheels are
    installed, so that no foreign code runs.

    Args:
        requirements_file: As in `missing_requirements`.
        environ: The environment of the job, also that of pip.

    Returns:
        The installed pins.

    Raises:
        PackageError: There is no ARN, boto3, credentials, network or matching wheel.
        UserError: `USE_SECURE_PYPI` is no boolean.
    """
    secure = environment_flag(environ, "USE_SECURE_PYPI", default=True)
    missing = missing_requirements(requirements_file)
    if not missing:
        return []
    index = _code_artifact_index(environ, missing) if secure else None
    logger.info(
        "Installing %s from %s", ", ".join(missing), "CodeArtifact" if index else "public PyPI"
    )
    _run_pip(missing, environ, index)
    importlib.invalidate_caches()
    remaining = missing_requirements(requirements_file)
    if remaining:
        raise PackageError(
            f"pip has installed {', '.join(missing)}, but {sys.executable} does not find "
            f"{', '.join(remaining)}"
        )
    return missing


def check_room_for_packages() -> None:
    """Tries whether the packages fit into the address space that the process may have.

    Where they do not, OpenBLAS (0.3.30, in SciPy 1.17) may look for memory for ever when it is
    loaded.

    Raises:
        MemoryError: They do not fit.
    """
    try:
        mmap.mmap(-1, LOADED_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ).close()
    except OSError as error:
        raise MemoryError from error


def check_loadable(package: str) -> None:
    """Import a package that needs libraries of the system.

    Raises:
        PackageError: It cannot be imported.
    """
    try:
        importlib.import_module(package)
    except (ImportError, OSError) as error:
        raise PackageError(
            f"{package} is installed but cannot be loaded: {error}. If it is libgomp that is "
            "missing, install the system's OpenMP library (on Debian: apt-get install libgomp1)"
        ) from error


def _is_installed(name: str, version: str) -> bool:
    try:
        installed = str(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False
    # A local build (2.0+cpu) satisfies the pin of its version, as with pip.
    return version in {installed, installed.partition("+")[0]}


def _code_artifact_index(environ: Mapping[str, str], missing: list[str]) -> PackageIndex:
    arn = environ.get("CA_REPOSITORY_ARN", "")
    if not arn:
        raise PackageError(
            f"Missing packages: {', '.join(missing)}. USE_SECURE_PYPI is true, but "
            "CA_REPOSITORY_ARN, the CodeArtifact repository to install them from, is not set; set "
            "it, or set USE_SECURE_PYPI=false for public PyPI"
        )
    repository = parse_arn(arn)
    return request_index(make_client(repository.region), repository)


def _run_pip(
    pins: list[str],
    environ: Mapping[str, str],
    index: PackageIndex | None,
) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    # All that is needed is pinned, so nothing else of the environment is touched.
    command += ["--only-binary=:all:", "--no-deps"]
    child_environ = dict(environ)
    secrets = []
    if index is not None:
        for name in INDEX_VARIABLES + TALKATIVE_VARIABLES:
            child_environ.pop(name, None)
        child_environ["PIP_CONFIG_FILE"] = os.devnull  # pip's documented way to read no file
        child_environ["PIP_INDEX_URL"] = index.url_with_token()
        secrets = [quote(index.token, safe=""), index.token]
    done = subprocess.run(  # noqa: S603
        [*command, *pins],
        env=child_environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise PackageError(
            f"pip cannot install {', '.join(pins)} (exit code {done.returncode}): "
            f"{_last_lines(done.stdout, secrets)}"
        )


def _last_lines(output: str, secrets: list[str]) -> str:
    for secret in secrets:
        output = output.replace(secret, "****")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " | ".join(lines[-SHOWN_LINES:])[-SHOWN_CHARACTERS:]
