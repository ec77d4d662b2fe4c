"""Jobs that go on where an upstream job has stopped, and archives and pickles that attack them."""

import gzip
import io
import os
import pickle
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from failure_cases import (
    ARTIFACTS,
    SPLITS,
    Outcome,
    artifact,
    file_instead,
    pattern,
    results,
    run_main,
    small_tree,
    tables,
)
from jobs import booster, model_file, model_json, predictions, run_job
from trees import CATEGORICAL, NUMERICAL, TASKS, make_splits

from exceptions import DataError
from models.engine.training_state import TrainingState

FLAGS = ("USE_PRECOMPUTED_IMPUTATION", "USE_PRECOMPUTED_RISK_TABLES", "USE_PRECOMPUTED_FEATURES")
FILES = ("impute_dict.pkl", "risk_table_map.pkl", "selected_features.json")
ALL_TRUE = dict.fromkeys(FLAGS, "true")
PROBABILITIES = [f"{task}_prob" for task in TASKS]


def transformed(table: pd.DataFrame, model: Path, *, impute: bool, encode: bool) -> pd.DataFrame:
    """What an upstream job makes of raw rows, with the artifacts of a model directory."""
    means = pickle.loads((model / "impute_dict.pkl").read_bytes())
    risks = pickle.loads((model / "risk_table_map.pkl").read_bytes())
    table = table.copy()
    for column, mean in means.items() if impute else ():
        table[column] = pd.to_numeric(table[column]).fillna(mean)
    for column, risk in risks.items() if encode else ():
        table[column] = table[column].map(risk["bins"]).fillna(risk["default_bin"])
    return table


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that has run, whose model directory has all three artifacts."""
    base = small_tree(tmp_path_factory.mktemp("upstream") / "base")
    run_job(base)
    return base


@pytest.fixture
def downstream(tmp_path: Path, upstream: Path) -> Callable[[str], Path]:
    """Makes trees whose data an upstream job has transformed, with or without artifacts."""

    def make(name: str, *, impute: bool = True, encode: bool = True) -> Path:
        base = small_tree(tmp_path / name)
        for split in SPLITS:
            tables(
                lambda table: transformed(table, upstream / "model", impute=impute, encode=encode),
                split,
            )(base)
        return base

    return make


def give_model_directory(base: Path, upstream: Path) -> None:
    shutil.copytree(upstream / "model", base / ARTIFACTS)


def give_model_archive(base: Path, upstream: Path) -> None:
    (base / ARTIFACTS).mkdir()
    with tarfile.open(base / ARTIFACTS / "model.tar.gz", "w:gz") as tar:
        tar.add(upstream / "model", ".")


@pytest.mark.parametrize("give", [give_model_directory, give_model_archive])
def test_the_model_directory_of_an_earlier_job_is_the_source_of_everything(
    give: Callable[[Path, Path], None], upstream: Path, downstream: Callable[[str], Path]
) -> None:
    base = downstream("base")
    give(base, upstream)
    before = sorted((base / ARTIFACTS).iterdir())
    run_job(base, **ALL_TRUE)
    for name in FILES:
        assert (base / "model" / name).read_bytes() == (upstream / "model" / name).read_bytes()
    assert sorted((base / ARTIFACTS).iterdir()) == before
    # The model directory alone scores raw rows as the job has scored the transformed ones.
    raw = transformed(make_splits(120)["test"], base / "model", impute=True, encode=True)
    features = model_json(base, "selected_features.json")["selected_features"]
    assert features == [*NUMERICAL, *CATEGORICAL]
    scored = booster(base).predict(raw[features].astype(np.float32))
    np.testing.assert_allclose(scored, predictions(base, "test")[PROBABILITIES], atol=1e-6)


@pytest.mark.parametrize(
    ("flag", "impute", "encode"), [(FLAGS[0], True, False), (FLAGS[1], False, True)]
)
def test_one_step_may_be_done_upstream_and_the_other_here(
    flag: str, impute: bool, encode: bool, upstream: Path, downstream: Callable[..., Path]
) -> None:
    base = downstream("base", impute=impute, encode=encode)
    give_model_directory(base, upstream)
    run_job(base, **{flag: "yes"})
    for name in FILES[:2]:
        assert (base / "model" / name).read_bytes() == (upstream / "model" / name).read_bytes()


def test_imputation_upstream_trains_what_imputation_here_does(
    upstream: Path, downstream: Callable[..., Path]
) -> None:
    base = downstream("base", impute=True, encode=False)
    give_model_directory(base, upstream)
    run_job(base, USE_PRECOMPUTED_IMPUTATION="1")
    assert model_file(base).read_bytes() == model_file(upstream).read_bytes()


def test_selected_features_are_used_in_their_order(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    selected = ["channel", "balance", "amount"]
    artifact("selected_features.json", {"selected_features": selected})(base)
    # The others need not even be there.
    tables(lambda table: table.drop(columns=["age", "country"]))(base)
    run_job(base, USE_PRECOMPUTED_FEATURES="TRUE")
    assert model_json(base, "selected_features.json") == {"selected_features": selected}
    assert booster(base).num_feature() == 3
    assert list(model_json(base, "feature_importance.json")) == selected
    assert set(pickle.loads((base / "model/impute_dict.pkl").read_bytes())) == {"balance", "amount"}


class Call:
    """Is pickled as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """What the unpickler is asked to call."""
        return self.call


