"""What is wrong with predictions and targets together, the likely cause, and the command that would work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from losscli.data import ReadOptions
from losscli.engine.diagnosis.case import Case, Subject
from losscli.engine.diagnosis.findings import Diagnosis, Finding
from losscli.engine.diagnosis.together import examine, likely_target
from losscli.wording import listed

__all__ = ["Diagnosis", "Finding", "Subject", "diagnose"]


def diagnose(predictions: Subject, targets: Subject, classes: Sequence[str] | None, read: ReadOptions) -> Diagnosis:
    """Everything that can be told of predictions and targets together."""
    if targets.tally is None and targets.fault is None and not targets.asked:
        name = likely_target(targets, predictions)
        targets = replace(targets, tally=targets.candidates.get(name or ""))
    findings: list[Finding] = []
    for role, subject in (("predictions", predictions), ("targets", targets)):
        if subject.tally is None:
            findings.append(_unusable(role, subject))
    if predictions.tally is None or targets.tally is None:
        return Diagnosis("stuck", findings, (), (), None)
    case = Case(predictions, predictions.tally, targets, targets.tally, classes, read)
    examine(case)
    return case.diagnosis()


def _unusable(role: str, subject: Subject) -> Finding:
    option = "--pred" if role == "predictions" else "--target"
    if subject.fault is not None:
        return Finding("unreadable", "fault", subject.fault.problem, subject.fault.why, subject.fault.hint)
    return Finding(
        "which-columns",
        "fault",
        f"which columns of {subject.source.path} hold the {role} is not clear",
        f"its columns are {listed(subject.columns, 20)}",
        f"{option} names them",
    )
