"""The line below a table that says what it was measured on; no names of machines."""

import os
import platform
import re
from importlib.metadata import packages_distributions, version
from pathlib import Path

_MODULES = ("lightgbm", "numpy", "pandas", "pyarrow", "sklearn", "xgboost", "catboost")


def machine_line(n_threads: int, *modules: str) -> str:
    """Processor, cores that could be used, memory, Python, libraries (those of more `modules`)."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = f"{n_threads} of {os.cpu_count()} cores, {memory:.0f} GiB memory"
    installed = packages_distributions()
    packages = [installed[name][0] for name in (*_MODULES, *modules) if name in installed]
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    processor = model[1] if model else platform.machine()
    return f"{processor}, {cores}, Python {platform.python_version()}, {versions}"
