"""The result of a run: its totals reduced, its inputs described, a line to cite it by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli.data.model import Field
from losscli.engine.choices import Base, OnEmpty
from losscli.engine.reduce import Partial
from losscli.engine.result import InputRecord, Result, Scored
from losscli.engine.run import stacked
from losscli.engine.scoring import Scorer
from losscli.errors import DataError
from losscli.version import __version__

if TYPE_CHECKING:
    from losscli.engine.plan import Request

UNITS: dict[Base, tuple[str, float]] = {
    "e": ("nats", 1.0),
    "2": ("bits", math.log(2.0)),
    "10": ("bans", math.log(10.0)),
}

LISTED = 1000
"""A longer vector among the options is told by its shape."""


def _record(f: Field, samples: int) -> InputRecord:
    info = f.info
    shape = (samples, *info.shape[1:]) if info.shape[:1] == (None,) else info.shape
    return InputRecord(info.path, info.format, shape, info.dtype, info.columns)


def _nonfinite_warnings(total: Partial, reason: str) -> list[str]:
    found = []
    if total.infinite_rows:
        rows = ", ".join(map(str, total.infinite_rows))
        found.append(f"the loss is infinite for some samples (the first: {rows}): {reason}")
    if total.nan_rows:
        found.append(f"the loss is NaN for some samples (the first: {', '.join(map(str, total.nan_rows))})")
    if total.skipped:
        found.append(f"{total.skipped} of {total.samples} samples were skipped for a NaN")
    return found


def summarize(
    request: Request,
    options: Mapping[str, Any],
    total: Partial,
    scorer: Scorer,
    fields: Mapping[str, Field],
    *,
    lone: bool,
) -> Result:
    """The result that the total of a run comes to."""
    loss = request.loss
    unit, unit_in_nats = UNITS[request.base] if loss.in_nats else (loss.unit, 1.0)
    warnings = list(dict.fromkeys(note for f in fields.values() for note in f.notes))
    warnings += scorer.finish(total.facts)
    warnings += _nonfinite_warnings(total, scorer.infinite)
    records = {name: _record(f, total.samples) for name, f in fields.items()}
    records = scorer.describe(records, total.facts)
    reductions = _reductions(total, request.on_empty, scorer.leaving_out)
    value: float | list[Any] = reductions.get(request.reduction, math.nan)
    if loss.of_mean:
        value = loss.of_mean(reductions["mean"])
    if request.reduction == "none":
        elements = _elements(total.scored)
        value = elements[0] if lone else elements
    per_sample = stacked([scored.samples for scored in total.scored]) if request.per_sample else None
    shown = {
        name: fields[name].info.path if name in fields else _plain(value)
        for name, value in options.items()
        if name != "kind"
    }
    return Result(
        loss=loss.name,
        value=value,
        reduction=request.reduction,
        unit=unit,
        numerator=(total.total if request.reduction == "sum" else total.numerator).value(),
        denominator=total.denominator.value(),
        reductions=reductions,
        counts=total.counts(),
        statistics=total.statistics(),
        inputs=records,
        options=shown,
        convention="exact",
        signature=_signature(request, shown, total, records),
        warnings=warnings,
        per_sample=per_sample,
        first=total.first,
        top=total.top,
        extra=scorer.report(total, unit_in_nats),
    )


def _reductions(total: Partial, on_empty: OnEmpty, leaving_out: str) -> dict[str, float]:
    """The value under each reduction to a number; over nothing, what is asked for."""
    if total.denominator.units:
        return {"mean": total.numerator.over(total.denominator), "sum": total.total.value()}
    if on_empty == "error":
        raise DataError(
            f"nothing is left to score: all {total.elements} targets are ignored, skipped or of weight 0",
            why="a mean over nothing does not exist",
            hint=f"{leaving_out}; --on-empty nan or --on-empty zero makes it a number",
        )
    return dict.fromkeys(("mean", "sum"), math.nan if on_empty == "nan" else 0.0)


def _elements(blocks: Sequence[Scored]) -> list[Any]:
    """The elements of every sample, in nested lists."""
    trimmed = [
        row[:length].tolist()
        for scored in blocks
        if scored.lengths is not None
        for row, length in zip(scored.loss, scored.lengths.tolist(), strict=True)
    ]
    if trimmed:
        return trimmed
    found: list[Any] = np.concatenate([scored.loss for scored in blocks]).tolist()
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.size > LISTED:
        return f"array of shape {value.shape}"
    return value.tolist() if isinstance(value, np.ndarray) else value


def _signature(request: Request, options: Mapping[str, Any], total: Partial, records: Mapping[str, InputRecord]) -> str:
    """A line to cite: everything that makes the number what it is."""
    parts = [request.loss.name, f"kind:{records['predictions'].kind}", f"reduction:{request.reduction}"]
    for parameter in request.loss.parameters:
        value = options.get(parameter.name, parameter.default)
        if value != parameter.default:
            if isinstance(value, dict):
                value = [f"{each}:{number:g}" for each, number in value.items()]
            text = ",".join(v if isinstance(v, str) else f"{v:g}" for v in value) if isinstance(value, list) else value
            parts.append(f"{parameter.name}:{text}")
    if request.sample_weight is not None:
        parts.append("sample_weight:yes")
    for name, policy in (("on_nan", request.on_nan), ("on_empty", request.on_empty)):
        if policy != "error":
            parts.append(f"{name}:{policy}")
    parts += [f"n:{total.samples}", f"ignored:{total.ignored}"]
    if total.skipped:
        parts.append(f"skipped:{total.skipped}")
    parts.append("convention:exact")
    if request.loss.in_nats:
        parts.append(f"base:{request.base}")
    return "|".join([*parts, f"losscli:{__version__}"])
