"""The machine and the versions, as the table names them."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("losscli", "numpy", "pyarrow", "typer", "torch", "jax", "optax", "scikit-learn")


def machine() -> str:
    """Processor, cores, AVX-512, memory, Python."""
    lines = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.+)$", lines, flags=re.MULTILINE)
    avx512 = "with" if "avx512f" in lines else "without"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    name = model[1] if model else platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, {avx512} AVX-512, {memory:.0f} GB; Python {platform.python_version()}"


def versions() -> str:
    """The packages of the comparison that are installed."""
    return ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
