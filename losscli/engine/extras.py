"""What is found out on request beside the value, by observers of the run. Their modules are imported for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from losscli.data.model import Field
from losscli.engine.observe import Observer
from losscli.engine.reduce import Partial
from losscli.engine.run import RunOptions
from losscli.engine.scoring import NanPolicy, Scorer
from losscli.engine.summary import UNITS
from losscli.records import record

if TYPE_CHECKING:
    from losscli.engine.plan import Request


@record
class Extra:
    """An observer, and what is made of what it saw, from the total of the run and its value."""

    name: str
    """Where it stands in a result."""
    observer: Observer
    found: Callable[[Partial, Any], Any]


def extras_of(
    request: Request, scorer: Scorer, fields: Mapping[str, Field], options: Mapping[str, Any], nan: NanPolicy
) -> list[Extra]:
    """Those that are asked for."""
    extras = []
    if request.by is not None or request.by_class:
        extras.append(_groups(request, scorer, fields))
    if request.histogram:
        extras.append(_histogram())
    if request.baselines:
        extras.append(_baselines(request, scorer, fields, options, nan))
    if request.work:
        extras.append(_work(request, scorer, options))
    return extras


def _groups(request: Request, scorer: Scorer, fields: Mapping[str, Field]) -> Extra:
    from losscli.engine.groups import GroupTotals

    totals = GroupTotals(scorer, fields, reduction=request.reduction)

    def found(total: Partial, _value: Any) -> Any:
        return totals.groups(request.loss, total.total if request.reduction == "sum" else total.numerator)

    return Extra("groups", totals, found)


def _histogram() -> Extra:
    from losscli.engine.histogram import LossHistogram

    losses = LossHistogram()
    return Extra("histogram", losses, lambda _total, _value: losses.histogram())


def _baselines(
    request: Request, scorer: Scorer, fields: Mapping[str, Field], options: Mapping[str, Any], nan: NanPolicy
) -> Extra:
    from losscli.engine.baselines import Rerun, targets_of

    targets = targets_of(request.loss, scorer, options)
    again = RunOptions(threads=request.threads, unit_in_nats=UNITS[request.base][1], statistics=False)
    rerun = Rerun(fields, scorer, nan, again, request.reduction, request.loss.of_mean)
    return Extra("baselines", targets, lambda total, value: targets.baselines(total, rerun, value))


def _work(request: Request, scorer: Scorer, options: Mapping[str, Any]) -> Extra:
    from losscli.engine.work import ChosenSamples

    chosen = ChosenSamples(request.loss, options, scorer, UNITS[request.base][1], request.work)
    return Extra("work", chosen, lambda _total, _value: chosen.work())
