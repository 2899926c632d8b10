"""Whether the rows of predictions and targets belong together, as far as the first of them show it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from losscli.data import align
from losscli.data.model import Field
from losscli.engine.diagnosis.case import Case, single
from losscli.engine.diagnosis.orders import PERMUTATIONS, Cost, compare_orders, cost_of_labels, cost_of_numbers
from losscli.engine.kind import RowFacts
from losscli.engine.labels import NO_CLASS, class_numbers
from losscli.engine.scoring import array, as_float64
from losscli.losses.contracts import ScoreKind

ORDER_NUMBERS = 1 << 21
"""How many numbers of the predictions are held in memory to compare orders: 16 megabytes of float64."""

ORDER_ROWS = 1 << 17
"""How many rows are enough to tell an order from chance."""


def compare_order(case: Case) -> None:
    """Whether rows belong together, as far as the first of them show it."""
    sample = _sample(case, case.t.field)
    if sample is None:
        return
    case.order = found = compare_orders(*sample)
    if found is None or found.verdict == "aligned":
        return
    rows = f"the first {found.rows:,} rows" if found.rows < case.p.samples else "the rows"
    costs = f"{rows} cost {found.as_given:.6g} on average as they stand, and {found.permuted:.6g} in a random order"
    if found.verdict == "shifted":
        sign = "+" if found.lag > 0 else "−"
        after = f"row i of the predictions goes with row i {sign} {abs(found.lag)} of the targets"
        case.say(
            "rows-shifted",
            "fault",
            f"{costs}, but {found.best:.6g} when shifted by {abs(found.lag)}",
            f"{after}: a header, a first row or a last batch was lost in one of the files",
            "the step rolls the targets; see that the ends are right",
        )
        case.recipe.rewrite("targets", "_rolled", f"SAVEnp.roll(x, {-found.lag}, axis=0))")
    elif found.verdict == "reversed":
        case.say(
            "rows-reversed",
            "fault",
            f"{costs}, but {found.best:.6g} when one file is reversed",
            "one of the files was sorted the other way",
            "the step reverses the targets",
        )
        case.recipe.rewrite("targets", "_reversed", "SAVEx[::-1])")
    elif (shared := case.shared_id()) is not None and _belong_together(case, shared[1]):
        case.join(shared[0], "rows-shuffled", f"{costs}: no better than chance")
    else:
        case.say(
            "rows-shuffled",
            "doubt",
            f"{costs}: no better than chance (best of {PERMUTATIONS} permutations: {found.best_permuted:.6g})",
            "the rows may be in another order than the targets (sorted, shuffled, of another split), or the "
            "predictions say nothing about the targets: the numbers alone cannot tell which",
            "save both in one table, or with a column of ids, which --id joins",
        )


def _belong_together(case: Case, targets: Field) -> bool:
    """Whether targets in another order cost less than chance."""
    sample = _sample(case, targets)
    found = compare_orders(*sample) if sample is not None else None
    return found is not None and found.verdict == "aligned"


def _sample(case: Case, targets: Field) -> tuple[Cost, int] | None:
    """What the first rows cost in any order, and how many they are; None where that is not known."""
    p, t = case.p, case.t
    if len(p.shape) > 1 or any(finding.name in ("mixed-kinds", "outside") for finding in case.findings):
        return None
    rows = max(1, min(ORDER_ROWS, ORDER_NUMBERS // max(1, math.prod(p.shape))))
    block = next(align({"predictions": p.field, "targets": targets}, rows))
    scores = as_float64(array(block.values, "predictions")).reshape(block.size, -1)
    cells = array(block.values, "targets")
    if p.rows is not None and single(t):
        kind = _kind(p.rows.facts, below_zero=p.spread.below_zero)
        return cost_of_labels(scores, kind, _index(case, cells.reshape(-1))), block.size
    return cost_of_numbers(scores, as_float64(cells).reshape(block.size, -1)), block.size


def _index(case: Case, cells: np.ndarray) -> np.ndarray:
    """The labels as the recipe makes them class indices; −1 for those that are none."""
    names = case.names_of_classes() or ()
    if case.t.is_text:
        return _positions(names, cells)
    found = {finding.name for finding in case.findings}
    numbers = as_float64(cells)
    if "one-based-labels" in found:
        numbers = numbers - 1.0
    elif "signs" in found:
        numbers = (numbers + 1.0) / 2.0
    if (named := class_numbers(names)) is not None:
        return _positions(named, numbers)
    return np.where(np.isnan(numbers), NO_CLASS, numbers).astype(np.int64)


def _positions(names: Sequence[object], cells: np.ndarray) -> np.ndarray:
    """The position of each cell among the names, −1 where it is none of them."""
    position = {name: place for place, name in enumerate(names)}
    return np.fromiter((position.get(cell, NO_CLASS) for cell in cells.tolist()), np.int64, len(cells))


def _kind(facts: RowFacts, *, below_zero: int) -> ScoreKind:
    """What the predictions cost as, also where a loss would ask."""
    if facts.log_probs == facts.rows:
        return "log-probs"
    nonnegative = facts.in_unit_interval + facts.sum_near_hundred >= facts.rows and not below_zero
    return "probs" if nonnegative else "logits"
