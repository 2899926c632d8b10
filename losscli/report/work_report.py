"""A calculation step by step, as one would write it down by hand: the formula with the numbers in it.

Steps are rounded for reading; results have all their digits. The formula is the catalogue's own: its
letters are replaced by the numbers of the run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from losscli.report.page import Column, Page
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from losscli.engine.result import Result
    from losscli.engine.work import Element, Work, WorkedSample

_DIGITS = 6
"""The significant digits of a step."""

_CLASSES = 10
"""The most classes that are listed."""

_TOKENS = 20
"""The most tokens of a sequence that are listed."""

_TERMS = 4
"""The most terms of a sum that are written out."""

_LETTERS = {"predictions": ("p", "x"), "targets": ("y", "t"), "delta": ("δ",), "pos_weight": ("pos_weight",)}
"""What the formulas call the inputs and the options."""

_FUNCTIONS = ("log", "max", "softplus")
_WORD = "[A-Za-zα-ω_]+"
"""A letter or a function of the formulas."""


def draw_work(page: Page, result: Result, work: Work) -> None:
    """The formula, the first samples, and the division."""
    page.line()
    page.line(f"step by step (steps to {_DIGITS} digits)", "bold")
    _write(page, work.formula)
    for sample in work.samples:
        _draw_sample(page, work, sample)
    page.line()
    page.line("all samples", "bold")
    for line in _reduction(result, work):
        _write(page, line)


def _write(page: Page, text: str) -> None:
    """Add a line of the calculation, which is kept as it is written wherever it is drawn."""
    page.spans([(f"  {text}", "")])


def _draw_sample(page: Page, work: Work, sample: WorkedSample) -> None:
    page.line()
    page.line(f"sample {sample.sample}", "bold")
    if sample.skipped:
        _write(page, "holds a NaN and is skipped: weight 0")
        return
    if sample.tokens:
        _draw_tokens(page, sample)
    for number, element in enumerate(sample.elements):
        if sample.count > 1:
            _write(page, f"element {number}:")
        if element.classes:
            _draw_classes(page, work, element)
        for line in _class_loss(work, element) if element.classes else _filled_in(work, element):
            _write(page, line)
    for line in _sum(work, sample):
        _write(page, line)


def _draw_tokens(page: Page, sample: WorkedSample) -> None:
    """The steps over the scored tokens, of which the first are listed, and their sum."""
    cells = {name: [_short(number) for number in column[:_TOKENS].tolist()] for name, column in sample.tokens.items()}
    page.table([Column(name, column, right=True) for name, column in cells.items()])
    beyond = len(sample.tokens["t"]) - _TOKENS
    if beyond > 0:
        _write(page, f"and {beyond} more scored tokens")
    terms = [*cells["−log P"][:_TERMS], *(["..."] if len(sample.tokens["t"]) > _TERMS else [])]
    _write(page, f"Σ −log P = {' + '.join(terms)} = {_short(sample.tokens['−log P'].sum())}")


def _draw_classes(page: Page, work: Work, element: Element) -> None:
    """The steps over the classes, of which the likeliest and the target are listed."""
    steps = element.classes
    surprisal = steps["−log p"]
    listed = sorted({*surprisal.argsort(kind="stable")[:_CLASSES].tolist(), *_known(element)})
    names = [_name(work, k) for k in listed]
    marks = [f"{name} (target)" if k == element.target else name for k, name in zip(listed, names, strict=True)]
    page.table(
        [
            Column("class", marks, right=False),
            *(Column(name, [_short(column[k]) for k in listed], right=True) for name, column in steps.items()),
        ]
    )
    if len(listed) < len(surprisal):
        _write(page, f"and {len(surprisal) - len(listed)} classes less likely than these")
    if "exp(x − max)" in steps:
        _write(page, f"p = exp(x − max) / Σ exp(x − max), and Σ exp(x − max) = {_short(steps['exp(x − max)'].sum())}")


def _name(work: Work, k: int) -> str:
    return printable(work.classes[k])


def _known(element: Element) -> list[int]:
    """The target, unless it is an ignored label."""
    target = element.target
    return [target] if target is not None and 0 <= target < len(element.classes["−log p"]) else []


def _class_loss(work: Work, element: Element) -> Iterator[str]:
    steps = element.classes
    if not element.weight and not element.loss:
        yield f"target {element.target} does not count: loss 0, weight 0"
    elif "q" in steps:
        weighted = "w · " if "w" in steps else ""
        yield f"loss = Σ {weighted}q · −log p over the classes = {element.loss!r}"
    else:
        (target,) = _known(element)
        name, surprisal = _name(work, target), _short(steps["−log p"][target])
        if "w" in steps:
            weight = _short(steps["w"][target])
            yield f"loss = w[{name}] · −log p[{name}] = {weight} · {surprisal} = {element.loss!r}, weight {weight}"
        else:
            probability = _short(steps.get("p / Σ p", steps["p"])[target])
            yield f"loss = −log p[{name}] = −log {probability} = {element.loss!r}"


def _filled_in(work: Work, element: Element) -> Iterator[str]:
    """The formula with the numbers in it, where all its letters are known."""
    given = {name.removesuffix("s"): value for name, value in element.inputs.items()}
    given |= {name: value for name, value in work.options.items() if value and name not in _LETTERS}
    yield ", ".join(f"{name} {_short(value)}" for name, value in given.items())
    expression = work.formula.partition(",   ")[0].removeprefix("loss = ")
    numbers = _numbers({**work.options, **element.inputs})
    if "r" in _words(expression):
        prediction, target = element.inputs["predictions"], element.inputs["targets"]
        numbers["r"] = prediction - target
        yield f"r = prediction − target = {_term(prediction)} − {_term(target)} = {_short(numbers['r'])}"
        expression = _branch(expression, numbers)
    yield f"loss = {expression}"
    if _words(expression) <= {*numbers, *_FUNCTIONS}:
        yield f"     = {_substituted(expression, numbers)}"
    yield f"     = {element.loss!r}"


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    """The numbers by the letters of the formulas."""
    return {letter: values[name] for name, letters in _LETTERS.items() if name in values for letter in letters}


def _words(expression: str) -> set[str]:
    return set(re.findall(_WORD, expression))


def _branch(expression: str, numbers: Mapping[str, float]) -> str:
    """Of "A if |r| ≤ δ, else B" the one that holds."""
    parts = re.fullmatch(r"(.+) if \|r\| ≤ δ, else (.+)", expression)
    if parts is None:
        return expression
    return parts[1 if abs(numbers["r"]) <= numbers["δ"] else 2]


def _substituted(expression: str, numbers: Mapping[str, float]) -> str:
    """The expression with numbers for its letters; in brackets where a sign could be misread."""

    def number(word: re.Match[str]) -> str:
        if word[0] not in numbers:
            return word[0]
        around = expression[word.start() - 1 : word.start()] + expression[word.end() : word.end() + 1]
        return _short(numbers[word[0]]) if around in ("||", "()") else _term(numbers[word[0]])

    return re.sub(r"½ (?=[\d(|])", "½ · ", re.sub(_WORD, number, expression))


def _sum(work: Work, sample: WorkedSample) -> Iterator[str]:
    """From the elements of a sample to its loss."""
    if sample.count > len(sample.elements) > 0:
        yield f"and {sample.count - len(sample.elements)} more elements"
    if work.unit_in_nats != 1.0:
        yield f"in the unit asked for: divided by {_short(work.unit_in_nats)}"
    if sample.sample_weight is not None:
        yield f"times the sample weight {_short(sample.sample_weight)}"
    changed = work.unit_in_nats != 1.0 or sample.sample_weight is not None
    if changed or len(sample.elements) != 1:
        yield f"loss of the sample = {sample.loss!r}, weight {_short(sample.weight)}"


def _reduction(result: Result, work: Work) -> Iterator[str]:
    losses = _with_gaps([_term(sample.loss) for sample in work.samples], result, work)
    weights = _with_gaps([_short(sample.weight) for sample in work.samples], result, work)
    total = result.reductions["sum"]
    yield f"Σ loss = {' + '.join(losses)} = {total!r}"
    if result.reduction == "mean":
        if result.numerator != total:
            yield f"Σ of what each sample adds to the mean's numerator = {result.numerator!r}"
        yield f"Σ weight = {' + '.join(weights)} = {_exact(result.denominator)}"
        mean = result.reductions["mean"]
        yield f"mean = {result.numerator!r} / {_exact(result.denominator)} = {mean!r}"
        if result.value != mean:
            yield f"{printable(result.loss)} = {result.value!r}"


def _with_gaps(terms: Sequence[str], result: Result, work: Work) -> list[str]:
    """The terms of a sum over all samples, with dots for the samples that are not worked out."""
    found, due = [], 0
    for term, sample in zip(terms, work.samples, strict=True):
        found += [term] if sample.sample == due else ["...", term]
        due = sample.sample + 1
    return found if due == result.counts.samples else [*found, "..."]


def _short(number: float) -> str:
    """A number as a step shows it: whole, or rounded."""
    return re.sub("^-", "−", f"{number:.0f}" if _is_whole(number) else f"{number:.{_DIGITS}g}")


def _exact(number: float) -> str:
    return f"{number:.0f}" if _is_whole(number) else repr(number)


def _is_whole(number: float) -> bool:
    return abs(number) < 1e15 and number == round(number)


def _term(number: float) -> str:
    """A number that may follow a plus or a minus."""
    text = _short(number)
    return f"({text})" if text.startswith("−") else text
