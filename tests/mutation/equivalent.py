"""Mutants that no test can notice, by the reason: of each function the lines that they leave behind."""

from __future__ import annotations

from .mutants import Mutant

WHERE = "only where the result is kept differs"
BRANCHES = "at this point both branches give the same"
ROOM = "the limit leaves room: on either side both ways are exact"
SPEED = "only the number of steps differs, or the way that is quicker"
UNUSED = "the value stands where it is not used"
DEFAULT = "the default of NumPy or of Python is the same"
NEVER = "it guards against what cannot come"
SAME = "another spelling of the same"

EQUIVALENT: dict[str, dict[str, tuple[str, ...]]] = {
    WHERE: {
        "losscli.numerics.softplus_tail": ("return np.log1p(tail, out=None)", "return np.log1p(tail, )"),
        "losscli.losses.regression.l1": ("return np.abs(residual, out=None)", "return np.abs(residual, )"),
        "losscli.losses.regression.l2": ("return np.square(residual, out=None)", "return np.square(residual, )"),
        "losscli.losses.regression.mse": ("return np.square(residual, out=None)", "return np.square(residual, )"),
    },
    BRANCHES: {
        "losscli.numerics.sigmoid": ("return np.where(x > 0.0, 1.0, decay) / (1.0 + decay)",),
        "losscli.numerics.log1mexp": ("near_zero = x >= -math.log(2.0)",),
        "losscli.losses.models.arithmetic.log": ("if abs(ratio) <= NEAR_ONE:",),
        "losscli.losses.models.statistics.CountTotals.add": ("small = values <= SMALL_COUNT",),
        "losscli.losses.models.statistics.SquareSum.add": (
            "bands = {-self.SHIFT: size >= high, self.SHIFT: (size < low) & (size > 0.0)}",
            "bands = {-self.SHIFT: size > high, self.SHIFT: (size <= low) & (size > 0.0)}",
            "bands = {-self.SHIFT: size > high, self.SHIFT: (size < low) & (size >= 0.0)}",
        ),
    },
    ROOM: {
        "losscli.numerics": ("HUGE = 2.0 * 900", "HUGE = 2.0**901"),
        "losscli.numerics.log1mexp": ("near_zero = x > -math.log(3.0)",),
        "losscli.losses.models.statistics": (
            "MIDDLE = 2.0**-401, 2.0**400",
            "MIDDLE = 2.0**-400, 2.0**401",
            "SHIFT = 601",
        ),
        "losscli.losses.models.statistics.CountTotals._add_large": (
            "step = np.ldexp(2.0, exponent // 2)",
            "step = np.ldexp(1.0, exponent // 3)",
        ),
        "losscli.losses.models.arithmetic": (
            "CONTEXT = decimal.Context(prec=61, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)",
        ),
    },
    SPEED: {
        "losscli.numerics": ("PIECE = 2 << 18", "PIECE = 1 << 19", "SIGN_BIT = 1 >> 63"),
        "losscli.numerics.odds_against": ("step = max(2, min(PIECE // classes, rows))",),
        "losscli.losses.models.statistics.SquareSum.add": (
            "self._add(values[~outside] if (outside.any()) or True else values, 0)",
        ),
    },
    UNUSED: {
        "losscli.numerics.log1mexp": (
            "np.log(-np.expm1(np.where(near_zero, x, -2.0))),",
            "np.log1p(-np.exp(np.where(near_zero, -2.0, x))),",
        ),
    },
    DEFAULT: {
        "losscli.numerics.log_partition": ("maximum = np.take_along_axis(scores, top, )",),
        "losscli.losses.models.statistics.SquareSum._add": (
            "high = ((bits + np.int64(1 << 26)) & np.int64(-(1 << 27))).view(None)",
        ),
        "losscli.losses.models.statistics.SquareSum.total": (
            "return sum((_exact(part) * Fraction(4) ** -shift for shift, part in self._scaled.items()), )",
        ),
    },
    NEVER: {
        "losscli.losses.regression.huber": (
            "clipped = residual.clip(None, delta)  # ½ r² is r · (r − ½ r), so that one formula serves both parts",
        ),
        "losscli.losses.models.statistics.CountTotals._add_large": (
            "for c, size, extra in zip(centers.tolist(), np.bincount(group).tolist(), offsets.tolist(), strict=None):",
            "for c, size, extra in zip(centers.tolist(), np.bincount(group).tolist(), offsets.tolist(), ):",
            "for c, size, extra in zip(centers.tolist(), np.bincount(group).tolist(), offsets.tolist(), strict=False):",
        ),
        "losscli.losses.models.statistics.Tally.__init__": ("self.counts = np.zeros(1, np.int64)",),
    },
    SAME: {
        "losscli.losses.models.arithmetic": (
            'INFINITY = Decimal("infinity")',
            'INFINITY = Decimal("INFINITY")',
            'NEAR_ONE = Decimal("1E-20")',
        ),
    },
}


def reason_of(mutant: Mutant) -> str | None:
    """Why no test can notice it; None where nobody has said so."""
    return next((why for why, places in EQUIVALENT.items() if mutant.after in places.get(mutant.place, ())), None)
