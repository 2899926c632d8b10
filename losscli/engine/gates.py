"""Gates: each computes a loss, and judges the value by its limits. All of them run, whatever one comes to.

The limits are those of a single run (`max`, `min`, `expect`), the accepted value of a baseline, and
two guards against what a mean can hide: `worst_sample` and `worst_group`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, chdir, nullcontext
from dataclasses import dataclass, field, replace
from typing import Literal

from losscli.data.locate import locate
from losscli.engine.check import judge
from losscli.engine.gate_baseline import Accepted, GateBaseline, comparable
from losscli.engine.gate_file import TRUE_CLASS, GateFile, GateSpec, WorstGroup
from losscli.engine.observe import Progress
from losscli.engine.plan import compute
from losscli.engine.result import Group, Limit, Result
from losscli.errors import DataError, LosscliError
from losscli.exits import Exit

Status = Literal["passed", "failed", "error"]
Known = GateBaseline | DataError | None
"""A baseline to compare with, or why it cannot be read; None where it is about to be updated."""


@dataclass(frozen=True)
class LimitOutcome:
    """One limit, and how the value that it is about stands to it.

    Attributes:
        name: The key of the limit in the file.
        limit: What was asked for; None where a baseline is not there yet.
        value: The value that was judged: that of the gate, of its worst sample or of its worst group.
        passed: The verdict.
        headroom: How much worse the value could be, or by how much it is too bad (negative).
        needed: The smallest tolerance, or the tightest limit, that would have passed.
        tolerance: The tolerance that was given.
        where: Which sample or group it is.
        note: What else there is to say.
    """

    name: str
    limit: float | None
    value: float
    passed: bool
    headroom: float | None = None
    needed: Mapping[str, float] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    where: str = ""
    note: str = ""


@dataclass(frozen=True)
class GateOutcome:
    """What became of one gate; `value` and what belongs to it are None if nothing could be computed."""

    name: str
    loss: str
    line: int | None
    inputs: Mapping[str, str]
    value: float | None = None
    unit: str | None = None
    signature: str | None = None
    limits: Sequence[LimitOutcome] = ()
    error: LosscliError | None = None
    warnings: Sequence[str] = ()
    seconds: float = 0.0

    @property
    def status(self) -> Status:
        """The verdict of all its limits together."""
        if self.error is not None:
            return "error"
        return "passed" if all(limit.passed for limit in self.limits) else "failed"


@dataclass(frozen=True)
class GatesReport:
    """What became of all gates of a file."""

    path: str
    baseline: str
    gates: Sequence[GateOutcome]

    def count(self, status: Status) -> int:
        """How many gates ended so."""
        return sum(gate.status == status for gate in self.gates)

    @property
    def exit_code(self) -> Exit:
        """0 if all passed, 3 if one could not be judged, else 1."""
        if self.count("error"):
            return Exit.DATA
        return Exit.CHECK_FAILED if self.count("failed") else Exit.DONE

    def accepted(self) -> dict[str, Accepted]:
        """What a baseline keeps of the gates, by their names."""
        return {
            gate.name: Accepted(gate.value, comparable(gate.signature))
            for gate in self.gates
            if gate.value is not None and gate.signature is not None
        }


def run_gates(
    file: GateFile,
    gates: Iterable[GateSpec],
    baseline: Known,
    *,
    progress: Callable[[], AbstractContextManager[Progress | None]] = nullcontext,
) -> GatesReport:
    """Run the gates of a file.

    Args:
        file: The file.
        gates: Which of its gates.
        baseline: What to compare with.
        progress: Opened for each gate, and told how many samples of how many are scored.
    """
    outcomes = []
    # Paths, globs and FILE:COLUMN mean what they mean on the command line, there where the file is; and no
    # signature holds a path of this machine.
    with chdir(file.folder):
        for gate in gates:
            with progress() as show:
                outcomes.append(_run(file, gate, baseline, show))
    return GatesReport(file.path, str(file.baseline), outcomes)


def _run(file: GateFile, gate: GateSpec, baseline: Known, progress: Progress | None) -> GateOutcome:
    begin = time.perf_counter()
    outcome = GateOutcome(gate.name, gate.request.loss.name, gate.line, gate.inputs)
    try:
        result = _computed(gate, progress)
        value = result.value
        assert isinstance(value, float)  # noqa: S101 - a gate has no reduction that yields more
        outcome = replace(
            outcome,
            value=value,
            unit=result.unit,
            signature=result.signature,
            limits=list(_limits(gate, result, value)),
            warnings=result.warnings,
        )
        if gate.baseline:
            accepted = _against(baseline, file, gate, value, result.signature)
            outcome = replace(outcome, limits=[accepted, *outcome.limits])
    except LosscliError as error:
        outcome = replace(outcome, error=error)
    return replace(outcome, seconds=time.perf_counter() - begin)


def _computed(gate: GateSpec, progress: Progress | None) -> Result:
    """The result of the gate's run, with what its guards look at."""
    for key, spec in gate.inputs.items():
        try:
            locate(spec)
        except DataError as error:
            raise DataError.of(error, where=key) from error
    by = gate.worst_group.by if gate.worst_group else None
    guarded = gate.worst_sample is not None
    request = replace(
        gate.request,
        by=None if by == TRUE_CLASS else by,
        by_class=by == TRUE_CLASS,
        top=int(guarded),
        statistics=guarded,
        progress=progress,
    )
    return compute(request)


