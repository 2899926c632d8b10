"""Predictions and targets together: which is which, do they have the same rows, and which losses fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from losscli.data.model import DELIMITED
from losscli.engine.diagnosis.alignment import compare_order
from losscli.engine.diagnosis.case import Case, Role, Subject, single
from losscli.engine.diagnosis.findings import Settled
from losscli.engine.diagnosis.labels import check_labels
from losscli.engine.diagnosis.two_classes import examine_single
from losscli.engine.diagnosis.values import check_kind, check_nan
from losscli.engine.tally import FieldTally
from losscli.wording import listed

ROLES: tuple[Role, Role] = ("p", "t")

CROSS_ENTROPY = ("cross-entropy", "labels, and a row of scores or probabilities for each")


def examine(case: Case) -> None:
    """Look at one thing after the other, up to what makes the rest meaningless."""
    try:
        choose_target_column(case)
        unswap(case)
        if compare_lengths(case):
            examine_together(case)
    except Settled:
        return


def likely_target(targets: Subject, predictions: Subject) -> str | None:
    """The only column of a table of targets that can be meant: it holds labels, or else numbers."""
    own = {name: tally for name, tally in targets.candidates.items() if name not in predictions.columns}
    fitting = [name for name, tally in own.items() if _may_be_labels(tally)]
    fitting = fitting or [name for name, tally in own.items() if single(tally) and not tally.is_text]
    return fitting[0] if len(fitting) == 1 else None


def choose_target_column(case: Case) -> None:
    """Where a table of targets has several columns, and none was named, take the only one that can be meant."""
    subject = case.subjects["t"]
    if case.same_file or subject.asked or len(subject.columns) < 2 or case.t.shape == case.p.shape != ():
        return
    name = likely_target(subject, case.subjects["p"])
    if name is None:
        raise case.stuck(
            "which-column",
            f"{subject.source.path} has {len(subject.columns)} columns, and one of them holds the targets",
            f"its columns are {listed(subject.columns, 20)}",
            "--target names the column",
        )
    if subject.certain and case.t.field.info.columns == (name,):
        return
    case.take_target_column(name)
    case.say(
        "target-column",
        "note",
        f"{subject.source.path}: column {name!r} is taken for the targets",
        "no other can be meant: the others number the rows, or stand among the predictions too",
        f"--target {name}",
    )


def unswap(case: Case) -> None:
    """Take predictions that are labels for the targets, where the targets are scores."""
    p, t = case.p, case.t
    if _hold_labels(p) and (_hold_rows_of_scores(t) or (set(p.labels.counts) == {0, 1} and _hold_shares(t))):
        case.say(
            "swapped",
            "fault",
            f"{case.path('p')} holds labels, {case.path('t')} holds scores",
            "predictions and targets are swapped: predictions come first",
            "the commands name them in the other order",
        )
        case.swap()
    elif p.field.info.dtype == "bool":
        case.say(
            "boolean-predictions",
            "fault",
            f"{case.path('p')}: the predictions are booleans",
            "booleans are labels; these are decisions, or targets",
            "the step saves them as 0 and 1",
        )
        case.recipe.rewrite("predictions", "_01", "SAVEx.astype(int))")


def compare_lengths(case: Case) -> bool:
    """Whether there are as many predictions as targets; else what may have happened."""
    n, m = case.p.samples, case.t.samples
    if n == m:
        return True
    problem = f"{case.path('p')} has {n:,} samples, {case.path('t')} has {m:,}"
    if case.t.field.info.shape == () and not case.p.shape:
        check_labels(case, n)
        case.losses = [("nll", "one sample: a row of scores or probabilities, and its label")]
    elif case.p.shape == (m,) and n > 1:
        turn_predictions(case, problem)
    elif case.t.shape == (n,) and m > 0:
        turn_targets(case, problem)
    elif len(case.p.shape) == 2 and case.p.shape[0] == m and len(case.t.shape) == 1:
        case.say(
            "time-first",
            "note",
            problem,
            f"axis 1 of the predictions has {m:,} samples: they look time-major, as for CTC",
            "--layout tnc is what ctc expects",
        )
        case.losses = [("ctc", "frames of class scores, and a sequence of labels for each utterance")]
    elif (role := _with_misread_first_row(case)) is not None:
        reread_first_row(case, role, problem)
    else:
        several = max(n, m) % min(n, m) == 0 and min(n, m) > 1
        raise case.stuck(
            "unequal-lengths",
            problem,
            f"the longer is exactly {max(n, m) // min(n, m)} times the shorter: are there several rows for a sample?"
            if several
            else "they are not the same samples: rows were dropped from one of them, or another split was saved",
            "save both in one table, or with a column of ids, which --id joins",
        )
    return False


def turn_predictions(case: Case, problem: str) -> None:
    """Predictions with the classes along axis 0."""
    n, m = case.p.samples, case.t.samples
    case.say(
        "transposed",
        "fault",
        problem,
        f"the predictions have shape {(n, m)}: they look transposed, classes first",
        "the step saves them with the samples along axis 0",
    )
    case.recipe.rewrite("predictions", "_transposed", "SAVEx.T)")
    check_labels(case, n)
    if case.t.shape in ((), (1,)):
        case.losses = [CROSS_ENTROPY]


def turn_targets(case: Case, problem: str) -> None:
    """Targets with the samples along axis 1."""
    n, m = case.p.samples, case.t.samples
    case.say(
        "transposed",
        "fault",
        problem,
        f"the targets have shape {(m, n)}: they look transposed",
        "the step saves them with the samples along axis 0",
    )
    case.recipe.rewrite("targets", "_transposed", "SAVEx.T.squeeze())" if m == 1 else "SAVEx.T)")
    if m == 1 and case.p.shape not in ((), (1,)):
        case.losses = [CROSS_ENTROPY]
    elif len(case.p.shape) <= 1:
        case.losses = [("mse", "numbers of one shape")]


def _with_misread_first_row(case: Case) -> Role | None:
    """The side whose first row, read the other way, would make the two of one length."""
    shorter, longer = sorted(ROLES, key=lambda name: case.tally(name).samples)
    if case.tally(longer).samples - case.tally(shorter).samples == 1:
        for role, taken_for in ((shorter, "header"), (longer, "data")):
            if case.tally(role).field.first_row == taken_for:
                return role
    return None


def reread_first_row(case: Case, name: Role, problem: str) -> None:
    """A first row of text that was read as a header and is data, or the other way round."""
    field, other = case.tally(name).field, case.tally("t" if name == "p" else "p").field
    taken_for = field.first_row
    meant: Literal["header", "data"] = "data" if taken_for == "header" else "header"
    alone = other.info.format not in DELIMITED
    option = "--no-header" if meant == "data" else "--header"
    case.say(
        "header",
        "fault",
        problem,
        f"the first row of {field.info.path} was read as {'a header' if taken_for == 'header' else 'data'}",
        f"{option} reads it the other way" if alone else f"the step saves it with its first row as {meant}",
    )
    role = "predictions" if name == "p" else "targets"
    if alone:
        case.recipe.read_first_row(meant)
        case.recipe.name_all_columns(role)  # what names they have hangs on the first row
    else:
        setattr(case.recipe, role, case.operand(name, misread=True))
        case.recipe.rewrite(role, "_reread", "SAVEx)")
    suggest_by_shape(case)


def suggest_by_shape(case: Case) -> None:
    """The losses that fit, as far as shapes tell."""
    if single(case.t) and not single(case.p):
        case.losses = [CROSS_ENTROPY]
    elif single(case.t) or case.p.shape == case.t.shape:
        case.losses = [("mse", "numbers of one shape")]


def examine_together(case: Case) -> None:
    """What predictions and targets of the same samples are."""
    p, t = case.p, case.t
    if p.is_ragged or t.is_ragged:
        case.say("ragged", "note", "the rows differ in length", "sequences: sequence-nll and ctc take them")
        if t.is_ragged and p.is_ragged:
            case.losses = [("sequence-nll", "sequences of tokens, and a row of scores for each token")]
        return
    axes = [a for a in range(len(p.shape)) if p.shape[:a] + p.shape[a + 1 :] == _squeezed(p.shape, t.shape)]
    same = p.shape == t.shape or (single(p) and single(t))
    if same:
        examine_same_shape(case)
    elif axes:
        examine_classes(case, axes)
    elif len(p.shape) == 2 and len(t.shape) == 1 and t.labels.possible and t.shape[0] <= p.shape[0]:
        case.say(
            "utterances-first",
            "note",
            f"{case.path('p')} has samples of shape {p.shape}, {case.path('t')} of shape {t.shape}",
            "frames of class scores for each utterance, and a shorter sequence of labels, as for CTC",
            "--layout ntc says that utterances come before time",
        )
        case.recipe.add("--layout", "ntc")
        case.losses = [("ctc", "frames of class scores, and a sequence of labels for each utterance")]
        return
    elif single(p) and t.rows is not None:
        raise case.stuck(
            "shapes",
            f"{case.path('p')} holds one number a sample, {case.path('t')} rows of {t.shape}",
            "one of them is not what it is said to be",
        )
    else:
        columns = case.subjects["t"].columns
        raise case.stuck(
            "shapes",
            f"{case.path('p')} has samples of shape {p.shape}, {case.path('t')} of shape {t.shape}",
            "labels have the shape of the predictions without the axis of classes, other targets the same shape",
            f"--target names one of {listed(columns, 20)}" if len(columns) > 1 else "",
        )
    compare_order(case)


def examine_classes(case: Case, axes: Sequence[int]) -> None:
    """Predictions with an axis of classes, and labels."""
    axis = class_axis(case, axes)
    classes = case.p.shape[axis]
    rows = next((tally for tally in case.p.row_tallies if tally.axis == axis + 1), None)
    if rows is None:
        raise case.stuck(
            "one-class",
            f"{case.path('p')} has one class, its shape is {(case.p.samples, *case.p.shape)}",
            "with one number a sample, `bce` takes probabilities and `sigmoid-cross-entropy` logits",
        )
    check_nan(case)
    kind = check_kind(case, rows)
    check_labels(case, classes)
    if kind == "logits":
        case.losses = [("cross-entropy", "labels, and a row of logits for each"), ("nll", "the same value")]
    else:
        case.losses = [
            ("nll", f"labels, and a row of {kind or 'probabilities'} for each"),
            ("cross-entropy", "the same value"),
        ]
    if len(case.p.shape) == 2 and axis == 1:
        case.losses.insert(0, ("sequence-nll", "tokens, and a row of scores over the vocabulary for each"))


def class_axis(case: Case, axes: Sequence[int]) -> int:
    """The axis of the classes, among those that the shapes allow."""
    if axes == [0] or len(case.p.shape) == 1:
        return 0
    told = case.p.rows
    likely = told.axis - 1 if told is not None and told.axis - 1 in axes else axes[-1]
    if len(axes) > 1:
        case.say(
            "class-axis",
            "doubt",
            f"the classes of {case.path('p')} may be on axis {' or '.join(str(axis + 1) for axis in axes)}",
            f"its shape is {(case.p.samples, *case.p.shape)}; by the sums of its rows it is axis {likely + 1}",
            f"--class-axis {likely + 1}",
        )
    case.recipe.add("--class-axis", str(likely + 1))
    return likely


def examine_same_shape(case: Case) -> None:
    """One target for each number of the predictions."""
    p, t = case.p, case.t
    check_nan(case)
    if single(p):
        examine_single(case)
        return
    rows = t.rows
    if rows is not None and p.rows is not None and rows.facts.probs == rows.facts.rows and rows.facts.rows:
        kind = check_kind(case, p.rows)
        what = "one-hot labels" if t.labels.possible else "distributions"
        case.losses = [("cross-entropy", f"{what}, and a row of {kind or 'scores'} for each")]
    elif set(t.labels.counts) and set(t.labels.counts) <= {0, 1}:
        if p.spread.below_zero or p.spread.above_one:
            case.losses = [("sigmoid-cross-entropy", "several labels of 0 and 1 a sample, and a logit for each")]
        else:
            case.losses = [("bce", "several labels of 0 and 1 a sample, and a probability for each")]
    else:
        case.losses = [("mse", "numbers of one shape"), ("l1", "the same, less moved by outliers")]


def _hold_labels(tally: FieldTally) -> bool:
    return single(tally) and tally.labels.possible


def _hold_rows_of_scores(tally: FieldTally) -> bool:
    return tally.rows is not None and tally.labels.fractions


def _hold_shares(tally: FieldTally) -> bool:
    """Whether a sample is one number in [0, 1], and not only 0 or 1."""
    numbers = tally.spread
    return single(tally) and tally.labels.fractions and not (numbers.below_zero or numbers.above_one)


def _may_be_labels(tally: FieldTally) -> bool:
    """Whether the values repeat as classes do, and do not number the rows."""
    labels = tally.labels
    return single(tally) and labels.possible and 0 < len(labels.counts) <= max(2, tally.samples // 2)


def _squeezed(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the targets without a last axis of length 1 that stands for the classes."""
    return target[:-1] if target and target[-1] == 1 and len(target) == len(shape) else target
