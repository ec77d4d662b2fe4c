"""Hosts that speak TLS to each other, by the recipe of docs/hosts.md."""

import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import dask
import pytest
from host_jobs import HostJob, host_job, next_port
from jobs import job_environment, model_file
from recipes import recipes

from exceptions import UserError
from hosts.cluster.encryption import check_encryption, own_scheme

SECONDS_TO_END = 60.0
PREFIX = "DASK_DISTRIBUTED__COMM__"
CERTIFICATES = [
    "TLS__CA_FILE",
    *(
        f"TLS__{role}__{kind}"
        for role in ("SCHEDULER", "WORKER", "CLIENT")
        for kind in ("CERT", "KEY")
    ),
]


def openssl(folder: Path, command: str) -> None:
    """Runs `openssl` where the certificates are."""
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


def make_certificates(folder: Path) -> Path:
    """A CA and a host's certificate, in the files of the recipe, as strict as Python 3.13 is."""
    folder.mkdir()
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    use = "-addext keyUsage=critical,keyCertSign,cRLSign"
    openssl(folder, f"req -x509 {key} {use} -keyout ca.key -out ca.pem -subj /CN=ca")
    openssl(folder, f"req {key} -keyout host.key -out host.csr -subj /CN=hosts")
    (folder / "host.ext").write_text("authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
    signed = "x509 -req -in host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile host.ext"
    openssl(folder, f"{signed} -out host.pem")
    return folder


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of the hosts."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no `openssl` to make certificates with")
    return make_certificates(tmp_path_factory.mktemp("tls") / "own")


def recipe_variables(folder: Path) -> dict[str, str]:
    """What the recipe of the page exports, executed where the certificates are."""
    [recipe] = [text for text in recipes("docs/hosts.md", "sh") if "TLS" in text]
    tell = "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    told = subprocess.run(
        ["sh", "-euc", recipe + tell],
        cwd=folder,
        env=job_environment(folder),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, str] = json.loads(told.stdout)
    return {name: value for name, value in found.items() if name.startswith("DASK_")}


@pytest.fixture
def variables(certificates: Path) -> dict[str, str]:
    """The recipe's variables."""
    return recipe_variables(certificates)


def started(job: HostJob) -> Iterator[HostJob]:
    """Ends what a test has left."""
    try:
        yield job
    finally:
        job.end_all()


@pytest.fixture
def two_hosts(tmp_path: Path, variables: dict[str, str]) -> Iterator[HostJob]:
    """A job that is not started yet."""
    environ = {**variables, "HOSTS_PORT": str(next_port()), "HOSTS_LOST_SECONDS": "6"}
    yield from started(host_job(tmp_path, environ=environ))


def scheduler_port(job: HostJob) -> int:
    """The port of a first host that waits for the others."""
    end = time.monotonic() + SECONDS_TO_END
    first = int(job.environ["HOSTS_PORT"])
    while time.monotonic() < end and job.left():
        for port in range(first, first + 16):
            with socket.socket() as probe:
                if probe.connect_ex((job.names[0], port)) == 0:
                    return port
        time.sleep(0.05)
    pytest.fail("the first host does not listen")


