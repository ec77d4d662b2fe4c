"""What the job's cost per tree is compared with: one single-task model of stock LightGBM.

`python -m benchmarks.single_task TABLE --task task_00 --trees 100 --threads 2` trains on the
training rows of a made Parquet table, with LightGBM's defaults.
"""

import argparse
from pathlib import Path

import lightgbm as lgb

from benchmarks.speed_matrix import read_matrix

_QUANTIZED = {"use_quantized_grad": True, "num_grad_quant_bins": 64, "stochastic_rounding": False}
"""What the job does by default, see `models.engine.structure`."""


def train(table: Path, task: str, n_trees: int, n_threads: int, *, quantized: bool) -> lgb.Booster:
    """Trains a binary model of 31 leaves; no validation rows, nothing but the trees."""
    x, y = read_matrix(table / "train", [task])
    params = {"objective": "binary", "num_threads": n_threads, "verbosity": -1}
    params |= _QUANTIZED if quantized else {}
    dataset = lgb.Dataset(x, y[:, 0], params=params)
    return lgb.train(params, dataset, n_trees, callbacks=[_print_progress])


def _print_progress(env: lgb.callback.CallbackEnv) -> None:
    """Prints as often as the job does."""
    done, n_trees = env.iteration + 1, env.end_iteration
    if done % max(1, n_trees // 10) == 0 or done == n_trees:
        print(f"iteration {done}/{n_trees}", flush=True)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train one single-task LightGBM model.")
    parser.add_argument("table", type=Path, help="folder of a made Parquet table")
    parser.add_argument("--task", required=True, help="label column")
    parser.add_argument("--trees", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--quantized", action="store_true", help="quantize as the job does")
    parser.add_argument("--model", type=Path, help="file to save the model to")
    args = parser.parse_args()
    booster = train(args.table, args.task, args.trees, args.threads, quantized=args.quantized)
    if args.model:
        booster.save_model(args.model)


if __name__ == "__main__":
    main()
