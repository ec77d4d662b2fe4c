"""What the platform's own files say about hosts and channels."""

from pathlib import Path

import pytest

from exceptions import UserError
from processing.job.platform import check_input_mode, check_single_host


@pytest.mark.parametrize("text", ["{}", '{"hosts": ["algo-1"]}', '\ufeff{"hosts": []}'])
def test_one_host_or_no_file_is_fine(text: str, tmp_path: Path) -> None:
    check_single_host(tmp_path / "none.json")
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    check_single_host(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"hosts": ["a", "b", "c"]}',
            r"the job has 3 hosts \(.*r\.json\), .* instance_count to 1",
        ),
        ('{"hosts": "a, b"}', r"r\.json: \"hosts\" must be a list, found 'a, b'"),
        ('{"hosts": ["a", "b"]}', r"the job has 2 hosts"),
        ("[]", r"r\.json must hold one JSON object, found \[\]"),
        ("{", r"r\.json is not valid JSON: "),
    ],
)
def test_several_hosts_and_other_forms_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError, match=message):
        check_single_host(tmp_path / "r.json")


def test_channels_in_pipe_mode_are_named(tmp_path: Path) -> None:
    check_input_mode(tmp_path / "none.json")
    file = tmp_path / "i.json"
    file.write_text('{"a": {"TrainingInputMode": "FastFile"}, "b": {}, "c": null}')
    check_input_mode(file)
    file.write_text('{"b": {"TrainingInputMode": "Pipe"}, "a": {"TrainingInputMode": "Pipe"}}')
    with pytest.raises(UserError, match=r"Pipe mode .*: a, b \(.*; set input_mode to File or Fast"):
        check_input_mode(file)