def handshake(address: tuple[str, int], context: ssl.SSLContext) -> bytes:
    """The certificate of a server, which must have something to say to this client."""
    with (
        socket.create_connection(address, timeout=SECONDS_TO_END) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        certificate = encrypted.getpeercert(binary_form=True)
        assert encrypted.recv(1)
    assert certificate is not None
    return certificate


def test_the_recipe_encrypts_the_connections_and_lets_nobody_else_in(
    two_hosts: HostJob, certificates: Path
) -> None:
    two_hosts.start([0])
    address = (two_hosts.names[0], scheduler_port(two_hosts))
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.check_hostname = False
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|handshake.failure"):
        handshake(address, context)
    context.load_cert_chain(certificates / "host.pem", certificates / "host.key")
    expected = ssl.PEM_cert_to_DER_cert((certificates / "host.pem").read_text())
    assert handshake(address, context) == expected

    two_hosts.start([1])
    assert two_hosts.wait() == [0, 0], two_hosts.outputs
    assert [model_file(two_hosts.base(host)).exists() for host in range(2)] == [True, False]
    assert "Done: model and evaluation are on" in two_hosts.outputs[two_hosts.names[1]]


@pytest.mark.long
def test_a_host_that_is_frozen_is_noticed_by_those_that_speak_tls(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    environ = {**variables, "HOSTS_LOST_SECONDS": "6"}
    for job in started(host_job(tmp_path, environ=environ, num_iterations=100_000)):
        job.start()
        job.wait_for_line(0, "All hosts are there")
        job.send(signal.SIGSTOP, 1)
        assert job.wait_within(SECONDS_TO_END, [0]) == [1]
        lost = f"host {job.names[1]} is lost: it has not answered for 6 s"
        assert job.failures()[0].startswith(lost)
        job.send(signal.SIGCONT, 1)
        assert job.wait_within(SECONDS_TO_END, [1]) == [1]
        assert job.all_ended()


@pytest.mark.long
def test_hosts_with_other_certificates_or_none_are_not_let_in_and_say_so(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """The second host's certificate is of another CA, and the third does not speak TLS at all."""
    strangers = recipe_variables(make_certificates(tmp_path / "other"))
    common = {"HOSTS_PORT": str(next_port()), "HOSTS_WAIT_SECONDS": "5"}
    for job in started(host_job(tmp_path / "job", 3)):
        for host, own in enumerate((variables, strangers, {})):
            job.environ = {**common, **own}
            job.start([host])
        assert job.wait_within(SECONDS_TO_END, range(3)) == [1, 1, 1]
        failures = job.failures()
        first, *others = job.names
        assert failures[0].startswith(f"hosts {', '.join(others)} did not come within 5 s")
        for failure, scheme in zip(failures[1:], ("tls", "tcp"), strict=True):
            assert failure.startswith(f"the first host, {first}, did not come within 5 s")
            assert "breaks connections off: if it is the first host, its encryption is" in failure
            assert f"(here {scheme})" in failure


def test_a_host_without_its_certificate_ends_at_once(two_hosts: HostJob) -> None:
    name = f"{PREFIX}TLS__WORKER__CERT"
    two_hosts.environ[name] = "/nowhere/host.pem"
    two_hosts.start([1])
    assert two_hosts.wait_within(SECONDS_TO_END, [1]) == [1]
    failure = two_hosts.failures()[1]
    assert failure.startswith("the hosts speak tls: wanted PEM files that belong together as ")
    assert name in failure
    assert "/nowhere/host.pem" in failure


def configured(variables: dict[str, str]) -> AbstractContextManager[object]:
    """Dask's configuration as a process has it that starts with these variables."""
    found = dask.config.collect_env(variables)
    everything = dask.config.merge(dask.config.config, found)
    changed: AbstractContextManager[object] = dask.config.set(everything)
    return changed


def check(variables: dict[str, str]) -> None:
    """Checks variables as a host that has them does."""
    with configured(variables):
        check_encryption(own_scheme())


@pytest.mark.parametrize("name", ["DEFAULT_SCHEME", *CERTIFICATES])
def test_a_variable_of_the_recipe_that_is_missing_is_named(
    name: str, variables: dict[str, str]
) -> None:
    check(variables)
    del variables[PREFIX + name]
    with pytest.raises(UserError) as raised:
        check(variables)
    assert PREFIX + name in str(raised.value)


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_file_of_the_recipe_that_cannot_be_read_is_named(
    name: str, variables: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for file in (broken, tmp_path / "none.pem"):
        with pytest.raises(UserError, match=f"(?s){PREFIX}{name}.* found .*{file}"):
            check({**variables, PREFIX + name: str(file)})


def test_a_cluster_asks_for_the_certificate_of_a_client_only(variables: dict[str, str]) -> None:
    kept = {name: value for name, value in variables.items() if "CLIENT" in name or "CA" in name}
    assert len(kept) == 3
    with configured(kept):
        check_encryption("tls", ["client"])
        with pytest.raises(UserError, match="SCHEDULER__CERT"):
            check_encryption("tls")
        check_encryption("tcp")


def test_other_settings_of_tls_are_checked_too(variables: dict[str, str]) -> None:
    with pytest.raises(UserError, match="min-version=7"):
        check({**variables, f"{PREFIX}TLS__MIN_VERSION": "7"})
