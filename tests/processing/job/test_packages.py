"""Missing packages are installed from a private index; its token shows nowhere."""

import base64
import functools
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exceptions import PackageError, UserError
from processing.job.packages import install_missing, missing_requirements

ROOT = Path(__file__).parents[3]
TOKEN = "sentinel+/=token.of-CodeArtifact_0123456789"  # noqa: S105
ARN = "arn:aws:codeartifact:eu-west-1:123456789012:repository/our-domain/our-repo"
WHEEL = "tinything-1.0-py3-none-any.whl"


@functools.cache  # an archive holds the time of day, and its checksum is announced
def wheel() -> bytes:
    files = {
        "tinything.py": "VALUE = 7\n",
        "tinything-1.0.dist-info/METADATA": (
            "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n"
        ),
        "tinything-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    files["tinything-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """AWS and the package index on the loopback device, in one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.seen: list[str] = []
        self.aws_status = 200
        self.wheel_status = 200
        self.source_only = False


class Handler(BaseHTTPRequestHandler):
    """Answers GET and POST; everything of the index needs the token."""

    server: Server

    def do_GET(self) -> None:
        """Answer both methods alike."""
        path = urlsplit(self.path).path
        self.server.seen.append(self.path)
        if path.startswith("/v1/"):
            self.answer_aws(path)
        elif path.startswith("/open/"):
            self.answer_index(path.removeprefix("/open"))
        elif self.headers.get("Authorization") != self.expected():
            self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="index"'})
        else:
            self.answer_index(path.removeprefix("/pypi/our-repo"))

    do_POST = do_GET  # noqa: N815

    def expected(self) -> str:
        """Return the header that carries the token."""
        return "Basic " + base64.b64encode(f"aws:{TOKEN}".encode()).decode()

    def answer_aws(self, path: str) -> None:
        """Answer as CodeArtifact."""
        if self.server.aws_status != 200:
            body: dict[str, str] = {"message": "not yours", "code": "AccessDeniedException"}
        elif path == "/v1/repository/endpoint":
            body = {"repositoryEndpoint": f"{self.server.url}/pypi/our-repo/"}
        else:
            body = {"authorizationToken": TOKEN}
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}
        self.answer(self.server.aws_status, json.dumps(body).encode(), headers)

    def answer_index(self, path: str) -> None:
        """Answer as the package index."""
        if path == "/simple/tinything/":
            name = "tinything-1.0.tar.gz" if self.server.source_only else WHEEL
            digest = hashlib.sha256(wheel()).hexdigest()
            page = f'<a href="../../moved/{name}#sha256={digest}">{name}</a>'
            self.answer(200, page.encode(), {"Content-Type": "text/html"})
        elif path == f"/moved/{WHEEL}":
            # Where it is redirected to needs the token again.
            self.answer(302, b"", {"Location": self.path.replace("/moved/", "/files/")})
        elif path == f"/files/{WHEEL}" and self.server.wheel_status == 200:
            self.answer(200, wheel(), {"Content-Type": "application/octet-stream"})
        else:
            # A server that says in its reason what nobody should hear.
            self.answer(404, b"", {}, reason=f"no file for {TOKEN}")

    def answer(
        self, status: int, body: bytes, headers: dict[str, str], reason: str | None = None
    ) -> None:
        """Send a whole answer."""
        self.send_response(status, reason)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# pins\n\nnumpy=={version('numpy')}  # direct\ntinything==1.0\n")
    return path


JOB = """
import logging, sys
from pathlib import Path
from processing.job.packages import install_missing
import os
logging.basicConfig(level=logging.DEBUG)
print(install_missing(Path(sys.argv[1]), os.environ))
import tinything
print(tinything.VALUE, install_missing(Path(sys.argv[1]), os.environ))
"""

RECORDER = """
import os, sys
with open(os.environ["RECORD"], "a") as file:
    file.write(repr(sys.orig_argv) + "\\n")
"""


class Job:
    """A process that installs what is missing into a folder of its own."""

    def __init__(self, folder: Path, server: Server, requirements: Path) -> None:
        self.folder = folder
        self.requirements = requirements
        self.target = folder / "target"
        self.record = folder / "argv"
        for name in ("home", "tmp", "target", "recorder"):
            (folder / name).mkdir()
        (folder / "recorder" / "sitecustomize.py").write_text(RECORDER)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "RECORD": str(self.record),
            "PYTHONPATH": os.pathsep.join([str(folder / "recorder"), str(self.target)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_TARGET": str(self.target),
            "NO_PROXY": "127.0.0.1",
            "CA_REPOSITORY_ARN": ARN,
            "AWS_ENDPOINT_URL_CODEARTIFACT": server.url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def run(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it with more environment variables."""
        done = subprocess.run(
            [sys.executable, "-c", JOB, str(self.requirements)],
            cwd=ROOT,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        self.check_secret(done)
        return done

    def check_secret(self, done: subprocess.CompletedProcess[str]) -> None:
        """No output, no argv and no file has the token, in whole or in its quoted middle."""
        shown = [done.stdout, done.stderr, self.record.read_text()]
        shown += [
            path.read_bytes().decode("latin1") for path in self.folder.rglob("*") if path.is_file()
        ]
        encoded = base64.b64encode(f"aws:{TOKEN}".encode()).decode()
        for text in shown:
            assert "token.of-CodeArtifact" not in text
            assert encoded not in text


@pytest.fixture
def job(tmp_path: Path, server: Server, requirements: Path) -> Job:
    return Job(tmp_path, server, requirements)


@pytest.fixture
def _boto3() -> None:
    pytest.importorskip("boto3", reason="boto3 is a development requirement")


@pytest.mark.usefixtures("_boto3")
def test_the_token_reaches_pip_and_shows_nowhere(job: Job, server: Server) -> None:
    # Other indexes of the environment must not be asked.
    elsewhere = f"{server.url}/open/simple"
    config = job.folder / "home" / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f"[global]\nextra-index-url = {elsewhere}\n")
    log = str(job.folder / "pip.log")
    done = job.run(PIP_EXTRA_INDEX_URL=elsewhere, PIP_LOG=log, PIP_VERBOSE="3")
    assert done.stdout == "['tinything==1.0']\n7 []\n", done.stderr
    assert "Installing tinything==1.0 from CodeArtifact" in done.stderr
    assert "--only-binary=:all:" in job.record.read_text()
    assert f"/pypi/our-repo/files/{WHEEL}" in server.seen
    assert not [path for path in server.seen if path.startswith("/open/")]
    aws = [path for path in server.seen if path.startswith("/v1/")]
    assert all("domain-owner=123456789012" in path for path in aws)
    assert list((job.folder / "tmp").iterdir()) == []


def test_public_pypi_is_plain_pip(job: Job, server: Server) -> None:
    done = job.run(USE_SECURE_PYPI="false", PIP_INDEX_URL=f"{server.url}/open/simple")
    assert done.stdout == "['tinything==1.0']\n7 []\n", done.stderr
    assert not [path for path in server.seen if path.startswith("/v1/")]


@pytest.mark.usefixtures("_boto3")
def test_a_failed_installation_shows_the_last_lines_of_pip_redacted(
    job: Job, server: Server
) -> None:
    server.wheel_status = 404
    done = job.run()
    last = done.stderr.splitlines()[-1]
    assert last.startswith("exceptions.PackageError: pip cannot install tinything==1.0 (exit code")
    assert "no file for ****" in last
    assert len(last) < 1024


def test_source_packages_are_refused(job: Job, server: Server) -> None:
    server.source_only = True
    done = job.run(USE_SECURE_PYPI="false", PIP_INDEX_URL=f"{server.url}/open/simple")
    assert "No matching distribution found for tinything==1.0" in done.stderr.splitlines()[-1]


@pytest.mark.usefixtures("_boto3")
@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CA_REPOSITORY_ARN": ""}, "Missing packages: tinything==1.0. USE_SECURE_PYPI is true, "),
        ({"CA_REPOSITORY_ARN": "arn:aws:s3:::b"}, "CA_REPOSITORY_ARN must be arn:aws:codeartifact"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials"),
        ({"AWS_ENDPOINT_URL_CODEARTIFACT": "http://127.0.0.1:9"}, "Could not connect to the"),
        ({"AWS_ENDPOINT_URL_CODEARTIFACT": "nonsense"}, "No AWS client for CodeArtifact"),
        ({"AWS_PROFILE": "nobody"}, "No AWS client for CodeArtifact in eu-west-1: The config "),
    ],
    ids=["no ARN", "other ARN", "no credentials", "unreachable", "no URL", "no profile"],
)
def test_what_stands_in_the_way_is_said(environ: dict[str, str], message: str, job: Job) -> None:
    done = job.run(**environ)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("exceptions.PackageError: ")
    assert message in last


