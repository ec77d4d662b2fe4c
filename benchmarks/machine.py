"""The line below a table that says what it was measured on; no names of machines."""

import os
import platform
from importlib.metadata import packages_distributions, version
from pathlib import Path

_MODULES = ("lightgbm", "numpy", "pandas", "pyarrow", "sklearn", "xgboost", "catboost")


def machine_line(n_threads: int, *modules: str) -> str:
    """Processor, cores, memory, and the versions of Python and of the libraries installed.

    Args:
        n_threads: Number of cores that the measured programs could use.
        modules: More modules whose versions matter.
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    installed = packages_distributions()
    packages = [installed[name][0] for name in (*_MODULES, *modules) if name in installed]
    return ", ".join(
        [
            models[0] if models else platform.machine(),
            f"{n_threads} of {os.cpu_count()} cores",
            f"{memory:.0f} GiB memory",
            f"Python {platform.python_version()}",
            *(f"{package} {version(package)}" for package in packages),
        ]
    )
