"""From what was asked to what is run: inputs to fields, options to a scorer, totals to a Result."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from losscli.data import ReadOptions
from losscli.data.model import Field
from losscli.engine.batch import as_batch
from losscli.engine.choices import Base, OnEmpty, OnNan, Reduction
from losscli.engine.extras import extras_of
from losscli.engine.inputs import (
    open_fields,
    reads_vectors,
    vectors_read,
    with_named_predictions,
    with_named_targets,
)
from losscli.engine.observe import Progress
from losscli.engine.result import Result, Sink
from losscli.engine.run import RunOptions, run
from losscli.engine.scoring import NanPolicy, Scorer
from losscli.engine.summary import UNITS, summarize
from losscli.errors import UsageError
from losscli.losses.catalogue import Loss
from losscli.losses.contracts import Alignment, Elementwise, Tokens
from losscli.losses.parameters import whole_number
from losscli.records import record
from losscli.wording import flag_of

if TYPE_CHECKING:
    from losscli.engine.column_guard import ColumnGuard
    from losscli.engine.objective import Penalty


@record
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
    penalty: Penalty | None = None
    threads: int | None = None
    rows: int = 0
    top: int = 0
    per_sample: bool = False
    by: Any = None
    by_class: bool = False
    histogram: bool = False
    baselines: bool = False
    work: Sequence[int] = ()
    statistics: bool = True
    sinks: Sequence[Sink] = ()
    progress: Progress | None = None
    defaults: Collection[str] = ()
    """Options that are given to every run, and may mean nothing for this one."""


def compute(request: Request) -> Result:
    """Run what was asked for."""
    loss = request.loss
    request = with_named_targets(with_named_predictions(request))
    _refuse_unusable(request)
    _refuse_clashes(request)
    _refuse_idle(request)
    options = loss.check_options(vectors_read(loss.parameters, request.options, request.read))
    fields = open_fields(request)
    if not reads_vectors(request):
        request.read.refuse_idle([f.source.format for f in fields.values()], request.defaults)
    guard = _guard_of(request, fields)
    options |= {name: fields[name].info.path for name in options.keys() & fields.keys()}
    read = fields
    fields, lone = as_batch(loss, fields, options, stated=request.options.keys() - set(request.defaults))
    nan = NanPolicy(request.on_nan)
    scorer = make_scorer(loss, options, fields, nan, request.classes)
    extras = extras_of(request, scorer, fields, options, nan)

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
            statistics=request.statistics,
            sinks=request.sinks,
            observers=[extra.observer for extra in extras],
            keep_elements=request.reduction == "none" or request.per_sample,
            progress=(lambda done: progress(done, rows)) if progress else None,
            look=guard.check_values if guard is not None else None,
        ),
    )
    result = summarize(request, options, total, scorer, read, lone=lone)
    result = replace(result, **{extra.name: extra.found(total, result.value) for extra in extras})
    if request.penalty is None or not isinstance(result.value, float):
        return result
    from losscli.engine.objective import objective

    found, notes = objective(result.value, request.penalty, request.read)
    return replace(result, objective=found, warnings=[*result.warnings, *notes])


def _refuse_unusable(request: Request) -> None:
    """Refuse numbers that no run can do anything with, and answers where yes or no is asked."""
    for name, least in (("threads", 1), ("rows", 0), ("top", 0)):
        given = getattr(request, name)
        number = whole_number(given) if not isinstance(given, str) else None
        if given is not None and (number is None or number < least):
            raise UsageError(f"--{name} is {given!r}, but must be a whole number ≥ {least}")
    for name in ("per_sample", "by_class", "histogram", "baselines"):
        if getattr(request, name) not in (None, True, False):
            raise UsageError(f"{flag_of(name)} is {getattr(request, name)!r}, but must be True or False")


def _refuse_clashes(request: Request) -> None:
    """Refuse what does not go with the reduction, the base or the groups that are asked for."""
    loss, reduction = request.loss, request.reduction
    for asked, what in ((request.penalty, "a penalty is added to"), (request.baselines, "a baseline is compared with")):
        if asked and reduction == "none":
            raise UsageError(f"{what} one number, but --reduction none yields many", hint="drop --reduction none")
    if loss.of_mean and reduction != "mean":
        raise UsageError(
            f"{loss.name} is made of a mean: --reduction {reduction} does not apply to it",
            hint=f"drop --reduction {reduction}",
        )
    if request.base != "e" and not loss.in_nats:
        raise UsageError(
            f"{loss.name} is no logarithm, so --base {request.base} does not apply to it",
            hint=f"drop --base {request.base}",
        )
    if request.by is not None and request.by_class:
        raise UsageError("--by and --by-class are two ways to make groups", hint="leave one of them out")


def _refuse_idle(request: Request) -> None:
    """Refuse what has no effect on this loss and these inputs, and was asked for all the same."""
    loss = request.loss
    if request.classes is not None and "classes" not in request.defaults and not loss.contract.names_classes:
        raise UsageError(f"--classes names the classes of labels, and {loss.name} has none", hint="leave it out")
    if request.id is not None and request.targets is None and "id" not in request.defaults:
        raise UsageError(
            f"--id {request.id} joins two tables, and TARGETS is missing",
            why="predictions and targets of one table are in the same rows already",
            hint="leave it out",
        )


def _guard_of(request: Request, fields: Mapping[str, Field]) -> ColumnGuard | None:
    """The guard of the columns, which found nothing wrong with their names; None where there are no columns."""
    predictions, targets = fields["predictions"], fields.get("targets")
    if predictions.info.columns is None and (targets is None or targets.info.columns is None):
        return None
    from losscli.engine.column_guard import ColumnGuard

    guard = ColumnGuard(request, predictions, targets)
    guard.check_names()
    return guard


def make_scorer(
    loss: Loss,
    options: Mapping[str, Any],
    fields: Mapping[str, Field],
    nan: NanPolicy,
    classes: Sequence[str] | None = None,
) -> Scorer:
    """The scorer of the loss's contract; the others' modules are not imported."""
    if isinstance(loss.contract, Elementwise):
        from losscli.engine.elementwise import ElementwiseScorer

        return ElementwiseScorer(loss, loss.contract, options, fields, nan)
    if isinstance(loss.contract, Alignment):
        from losscli.engine.alignment import AlignmentScorer

        return AlignmentScorer(loss, options, fields, nan)
    if isinstance(loss.contract, Tokens):
        from losscli.engine.tokens import TokensScorer

        return TokensScorer(loss, options, fields, nan)
    from losscli.engine.classes import ClassesScorer

    names = tuple(classes) if classes else None
    return ClassesScorer(loss, loss.contract, options, fields["predictions"], fields["targets"], nan, names)