@pytest.mark.usefixtures("_boto3")
def test_a_refusal_by_aws_is_said(job: Job, server: Server) -> None:
    server.aws_status = 403
    last = job.run().stderr.splitlines()[-1]
    assert "our-repo in domain our-domain (123456789012, eu-west-1) cannot be used" in last
    assert "AccessDeniedException" in last


def test_without_boto3_the_way_out_is_said(job: Job) -> None:
    (job.folder / "recorder" / "boto3.py").write_text("raise ImportError('no boto3 here')")
    last = job.run().stderr.splitlines()[-1]
    assert last.startswith("exceptions.PackageError: Packages from CodeArtifact need boto3")
    assert "USE_SECURE_PYPI=false" in last


def test_nothing_happens_if_nothing_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"numpy=={version('numpy')}\n")
    assert install_missing(path, {"CA_REPOSITORY_ARN": "nonsense"}) == []
    with pytest.raises(UserError, match="USE_SECURE_PYPI must be true"):
        install_missing(path, {"USE_SECURE_PYPI": "perhaps"})


def test_missing_requirements_are_those_absent_or_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"NumPy=={version('numpy')}\n\n# no\npandas==0.1  # old\nno-such_thing==1.0\n")
    assert missing_requirements(path) == ["pandas==0.1", "no-such_thing==1.0"]


