"""Result folders get all their files together, in the place of those of an earlier run."""

import itertools
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from processing.writing import staged_directory
from processing.writing.staged_directory import StagedDirectory, exchange
from processing.writing.staged_results import StagedResults

ROOT = Path(__file__).parents[3]
NAMES = ("a.json", "b.pkl", "model.txt")
NEW = dict.fromkeys(NAMES, "new")


def contents(folder: Path) -> dict[str, str]:
    """Files of a folder, and of the folders in it."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def model_in(target: Path) -> StagedDirectory:
    return StagedDirectory(target, NAMES, ("calibration",))


def publish(target: Path, text: str = "new") -> None:
    staged = model_in(target)
    with StagedResults(staged) as results:
        for name in NAMES:
            staged.path(name).write_text(text)
        results.publish()


@pytest.fixture(params=["exchanged", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How files are put in place: the second is that of a file system without an exchange."""
    if request.param == "one by one":
        monkeypatch.setattr(staged_directory, "_RENAME_EXCHANGE", 1 << 30)
    return str(request.param)


@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "with foreign files"])
def test_earlier_files_stay_until_the_new_ones_take_their_place(
    foreign: bool, way: str, tmp_path: Path
) -> None:
    target = tmp_path / "model [1]"
    target.mkdir(mode=0o750)
    others = {"notes": "mine", "code/inference.py": "mine"} if foreign else {}
    earlier = {**others, "a.json": "old", "model.txt": "old"}
    write(target, earlier)
    number = target.stat().st_ino
    staged = model_in(target)
    with StagedResults(staged) as results:
        for name in NAMES:
            staged.path(name).write_text("new")
        assert contents(target) == earlier
        results.publish()
        assert {**contents(target), **others, **NEW} == contents(target)
    assert contents(target) == {**others, **NEW}
    assert target.stat().st_mode & 0o777 == 0o750
    assert (target.stat().st_ino == number) == (way == "one by one")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_what_was_made_for_the_earlier_model_goes_with_it(
    way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "model"
    write(target, {"model.txt": "old", "calibration/curve.pkl": "old"})
    with caplog.at_level(logging.WARNING):
        publish(target)
    assert contents(target) == NEW
    line = f"{target}/calibration was made for the earlier model and is removed with it"
    assert caplog.messages == [line]


def test_links_among_the_foreign_files_stay_links(tmp_path: Path) -> None:
    target = tmp_path / "model"
    write(target, {"model.txt": "old"})
    (target / "dangling").symlink_to("nowhere")
    (target / "loop").symlink_to(".")
    publish(target)
    assert (target / "dangling").readlink() == Path("nowhere")
    assert (target / "loop").readlink() == Path()
    assert (target / "model.txt").read_text() == "new"


def test_a_missing_folder_is_made_and_optional_files_may_be_left_out(tmp_path: Path) -> None:
    target = tmp_path / "output" / "data"
    staged = StagedDirectory(target, ["test.tar.gz", "val.tar.gz"])
    write(target, {"test.tar.gz": "old"})
    with StagedResults(staged) as results:
        staged.path("val.tar.gz").write_text("v")
        results.publish()
    assert contents(target) == {"val.tar.gz": "v"}


def test_a_link_to_the_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "model").symlink_to("real")
    publish(tmp_path / "model")
    assert (tmp_path / "model").is_symlink()
    assert contents(tmp_path / "real") == NEW


def test_a_failed_run_changes_nothing(tmp_path: Path) -> None:
    earlier = {"model.txt": "old", "calibration/curve.pkl": "old", "notes": "mine"}
    write(tmp_path / "model", earlier)
    staged = model_in(tmp_path / "model")

    def fail() -> None:
        with StagedResults(staged):
            staged.path("a.json").write_text("new")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fail()
    assert contents(tmp_path) == {f"model/{name}": text for name, text in earlier.items()}


@pytest.mark.parametrize("earlier", [{}, {"model.txt": "old", "notes": "mine"}])
def test_if_one_folder_fails_the_others_are_taken_back(
    earlier: dict[str, str], way: str, tmp_path: Path
) -> None:
    first, second = model_in(tmp_path / "first"), model_in(tmp_path / "second")
    write(tmp_path / "first", earlier)

    def fail() -> None:
        with StagedResults(first, second) as results:
            for name in NAMES:
                first.path(name).write_text("new")
                second.path(name).write_text("new")
            (tmp_path / "second").rmdir()
            (tmp_path / "second").write_text("mine")
            results.publish()

    with pytest.raises(NotADirectoryError, match="second"):
        fail()
    assert contents(tmp_path / "first") == earlier
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
    assert (tmp_path / "second").read_text() == "mine"


