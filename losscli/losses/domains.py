"""The values that an array may hold, as data."""

from __future__ import annotations

import math

from losscli.records import record


@record
class Domain:
    """An interval (without its lower end where that is not `low_closed`), or the two signs."""

    noun: str
    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = True
    signs: bool = False
    hint: str = ""

    def __str__(self) -> str:
        if self.signs:
            return "-1 and +1, or 0 and 1"
        if math.isinf(self.high):
            return f"{'≥' if self.low_closed else '>'} {self.low:g}" if math.isfinite(self.low) else "finite"
        return f"within [{self.low:g}, {self.high:g}]"

    @property
    def bounded(self) -> bool:
        """Whether the interval has two ends."""
        return math.isfinite(self.high - self.low)

    def holds(self, value: float) -> bool:
        """Whether the value lies in the interval; NaN does not."""
        return (self.low <= value if self.low_closed else self.low < value) and value <= self.high


REAL = Domain("values")
SCORE = Domain("scores")
LOGIT = Domain("logits")
PROBABILITY = Domain("probabilities", 0.0, 1.0, hint="logits belong to `losscli sigmoid-cross-entropy`")
SOFT_LABEL = Domain("labels", 0.0, 1.0, hint="--unchecked-targets applies the formula as it stands")
SIGN = Domain("labels", signs=True)
LENGTH = Domain("lengths", 0.0)
COUNT = Domain("counts", 0.0)
MASK = Domain("masks", 0.0, 1.0)
