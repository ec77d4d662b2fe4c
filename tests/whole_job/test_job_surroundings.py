"""What the job's surroundings must not do to it."""

from pathlib import Path

import pytest
from jobs import run_job, run_script
from trees import hyperparameters, make_splits, write_tree


def test_the_plotting_backend_of_a_notebook_does_not_matter(tmp_path: Path) -> None:
    """Processes that are started from one inherit it, whether it is installed here or not."""
    base = write_tree(tmp_path, make_splits(100), hyperparameters(num_iterations=2))
    done = run_script(base, MPLBACKEND="module://matplotlib_inline.backend_inline")
    assert done.returncode == 0, done.stderr


def test_the_table_of_similarities_is_whole(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    tasks = [f"confirmed_by_analyst_team_{number:02d}" for number in range(13)]
    values = hyperparameters(num_iterations=2, task_label_names=tasks, label_name=tasks[0])
    run_job(write_tree(tmp_path, make_splits(300, tasks=tasks), values))
    rows = job_log.text.split("Similarity of the tasks")[1].splitlines()[2 : 2 + len(tasks)]
    assert [row.split()[0] for row in rows] == tasks
    assert {len(row.split()) for row in rows} == {1 + len(tasks)}
