"""How the first samples come to their losses: every number that a calculation by hand would write down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from losscli.data.model import Ragged
from losscli.data.rows import cut_rows
from losscli.engine.classes import ClassesScorer
from losscli.engine.elementwise import ElementwiseScorer
from losscli.engine.labels import order_of_classes
from losscli.engine.observe import Seen
from losscli.engine.scoring import Elements, Scorer, Values, array, as_float64
from losscli.engine.tokens import TokensScorer
from losscli.losses.catalogue import Loss
from losscli.losses.parameters import is_number
from losscli.numerics import Array, times

SCORES = {"logits": "x", "log-probs": "log p", "probs": "p"}
"""What the formulas call the predictions over classes."""

ELEMENTS = 4
"""How many elements of a sample are worked out."""


@dataclass(frozen=True)
class Element:
    """One number that the loss yields, and what it is made of."""

    inputs: Mapping[str, float]
    """What enters the formula, by the name of the field."""
    classes: Mapping[str, Array]
    """The steps over the classes, from the scores on; empty where the loss knows no classes."""
    target: int | None
    """The class that is the target."""
    loss: float
    """In nats."""
    weight: float


@dataclass(frozen=True)
class WorkedSample:
    """A sample: what it is made of, how many elements it has, and what becomes of their sum."""

    sample: int
    elements: Sequence[Element]
    tokens: Mapping[str, np.ndarray]
    """The scored tokens of a sequence, one a row; empty for all else."""
    count: int
    sample_weight: float | None
    skipped: bool
    loss: float
    weight: float


@dataclass(frozen=True)
class Work:
    """The formula, the options that enter it, and the samples that were chosen."""

    formula: str
    options: Mapping[str, float]
    unit_in_nats: float
    samples: Sequence[WorkedSample]
    classes: Sequence[str]
    """What the classes are called, in the order of the steps over them; empty where the loss knows no classes."""


class ChosenSamples:
    """An observer of the run that works out the samples of these numbers."""

    def __init__(
        self, loss: Loss, options: Mapping[str, Any], scorer: Scorer, unit_in_nats: float, numbers: Sequence[int]
    ) -> None:
        self._loss = loss
        self._options = options
        self._scorer = scorer
        self._unit_in_nats = unit_in_nats
        self._numbers = numbers
        self._samples: list[WorkedSample] = []

    def look(self, seen: Seen) -> list[WorkedSample]:
        """The samples among those that are to be worked out."""
        end = seen.start + len(seen.loss)
        return [self._worked(seen, number - seen.start) for number in self._numbers if seen.start <= number < end]

    def _worked(self, seen: Seen, row: int) -> WorkedSample:
        values = {name: cut_rows(value, row, row + 1) for name, value in seen.values.items()}
        elements = self._scorer.score(seen.start + row, values)
        each = math.prod(elements.loss.shape[1:])
        return WorkedSample(
            sample=seen.start + row,
            elements=_elements(self._scorer, values, elements),
            tokens=_tokens(self._scorer, seen.start + row, values, elements),
            count=each if elements.lengths is None else int(elements.lengths[0]),
            sample_weight=None if seen.sample_weight is None else float(seen.sample_weight[row]),
            skipped=seen.skipped is not None and bool(seen.skipped[row]),
            loss=float(seen.loss[row]),
            weight=float(each if seen.weight is None else seen.weight[row]),
        )

    def take(self, noted: list[WorkedSample]) -> None:
        """Keep what was worked out."""
        self._samples += noted

    def work(self) -> Work:
        """All of it."""
        numbers = {
            name: float(value)
            for name, value in self._options.items()
            if is_number(value) and not isinstance(value, (bool, str))
        }
        return Work(
            self._loss.formula_under(self._options), numbers, self._unit_in_nats, self._samples, _names(self._scorer)
        )


def _names(scorer: Scorer) -> list[str]:
    """What the classes are called."""
    if not isinstance(scorer, ClassesScorer):
        return []
    order = order_of_classes(scorer.labels.names)
    return [str(name) for name in scorer.labels.name(np.arange(scorer.classes) if order is None else order)]


def _elements(scorer: Scorer, values: Values, elements: Elements) -> list[Element]:
    """The first elements of a sample; none where its loss is no sum of independent elements."""
    if isinstance(scorer, ElementwiseScorer):
        inputs, classes, targets = _numbers(values, elements.loss.shape), None, None
        if scorer.target_domain.signs:
            inputs["targets"] = np.where(inputs["targets"] == 0.0, -1.0, inputs["targets"])
    elif isinstance(scorer, ClassesScorer):
        inputs, (classes, targets) = {}, _over_classes(scorer, values)
    else:
        return []
    loss = elements.loss.reshape(-1)
    weight = np.ones_like(loss) if elements.weight is None else elements.weight.reshape(-1)

    def element(at: int) -> Element:
        return Element(
            {name: float(column[at]) for name, column in inputs.items()},
            {} if classes is None else {name: column[at] for name, column in classes.items()},
            None if targets is None else int(targets[at]),
            float(loss[at]),
            float(weight[at]),
        )

    return [element(at) for at in range(min(loss.size, ELEMENTS))]


def _tokens(scorer: Scorer, start: int, values: Values, elements: Elements) -> dict[str, np.ndarray]:
    """The steps over the scored tokens of a sequence."""
    if not isinstance(scorer, TokensScorer) or elements.weight is None:
        return {}
    position = np.flatnonzero(elements.weight[0])
    surprisal = elements.loss[0, position]
    found = {"t": position}
    if scorer.rows is not None:
        tokens, _ = scorer.scored_tokens(start, values)
        found["token x_t"] = tokens[0, position]
    return found | {"P(x_t | x_<t)": np.exp(-surprisal), "−log P": surprisal}


def _numbers(values: Values, shape: tuple[int, ...]) -> dict[str, Array]:
    """Predictions, targets and what goes beside them, one number an element."""
    found = {}
    for name, value in values.items():
        if name == "sample_weight" or isinstance(value, Ragged):
            continue
        column = as_float64(value).reshape(len(value), -1)
        found[name] = np.broadcast_to(column, (shape[0], math.prod(shape[1:]))).reshape(-1)
    return found


def _over_classes(scorer: ClassesScorer, values: Values) -> tuple[dict[str, Array], np.ndarray | None]:
    """The steps over the classes in the order of their numbers, one row an element, and the target of each."""
    kind = scorer.rows.kind
    scores = as_float64(np.moveaxis(array(values, "predictions"), scorer.axis + 1, -1)).reshape(-1, scorer.classes)
    steps = {SCORES[kind]: scores}
    of_rows = scorer.rows.surprisal_of_sound(scores)
    if scorer.rows.normalize:
        steps["p / Σ p"] = of_rows.scores
    surprisal = of_rows.each()
    if kind == "logits":
        steps["exp(x − max)"] = np.exp(scores - scores.max(axis=1, keepdims=True))
    if kind != "probs":
        steps["p"] = np.exp(-surprisal)
    steps["−log p"] = surprisal
    weight, smoothing = scorer.options.get("class_weight"), scorer.options.get("label_smoothing") or 0.0
    if weight is not None:
        steps["w"] = np.broadcast_to(np.asarray(weight), scores.shape)
    targets = None if scorer.soft else scorer.label_of_each(array(values, "targets"))
    if targets is None or smoothing:
        y = scorer.shares_of(array(values, "targets")) if targets is None else _one_hot(targets, scorer.classes)
        steps["q"] = q = (1.0 - smoothing) * y + smoothing / scorer.classes
        if weight is None:
            steps["q · −log p"] = times(q, surprisal)
        else:
            steps["w · q · −log p"] = times(q * steps["w"], surprisal)
    order = order_of_classes(scorer.labels.names)
    if order is None:
        return steps, targets
    if targets is not None:
        known = (targets >= 0) & (targets < scorer.classes)
        targets = np.where(known, np.argsort(order)[np.where(known, targets, 0)], targets)
    return {name: step[:, order] for name, step in steps.items()}, targets


def _one_hot(targets: np.ndarray, classes: int) -> Array:
    """1 at the target of each row; nowhere, where the target is an ignored label."""
    return as_float64(targets[:, np.newaxis] == np.arange(classes))
