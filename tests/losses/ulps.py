"""How far a float64 is from a true value that mpmath knows to fifty digits."""

from __future__ import annotations

import math
import sys
from typing import Any

import mpmath
import numpy as np

mpmath.mp.dps = 50

LARGEST = mpmath.mpf(sys.float_info.max)


def assert_ulps(got: Any, true: mpmath.mpf, bar: float, what: object = "", *, slack: float = 0.0) -> None:
    """`got` is within `bar` units in the last place of `true`, and `slack`, the conditioning of the input."""
    got = float(got)
    if not mpmath.isfinite(true) or abs(true) > LARGEST:
        assert got == (math.inf if true > 0 else -math.inf), f"{what}: {got!r} for an overflow"
        return
    assert math.isfinite(got), f"{what}: {got!r} for {mpmath.nstr(true, 20)}"
    unit = mpmath.mpf(float(np.spacing(abs(float(true)))))
    off = (abs(mpmath.mpf(got) - true) - mpmath.mpf(slack)) / unit
    assert off <= bar, f"{what}: {got!r} is {mpmath.nstr(off, 4)} ulp from {mpmath.nstr(true, 20)}"


def surprisal(logits: Any, index: int) -> mpmath.mpf:
    """−log softmax(logits)[index]: log(1 + Σ exp(x_j − x_c)) over the other classes."""
    chosen = mpmath.mpf(float(logits[index]))
    others: dict[float, int] = {}
    for position, logit in enumerate(np.asarray(logits, float).tolist()):
        if position != index and logit != -math.inf:
            others[logit] = others.get(logit, 0) + 1
    return mpmath.log1p(mpmath.fsum(n * mpmath.exp(mpmath.mpf(x) - chosen) for x, n in others.items()))


def read_only(values: Any) -> np.ndarray:
    """The values as a float64 array that nobody may write to."""
    array = np.array(values, np.float64)
    array.flags.writeable = False
    return array