@pytest.mark.parametrize("line", ["numpy", "numpy>=1", "-r other.txt", "a==1 --hash=x", "a[b]==1"])
def test_other_lines_are_a_fault_of_the_program(line: str, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# first\n{line}\n")
    with pytest.raises(ValueError, match=r"requirements\.txt, line 2: wanted name==version") as it:
        missing_requirements(path)
    assert not isinstance(it.value, UserError)


def pin_lines(*names: str) -> list[str]:
    """The pins of requirement files of the project."""
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return [line for line in lines if "==" in line and not line.startswith("#")]


HOST_FILES = ("requirements.txt", "requirements-hosts.txt")


def test_the_project_pins_can_be_read_and_are_unique() -> None:
    names = [line.partition("==")[0].lower() for line in pin_lines(*HOST_FILES)]
    assert len(names) == len(set(names))
    for name in HOST_FILES:
        missing_requirements(ROOT / name)


@pytest.mark.parametrize("files", [HOST_FILES[:1], HOST_FILES], ids=["one host", "several"])
def test_the_project_pins_are_complete(files: tuple[str, ...]) -> None:
    """Only the pins are installed, so what they need must be among them."""
    pins = dict(line.split("==") for line in pin_lines(*files))
    names = {canonicalize_name(name) for name in pins}
    for name, pin in pins.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        needed = (
            [Requirement(text) for text in found.requires or []] if found.version == pin else []
        )
        for requirement in needed:
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert canonicalize_name(requirement.name) in names, f"{name} needs {requirement}"


def test_the_module_needs_the_standard_library_only() -> None:
    code = "import processing.job.packages, sys; print({m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.strip("{}\n").replace("'", "").split(", "))
    own = {"processing", "exceptions", "__main__"}
    third_party = {"numpy", "pandas", "boto3", "botocore", "pydantic", "packaging", "sklearn"}
    assert own <= loaded
    assert not loaded & third_party
    assert PackageError.__mro__[1] is UserError