def nested(value: object) -> object:
    """A value deep inside plain containers."""
    for _ in range(20):
        value = {"bins": [(value,)]}
    return value


def raw_pickle(*opcodes: bytes) -> bytes:
    """A pickle of protocol 4 that no pickler would write."""
    return b"\x80\x04" + b"".join(opcodes) + b"."


# Each is called with the path of a file that must not be there afterwards.
ATTACKS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "os.system": (
        lambda path: pickle.dumps(Call(os.system, f"touch {path}")),
        "the pickle asks for posix.system, only plain data is read",
    ),
    "os.system in a mean": (
        lambda path: pickle.dumps({"amount": Call(os.system, f"touch {path}")}),
        "the pickle asks for posix.system, only plain data is read",
    ),
    "os.system deep inside": (
        lambda path: pickle.dumps(nested(Call(os.system, f"touch {path}"))),
        "the pickle asks for posix.system, only plain data is read",
    ),
    "os.system in a pickle in a pickle": (
        lambda path: pickle.dumps(
            Call(pickle.loads, pickle.dumps(Call(os.system, f"touch {path}")))
        ),
        "the pickle asks for _pickle.loads, only plain data is read",
    ),
    "an object of protocol 0": (
        lambda path: f"(S'touch {path}'\nios\nsystem\n.".encode(),
        "the pickle asks for os.system, only plain data is read",
    ),
    "eval": (
        lambda path: pickle.dumps(Call(eval, f"open({path!r}, 'w')")),
        "the pickle asks for builtins.eval, only plain data is read",
    ),
    "a class of the program": (
        lambda _: pickle.dumps(TrainingState(task_names=["a", "b"], main_task=0)),
        "the pickle asks for models.engine.training_state.TrainingState, only plain data is read",
    ),
    "an exception of the program": (
        lambda _: pickle.dumps({"amount": DataError}),
        "the pickle asks for exceptions.DataError, only plain data is read",
    ),
    "a table": (
        lambda _: pickle.dumps(pd.Series({"amount": 1.0})),
        "the pickle asks for pandas.<...>, only plain data is read; save plain dicts instead of "
        "pandas objects, for example series.to_dict()",
    ),
    "more than is read": (
        lambda _: pickle.dumps({"amount": "x" * (64 << 20)}),
        "the pickle is larger than 64 MiB",
    ),
    "a length that is not there": (
        lambda _: raw_pickle(pickle.BINUNICODE8, (1 << 60).to_bytes(8, "little"), b"x"),
        "not a readable pickle (<...>)",
    ),
    "a place in a memo of this size": (
        lambda _: raw_pickle(pickle.NONE, pickle.LONG_BINPUT, b"\xff" * 4, pickle.EMPTY_LIST),
        "wanted <...>, found a list",
    ),
    "numbers that grow with every opcode": (
        lambda _: raw_pickle(pickle.EMPTY_LIST, (pickle.DUP + pickle.APPEND) * 1000),
        "wanted <...>, found a list",
    ),
}


