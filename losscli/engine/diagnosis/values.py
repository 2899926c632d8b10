"""What is wrong with the values of the predictions: NaN, infinities, and rows of no kind or of several."""

from __future__ import annotations

import math
from collections.abc import Sequence

from losscli.engine.diagnosis.case import Case, Role, single
from losscli.engine.kind import ABOUT, MOST, detect, mixture
from losscli.engine.tally import RowTally
from losscli.errors import DataError
from losscli.losses.contracts import ScoreKind

SOFTMAX = "y = np.exp(x - x.max(1, keepdims=True)); y /= y.sum(1, keepdims=True)"
"""Python that makes `y` the softmax of the rows of `x`."""


def check_nan(case: Case) -> None:
    """NaN on either side, and infinities that no loss takes."""
    both: tuple[tuple[Role, str], ...] = (("p", "predictions"), ("t", "targets"))
    for name, role in both:
        spread = case.tally(name).spread
        if not spread.nonfinite["nan"]:
            continue
        case.say(
            f"nan-{role}",
            "fault",
            f"{case.path(name)}: {spread.nonfinite['nan']:,} × NaN ({_first(spread.first_rows['nan'])})",
            "an undefined operation before they were saved, such as 0/0, or a missing value",
            "--on-nan skip leaves such samples out and counts them",
        )
        case.recipe.add("--on-nan", "skip")
        if not spread.finite:
            raise case.stuck("all-nan", f"{case.path(name)}: no number is finite", "nothing can be scored")
    check_infinities(case, has_classes=not single(case.p) and case.p.shape != case.t.shape)


def check_infinities(case: Case, *, has_classes: bool) -> None:
    """Infinities that no loss takes: all of them, but for the −inf of a class that is ruled out."""
    sides: tuple[tuple[Role, str], ...] = (
        (("p", "predictions"),)
        if has_classes
        else (
            ("p", "predictions"),
            ("t", "targets"),
        )
    )
    for name, role in sides:
        spread = case.tally(name).spread
        for sort, word in (("positive_infinity", "inf"), ("negative_infinity", "-inf")):
            if not spread.nonfinite[sort] or (has_classes and word == "-inf"):
                continue
            case.say(
                f"infinite-{role}",
                "fault",
                f"{case.path(name)}: {spread.nonfinite[sort]:,} × {word} ({_first(spread.first_rows[sort])})",
                "an overflow, for instance of float16 beyond 65504, or the logarithm of 0",
                "the step saves both files without such rows; better export them again in float32",
            )
            case.recipe.keep_rows(f"~np.isinf({name}.reshape(len({name}), -1)).any(1)")
            break


def check_kind(case: Case, rows: RowTally) -> ScoreKind | None:
    """The kind of the predictions; findings and options where it is in doubt."""
    facts, path = rows.facts, case.path("p")
    if not facts.rows:
        raise case.stuck("all-nan", f"{path}: every row holds a NaN", "nothing can be scored")
    if rows.impossible:
        check_impossible(case, rows)
    normalizable = not case.p.spread.below_zero and rows.least is not None and rows.least.value > 0.0
    normalize = "--kind probs --normalize divides each row by its sum"
    if facts.probs == facts.rows or facts.log_probs == facts.rows:
        kind: ScoreKind = "probs" if facts.probs == facts.rows else "log-probs"
        if rows.softmax_inside and facts.steepest_odds > math.log(1.5) and facts.rows > 1:
            softmax_twice(case, kind, rows)
        return kind
    ends = f"from {rows.least.value:.6g} to {rows.greatest.value:.6g}" if rows.least and rows.greatest else ""
    if facts.in_unit_interval == facts.rows:
        near = rows.rounded <= ABOUT
        case.say(
            "rounded" if near else "not-normalised",
            "fault",
            f"{path}: all values lie in [0, 1], but the sums of the rows run {ends} (row {facts.first_not_probs})",
            "probabilities that were rounded to a few digits"
            if near
            else "one sigmoid for each class, cut or weighted probabilities, or by chance logits (--kind logits)",
            f"{normalize}; --row-sum-tolerance {_rounded_up(rows.rounded)} takes them as they are"
            if near
            else normalize,
        )
    elif facts.sum_near_hundred + facts.probs > MOST * facts.rows and facts.sum_near_hundred and normalizable:
        mixed = f", {facts.probs:,} rows to 1" if facts.probs else ""
        case.say(
            "percentages",
            "fault",
            f"{path}: {facts.sum_near_hundred:,} of {facts.rows:,} rows sum to about 100{mixed}",
            "they are percentages",
            normalize,
        )
    elif mixed_kind := mixture(facts):
        mixed_kinds(case, *mixed_kind, rows)
        return "probs"
    else:
        try:
            return detect(facts, path)
        except DataError as error:
            case.say("outside", "fault", error.problem, error.why, "--kind logits takes all as scores")
            case.recipe.add("--kind", "logits")
            return "logits"
    if not normalizable:
        raise case.stuck(
            "empty-rows",
            f"{path}: a row sums to 0 (row {rows.least.sample if rows.least else 0})",
            "it cannot be divided by its sum",
        )
    case.recipe.add("--kind", "probs")
    case.recipe.add("--normalize")
    return "probs"


