"""What is written depends neither on OpenBLAS's kernel nor on the number of threads."""

from pathlib import Path

import pytest
from jobs import members, run_job, run_script
from trees import hyperparameters, make_splits, write_tree

TASKS = ["isFraud", "isCard", "isDebit", "isGift", "isLoan"]


def everything(base: Path) -> dict[str, bytes]:
    """Name and content of all results."""
    files = [*sorted((base / "model").iterdir()), base / "output" / "data" / "report.html"]
    return {path.name: path.read_bytes() for path in files} | members(base, "val")


def kernel_tree(base: Path, n_tasks: int) -> Path:
    """A tree whose job takes every kind of figure."""
    splits = make_splits(1500, tasks=TASKS[:n_tasks])
    del splits["test"]
    values = hyperparameters(
        task_label_names=TASKS[:n_tasks],
        loss_type="adaptive",
        use_quantized_grad=False,
        sample_weight_name="age",
        amount_name="amount",
        tab_field_list=["amount", "balance"],
    )
    for table in splits.values():
        table["age"] += 1
    return write_tree(base, splits, values)


@pytest.mark.parametrize("n_tasks", [3, 5])
def test_the_kernel_of_openblas_does_not_matter(n_tasks: int, tmp_path: Path) -> None:
    found = []
    # The oldest kernel has other widths and no fused multiplication; the other is this machine's.
    for kernel in ({"OPENBLAS_CORETYPE": "Prescott"}, {}):
        base = kernel_tree(tmp_path / str(len(kernel)), n_tasks)
        assert run_script(base, **kernel).returncode == 0
        found.append(everything(base))
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []


def test_more_threads_than_processors_are_capped(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    bases = [kernel_tree(tmp_path / str(n_threads), 3) for n_threads in (1, 100_000)]
    for base in bases:
        run_job(base)
        path = base / "code" / "hyperparams" / "hyperparameters.json"
        path.write_text(path.read_text().replace('"num_threads": 1', f'"num_threads": {base.name}'))
        run_job(base)
    assert "num_threads is 100000, but the machine has " in job_log.text
    one, many = (everything(base) for base in bases)
    changed = [name for name in one if one[name] != many[name]]
    assert set(changed) <= {"hyperparameters.json", "report.html"}
