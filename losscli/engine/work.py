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
from losscli.engine.observe import Seen
from losscli.engine.scoring import Elements, Scorer, Values, array, as_float64
from losscli.losses.catalogue import Loss
from losscli.losses.classification import Surprisal
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
    """A sample: its first elements, how many it has, and what becomes of their sum."""

    sample: int
    elements: Sequence[Element]
    count: int
    sample_weight: float | None
    skipped: bool
    loss: float
    weight: float


@dataclass(frozen=True)
class Work:
    """The formula, the options that enter it, and the first samples."""

    formula: str
    options: Mapping[str, float]
    unit_in_nats: float
    samples: Sequence[WorkedSample]


class FirstSamples:
    """An observer of the run that works out the first samples."""

    def __init__(self, loss: Loss, options: Mapping[str, Any], scorer: Scorer, unit_in_nats: float, count: int) -> None:
        self._loss = loss
        self._options = options
        self._scorer = scorer
        self._unit_in_nats = unit_in_nats
        self._count = count
        self._samples: list[WorkedSample] = []

    def look(self, seen: Seen) -> list[WorkedSample]:
        """The samples among those that are to be worked out."""
        count = min(len(seen.loss), self._count - seen.start)
        if count <= 0:
            return []
        values = {name: cut_rows(value, 0, count) for name, value in seen.values.items()}
        elements = self._scorer.score(seen.start, values)
        worked = _elements(self._scorer, self._options, values, elements)
        each = math.prod(elements.loss.shape[1:])
        return [
            WorkedSample(
                sample=seen.start + row,
                elements=worked[row],
                count=each if elements.lengths is None else int(elements.lengths[row]),
                sample_weight=None if seen.sample_weight is None else float(seen.sample_weight[row]),
                skipped=seen.skipped is not None and bool(seen.skipped[row]),
                loss=float(seen.loss[row]),
                weight=float(each if seen.weight is None else seen.weight[row]),
            )
            for row in range(count)
        ]

    def take(self, noted: list[WorkedSample]) -> None:
        """Keep what was worked out."""
        self._samples += noted

    def work(self) -> Work:
        """All of it."""
        numbers = {
            name: float(value)
            for name, value in self._options.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        return Work(self._loss.formula, numbers, self._unit_in_nats, self._samples)


def _elements(scorer: Scorer, options: Mapping[str, Any], values: Values, elements: Elements) -> list[list[Element]]:
    """The first elements of each sample; none where a sample's loss is no sum of independent elements."""
    count = len(elements.loss)
    if isinstance(scorer, ElementwiseScorer):
        inputs, classes, targets = _numbers(values, elements.loss.shape), None, None
        if scorer.target_domain.signs:
            inputs["targets"] = np.where(inputs["targets"] == 0.0, -1.0, inputs["targets"])
    elif isinstance(scorer, ClassesScorer):
        inputs, (classes, targets) = {}, _over_classes(scorer, options, values)
    else:
        return [[] for _ in range(count)]
    loss = elements.loss.reshape(-1)
    weight = np.ones_like(loss) if elements.weight is None else elements.weight.reshape(-1)
    each = loss.size // count

    def element(at: int) -> Element:
        return Element(
            {name: float(column[at]) for name, column in inputs.items()},
            {} if classes is None else {name: column[at] for name, column in classes.items()},
            None if targets is None else int(targets[at]),
            float(loss[at]),
            float(weight[at]),
        )

    return [[element(row * each + k) for k in range(min(each, ELEMENTS))] for row in range(count)]


def _numbers(values: Values, shape: tuple[int, ...]) -> dict[str, Array]:
    """Predictions, targets and what goes beside them, one number an element."""
    found = {}
    for name, value in values.items():
        if name == "sample_weight" or isinstance(value, Ragged):
            continue
        column = as_float64(value).reshape(len(value), -1)
        found[name] = np.broadcast_to(column, (shape[0], math.prod(shape[1:]))).reshape(-1)
    return found


def _over_classes(
    scorer: ClassesScorer, options: Mapping[str, Any], values: Values
) -> tuple[dict[str, Array], np.ndarray | None]:
    """The steps over the classes, one row an element, and the target of each."""
    kind = scorer.rows.kind
    scores = as_float64(np.moveaxis(array(values, "predictions"), scorer.axis + 1, -1)).reshape(-1, scorer.classes)
    steps = {SCORES[kind]: scores}
    if scorer.rows.normalize:
        steps["p / Σ p"] = scores = scores / scores.sum(axis=1, keepdims=True)
    surprisal = Surprisal(kind, scores).each()
    if kind == "logits":
        steps["exp(x − max)"] = np.exp(scores - scores.max(axis=1, keepdims=True))
    if kind != "probs":
        steps["p"] = np.exp(-surprisal)
    steps["−log p"] = surprisal
    weight, smoothing = options.get("class_weight"), options.get("label_smoothing") or 0.0
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
    return steps, targets


def _one_hot(targets: np.ndarray, classes: int) -> Array:
    """1 at the target of each row; nowhere, where the target is an ignored label."""
    return as_float64(targets[:, np.newaxis] == np.arange(classes))
