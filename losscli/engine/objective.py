"""The objective: cost plus a penalty on the parameters (document 004: loss < cost < objective)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from losscli.data import ReadOptions, from_array, open_field
from losscli.data.model import Field, Ragged
from losscli.engine.scoring import as_float64
from losscli.errors import DataError, UsageError
from losscli.losses.parameters import is_number
from losscli.numerics import UNIT_EXPONENT, Array, ExactSum, exact_ratio, sum_of_squares


@dataclass(frozen=True)
class Penalty:
    """What is added to the cost: λ₁ Σ|w| and λ₂ Σw², or ½ λ₂ Σw² where `l2_half`."""

    params: Sequence[Any]
    l1: float | None = None
    l2: float | None = None
    l2_half: bool = False

    def __post_init__(self) -> None:
        for name, factor in (("--l1", self.l1), ("--l2", self.l2)):
            if factor is not None and not (is_number(factor) and 0.0 <= float(factor) < math.inf):
                raise UsageError(f"{name} is {factor!r}, but a penalty's factor is a finite number ≥ 0")
        asked = self.l1 is not None or self.l2 is not None
        if asked and not self.params:
            raise UsageError("a penalty needs the parameters it is of", hint="--params FILE, once for each file")
        if self.params and not asked:
            raise UsageError("--params are parameters of a penalty, which is missing", hint="--l1 λ or --l2 λ")
        if self.l2_half and self.l2 is None:
            raise UsageError("--l2-half halves the penalty of --l2, which is missing", hint="add --l2 λ")


def objective(cost: float, penalty: Penalty, read: ReadOptions) -> tuple[dict[str, Any], list[str]]:
    """The cost, each penalty with its norm, and their sum; and what is to be said of how files were read."""
    absolute, squares, count = ExactSum(), 0, 0
    notes: list[str] = []
    for spec in penalty.params:
        named = isinstance(spec, str)
        field = open_field(spec, read, ragged=True) if named else from_array(spec, "params").select(None)
        notes += field.notes
        for values in _parameters(field):
            absolute.add(np.abs(values))
            squares += sum_of_squares(values)
            count += values.size
    square = exact_ratio(squares, 1 << (2 * UNIT_EXPONENT))
    found: dict[str, Any] = {"cost": cost}
    total = cost
    if penalty.l1 is not None:
        added = penalty.l1 * absolute.value()
        found["l1"] = {"lambda": penalty.l1, "sum_of_absolute_values": absolute.value(), "penalty": added}
        total += added
    if penalty.l2 is not None:
        factor = 0.5 if penalty.l2_half else 1.0
        added = penalty.l2 * factor * square
        found["l2"] = {
            "lambda": penalty.l2,
            "factor": factor,
            "sum_of_squares": square,
            "penalty": added,
        }
        total += added
    names = [spec if isinstance(spec, str) else "params" for spec in penalty.params]
    return found | {"value": total, "parameters": count, "params": names}, notes


def _parameters(field: Field) -> Iterator[Array]:
    """The parameters of a field, in blocks."""
    row = 0
    for (batch,) in field.source.batches([field]):
        values = as_float64(batch.values if isinstance(batch, Ragged) else batch)
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values.reshape(-1)))[0])
            if isinstance(batch, Ragged):
                where = field.where(row + int(np.searchsorted(batch.offsets, bad, side="right")) - 1)
            else:
                per_row = math.prod(values.shape[1:])
                where = field.where(row + bad // per_row, bad % per_row)
            raise DataError(
                f"{where}: the parameter is {values.reshape(-1)[bad]}", why="a penalty needs finite parameters"
            )
        row += len(batch) if isinstance(batch, Ragged) or batch.ndim else 1
        yield values.reshape(-1)


def penalties_of(options: Mapping[str, Any]) -> Penalty | None:
    """The penalty that `l1`, `l2`, `l2_half` and `params` ask for; None where they ask for none."""
    params = options.get("params")
    if params is None:
        params = ()
    elif not isinstance(params, (list, tuple)):
        params = (params,)
    l1, l2, l2_half = (options.get(name) for name in ("l1", "l2", "l2_half"))
    asked = bool(params) or l1 is not None or l2 is not None or bool(l2_half)
    return Penalty(params, l1, l2, bool(l2_half)) if asked else None