def check_impossible(case: Case, rows: RowTally) -> None:
    """Rows that rule every class out."""
    problem = f"{case.path('p')}: {rows.impossible:,} of {rows.facts.rows:,} rows are -inf for every class"
    if rows.impossible == rows.facts.rows or len(case.p.shape) != 1:
        raise case.stuck("impossible-rows", problem, "a mask covers all classes")
    case.say("impossible-rows", "fault", problem, "a mask covers all classes", "the step leaves these rows out")
    case.recipe.keep_rows("p.max(1) > -np.inf")


def softmax_twice(case: Case, kind: ScoreKind, rows: RowTally) -> None:
    """Probabilities of which a softmax was taken once more."""
    floor = math.log1p((rows.classes - 1) / math.e)
    case.say(
        "softmax-twice",
        "doubt",
        f"{case.path('p')}: every row is the softmax of a row of probabilities",
        f"the softmax was applied twice, as by cross-entropy on top of a softmax layer: with {rows.classes} classes "
        f"the loss cannot fall below {floor:.4g}",
        "the step takes the second one back",
    )
    logarithm = "x = x.astype(float)" if kind == "log-probs" else "x = np.log(x.astype(float))"
    case.recipe.rewrite(
        "predictions",
        "_once",
        f"{logarithm}; y = np.clip(x - x.mean(1, keepdims=True) + 1 / x.shape[1], 0, 1); "
        "SAVEy / y.sum(1, keepdims=True))",
    )


def mixed_kinds(case: Case, kind: ScoreKind, count: int, rows: RowTally) -> None:
    """Rows of one kind among others."""
    facts = rows.facts
    first = facts.first_not(kind)
    case.say(
        "mixed-kinds",
        "fault",
        f"{case.path('p')}: {count:,} of {facts.rows:,} rows are {kind}, the others are not (the first: row {first})",
        "files from two exports were joined, or a softmax was left out of one branch",
        "the step takes the softmax of all rows that are no probabilities",
    )
    if len(case.p.shape) != 1:
        case.recipe.possible = False
        return
    case.recipe.rewrite(
        "predictions",
        "_probs",
        f"x = x.astype(float); k = (x >= 0).all(1) & (abs(x.sum(1) - 1) <= 1e-3); {SOFTMAX}; y[k] = x[k]; SAVEy)",
    )


def _first(rows: Sequence[int]) -> str:
    return f"first rows: {', '.join(map(str, rows))}"


def _rounded_up(deviation: float) -> str:
    """A deviation as an option that is just wide enough: two digits, rounded up."""
    scale = 10.0 ** (math.floor(math.log10(deviation)) - 1)
    return f"{math.ceil(deviation / scale * (1 + 1e-9)) * scale:.2g}"
