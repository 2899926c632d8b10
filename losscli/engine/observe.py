"""What watches a run go by: totals that are more than one number, taken while each sample is at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from losscli.engine.scoring import Values
from losscli.numerics import Array
from losscli.records import record

Progress = Callable[[int, int | None], None]
"""Is told how much is done, and of how much, where that is known."""


@record
class Seen:
    """A few scored samples beside the values they were made of; None stands for 1 each, or for no mark."""

    start: int
    values: Values
    loss: Array
    """The loss of each sample."""
    weight: Array | None
    """The weight of each sample."""
    mean_loss: Array | None
    """What enters the mean's numerator, where that is not the loss."""
    sample_weight: Array | None
    """The user's weight of each sample."""
    ignored: np.ndarray | None
    """The elements that do not count."""
    skipped: np.ndarray | None
    """The samples that do not count."""

    @property
    def counted(self) -> np.ndarray | slice:
        """The samples that take part. One of weight 0 does if it costs something, as an empty target of CTC does."""
        if self.weight is None or self.weight.all():
            return slice(None)
        return np.flatnonzero((self.weight != 0.0) | (self.loss != 0.0))


class Observer(Protocol):
    """Whoever watches: `look` at samples on any thread, and `take` what it returned, in order of samples."""

    def look(self, seen: Seen) -> Any:
        """What is to be kept of the samples: a pure function of them."""

    def take(self, noted: Any) -> None:
        """Add what `look` returned."""
