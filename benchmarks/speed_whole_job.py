"""Targets 2 and 3: time and memory of whole jobs."""

from statistics import median

from benchmarks.speed_bench import Bench, job_settings
from benchmarks.speed_report import Row
from benchmarks.speed_tables import TableSpec

_GB = 1e9


def measure(bench: Bench) -> list[Row]:
    """Whole jobs from CSV and from Parquet, against a plain pandas script."""
    csv, parquet = bench.sizes.csv, bench.sizes.parquet
    return [
        *_against_pandas(bench, csv, wall_limit=0.50, memory_limit=1.2),
        *_against_pandas(bench, parquet, wall_limit=0.40, memory_limit=None),
    ]


def _against_pandas(
    bench: Bench, spec: TableSpec, wall_limit: float, memory_limit: float | None
) -> list[Row]:
    table, trees = bench.table(spec), bench.sizes.trees
    settings = job_settings(spec, spec.n_tasks, trees)
    # The plain script reads one file of each split.
    [train_file], [valid_file] = ([*(table / split).iterdir()] for split in ("train", "val"))
    models = bench.folder / "plain-models"
    models.mkdir(exist_ok=True)
    pairs = [
        (
            bench.run_job(f"whole job, {spec.file_format}", table, settings),
            bench.run_program(
                f"plain pandas, {spec.file_format}",
                "plain_pandas",
                train_file,
                valid_file,
                models,
                "--trees",
                trees,
            ),
        )
        for _ in range(bench.n_pairs)
    ]
    features = spec.n_numerical + spec.n_categorical
    name = f"whole job, {spec.rows:,} x {features} {spec.file_format.upper()}"
    job_wall, plain_wall = (median(run.wall for run in side) for side in zip(*pairs, strict=True))
    plain_memory = median(plain.peak_memory for _, plain in pairs) / _GB
    return [
        Row(
            2,
            f"{name}, wall time / plain pandas",
            tuple(job.wall / plain.wall for job, plain in pairs),
            "times",
            wall_limit,
            f"{job_wall:.1f} s against {plain_wall:.1f} s",
        ),
        Row(
            2,
            f"{name}, peak memory",
            tuple(job.peak_memory / _GB for job, _ in pairs),
            "GB",
            memory_limit,
            f"plain pandas: {plain_memory:.2f} GB",
        ),
    ]


def measure_large(bench: Bench) -> list[Row]:
    """One run of the job on the largest table."""
    spec = bench.sizes.large
    name = f"whole job, {spec.rows:,} x {spec.n_numerical} PARQUET, {spec.n_tasks} tasks"
    if not bench.large:
        return [Row(3, name, (), "GB", 6.0, "left out: needs `--large`")]
    table = bench.table(spec)
    settings = job_settings(spec, spec.n_tasks, bench.sizes.trees)
    run = bench.run_job("largest job", table, settings)
    return [
        Row(3, f"{name}, peak memory", (run.peak_memory / _GB,), "GB", 6.0),
        Row(3, f"{name}, wall time", (run.wall,), "s", note=f"{bench.sizes.trees} trees"),
    ]
