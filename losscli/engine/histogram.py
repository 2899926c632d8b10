"""How the losses of single samples are spread."""

from __future__ import annotations

import numpy as np

from losscli.engine.observe import Seen
from losscli.engine.result import Histogram
from losscli.engine.tally import Bins
from losscli.numerics import Array


class LossHistogram:
    """The per-sample losses in bins, of whatever range they turn out to be."""

    def __init__(self) -> None:
        self._bins = Bins()
        self._nonfinite = 0

    def look(self, seen: Seen) -> Array:
        """The losses that count."""
        return seen.loss[seen.counted]

    def take(self, noted: Array) -> None:
        """Count losses."""
        finite = noted[np.isfinite(noted)]
        self._nonfinite += len(noted) - len(finite)
        if len(finite):
            self._bins.add(finite)

    def histogram(self) -> Histogram:
        """The edges of the bins and how many losses each holds."""
        edges, counts = self._bins.shown()
        return Histogram(edges, counts, self._nonfinite)
