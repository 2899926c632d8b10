"""What losscli and its peers answer to the calls of the corpus, and how far that is from the truth."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
from accuracy_table import Row
from corpus import Call
from mpmath import mpf
from ulps import LARGEST

import losscli
from losscli.losses.catalogue import catalogue
from losscli.losses.contracts import Elementwise

BAR_OF_ONE_NUMBER, BAR_OF_A_SUM = 4, 8
INTEGERS = ("nll", "cross-entropy", "sequence-nll", "perplexity", "ctc")
Answers = Sequence[np.ndarray | None]


def ours(calls: Sequence[Call]) -> Answers:
    """The losses that losscli yields."""
    return [np.asarray(_ask(call, "none" if _has_elements(call) else "mean")).reshape(-1) for call in calls]


def theirs(python: str, peer: str, calls: Sequence[Call]) -> tuple[Answers, str]:
    """The losses that a peer yields, None for those it does not have, and its version."""
    arrays = {"calls": np.array(json.dumps([_question(call) for call in calls]))}
    for number, call in enumerate(calls):
        arrays |= {f"{number} {name}": np.asarray(value, np.float64) for name, value in call.options.items()}
        arrays[f"{number} predictions"] = np.asarray(call.predictions, np.float64)
        arrays[f"{number} targets"] = np.asarray(call.targets)
        if call.loss not in INTEGERS:
            arrays[f"{number} targets"] = arrays[f"{number} targets"].astype(np.float64)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "calls.npz"), Path(folder, "answers.npz")
        np.savez(asked, **arrays)
        script = Path(__file__).with_name("peers.py")
        done = subprocess.run([python, "-W", "ignore", script, peer, asked, answered], stderr=subprocess.PIPE)
        if done.returncode:
            raise SystemExit(f"{peer} failed:\n{done.stderr.decode(errors='replace')}")
        with np.load(answered) as found:
            return [found.get(str(number)) for number in range(len(calls))], str(found["version"])


def _question(call: Call) -> dict[str, object]:
    return {"loss": f"{call.loss} {call.kind}" if call.kind else call.loss, "options": list(call.options)}


def _ask(call: Call, reduction: str) -> float | np.ndarray:
    options = call.options if call.kind is None else {**call.options, "kind": call.kind}
    function = getattr(losscli, catalogue()[call.loss].function)
    with warnings.catch_warnings(action="ignore", category=losscli.LossWarning):
        return function(np.array(call.predictions, np.float64), call.targets, reduction=reduction, **options)


def _has_elements(call: Call) -> bool:
    return catalogue()[call.loss].of_mean is None


def rounding(calls: Sequence[Call]) -> tuple[int, int]:
    """Of how many sums and means losscli returns the correctly rounded one, and how many there are."""
    right = every = 0
    for call in filter(_has_elements, calls):
        each = np.ravel(_ask(call, "none")).tolist()
        # The mean of ctc is over losses that were divided by their number of labels first.
        reductions = {"sum": 1} if call.loss == "ctc" else {"sum": 1, "mean": len(each)}
        for reduction, divisor in reductions.items():
            every += 1
            right += _ask(call, reduction) == _rounded_sum(each, divisor)
    return right, every


def _rounded_sum(each: Sequence[float], divisor: int) -> float:
    if math.inf in each:
        return math.inf
    try:
        return float(sum(map(Fraction, each), Fraction(0)) / divisor)
    except OverflowError:
        return math.inf


def rows_of(calls: Sequence[Call], columns: Mapping[str, Answers]) -> list[Row]:
    """A row of the table for each sort of points."""
    rows: dict[str, list[int]] = {}
    for number, call in enumerate(calls):
        rows.setdefault(call.row, []).append(number)
    return [_row([calls[n] for n in of], {side: [a[n] for n in of] for side, a in columns.items()})
            for of in rows.values()]  # fmt: skip


def _row(calls: Sequence[Call], columns: Mapping[str, Answers]) -> Row:
    one_number = isinstance(catalogue()[calls[0].loss].contract, Elementwise)
    bar = BAR_OF_ONE_NUMBER if one_number else BAR_OF_A_SUM
    errors = {side: _errors(calls, answers) for side, answers in columns.items()}
    return Row(
        calls[0].row,
        sum(len(call.true) for call in calls),
        bar,
        max(errors["losscli"]) <= bar,
        {side: _cell(each, bar) for side, each in errors.items()},
    )


def _errors(calls: Sequence[Call], answers: Answers) -> list[float]:
    """In units in the last place of the truth, or of its largest term; none where the side has no such loss."""
    errors = []
    for call, answer in zip(calls, answers, strict=True):
        if answer is None:
            return []
        points = zip(answer.tolist(), call.true, call.scale or call.true, strict=True)
        errors += [error_of(*point) for point in points]
    return errors


def error_of(got: float, true: mpf, scale: mpf) -> float:
    """Infinite where the answer is not finite and the truth is, or the reverse."""
    if not mpmath.isfinite(true) or abs(true) > LARGEST:
        return 0.0 if got == math.inf else math.inf
    if not math.isfinite(got):
        return math.inf
    unit = mpf(float(np.spacing(abs(float(scale)))))
    return float(abs(mpf(got) - true) / unit)


def _cell(errors: Sequence[float], bar: int) -> str:
    """The worst, and how many are beyond the bar."""
    if not errors:
        return "–"
    worst, beyond = max(errors), sum(error > bar for error in errors)
    if worst == math.inf:
        words = "∞"
    else:
        words = f"{worst:.1f}" if worst < 1000 else f"{worst:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{words} ({beyond})" if beyond else words
