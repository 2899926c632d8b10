"""One number a sample on both sides: two classes, or a regression."""

from __future__ import annotations

from losscli.engine.diagnosis.case import Case
from losscli.engine.diagnosis.labels import one_based, sentinel, signs
from losscli.engine.kind import MOST
from losscli.engine.labels import COMMON_SENTINELS
from losscli.wording import listed


def examine_single(case: Case) -> None:
    """One number a sample on both sides: two classes, or a regression."""
    p, t = case.p.spread, case.t
    values = set(t.labels.counts)
    within = not (p.below_zero or p.above_one)
    if t.is_text:
        raise case.stuck(
            "text-labels",
            f"{case.path('t')}: the labels are text ({listed(sorted(map(str, values)), 5)})",
            "with one number a sample, labels are 0 and 1",
            "save the labels as 0 and 1",
        )
    marks = {value for value in values if value in COMMON_SENTINELS}
    if marks and len(values - marks) == 2 and values - marks <= {0, 1}:
        mark = int(next(iter(marks)))
        sentinel(case, mark, "the step saves both files without these rows")
        case.recipe.keep_rows(f"t.reshape(len(t), -1)[:, 0] != {mark}")
        values -= marks
    if values and values <= {0, 1}:
        examine_binary(case, within)
    elif values and values <= {-1, 1}:
        if within:
            signs(
                case,
                "the labels are −1 and 1, the predictions lie in [0, 1]",
                "the labels are coded for a margin loss, the predictions look like probabilities",
            )
            case.losses = [("bce", "labels of 0 and 1, and a probability for each")]
        else:
            case.losses = [("hinge", "labels of −1 and 1, and a score for each")]
    elif values == {1, 2} and within:
        one_based(case, 2)
        case.losses = [("bce", "labels of 0 and 1, and a probability for each")]
    elif t.labels.fractions and within and not (t.spread.below_zero or t.spread.above_one):
        case.losses = [("bce", "shares in [0, 1], and a probability for each"), ("mse", "numbers of one shape")]
    else:
        case.losses = [
            ("mse", "a number and its target"),
            ("l1", "less moved by outliers"),
            ("huber", "between both"),
        ]


def examine_binary(case: Case, within: bool) -> None:
    """Labels of 0 and 1, and what the predictions are beside them."""
    p = case.p.spread
    low, high = (extreme.value if extreme else 0.0 for extreme in (p.low, p.high))
    if not within and low >= -1e-3 and high <= 1.0 + 1e-3:
        case.say(
            "slightly-outside",
            "fault",
            f"{case.path('p')}: the values run from {low:.9g} to {high:.9g}",
            "probabilities that rounding or interpolation carried over the ends of [0, 1]",
            "the step saves them cut to [0, 1]",
        )
        case.recipe.rewrite("predictions", "_cut", "SAVEnp.clip(x.astype(float), 0, 1))")
        within = True
    elif low >= 0.0 and high <= 100.0 and p.above_one > MOST * p.count:
        case.say(
            "percentages",
            "doubt",
            f"{case.path('p')}: no value is negative, and they run up to {high:.6g}",
            "logits have both signs; these look like percentages",
            "the step saves them divided by 100",
        )
        case.recipe.rewrite("predictions", "_shares", "SAVEx / 100)")
        within = True
    if not within:
        case.losses = [
            ("sigmoid-cross-entropy", "labels of 0 and 1, and a logit for each"),
            ("hinge", "the same labels, and a score for each"),
        ]
    elif case.p.labels.possible:
        case.say(
            "hard-predictions",
            "doubt",
            f"{case.path('p')}: every prediction is 0 or 1",
            "these are decisions, not probabilities: a single wrong one makes bce infinite",
            "mse is the share of wrong ones",
        )
        case.losses = [("mse", "the share of wrong decisions")]
    else:
        case.losses = [
            ("bce", "labels of 0 and 1, and a probability for each"),
            ("mse", "the Brier score of the same"),
        ]
