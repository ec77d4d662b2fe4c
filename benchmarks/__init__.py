"""Programs that measure the job: their output is the tables of docs/benchmarks.md."""
