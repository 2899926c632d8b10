"""A progress bar on stderr, for runs long enough to wonder about."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 1.0
"""A run shorter than this shows nothing."""


class Progress:
    """Counts samples; draws only when the run takes longer than `PATIENCE` seconds."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def show(self, done: int, total: int | None) -> None:
        """Say that `done` samples of `total` (None: unknown) are scored."""
        if self._bar is None:
            if time.monotonic() - self._begin < PATIENCE:
                return
            self._open(total)
        self._bar.update(self._task, completed=done)

    def _open(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("samples", total=total)
        self._bar.start()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(*, quiet: bool) -> Iterator[Any]:
    """Something that shows how far a long run is, on a terminal; None where nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bar = Progress()
    try:
        yield bar.show
    finally:
        bar.close()