def run_attacked(
    base: Path, flag: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> str:
    """Runs a job that must fail for a fault of the user's; gives the reason."""
    aside = base / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    outcome = run_main(base, monkeypatch, capfd, **{flag: "true"})
    assert outcome.failure == f"{outcome.cause}\n"
    assert outcome == Outcome(1, outcome.failure, outcome.failure)
    assert results(base) == []
    assert list(aside.iterdir()) == []
    return outcome.cause


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize(("flag", "file"), list(zip(FLAGS, FILES, strict=True))[:2])
def test_a_pickle_that_is_no_plain_data_is_refused_by_name_and_nothing_runs(
    name: str,
    flag: str,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make, message = ATTACKS[name]
    trace = tmp_path / "it_ran"
    base = small_tree(tmp_path / "base")
    file_instead(str(ARTIFACTS / file), make(str(trace)))(base)
    cause = run_attacked(base, flag, monkeypatch, capfd)
    assert re.fullmatch(pattern(f"{base / ARTIFACTS / file}: {message}"), cause), cause
    assert not trace.exists()


def member(name: str, content: bytes = b"x", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive, with attributes of `TarInfo` changed."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A `model.tar.gz`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


GOOD = member("impute_dict.pkl", pickle.dumps(dict.fromkeys(NUMERICAL, 0.5)))
NO_FILE = "is neither a plain file nor folder"
ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "leads up": (
        lambda: archive_of(GOOD, member("../evil")),
        "the member '../evil' leads out of the archive",
    ),
    "leads up from inside": (
        lambda: archive_of(member("model/../../../impute_dict.pkl"), GOOD),
        "the member 'model/../../../impute_dict.pkl' leads out of the archive",
    ),
    "an absolute path": (
        lambda: archive_of(GOOD, member("/tmp/evil")),  # noqa: S108
        "the member '/tmp/evil' leads out of the archive",
    ),
    "a link": (
        lambda: archive_of(
            member("impute_dict.pkl", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        ),
        f"the member 'impute_dict.pkl' {NO_FILE}",
    ),
    "a hard link": (
        lambda: archive_of(
            GOOD, member("other.pkl", b"", type=tarfile.LNKTYPE, linkname="impute_dict.pkl")
        ),
        f"the member 'other.pkl' {NO_FILE}",
    ),
    "a link to a folder and a file in it": (
        lambda: archive_of(
            member("model", b"", type=tarfile.SYMTYPE, linkname=".."), member("model/evil"), GOOD
        ),
        f"the member 'model' {NO_FILE}",
    ),
    "a device": (
        lambda: archive_of(GOOD, member("tty", b"", type=tarfile.CHRTYPE, devmajor=5)),
        f"the member 'tty' {NO_FILE}",
    ),
    "a large file of zeros": (
        lambda: archive_of(member("impute_dict.pkl", bytes(65 << 20))),
        f"the member 'impute_dict.pkl' has {65 << 20} bytes, at most {64 << 20} are read",
    ),
    "a size that is not there": (
        lambda: gzip.compress(member("impute_dict.pkl", b"", size=1 << 40)[0].tobuf() + b"x" * 512),
        "the archive unpacks to more than is read (<...> bytes, at most 4294967296)",
    ),
    "two of a name": (
        lambda: archive_of(member("a/impute_dict.pkl"), member("b/impute_dict.pkl")),
        "several files could be impute_dict.pkl: 'a/impute_dict.pkl', 'b/impute_dict.pkl'",
    ),
    "cut off": (
        lambda: archive_of(GOOD, member("more", os.urandom(5000)))[:-2000],
        "not a readable tar.gz archive (<...>)",
    ),
    "no archive": (lambda: b"x" * 1000, "not a readable tar.gz archive (<...>)"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_none_of_ours_is_refused_and_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make, message = ARCHIVES[name]
    base = small_tree(tmp_path / "base")
    file_instead(str(ARTIFACTS / "model.tar.gz"), make())(base)
    cause = run_attacked(base, FLAGS[0], monkeypatch, capfd)
    place = base / ARTIFACTS / "model.tar.gz"
    assert re.fullmatch(pattern(f"{place}: {message}"), cause), cause
    assert sorted(path.name for path in tmp_path.rglob("*evil*")) == []
    assert [path.name for path in (base / ARTIFACTS).iterdir()] == ["model.tar.gz"]


@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_plain_data_of_the_oldest_and_the_newest_protocol_are_read(
    protocol: int, tmp_path: Path
) -> None:
    base = small_tree(tmp_path / "base")
    tables(lambda table: table.assign(balance=table["balance"].replace("", "1")))(base)
    document = {np.str_("amount"): np.float32(0.5), "age": np.int64(3), "balance": 0.5}
    content = pickle.dumps(document, protocol=protocol)
    file_instead(str(ARTIFACTS / "impute_dict.pkl"), content)(base)
    run_job(base, USE_PRECOMPUTED_IMPUTATION="true")
    saved = pickle.loads((base / "model" / "impute_dict.pkl").read_bytes())
    assert saved == {"amount": 0.5, "age": 3.0, "balance": 0.5}
