"""The job as a process: paths, environment, packages, failure."""
