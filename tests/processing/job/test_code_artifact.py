"""The CodeArtifact requests, against botocore's own model of the service."""

import pytest

from exceptions import PackageError
from processing.job.code_artifact import (
    PackageIndex,
    Repository,
    make_client,
    parse_arn,
    request_index,
)

pytest.importorskip("boto3", reason="boto3 is a development requirement")
from botocore.stub import Stubber

REPOSITORY = Repository("eu-west-1", "123456789012", "our-domain", "our-repo")
PLACE = {"domain": "our-domain", "domainOwner": "123456789012"}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")


def test_an_arn_is_taken_apart() -> None:
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        arn = f"arn:{partition}:codeartifact:eu-west-1:123456789012:repository/our-domain/our-repo"
        assert parse_arn(f" {arn}\n") == REPOSITORY


@pytest.mark.parametrize(
    "arn",
    [
        "our-repo",
        "arn:aws:codeartifact:eu-west-1:123456789012:domain/our-domain",
        "arn:aws:codeartifact::123456789012:repository/d/r",
        "arn:aws:codeartifact:eu-west-1:12:repository/d/r",
        "arn:aws:codeartifact:eu-west-1:123456789012:repository/d/r/p",
        "arn:aws:s3:::bucket",
    ],
)
def test_another_arn_is_refused(arn: str) -> None:
    with pytest.raises(PackageError, match=f"must be arn:aws:codeartifact:<region>.*{arn}"):
        parse_arn(arn)


def test_the_index_is_requested_with_domain_and_owner() -> None:
    client = make_client("eu-west-1")
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_repository_endpoint",
            {"repositoryEndpoint": "https://d.example/pypi/our-repo/"},
            {**PLACE, "repository": "our-repo", "format": "pypi"},
        )
        stubber.add_response(
            "get_authorization_token",
            {"authorizationToken": "se/cr+et"},
            {**PLACE, "durationSeconds": 3600},
        )
        index = request_index(client, REPOSITORY)
        stubber.assert_no_pending_responses()
    assert index == PackageIndex("https://d.example/pypi/our-repo/simple/", "se/cr+et")
    assert index.url_with_token() == "https://aws:se%2Fcr%2Bet@d.example/pypi/our-repo/simple/"
    assert "cr" not in repr(index)


@pytest.mark.parametrize("method", ["get_repository_endpoint", "get_authorization_token"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_a_refusal_names_repository_and_cause(method: str, code: str) -> None:
    client = make_client("eu-west-1")
    with Stubber(client) as stubber:
        if method == "get_authorization_token":
            stubber.add_response("get_repository_endpoint", {"repositoryEndpoint": "https://d/"})
        stubber.add_client_error(method, code, "not yours")
        with pytest.raises(PackageError, match=rf"repository our-repo in domain .*\({code}\)"):
            request_index(client, REPOSITORY)
