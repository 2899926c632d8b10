"""The objective: cost plus a penalty on the parameters (document 004: loss < cost < objective)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from losscli.data import ReadOptions, from_array, open_source
from losscli.data.model import Ragged
from losscli.engine.scoring import as_float64
from losscli.errors import DataError, UsageError
from losscli.numerics import Array, ExactSum, squares


@dataclass(frozen=True)
class Penalty:
    """What is added to the cost: λ₁ Σ|w| and λ₂ Σw², or ½ λ₂ Σw² where `l2_half`."""

    params: Sequence[Any]
    l1: float | None = None
    l2: float | None = None
    l2_half: bool = False

    def __post_init__(self) -> None:
        for name, factor in (("--l1", self.l1), ("--l2", self.l2)):
            if factor is not None and not (factor >= 0.0 and math.isfinite(factor)):
                raise UsageError(f"{name} is {factor:g}, but a penalty's factor is a finite number ≥ 0")
        asked = self.l1 is not None or self.l2 is not None
        if asked and not self.params:
            raise UsageError("a penalty needs the parameters it is of", hint="--params FILE, once for each file")
        if self.params and not asked:
            raise UsageError("--params are parameters of a penalty, which is missing", hint="--l1 λ or --l2 λ")
        if self.l2_half and self.l2 is None:
            raise UsageError("--l2-half halves the penalty of --l2, which is missing", hint="add --l2 λ")


def objective(cost: float, penalty: Penalty, read: ReadOptions) -> dict[str, Any]:
    """The cost, each penalty with its norm, and their sum."""
    absolute, square, count = ExactSum(), ExactSum(), 0
    for spec in penalty.params:
        for values in _parameters(spec, read):
            absolute.add(np.abs(values))
            for part in squares(values):
                square.add(part)
            count += values.size
    found: dict[str, Any] = {"cost": cost}
    total = cost
    if penalty.l1 is not None:
        added = penalty.l1 * absolute.value()
        found["l1"] = {"lambda": penalty.l1, "sum_of_absolute_values": absolute.value(), "penalty": added}
        total += added
    if penalty.l2 is not None:
        factor = 0.5 if penalty.l2_half else 1.0
        added = penalty.l2 * factor * square.value()
        found["l2"] = {
            "lambda": penalty.l2,
            "factor": factor,
            "sum_of_squares": square.value(),
            "penalty": added,
        }
        total += added
    names = [spec if isinstance(spec, str) else "params" for spec in penalty.params]
    return found | {"value": total, "parameters": count, "params": names}


def _parameters(spec: Any, read: ReadOptions) -> Iterator[Array]:
    """The parameters of a file, in blocks."""
    source = open_source(spec, read) if isinstance(spec, str) else from_array(spec, "params")
    field = source.select(None)
    row = 0
    for (batch,) in source.batches([field]):
        assert not isinstance(batch, Ragged)  # noqa: S101 - ragged rows were not allowed
        values = as_float64(batch)
        if not np.isfinite(values).all():
            by_row = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
            bad, column = np.argwhere(~np.isfinite(by_row))[0]
            raise DataError(
                f"{field.where(row + int(bad), int(column))}: the parameter is {by_row[bad, column]}",
                why="a penalty needs finite parameters",
            )
        row += len(values) if values.ndim else 1
        yield values.reshape(-1)


def penalties_of(options: Mapping[str, Any]) -> Penalty | None:
    """The penalty that `l1`, `l2`, `l2_half` and `params` ask for; None where they ask for none."""
    names = ("params", "l1", "l2", "l2_half")
    asked = {name: options[name] for name in names if options.get(name)}
    asked |= {name: options[name] for name in ("l1", "l2") if options.get(name) is not None}
    return Penalty(**{"params": ()} | asked) if asked else None
