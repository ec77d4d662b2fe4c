"""Target 5: small jobs, where starting up is most of it."""

import json
import shutil
import sys

from benchmarks.speed_bench import PROGRESS, Bench
from benchmarks.speed_report import Row
from benchmarks.speed_tables import CHECKOUT
from benchmarks.timing import run_process


def measure(bench: Bench) -> list[Row]:
    """The AI4I 2020 job: from its start to the first tree, and as a whole."""
    if not bench.ai4i.exists():
        note = f"left out: needs `{bench.ai4i.name}`, see `--ai4i`"
        return [Row(5, "AI4I 2020, from start to first tree", (), "s", 3.0, note)]
    tree = bench.folder / "ai4i2020"
    shutil.rmtree(tree, ignore_errors=True)
    command = [sys.executable, "-m", "examples.ai4i2020", str(bench.ai4i), str(tree)]
    run_process(command, CHECKOUT)
    settings = tree / "code" / "hyperparams" / "hyperparameters.json"
    hyperparameters = json.loads(settings.read_text(encoding="utf-8"))
    channels = tree / "input" / "data"
    n_trees = hyperparameters["num_iterations"]

    first_tree, whole = [], []
    for _ in range(bench.n_pairs):
        # A job of one tree reports it at once; a longer one only every tenth of the way.
        one_tree = {**hyperparameters, "num_iterations": 1}
        run = bench.run_job("AI4I 2020, one tree", channels, one_tree)
        first_tree.append(run.seconds_until(PROGRESS))
        whole.append(bench.run_job("AI4I 2020", channels, hyperparameters).wall)
    return [
        Row(5, "AI4I 2020, from start to first tree", tuple(first_tree), "s", 3.0),
        Row(5, f"AI4I 2020, whole job, {n_trees} trees", tuple(whole), "s", 6.0),
    ]
