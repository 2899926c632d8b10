"""From what was asked to what is run: inputs to fields, options to a scorer, totals to a Result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from losscli.data import ReadOptions, from_array, read_whole
from losscli.data.model import Field
from losscli.engine.classes import ClassesScorer
from losscli.engine.elementwise import ElementwiseScorer
from losscli.engine.inputs import open_fields, vectors_read
from losscli.engine.reduce import Partial
from losscli.engine.result import InputRecord, Result, Samples, Sink
from losscli.engine.run import RunOptions, run
from losscli.engine.scoring import NanPolicy, Scorer, sample_shape
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import Loss
from losscli.losses.contracts import Classes, Elementwise
from losscli.version import __version__

Reduction = Literal["mean", "sum", "none"]
OnNan = Literal["error", "propagate", "skip"]
OnEmpty = Literal["error", "nan", "zero"]
Base = Literal["e", "2", "10"]

UNITS: dict[str, tuple[str, float]] = {"e": ("nats", 1.0), "2": ("bits", math.log(2.0)), "10": ("bans", math.log(10.0))}

LISTED = 1000
"""A longer vector among the options is told by its shape."""


@dataclass(frozen=True)
class Request:
    """All that a user can ask of one run. Inputs are paths, specs or arrays."""

    loss: Loss
    predictions: Any
    targets: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    pred: Sequence[str] | None = None
    target: Sequence[str] | None = None
    id: str | None = None
    classes: Sequence[str] | None = None
    sample_weight: Any = None
    read: ReadOptions = field(default_factory=ReadOptions)
    reduction: Reduction = "mean"
    base: Base = "e"
    on_nan: OnNan = "error"
    on_empty: OnEmpty = "error"
    threads: int | None = None
    rows: int = 0
    top: int = 0
    per_sample: bool = False
    sinks: Sequence[Sink] = ()
    progress: Callable[[int, int | None], None] | None = None


def compute(request: Request) -> Result:
    """Run what was asked for."""
    loss = request.loss
    if request.base != "e" and not loss.in_nats:
        raise UsageError(f"{loss.name} is no logarithm, so --base {request.base} does not apply to it")
    options = loss.check_options(vectors_read(loss, request.options, request.read))
    fields = open_fields(request)
    records = {name: _record(f) for name, f in fields.items()}
    lone = isinstance(loss.contract, Classes) and not sample_shape(fields["predictions"])
    if lone:
        fields = _batch_of_one(fields)
    nan = NanPolicy(request.on_nan)
    scorer = make_scorer(loss, options, fields, nan, request.classes)

    rows = fields["predictions"].source.rows
    progress = request.progress
    total = run(
        fields,
        scorer,
        nan,
        RunOptions(
            threads=request.threads,
            unit_in_nats=UNITS[request.base][1],
            first=request.rows,
            top=request.top,
            sinks=request.sinks,
            keep_elements=request.reduction == "none" or request.per_sample,
            progress=(lambda done: progress(done, rows)) if progress else None,
        ),
    )
    warnings = list(dict.fromkeys(note for f in fields.values() for note in f.notes))
    warnings += scorer.finish(total.facts)
    warnings += _nonfinite_warnings(total)
    shown = {name: replace(record, shape=_final_shape(record, total.samples, lone)) for name, record in records.items()}
    return _result(request, options, total, scorer.describe(shown, total.facts), warnings, lone)


def make_scorer(
    loss: Loss,
    options: Mapping[str, Any],
    fields: Mapping[str, Field],
    nan: NanPolicy,
    classes: Sequence[str] | None = None,
) -> Scorer:
    """The scorer of the loss's contract."""
    predictions, targets = fields["predictions"], fields["targets"]
    if isinstance(loss.contract, Elementwise):
        return ElementwiseScorer(loss, loss.contract, options, fields, nan)
    names = tuple(classes) if classes else None
    return ClassesScorer(loss, loss.contract, options, predictions, targets, nan, names)


