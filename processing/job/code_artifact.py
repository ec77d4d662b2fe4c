"""Where a CodeArtifact repository serves its packages, and the token that opens it.

Standard library only at import, like `processing.job.packages`; boto3 is imported when needed.
"""

import logging
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from exceptions import PackageError

ARN = re.compile(
    r"arn:aws[a-z-]*:codeartifact:(?P<region>[a-z0-9-]+):(?P<owner>\d{12})"
    r":repository/(?P<domain>[a-z0-9-]+)/(?P<repository>[A-Za-z0-9._-]+)"
)
TOKEN_SECONDS = 3600
CONNECT_SECONDS = 10
READ_SECONDS = 30


@dataclass(frozen=True)
class Repository:
    """A CodeArtifact repository, taken apart from its ARN."""

    region: str
    owner: str
    domain: str
    repository: str


@dataclass(frozen=True)
class PackageIndex:
    """A package index for pip; the token stays out of its printed form."""

    url: str
    token: str = field(repr=False)

    def url_with_token(self) -> str:
        """Return the index URL with the credentials in it. It is a secret."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"aws:{quote(self.token, safe='')}@{parts.netloc}"))


def parse_arn(arn: str) -> Repository:
    """Take apart `arn:aws:codeartifact:region:account:repository/domain/repository`.

    Raises:
        PackageError: It has another form.
    """
    match = ARN.fullmatch(arn.strip())
    if match is None:
        raise PackageError(
            "CA_REPOSITORY_ARN must be "
            "arn:aws:codeartifact:<region>:<account>:repository/<domain>/<repository>, "
            f"found {arn[:200]!r}"
        )
    return Repository(**match.groupdict())


def make_client(region: str) -> Any:
    """Make the boto3 client for CodeArtifact.

    Raises:
        PackageError: boto3 is not installed or cannot be configured.
    """
    try:
        import boto3  # noqa: PLC0415
        import botocore.config  # noqa: PLC0415
        import botocore.exceptions  # noqa: PLC0415
    except ImportError as error:
        raise PackageError(
            f"Packages from CodeArtifact need boto3, which cannot be imported ({error}); install "
            "it in the image, or set USE_SECURE_PYPI=false for public PyPI"
        ) from None
    # At DEBUG botocore 1.44 logs the response to the request for a token.
    logging.getLogger("botocore").setLevel(logging.INFO)
    try:
        return boto3.client(
            "codeartifact",
            region_name=region,
            config=botocore.config.Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 3},
            ),
        )
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise PackageError(f"No AWS client for CodeArtifact in {region}: {error}") from None


def request_index(client: Any, repository: Repository) -> PackageIndex:
    """Ask CodeArtifact for the index of a repository and a token for it.

    Args:
        client: A boto3 client for CodeArtifact.
        repository: The repository.

    Returns:
        The index, valid for an hour.

    Raises:
        PackageError: AWS cannot be reached or refuses, or there are no credentials.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    place = {"domain": repository.domain, "domainOwner": repository.owner}
    try:
        endpoint = client.get_repository_endpoint(
            **place, repository=repository.repository, format="pypi"
        )["repositoryEndpoint"]
        token = client.get_authorization_token(**place, durationSeconds=TOKEN_SECONDS)[
            "authorizationToken"
        ]
    except (BotoCoreError, ClientError) as error:
        raise PackageError(
            f"CodeArtifact repository {repository.repository} in domain {repository.domain} "
            f"({repository.owner}, {repository.region}) cannot be used: {error}"
        ) from None
    return PackageIndex(f"{endpoint.rstrip('/')}/simple/", token)
