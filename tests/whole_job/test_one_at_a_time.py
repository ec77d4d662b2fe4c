"""Two jobs on one base directory: the second is refused, and the first does not notice."""

import signal
import time
from pathlib import Path

from failure_cases import failure_text, small_tree
from jobs import model_file, run_script, start_script

BUSY = (
    "another job is at work on {}: wait for its end, or give this one a base directory of its own "
    "(SAGEMAKER_BASE_DIR)\n"
)


def test_a_second_job_ends_at_once_and_touches_nothing(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", num_iterations=3000)
    (base / "checkpoints").mkdir()
    with start_script(base) as first:
        assert first.stdout is not None
        while not first.stdout.readline().startswith("iteration"):
            pass
        (base / "output" / "failure").write_text("the first one's")
        before = sorted(base.rglob("[!.]*"))
        started = time.monotonic()
        second = run_script(base)
        assert (second.returncode, second.stderr) == (1, BUSY.format(base))
        assert time.monotonic() - started < 10
        assert sorted(base.rglob("[!.]*")) == before
        assert failure_text(base) == "the first one's"
        first.send_signal(signal.SIGTERM)
        _, stderr = first.communicate()
    assert (first.returncode, stderr) == (0, "")
    assert model_file(base).exists()


def test_a_killed_job_leaves_no_lock(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", num_iterations=3000)
    with start_script(base) as first:
        assert first.stdout is not None
        while not first.stdout.readline().startswith("iteration"):
            pass
        first.kill()
        # At once: the child of the killed one is still on its way out.
        with start_script(base) as second:
            assert second.stdout is not None
            while line := second.stdout.readline():
                if line.startswith("iteration"):
                    break
            second.kill()
    assert line.startswith("iteration")