def _batch_of_one(fields: Mapping[str, Field]) -> dict[str, Field]:
    """(C) alone is one sample: the same fields with the sample axis put in front."""
    batch = {}
    classes = len(read_whole(fields["predictions"]))
    for name, f in fields.items():
        values = np.asarray(read_whole(f))
        whole = values.reshape(()) if name != "predictions" and values.size == 1 and classes != 1 else values
        one = from_array(whole[np.newaxis], f.info.path).select(None)
        one.notes.extend(f.notes)
        batch[name] = one
    return batch


def _record(f: Field) -> InputRecord:
    info = f.info
    return InputRecord(info.path, info.format, tuple(n or 0 for n in info.shape), info.dtype, info.columns)


def _final_shape(record: InputRecord, samples: int, lone: bool) -> tuple[int, ...]:
    return record.shape if lone or not record.shape else (samples, *record.shape[1:])


def _nonfinite_warnings(total: Partial) -> list[str]:
    found = []
    if total.infinite_rows:
        rows = ", ".join(map(str, total.infinite_rows))
        found.append(f"the loss is infinite for some samples (the first: {rows}): a true class of probability 0")
    if total.nan_rows:
        found.append(f"the loss is NaN for some samples (the first: {', '.join(map(str, total.nan_rows))})")
    if total.skipped:
        found.append(f"{total.skipped} of {total.samples} samples were skipped for a NaN")
    return found


def _result(
    request: Request,
    options: Mapping[str, Any],
    total: Partial,
    records: Mapping[str, InputRecord],
    warnings: list[str],
    lone: bool,
) -> Result:
    loss = request.loss
    mean = total.numerator.over(total.denominator)
    reductions = {"mean": mean, "sum": total.numerator.value()}
    if not total.denominator.units:
        empty = {"nan": math.nan, "zero": 0.0}
        if request.on_empty == "error":
            raise DataError(
                f"nothing is left to score: all {total.elements} targets are ignored, skipped or of weight 0",
                why="a mean over nothing does not exist",
                hint="look at --ignore-index and the weights; --on-empty nan or --on-empty zero makes it a number",
            )
        reductions = dict.fromkeys(reductions, empty[request.on_empty])
    per_sample = None
    value: float | list[Any] = reductions.get(request.reduction, math.nan)
    if request.reduction == "none":
        elements = np.concatenate([scored.loss for scored in total.scored])
        value = (elements[0] if lone else elements).tolist()
    if request.per_sample:
        names = total.scored[0].samples.columns
        per_sample = Samples({n: np.concatenate([s.samples.columns[n] for s in total.scored]) for n in names})
    shown = {name: _plain(value) for name, value in options.items() if name not in {"kind"}}
    return Result(
        loss=loss.name,
        value=value,
        reduction=request.reduction,
        unit=UNITS[request.base][0] if loss.in_nats else loss.unit,
        numerator=total.numerator.value(),
        denominator=total.denominator.value(),
        reductions=reductions,
        counts=total.counts(),
        statistics=total.statistics(),
        inputs=records,
        options=shown,
        convention="exact",
        signature=_signature(request, options, total, records),
        warnings=warnings,
        per_sample=per_sample,
        first=total.first,
        top=total.top,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.size > LISTED:
        return f"array of shape {value.shape}"
    return value.tolist() if isinstance(value, np.ndarray) else value


def _signature(request: Request, options: Mapping[str, Any], total: Partial, records: Mapping[str, InputRecord]) -> str:
    """A line to cite: everything that makes the number what it is."""
    parts = [request.loss.name, f"kind:{records['predictions'].kind}", f"reduction:{request.reduction}"]
    for parameter in request.loss.parameters:
        value = _plain(options[parameter.name])
        if parameter.name != "kind" and value != parameter.default:
            text = ",".join(f"{v:g}" for v in value) if isinstance(value, list) else str(value)
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