def _limits(gate: GateSpec, result: Result, value: float) -> Iterator[LimitOutcome]:
    """The verdicts on all limits but the baseline."""
    tolerance = {"rtol": gate.rtol, "atol": gate.atol} if gate.expect is not None else {}
    yield from _judged(value, maximum=gate.maximum, minimum=gate.minimum, expect=gate.expect, **tolerance)
    if gate.worst_sample is not None:
        loss, sample = _worst_sample(result)
        for verdict in _judged(loss, maximum=gate.worst_sample):
            yield _renamed(verdict, "worst_sample", f"sample {sample}")
    if gate.worst_group is not None:
        yield from _worst_group(gate.worst_group, result)


def _worst_group(guard: WorstGroup, result: Result) -> Iterator[LimitOutcome]:
    """The verdict on the group of the greatest value, a NaN being greater than any."""

    def value(group: Group) -> float:
        return group.loss if result.reduction == "sum" else group.value

    groups = result.groups.groups if result.groups else ()
    if not groups:
        raise DataError("worst_group: no sample is scored, so there is no group")
    worst = max(groups, key=lambda group: (math.isnan(value(group)), value(group)))
    samples = f"{worst.samples:,} sample{'' if worst.samples == 1 else 's'}"
    for verdict in _judged(value(worst), maximum=guard.maximum):
        yield _renamed(verdict, "worst_group", f"{guard.by} {worst.group}, {samples}")


def _renamed(verdict: LimitOutcome, name: str, where: str) -> LimitOutcome:
    """The verdict on a maximum as that of a guard: `name` is its key in the file."""
    return replace(verdict, name=name, where=where, needed={name: verdict.value} if verdict.needed else {})


def _judged(value: float, **limits: float | None) -> Iterator[LimitOutcome]:
    check = judge(value, **limits)
    for gate in check.gates if check else ():
        yield LimitOutcome(
            gate.name, gate.limit, value, gate.passed, _headroom(gate, value), gate.needed, gate.tolerance
        )


def _headroom(gate: Limit, value: float) -> float:
    """How far the value may still move before the verdict turns."""
    if value == gate.limit:
        distance = 0.0
    else:
        distance = {"max": value - gate.limit, "min": gate.limit - value}.get(gate.name, abs(value - gate.limit))
    allowed = gate.tolerance.get("atol", 0.0) + gate.tolerance.get("rtol", 0.0) * abs(gate.limit)
    return allowed - distance


def _worst_sample(result: Result) -> tuple[float, int]:
    """The greatest loss of a sample, NaN being greater than any, and which sample has it."""
    for row in result.top.records() if result.top else ():
        if row["loss"] != 0.0 or row["weight"] != 0.0:
            return row["loss"], row["sample"]
    # The worst of all rows is one that does not count: the losses that do are none, or below 0.
    if result.statistics is None:
        raise DataError("worst_sample: no sample is scored")
    return result.statistics.max.value, result.statistics.max.sample


def _against(baseline: Known, file: GateFile, gate: GateSpec, value: float, signature: str) -> LimitOutcome:
    """The verdict on the gate's value by its accepted one; a DataError if that is the value of something else."""
    if isinstance(baseline, DataError):
        raise baseline
    if baseline is None:
        return LimitOutcome("baseline", value, value, passed=True, note="updated, not compared")
    accepted = baseline.entries.get(gate.name)
    name = file.baseline.name
    if accepted is None:
        missing = f"{name} has no such gate" if baseline.exists else f"there is no {name} yet"
        update = f"losscli check {file.path} --update-baseline"
        return LimitOutcome("baseline", None, value, passed=False, note=f"{missing}: run `{update}` and commit {name}")
    now = comparable(signature)
    if accepted.signature != now:
        raise DataError(
            f"the baseline is of another computation: {_difference(accepted.signature, now)}",
            why=f"{name} has {accepted.signature}, and now it is {now}",
            hint="undo the change, or accept it with --update-baseline",
        )
    (verdict,) = _judged(value, expect=accepted.value, rtol=gate.rtol, atol=gate.atol)
    return replace(verdict, name="baseline")


def _difference(before: str, now: str) -> str:
    """The parts of two signatures that are not in both."""
    parts = before.split("|"), now.split("|")
    gone, new = ([part for part in one if part not in other] for one, other in (parts, parts[::-1]))
    return f"{' '.join(gone) or 'nothing'} became {' '.join(new) or 'nothing'}"