def test_what_is_not_published_does_not_stay(tmp_path: Path) -> None:
    staged = model_in(tmp_path / "model")
    with StagedResults(staged):
        staged.path("a.json").write_text("x")
    assert list((tmp_path / "model").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_faults_of_the_program_are_told(tmp_path: Path) -> None:
    staged = model_in(tmp_path / "model")
    with StagedResults(staged) as results:
        with pytest.raises(ValueError, match=r"'other' is not among the files of .*model"):
            staged.path("other")
        staged.path("a.json").write_text("x")
        with pytest.raises(ValueError, match=r"'model\.txt' was not written"):
            results.publish()
        staged.path("model.txt").write_text("x")
        (staged.path("model.txt").parent / "stray").touch()
        with pytest.raises(ValueError, match=r"unnamed files .*: \['stray'\]"):
            results.publish()


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    staged = model_in(tmp_path / "file" / "model")
    with pytest.raises(OSError, match="Not a directory"), StagedResults(staged):
        pass


def test_an_exchange_that_is_refused_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        exchange(tmp_path / "nothing", tmp_path)


IN_MOUNT_NAMESPACE = """
import sys
from pathlib import Path
from processing.writing.staged_directory import StagedDirectory
from processing.writing.staged_results import StagedResults
target = Path(sys.argv[1])
for content in "a", "b":
    staged = StagedDirectory(target, ["a", "model.txt"])
    with StagedResults(staged) as results:
        staged.path("a").write_bytes(content.encode() * int(sys.argv[2]))
        staged.path("model.txt").write_text("m")
        results.publish()
        print(sorted(path.name for path in target.iterdir() if not path.name.startswith(".")))
print((target / "a").read_text()[0])
"""


def in_mount(target: Path, options: str, size: int = 1) -> subprocess.CompletedProcess[str]:
    """Publish twice where `target` is a small file system of its own."""
    target.mkdir()
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--mount", "true"], check=False).returncode:
        pytest.skip("mount namespaces are not permitted here")
    shell = (
        f'mount -t tmpfs -o {options} none "$1" || exit 77; '
        '"$0" -c "$3" "$1" "$2"; code=$?; ls -A "$1" | sed "s/^/left /"; exit $code'
    )
    arguments = [sys.executable, str(target), str(size), IN_MOUNT_NAMESPACE]
    done = subprocess.run(
        [unshare, "--mount", "sh", "-c", shell, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("mounting is not permitted here")
    return done


def test_a_mount_point_is_filled_too_and_nothing_hidden_stays(tmp_path: Path) -> None:
    done = in_mount(tmp_path / "model", "size=1m")
    assert done.stderr == ""
    assert done.stdout == "['a', 'model.txt']\n" * 2 + "b\nleft a\nleft model.txt\n"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_full_disk_is_an_os_error_and_the_earlier_files_stay(tmp_path: Path) -> None:
    # There is room for the files once.
    done = in_mount(tmp_path / "model", "size=300k", size=200_000)
    assert "OSError: [Errno 28] No space left on device" in done.stderr
    assert done.stdout == "['a', 'model.txt']\nleft a\nleft model.txt\n"


def test_a_read_only_folder_is_an_os_error_at_the_start(tmp_path: Path) -> None:
    done = in_mount(tmp_path / "model", "ro,size=64k")
    assert "OSError: [Errno 30] Read-only file system" in done.stderr
    assert "__enter__" in done.stderr
    assert done.stdout == ""


# For each moment a child publishes into a tree of its own and is killed before that change to the
# file system; the last one has no more changes to make.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from processing.writing import staged_directory
from processing.writing.staged_directory import StagedDirectory
from processing.writing.staged_results import StagedResults

template, way = Path(sys.argv[1]), sys.argv[2]
if way == "one by one":
    staged_directory._RENAME_EXCHANGE = 1 << 30
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.link"}

def publish(base, moment):
    left = moment
    def trap(event, args):
        nonlocal left
        if event in CHANGES or event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(trap)
    names = ["a", "b", "model.txt"]
    first, second = StagedDirectory(base / "first", names), StagedDirectory(base / "second", names)
    with StagedResults(first, second) as results:
        for name in names:
            first.path(name).write_text("new")
            second.path(name).write_text("new")
        results.publish()

for moment in range(1, 200):
    base = template.with_name(f"killed-{moment:03d}")
    shutil.copytree(template, base)
    child = os.fork()
    if child == 0:
        publish(base, moment)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_killed_at_any_moment_all_is_old_or_new_and_the_next_run_completes_it(
    way: str, tmp_path: Path
) -> None:
    names = ["a", "b", "model.txt"]
    old = {**dict.fromkeys(names, "old"), "code/mine": "mine"}
    new = {**dict.fromkeys(names, "new"), "code/mine": "mine"}
    template = tmp_path / "template"
    for name in ("first", "second"):
        write(template / name, old)
    command = [sys.executable, "-c", KILLED, str(template), way]
    subprocess.run(command, cwd=ROOT, check=True)
    seen = []
    for base in sorted(tmp_path.glob("killed-*")):
        folders = base / "first", base / "second"
        found = [
            {name: text for name, text in contents(folder).items() if not name.startswith(".")}
            for folder in folders
        ]
        for files in found:
            # One by one, the last name tells whether all are there.
            assert files in (old, new) or (way == "one by one" and "model.txt" not in files)
        assert found[0] == new or found[1] != new
        seen.append(tuple("new" if files == new else "old" for files in found))
        with StagedResults(*(StagedDirectory(folder, names) for folder in folders)):
            after = [contents(folder) for folder in folders]
        assert after == [new, new] or (found == [old, old] and after == [old, old])
        assert sorted(path.name for path in base.iterdir()) == ["first", "second"]
    assert len(seen) > 30
    assert [state for state, *_ in itertools.groupby(seen)] == [
        ("old", "old"),
        ("new", "old"),
        ("new", "new"),
    ]
