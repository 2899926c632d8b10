"""What is wrong with labels: those that no class has, and what they were meant to be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from losscli.engine.diagnosis.case import Case, histogram
from losscli.engine.diagnosis.findings import Settled
from losscli.engine.labels import COMMON_SENTINELS, class_numbers
from losscli.wording import listed

MANY_CLASSES = 1000
"""Of more classes, some may well have no label."""


def check_labels(case: Case, classes: int) -> None:
    """Labels that no class has, and what they were meant to be."""
    labels, spread = case.t.labels, case.t.spread
    if case.t.is_text:
        check_names(case, classes)
    elif labels.fractions:
        fractions(case, classes)
    elif spread.low is None or spread.high is None:
        raise case.stuck("all-nan", f"{case.path('t')}: every label is NaN", "nothing can be scored")
    elif labels.possible:
        check_indices(case, classes)
    elif spread.low.value < 0 or spread.high.value >= classes:
        raise case.stuck(
            "labels-outside",
            f"{case.path('t')}: the labels run from {spread.low.value:.0f} to {spread.high.value:.0f}, "
            f"and there are {classes} classes",
            "these are no labels of these predictions",
        )


def check_indices(case: Case, classes: int) -> None:
    """Whole numbers against the classes 0 to C − 1."""
    values = {int(value): count for value, count in case.t.labels.counts.items()}
    if set(values) == {-1, 1} and classes == 2:
        signs(case, "the labels are −1 and 1, the classes 0 and 1", "they are coded for a margin loss")
        return
    if case.class_names:
        case.recipe.add("--classes", ",".join(case.class_names))
    positions = set(range(classes))
    labels = set(class_numbers(case.names_of_classes() or ()) or positions)
    outside = {value: count for value, count in values.items() if value not in labels}
    marks = [value for value in outside if value in COMMON_SENTINELS]
    mark = marks[0] if len(marks) == 1 and len(values) > 1 else None
    if mark is not None:
        sentinel(case, mark, f"--ignore-index {mark} leaves them out")
        case.recipe.add("--ignore-index", str(mark))
        del values[mark], outside[mark]
    if outside and positions.issuperset(values):
        positions_instead(case, outside, classes)
    elif outside and min(values) >= 1 and max(values) == classes:
        one_based(case, classes)
        if mark is not None:
            case.recipe.add("--ignore-index", str(mark - 1))
    elif len(outside) == 1:
        one_outside(case, classes, *outside.items())
    elif outside:
        many_outside(case, classes, outside)
    else:
        note_missing(case, values, classes, first=min(labels))


def positions_instead(case: Case, outside: Mapping[int, int], classes: int) -> None:
    """Labels that are positions of the classes, where the classes are named by other numbers."""
    case.say(
        "class-names",
        "doubt",
        f"{case.path('t')}: {sum(outside.values()):,} of {case.t.spread.count:,} labels are none of the numbers that "
        "name the classes",
        f"the labels count the classes from 0, their names are {listed(case.names_of_classes() or (), 8)}",
        "--classes names them by their positions",
        counts=histogram(outside),
    )
    case.class_names = tuple(map(str, range(classes)))
    case.recipe.add("--classes", ",".join(case.class_names))


def signs(case: Case, problem: str, cause: str) -> None:
    """Labels −1 and 1 where 0 and 1 are meant."""
    case.say("signs", "fault", f"{case.path('t')}: {problem}", cause, "the step saves the labels as 0 and 1")
    case.recipe.rewrite("targets", "_01", "SAVE(x + 1) // 2)")


def sentinel(case: Case, mark: int, fix: str) -> None:
    """Labels that mark what does not count."""
    count = case.t.labels.counts[mark]
    case.say(
        "sentinel",
        "fault",
        f"{case.path('t')}: {count:,} of {case.t.spread.count:,} labels are {mark}",
        f"{mark} is a common mark for targets that do not count",
        fix,
        counts=histogram({mark: count}),
    )


def one_outside(case: Case, classes: int, found: tuple[int, int]) -> None:
    """A single label that no class has."""
    value, count = found
    case.say(
        "labels-outside",
        "fault",
        f"{case.path('t')}: {count:,} of {case.t.spread.count:,} labels are {value}, "
        f"and there are {classes} classes (0 to {classes - 1})",
        "a class that the predictions lack, or a mark for targets that do not count",
        f"--ignore-index {value} leaves them out, if that is what it means",
        counts=histogram({value: count}),
    )
    case.recipe.add("--ignore-index", str(value))


def many_outside(case: Case, classes: int, outside: Mapping[int, int]) -> None:
    """Labels of which no option makes classes."""
    case.say(
        "labels-outside",
        "fault",
        f"{case.path('t')}: {sum(outside.values()):,} of {case.t.spread.count:,} labels are outside of the "
        f"{classes} classes (0 to {classes - 1})",
        "labels of another data set or of a finer split, or the axis is not that of the classes",
        counts=histogram(outside),
    )
    case.recipe.possible = False
    raise Settled


def one_based(case: Case, classes: int) -> None:
    """Labels that begin with 1."""
    case.say(
        "one-based-labels",
        "fault",
        f"{case.path('t')}: the labels run from 1 to {classes}, the classes from 0 to {classes - 1}",
        "the labels are 1-based, as in R, MATLAB, Julia or a file made by hand",
        "the step saves them less 1",
        counts=histogram({classes: case.t.labels.counts[classes]}),
    )
    case.recipe.rewrite("targets", "_from_0", "SAVEx - 1)")


def note_missing(case: Case, values: Mapping[int, int], classes: int, first: int) -> None:
    """Labels within the classes that leave some of them out."""
    missing = classes - len(values)
    if len(values) == 1:
        case.say(
            "one-class-only",
            "doubt",
            f"{case.path('t')}: every label is {next(iter(values))}",
            "a part of a sorted file, or the wrong column",
        )
    elif missing and first == 0 and min(values) == 1 and classes <= MANY_CLASSES:
        case.say(
            "no-label-0",
            "doubt",
            f"{case.path('t')}: no label is 0, the smallest is 1",
            "a class without samples, or labels that begin with 1 and never reach the last class",
        )
    elif missing and classes <= MANY_CLASSES:
        case.say(
            "classes-without-labels",
            "note",
            f"{missing} of {classes} classes have no label",
            "rare classes, or a small file",
        )


def fractions(case: Case, classes: int) -> None:
    """Labels that are no whole numbers."""
    spread = case.t.spread
    low, high = (extreme.value if extreme else math.nan for extreme in (spread.low, spread.high))
    within = not (spread.below_zero or spread.above_one)
    if within and classes == 2 and case.p.shape == (2,):
        case.say(
            "fractional-labels",
            "fault",
            f"{case.path('t')}: the labels are no whole numbers, but lie in [0, 1]",
            "they are probabilities of the second class",
            "the step saves the second column of the predictions",
        )
        case.recipe.rewrite("predictions", "_second", "SAVEx[:, 1])")
        case.losses = [("bce", "shares in [0, 1], and a probability for each")]
        raise Settled
    raise case.stuck(
        "fractional-labels",
        f"{case.path('t')}: the labels are no whole numbers ({low:.6g} to {high:.6g}), but there are {classes} classes",
        "these are targets of a regression or probabilities, or the wrong column",
        "labels are whole numbers from 0 on; --target names another column",
    )


def check_names(case: Case, classes: int) -> None:
    """Text labels against the names of the classes."""
    labels, path = case.t.labels.counts, case.path("t")
    found = sorted(map(str, labels))
    names = case.names_of_classes()
    if case.class_names:
        case.recipe.add("--classes", ",".join(case.class_names))
    if names is None:
        guess_names(case, found, classes)
        return
    unknown = [name for name in found if name not in names]
    if not unknown:
        return
    counts = {name: labels[name] for name in unknown}
    problem = (
        f"{path}: {sum(counts.values()):,} of {case.t.samples:,} labels are none of the classes {listed(names, 8)}"
    )
    if spelt := _spelt_as(found, names):
        case.class_names = spelt
        case.say(
            "class-names",
            "fault",
            problem,
            "the same names are spelt differently",
            "--classes spells them as the labels do",
            counts=histogram(counts),
        )
        case.recipe.add("--classes", ",".join(spelt))
        return
    case.say(
        "class-names",
        "fault",
        problem,
        "the labels are of another set of classes, or the columns have other names",
        "--classes NAME,NAME,... names the classes in the order of the predictions",
        counts=histogram(counts),
    )
    case.recipe.possible = False
    raise Settled


def guess_names(case: Case, found: Sequence[str], classes: int) -> None:
    """Text labels where the classes have no names."""
    problem = (
        f"{case.path('t')}: the labels are text ({listed(found, 5)}), and the predictions have no names for the classes"
    )
    if len(found) != classes or any("," in name for name in found):
        raise case.stuck(
            "text-labels",
            problem,
            f"there are {len(found)} labels and {classes} classes",
            "--classes NAME,NAME,... names the classes in the order of the predictions",
        )
    case.class_names = tuple(found)
    case.say(
        "text-labels",
        "doubt",
        problem,
        "which class is whose is not in the files: alphabetical order, as scikit-learn has it, is only a guess",
        "--classes names them in the order of the predictions",
    )
    case.recipe.add("--classes", ",".join(found))


def _spelt_as(labels: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes as the labels spell them; nothing where that cannot be told."""
    alike = {_plain(label): label for label in labels}
    plain = [_plain(name) for name in names]
    unambiguous = len(alike) == len(labels) and len(set(plain)) == len(plain)
    if not unambiguous or not alike.keys() <= set(plain) or any("," in label for label in labels):
        return ()
    return tuple(alike.get(_plain(name), name) for name in names)


def _plain(name: str) -> str:
    """A name without what people spell differently."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
