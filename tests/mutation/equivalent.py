"""Mutants that no test can notice, by the reason: of each function the lines that they leave behind."""

from __future__ import annotations

import re
from itertools import chain

from .mutants import Mutant

WHERE = "only where the result is kept differs"
OLDER = "only an older NumPy needs it, with which `make test-floors` runs"
TYPES = "only type checkers read it"
BRANCHES = "at this point both branches give the same"
ROOM = "the limit leaves room: on either side both ways are exact"
SPEED = "only the number of steps differs, or the way that is quicker"
UNUSED = "the value stands where it is not used"
DEFAULT = "the default of NumPy or of Python is the same"
NEVER = "it guards against what cannot come"
SAME = "another spelling of the same"

EQUIVALENT: dict[str, dict[str, tuple[str, ...]]] = {
    OLDER: {
        "losscli.losses.parameters.is_number": tuple(
            f"if getattr({what}):  # which older versions of NumPy still turn into a number, if it holds one"
            for what in ('None, "ndim", 0', 'value, "ndim", None', 'value, "XXndimXX", 0', 'value, "NDIM", 0')
        ),
        "losscli.losses.lattice._Classes.of": ("ascending = np.take_along_axis(labels, order, )",),
        "losscli.losses.lattice._Reader._rest_to_one": ("largest = np.take_along_axis(scores, top, )[..., 0]",),
        "losscli.losses.lattice._lost": ("chosen = np.take_along_axis(probabilities, here.place[np.newaxis], )",),
    },
    TYPES: {"losscli.losses.parameters": ("Kind: TypeAlias = None",)},
    WHERE: {
        "losscli.numerics._units_of_slices": (
            "total, rest, spare = 0, values, np.empty((3, values.size))",
            "left = spare[1]",
        ),
        "losscli.losses.classification.Surprisal.partition": (
            "logits = self.scores.astype(np.float64, copy=None)",
            "logits = self.scores.astype(np.float64, copy=True)",
            "logits = self.scores.astype(np.float64, )",
        ),
        "losscli.losses.classification.Surprisal._chosen": (
            "return chosen.astype(np.float64, copy=None)",
            "return chosen.astype(np.float64, copy=True)",
            "return chosen.astype(np.float64, )",
        ),
        "losscli.losses.classification.Surprisal.each": (
            "scores = self.scores.astype(np.float64, copy=None)",
            "scores = self.scores.astype(np.float64, copy=True)",
            "scores = self.scores.astype(np.float64, )",
        ),
        "losscli.losses.classification.Surprisal.of": (
            "return np.log1p(odds, out=None)",
            "return np.log1p(odds, )",
            "surprisal: Array = np.log1p(odds, out=None)",
            "surprisal: Array = np.log1p(odds, )",
        ),
        "losscli.numerics.odds_against": (
            "flat.take(position, out=chosen[piece], mode=None)  # any other mode makes a copy of `out`",
            "flat.take(position, out=chosen[piece], )  # any other mode makes a copy of `out`",
        ),
        "losscli.numerics.softplus_tail": ("return np.log1p(tail, out=None)", "return np.log1p(tail, )"),
        "losscli.losses.regression.l1": ("return np.abs(residual, out=None)", "return np.abs(residual, )"),
        "losscli.losses.regression.l2": ("return np.square(residual, out=None)", "return np.square(residual, )"),
        "losscli.losses.regression.mse": ("return np.square(residual, out=None)", "return np.square(residual, )"),
        "losscli.losses.lattice._Reader.__init__": (
            "self._known = np.zeros(times_and_rows, None)",
            "self._known = np.zeros(times_and_rows, )",
        ),
        "losscli.losses.lattice._Reader.probabilities": (
            "return self._stored(start, stop, rows, classes).astype(np.float64, copy=None)",
            "return self._stored(start, stop, rows, classes).astype(np.float64, )",
            "return self._stored(start, stop, rows, classes).astype(np.float64, copy=True)",
        ),
        "losscli.losses.lattice._Reader._rest_to_one": (
            "scores = self._stored(start, stop, rows, used.classes).astype(np.float64, copy=None)",
            "scores = self._stored(start, stop, rows, used.classes).astype(np.float64, )",
            "scores = self._stored(start, stop, rows, used.classes).astype(np.float64, copy=True)",
        ),
        "losscli.losses.lattice._Reader._stored": (
            "stored = np.empty((stop - start, *classes.shape), None)",
            "stored = np.empty((stop - start, *classes.shape), )",
        ),
        "losscli.losses.lattice._chosen": (
            "np.take(few.reshape(len(few), -1), places, axis=1, out=chosen[low : low + together], mode=None)",
            "np.take(few.reshape(len(few), -1), places, axis=1, out=chosen[low : low + together], )",
        ),
        "losscli.losses.lattice._ScaledStates.__init__": (
            "self.at_risk = np.full(shape[0], NOWHERE, None)",
            "self.at_risk = np.full(shape[0], NOWHERE, )",
            "self._ramp = SLOPE * np.arange(shape[1], dtype=None)",
            "self._ramp = SLOPE * np.arange(shape[1], )",
        ),
    },
    BRANCHES: {
        "losscli.numerics._sum_rows": ("if values.shape[1] >= FEW_CLASSES:",),
        "losscli.losses.classification.Surprisal.of": (
            "if self.least_mass and odds.min() > 2.0**-53:",
            "extreme = ~(in_range(others) & in_range(chosen) & (odds > 2.0**-53))",
            "(likely,) = np.nonzero(chosen >= 0.5)",
        ),
        "losscli.losses.classification.Surprisal.each": ("likely, classes = np.nonzero(scores >= 0.5)",),
        "losscli.numerics.ExactSum.add": ("if largest <= HUGE:",),
        "losscli.numerics.ExactSum.add_quickly": ("if not most <= HUGE:",),
        "losscli.numerics.ExactSum._add_extremes": ("huge = finite & (np.abs(part) > HUGE)",),
        "losscli.numerics.ExactSum.decides": ("one = 2 << UNIT_EXPONENT",),
        "losscli.numerics.ExactSums._add_block": ("sound = magnitudes <= HUGE",),
        "losscli.numerics.sigmoid": ("return np.where(x > 0.0, 1.0, decay) / (1.0 + decay)",),
        "losscli.numerics.log1mexp": ("near_zero = x >= -math.log(2.0)",),
        "losscli.losses.models.arithmetic.log": ("if abs(ratio) <= NEAR_ONE:",),
        "losscli.losses.models.statistics.CountTotals.add": ("small = values <= SMALL_COUNT",),
        "losscli.losses.models.statistics.SquareSum.add": (
            "bands = {-self.SHIFT: size >= high, self.SHIFT: (size < low) & (size > 0.0)}",
            "bands = {-self.SHIFT: size > high, self.SHIFT: (size <= low) & (size > 0.0)}",
            "bands = {-self.SHIFT: size > high, self.SHIFT: (size < low) & (size >= 0.0)}",
        ),
        "losscli.losses.lattice._Lattice.running": ("if self.frames[-1] > stop:",),
        "losscli.losses.lattice._ScaledStates.renew": ("if falling.max() >= SLOPE:",),
        "losscli.losses.lattice._Reader._powers": (
            "if self.frames.dtype.itemsize >= 4:  # smaller ones have exact differences",
        ),
    },
    ROOM: {
        "losscli.numerics": (
            "HUGE = 2.0 * 900",
            "HUGE = 2.0**901",
            "MIDDLE = 2.0**-450, 2.0**451",
            "MIDDLE = 2.0**-451, 2.0**450",
            "LIFT, DROP = 537, -601",
        ),
        "losscli.numerics.exp_of_difference": (
            "np.fmax(rounded_off, -2.0, out=rounded_off)  # not NaN there, nor below −1 where the power is not 0",
        ),
        "losscli.numerics.log1mexp": ("near_zero = x > -math.log(3.0)",),
        "losscli.numerics._cut_slice": ("room = max(2, values.size.bit_length() - 11)",),
        "losscli.numerics._slicing_bound": (
            "return math.ldexp(2.0, math.frexp(largest)[1] + size.bit_length() + 1)",
            "return math.ldexp(1.0, math.frexp(largest)[1] + size.bit_length() + 2)",
        ),
        "losscli.losses.classification.Surprisal.of": (
            "if self.least_mass and odds.min() >= 2.0**-54:",
            "extreme = ~(in_range(others) & in_range(chosen) & (odds >= 2.0**-54))",
        ),
        "losscli.numerics.ExactSums._add_block": ("largest = bound * 2.0**-54 if rest.any() else 0.0",),
        "losscli.numerics.ExactSum.add_quickly": (
            "self.error += 2 + _units(part.size**2 * most * 2.0**-52)",
            "self.error += 1 + _units(part.size**2 * most * 2.0**-53)",
        ),
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
        "losscli.losses.lattice": ("DRIFT = 1.125", "SPARE = 721", "FLOOR = 2.0 ** (65 - SPARE)"),
        "losscli.losses.lattice._losses": (
            "likely = np.abs(log_probability) <= np.maximum(math.log(2.0), DRIFT * np.sqrt(lattice.frames))",
            "likely = np.abs(log_probability) < np.maximum(math.log(3.0), DRIFT * np.sqrt(lattice.frames))",
        ),
        "losscli.losses.lattice._of_shares": (
            "return np.asarray(np.where(lost <= 0.5, -np.log1p(-lost), -np.log(kept)))",
        ),
        "losscli.losses.lattice._scaled": (
            "return np.log(mantissa) + exponent * math.log(2.0), (total > FLOOR) & (exponent > bound)",
        ),
        "losscli.losses.lattice._lost": (
            "terms[lattice.frames, utterances] = np.where(elsewhere <= 0.5, -np.log1p(-elsewhere), -np.log(arrived))",
        ),
        "losscli.losses.lattice._ScaledStates.examine": (
            "suspect = (self.label <= FLOOR) & self._label_open",
            "suspect |= (self.blank <= FLOOR) & self._blank_open",
        ),
        "losscli.losses.lattice._Reader._powers": (
            "if self.frames.dtype.itemsize > 5:  # smaller ones have exact differences",
        ),
    },
    SPEED: {
        "losscli.losses.classification.Surprisal.of": ("if self.least_mass and odds.min() >= 2.0**+53:",),
        "losscli.losses.classification.Surprisal.partition": (
            "return log_partition(logits, fine=self.scores.dtype.itemsize >= 4)",
            "return log_partition(logits, fine=self.scores.dtype.itemsize > 5)",
        ),
        "losscli.losses.classification.Surprisal.roughly": (  # what is not rough is better, and slower
            "if self.others is None and self.chosen is None:",
            "if self.others is not None or self.chosen is None:",
            "if self.others is None or self.chosen is not None:",
        ),
        "losscli.numerics": (
            "PIECE = 2 << 18",
            "PIECE = 1 << 19",
            "SIGN_BIT = 1 >> 63",
            "BLOCK = 2 << 18",
            "BLOCK = 1 << 19",
        ),
        "losscli.numerics.log_partition": (  # what is fine all the same takes longer
            "def log_partition(scores: Array, *, fine: bool = True) -> tuple[Array, Array]:",
            "others = exp_of_difference(scores, maximum) if (fine) or True else np.exp(scores - maximum)",
        ),
        "losscli.numerics.exp_of_difference": (
            "rounded_off = np.add(difference, back, out=None)",
            "rounded_off = np.add(difference, back, )",
        ),
        "losscli.numerics.odds_against": (
            "step = max(2, min(PIECE // classes, rows))",
            "for start in range(0, rows, ):",
        ),
        "losscli.numerics.ExactSum.add_quickly": (
            "most = largest_magnitude(part) if (largest is None) or True else largest",
        ),
        "losscli.numerics.ExactSums._add_block": ("largest = bound * 2.0**-53 if (rest.any()) or True else 0.0",),
        "losscli.losses.models.statistics.SquareSum.add": (
            "self._add(values[~outside] if (outside.any()) or True else values, 0)",
        ),
        "losscli.losses.lattice": (
            "CACHED = 1 >> 16",
            "CACHED = 2 << 16",
            "CACHED = 1 << 17",
            "CACHED_STATES = 2 << 15",
            "CACHED_STATES = 1 << 16",
            "READ_NUMBERS = 1 >> 20",
            "READ_NUMBERS = 2 << 20",
            "READ_NUMBERS = 1 << 21",
            "KEPT_NUMBERS = 1 >> 21",
            "KEPT_NUMBERS = 2 << 21",
            "KEPT_NUMBERS = 1 << 22",
        ),
        "losscli.losses.lattice.ctc_nll": (
            "longest_first = np.argsort(-input_lengths, kind=None)",
            "longest_first = np.argsort(-input_lengths, )",
        ),
        "losscli.losses.lattice._Reader.probabilities": (
            'if self.kind == "XXlog-probsXX":',
            'if self.kind == "LOG-PROBS":',
            "if frames.flags.c_contiguous or frames[0].size < classes.size:  # fewer exponentials before the choice",
            "if frames.flags.c_contiguous and frames[0].size <= classes.size:  # fewer exponentials before the choice",
            "self, start: int, stop: int, rows: np.ndarray, classes: np.ndarray, *, fine: bool = True",
        ),
        "losscli.losses.lattice._Reader._partition": (
            "step = max(2, 4 * CACHED // self.frames.shape[2])",
            "step = max(1, 4 / CACHED // self.frames.shape[2])",
            "step = max(1, 5 * CACHED // self.frames.shape[2])",
            "beside = max(2, step // (stop - start))",
            "beside = max(1, step // (stop + start))",
        ),
        "losscli.losses.lattice._chosen": (
            "together = len(frames) if (frames.flags.c_contiguous) and False else 1",
            "together = len(frames) if (frames.flags.c_contiguous) or True else 1",
            "together = len(frames) if frames.flags.c_contiguous else 2",
            "for low in range(0, len(frames), ):",
        ),
        "losscli.losses.lattice._frames_at_once": (
            "return max(2, CACHED // numbers)",
            "numbers: int = number * max(2 / width, reader.frames.shape[2])",
            "numbers: int = number * max(3 * width, reader.frames.shape[2])",
        ),
        "losscli.losses.lattice._scaled": ("first = slice(None)",),
        "losscli.losses.lattice._ScaledStates.__init__": (
            "self._all_reached = int(needed.max(initial=0)) + 1",
            "self._all_reached = int(needed.max(where=lattice.inside, initial=1)) + 1",
            "self._all_reached = int(needed.max(where=lattice.inside, initial=0)) + 2",
            "self._running = None",
        ),
        "losscli.losses.lattice._complement": (
            "parts = lattice.groups(16 / CACHED // (2 * width))",
            "parts = lattice.groups(17 * CACHED // (2 * width))",
            "parts = lattice.groups(16 * CACHED // (3 * width))",
        ),
        "losscli.losses.lattice._ScaledStates.examine": ("if time <= self._all_reached + WINDOW:",),
    },
    UNUSED: {
        "losscli.losses.classification.Surprisal.roughly": (
            "partition = np.log(np.where(usual, mass, 2.0))",
            *(
                f"partition[~usual] = sum(Surprisal({kind}, self.scores[~usual]).partition)"
                for kind in ("None", '"XXlogitsXX"', '"LOGITS"')
            ),
        ),
        "losscli.losses.classification.Surprisal._of_extreme": (
            "rows = Surprisal(None, scores)",
            'rows = Surprisal("XXlogitsXX", scores)',
            'rows = Surprisal("LOGITS", scores)',
        ),
        "losscli.losses.classification.Surprisal.__init__": (
            "self.least_mass = None",
            "self.least_mass = 1.0",
        ),
        "losscli.numerics.log1mexp": (
            "np.log(-np.expm1(np.where(near_zero, x, -2.0))),",
            "np.log1p(-np.exp(np.where(near_zero, -2.0, x))),",
        ),
        "losscli.losses.lattice._logarithmic": ("largest[largest == -np.inf] = 1.0",),
        "losscli.losses.lattice._log_of_sum": ("largest = np.where(largest == -np.inf, 1.0, largest)",),
        "losscli.losses.lattice._clear_strange": (
            "probabilities[np.arange(len(probabilities))[:, np.newaxis] >= remaining] = 1.0",
        ),
        "losscli.losses.lattice._lost": ("terms = np.zeros((2 << int(lattice.frames[0]).bit_length(), number))",),
    },
    DEFAULT: {
        "losscli.numerics.largest_magnitude": ("return float(largest.view(None))",),
        "losscli.losses.classification.Surprisal.partition": ("logits = self.scores.astype(None, copy=False)",),
        "losscli.losses.classification.Surprisal._chosen": ("return chosen.astype(None, copy=False)",),
        "losscli.losses.classification.Surprisal.each": ("scores = self.scores.astype(None, copy=False)",),
        "losscli.losses.models.distributions.Categorical.log_likelihood": (
            "return sum((times_log(Fraction(times), p) for times, p in of_classes), )",
        ),
        "losscli.numerics.log_partition": ("maximum = np.take_along_axis(scores, top, )",),
        "losscli.losses.models.statistics.SquareSum._add": (
            "high = ((bits + np.int64(1 << 26)) & np.int64(-(1 << 27))).view(None)",
        ),
        "losscli.losses.models.statistics.SquareSum.total": (
            "return sum((_exact(part) * Fraction(4) ** -shift for shift, part in self._scaled.items()), )",
        ),
        "losscli.losses.lattice._Classes.out_of_reach": (
            "out = np.repeat(self.distinct[:, :, np.newaxis].astype(None), 2 * width, axis=2)",
        ),
        "losscli.losses.lattice._Reader.probabilities": (
            "return self._stored(start, stop, rows, classes).astype(None, copy=False)",
        ),
        "losscli.losses.lattice._Reader._rest_to_one": (
            "scores = self._stored(start, stop, rows, used.classes).astype(None, copy=False)",
        ),
        "losscli.losses.lattice._Reader._partition": (
            "maximum, excess = log_partition(self.frames[few, times].astype(None))",
        ),
    },
    NEVER: {
        "losscli.losses.classification.Surprisal.__init__": (  # both are set at once
            'self.others: Array | None = ""',
            'self.chosen: Array | None = ""',
        ),
        "losscli.numerics.exact_ratio": (
            "return math.inf if (numerator >= 0) == (denominator > 0) else -math.inf",
            "return math.inf if (numerator > 1) == (denominator > 0) else -math.inf",
            "return math.inf if (numerator > 0) == (denominator >= 0) else -math.inf",
        ),
        "losscli.numerics.ExactSums._add_block": ("rest, largest = values.copy(), float(magnitudes.max(initial=1.0))",),
        "losscli.numerics.ExactSums.__init__": ("self._counts = np.zeros((3, 1), np.int64)",),
        "losscli.losses.regression.huber": (
            "clipped = residual.clip(None, delta)  # ½ r² is r · (r − ½ r), so that one formula serves both parts",
        ),
        "losscli.losses.models.statistics.Tally.__init__": ("self.counts = np.zeros(1, np.int64)",),
    },
    SAME: {
        "losscli.losses.domains.Domain.bounded": ("return math.isfinite(self.high + self.low)",),
        "losscli.numerics._sum_rows": ('np.einsum("IJ->I", values, out=out)',),
        "losscli.numerics.ExactSum.add_quickly": ('self.units += units + _units(float(np.einsum("I->", rest)))',),
        "losscli.numerics.ExactSum.decides": (
            "totals = {exact_ratio(self.units - error, one) for error in (-self.error, self.error)}",
            "exact_ratio(self.units - error, denominator.units + other)",
            "exact_ratio(self.units + error, denominator.units - other)",
        ),
        "losscli.losses.models.arithmetic": (
            'INFINITY = Decimal("infinity")',
            'INFINITY = Decimal("INFINITY")',
            'NEAR_ONE = Decimal("1E-20")',
        ),
        "losscli.losses.lattice.ctc_nll": ('longest_first = np.argsort(-input_lengths, kind="STABLE")',),
        "losscli.losses.lattice._lost": (
            'lost = np.einsum("IJ,IJ->I", states[:running].reshape(running, -1), leaving[:running, frame])',
            'lost = np.einsum("ij,ij->i", states[:running].reshape(running, -2), leaving[:running, frame])',
        ),
        "losscli.losses.lattice._ScaledStates.__init__": ("self._first = self._of_first(None)",),
        "losscli.losses.lattice._ScaledStates.renew": ("by_utterance = fitting.reshape(running, -2)",),
        "losscli.losses.lattice._chosen": (
            'np.take(few.reshape(len(few), -2), places, axis=1, out=chosen[low : low + together], mode="clip")',
        ),
    },
}


EVERYWHERE = {
    NEVER: re.compile(r", (strict=\w+)?\)"),  # what is taken side by side is of one length by construction
    SAME: re.compile(
        r"reshape\(-\d\)|(?<=: bool = )(False|None)|(?<=: str = )(\"\"|None)"
    ),  # NumPy works out the length of any negative one
}
"""What makes no difference wherever it stands."""


def reason_of(mutant: Mutant) -> str | None:
    """Why no test can notice it; None where nobody has said so."""
    here = (why for why, places in EQUIVALENT.items() if mutant.after in places.get(mutant.place, ()))
    anywhere = (why for why, part in EVERYWHERE.items() if part.sub("", mutant.before) == part.sub("", mutant.after))
    return next(chain(here, anywhere), None)
