"""The line below a table that says what it was measured on; no names of machines."""

import os
import platform
from importlib.metadata import packages_distributions, version
from pathlib import Path

_MODULES = ("lightgbm", "numpy", "pandas", "pyarrow", "sklearn", "xgboost", "catboost")


def machine_line(n_threads: int) -> str:
    """Processor, cores, memory, and the versions of Python and of the libraries installed.

    Args:
        n_threads: Number of cores that the measured programs could use.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = f"{n_threads} of {os.cpu_count()} cores"
    python = f"Python {platform.python_version()}"
    return ", ".join([_processor(), cores, f"{memory:.0f} GiB memory", python, *_versions()])


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _versions() -> list[str]:
    installed = packages_distributions()
    packages = [installed[module][0] for module in _MODULES if module in installed]
    return [f"{package} {version(package)}" for package in packages]
