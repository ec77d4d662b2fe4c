"""What the platform's own files say about hosts and channels."""

from pathlib import Path

import pytest

from exceptions import UserError
from processing.job.platform import (
    JobHosts,
    check_input_mode,
    read_hosts,
    sharded_channels,
)


def hosts_of(text: str, folder: Path) -> JobHosts:
    """The hosts that a resource configuration lists."""
    (folder / "r.json").write_text(text, encoding="utf-8")
    return read_hosts(folder / "r.json")


@pytest.mark.parametrize("text", ["{}", '{"hosts": ["algo-1"]}', '\ufeff{"hosts": []}'])
def test_one_host_or_no_file(text: str, tmp_path: Path) -> None:
    assert not read_hosts(tmp_path / "none.json").are_several
    assert not hosts_of(text, tmp_path).are_several


def test_several_hosts_are_sorted_and_the_first_is_the_same_everywhere(tmp_path: Path) -> None:
    text = '{"hosts": ["b", "c", "a"], "current_host": "b", "network_interface_name": "eth0"}'
    hosts = hosts_of(text, tmp_path)
    assert hosts == JobHosts(("a", "b", "c"), "b", "eth0")
    assert hosts.are_several
    assert hosts.first == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"hosts": ["a", "b"]}',
            r"r\.json: \"current_host\" must be one of the hosts a, b",
        ),
        ('{"hosts": ["a", "b"], "current_host": "c"}', r"must be one of the hosts a, b, found 'c'"),
        ('{"hosts": "a, b"}', r"r\.json: \"hosts\" must be a list of names, found 'a, b'"),
        ('{"hosts": ["a", 2]}', r"\"hosts\" must be a list of names, found \['a', 2\]"),
        ("[]", r"r\.json must hold one JSON object, found \[\]"),
        ("{", r"r\.json is not valid JSON: "),
    ],
)
def test_other_forms_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        hosts_of(text, tmp_path)


def test_channels_are_replicated_unless_they_are_said_to_be_sharded(tmp_path: Path) -> None:
    assert sharded_channels(tmp_path / "none.json") == set()
    file = tmp_path / "i.json"
    file.write_text(
        '{"train": {"S3DistributionType": "ShardedByS3Key"}, "val": {}, "x": null,'
        ' "test": {"S3DistributionType": "FullyReplicated"}}'
    )
    assert sharded_channels(file) == {"train"}


def test_channels_in_pipe_mode_are_named(tmp_path: Path) -> None:
    check_input_mode(tmp_path / "none.json")
    file = tmp_path / "i.json"
    file.write_text('{"a": {"TrainingInputMode": "FastFile"}, "b": {}, "c": null}')
    check_input_mode(file)
    file.write_text('{"b": {"TrainingInputMode": "Pipe"}, "a": {"TrainingInputMode": "Pipe"}}')
    with pytest.raises(UserError, match=r"Pipe mode .*: a, b \(.*; set input_mode to File or Fast"):
        check_input_mode(file)
