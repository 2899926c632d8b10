"""Yardsticks: what predictions that know little would score on the same samples, by the same loss.

Those over classes follow from how much of the loss's weight each label has. Those of a constant, and
of logits at another temperature, are runs of the same scorer over altered predictions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from losscli.data.model import Field, Ragged
from losscli.engine.alignment import AlignmentScorer
from losscli.engine.classes import ClassesScorer
from losscli.engine.elementwise import ElementwiseScorer
from losscli.engine.observe import Seen
from losscli.engine.reduce import MEDIAN_LIMIT, Partial
from losscli.engine.result import Baseline, InputRecord
from losscli.engine.run import RunOptions, run
from losscli.engine.score_rows import ScoreRows
from losscli.engine.scoring import Elements, NanPolicy, Scorer, Values, array, as_float64
from losscli.engine.tokens import TokensScorer
from losscli.errors import UsageError
from losscli.losses.catalogue import Loss
from losscli.numerics import Array, times

LOG_TEMPERATURES = (-7.0, 7.0)
"""The range in which the best temperature is looked for, as logarithms: from a thousandth to a thousand."""

CLOSE = 1e-6
"""How near the logarithm of the best temperature is approached."""

NOTHING = "no sample has a weight"

OVER_CLASSES = ("nll", "cross-entropy")
TWO_CLASSES = ("bce", "sigmoid-cross-entropy", "weighted-cross-entropy")
OF_LOGITS = ("sigmoid-cross-entropy", "weighted-cross-entropy")
CONSTANT = ("l1", "l2", "mse", "huber", "pseudo-huber", "gaussian-nll", "hinge")


@dataclass(frozen=True)
class Rerun:
    """All that it takes to score the same samples again."""

    fields: Mapping[str, Field]
    scorer: Scorer
    nan: NanPolicy
    options: RunOptions
    reduction: str
    of_mean: Callable[[float], float] | None

    def value(self, alter: Callable[[Array], Array]) -> float:
        """The value with altered predictions."""
        return self.reduced(run(self.fields, _Altered(self.scorer, alter), self.nan, self.options))

    def reduced(self, total: Partial) -> float:
        """The value that a total comes to."""
        return total.total.value() if self.reduction == "sum" else self.made(total.numerator.over(total.denominator))

    def made(self, mean: float) -> float:
        """The value that a mean is turned into."""
        return mean if self.of_mean is None else self.of_mean(mean)


class _Altered(Scorer):
    """A scorer that has seen its first block already, on other predictions."""

    def __init__(self, scorer: Scorer, alter: Callable[[Array], Array]) -> None:
        self.numbers_per_sample = scorer.numbers_per_sample
        self._scorer = scorer
        self._alter = alter

    def score(self, start: int, values: Values) -> Elements:
        """The losses of the altered predictions."""
        found = values["predictions"]
        if isinstance(found, Ragged):
            altered: np.ndarray | Ragged = Ragged(self._alter(as_float64(found.values)), found.offsets)
        else:
            altered = self._alter(as_float64(found))
        return self._scorer.score(start, {**values, "predictions": altered})

    # Only results ask for these two, and none is made of such a run.
    def finish(self, _facts: Any) -> list[str]:  # pragma: no cover
        """No warning."""
        return []

    def describe(self, records: dict[str, InputRecord], _facts: Any) -> dict[str, InputRecord]:  # pragma: no cover
        """The records as they are."""
        return records


class Targets(ABC):
    """Watches the targets of a run, and knows what a prediction made of them alone would score."""

    @abstractmethod
    def look(self, seen: Seen) -> Any:
        """See `losscli.engine.observe.Observer`."""

    @abstractmethod
    def take(self, noted: Any) -> None:
        """See `losscli.engine.observe.Observer`."""

    @abstractmethod
    def baselines(self, total: Partial, rerun: Rerun, value: float) -> dict[str, Baseline]:
        """The baselines, of which `value` is to be measured against each."""


def targets_of(loss: Loss, scorer: Scorer, options: Mapping[str, Any]) -> Targets:
    """The observer that the baselines of a loss need; a UsageError where it has none."""
    if loss.name in OVER_CLASSES and isinstance(scorer, ClassesScorer):
        return _Labels(scorer)
    if loss.name in TWO_CLASSES:
        return _TwoClasses(loss, options)
    if loss.name in CONSTANT and isinstance(scorer, ElementwiseScorer):
        return _Numbers(loss, signs=scorer.target_domain.signs)
    if isinstance(scorer, AlignmentScorer):
        return _Frames(scorer)
    if isinstance(scorer, TokensScorer) and scorer.rows is not None:
        return _Tokens(scorer, scorer.rows)
    if isinstance(scorer, TokensScorer):
        raise UsageError(
            f"--baselines: there is none for --kind {scorer.kind}",
            why="the probabilities of the chosen tokens do not tell how many others there are",
            hint="scores of the whole vocabulary, and TARGETS, the tokens",
        )
    raise UsageError(
        f"--baselines: none is known for {loss.name}",
        hint=f"there are some for {', '.join(OVER_CLASSES + TWO_CLASSES + CONSTANT)}",
    )


def _sample_weights(seen: Seen) -> Array:
    """The user's weight of each sample, 0 where it is skipped."""
    weight = np.ones(len(seen.loss)) if seen.sample_weight is None else seen.sample_weight
    return weight if seen.skipped is None else np.where(seen.skipped, 0.0, weight)


class _Masses(Targets):
    """How much of the loss's weight the labels have: Σ loss of constant probabilities p is Σ mass · −log p."""

    _noun = "labels"

    def __init__(self, *, weighted: bool) -> None:
        self._total: Array | None = None
        self._weighted = weighted
        self._by_sample_weight = False

    def take(self, noted: tuple[Array, bool]) -> None:
        """Add up."""
        mass, by_sample_weight = noted
        self._total = mass if self._total is None else self._total + mass
        self._by_sample_weight |= by_sample_weight

    @property
    @abstractmethod
    def _logits(self) -> bool:
        """Whether the predictions are logits."""

    @abstractmethod
    def _mass(self, total: Array) -> Array:
        """The masses, classes along the last axis, from the weights of the labels."""

    def baselines(self, total: Partial, rerun: Rerun, value: float) -> dict[str, Baseline]:
        """Uniform probabilities, the frequencies of the labels and, for logits, the best temperature."""
        assert self._total is not None  # noqa: S101 - a run without a sample is an error before
        if not total.denominator.units:
            return {"prior": Baseline(None, None, NOTHING)}
        mass = self._mass(self._total)
        per_nat = 1.0 / rerun.options.unit_in_nats
        if rerun.reduction != "sum":
            per_nat /= total.denominator.value()
        classes = mass.shape[-1]
        by = [what for what, given in (("sample", self._by_sample_weight), ("class", self._weighted)) if given]
        weights = f", weighted by {' and '.join(by)} weights" if by else ""
        uniform = rerun.made(float(mass.sum()) * math.log(classes) * per_nat)
        found = {"uniform": _against(value, uniform, f"probability 1/{classes} each")}
        if mass.min() < 0.0:
            found["prior"] = Baseline(None, None, "no prior: labels outside [0, 1] have no frequencies")
        else:
            of_all = mass.sum(axis=-1, keepdims=True)
            with np.errstate(all="ignore"):  # a class without a label has no part in the sum
                entropy = -times(mass, np.log(mass / of_all)).sum()
            prior = rerun.made(float(entropy) * per_nat)
            found["prior"] = _against(value, prior, f"the frequencies of the {self._noun}{weights}")
        if self._logits:
            found["temperature"] = _best_temperature(rerun, value)
        return found


class _Labels(_Masses):
    """Labels or distributions over an axis of classes."""

    def __init__(self, scorer: ClassesScorer) -> None:
        weight = scorer.options.get("class_weight")
        super().__init__(weighted=weight is not None)
        self._scorer = scorer
        self._class_weight = np.float64(1.0) if weight is None else as_float64(weight)
        self._smoothing: float = scorer.options.get("label_smoothing", 0.0)

    def look(self, seen: Seen) -> tuple[Array, bool]:
        """The weight of each class's labels."""
        scorer, targets = self._scorer, array(seen.values, "targets")
        weight = np.repeat(_sample_weights(seen), scorer.elements_per_sample)
        if scorer.soft:
            mass = (weight[:, np.newaxis] * scorer.shares_of(targets)).sum(axis=0)
            return mass, seen.sample_weight is not None
        label = scorer.label_of_each(targets)
        if seen.ignored is not None:
            weight = np.where(seen.ignored.reshape(-1), 0.0, weight)
        known = (label >= 0) & (label < scorer.classes)
        weight = np.where(known | (weight == 0.0), weight, np.nan)
        mass = as_float64(np.bincount(np.where(known, label, 0), weight, scorer.classes))
        return mass, seen.sample_weight is not None

    @property
    def _logits(self) -> bool:
        return self._scorer.rows.kind == "logits"

    def _mass(self, total: Array) -> Array:
        classes = len(total)
        smooth = (1.0 - self._smoothing) * total + self._smoothing / classes * total.sum()
        mass: Array = self._class_weight * smooth
        return mass


class _Tokens(_Masses):
    """Tokens of a vocabulary: their frequencies are a model that knows no context."""

    _noun = "scored tokens"

    def __init__(self, scorer: TokensScorer, rows: ScoreRows) -> None:
        super().__init__(weighted=False)
        self._scorer = scorer
        self._rows = rows

    def look(self, seen: Seen) -> tuple[Array, bool]:
        """The weight of each token of the vocabulary."""
        tokens, scored = self._scorer.scored_tokens(seen.start, seen.values)
        weight = np.broadcast_to(_sample_weights(seen)[:, np.newaxis], scored.shape)
        mass = as_float64(np.bincount(tokens[scored], weight[scored], self._scorer.labels.classes))
        return mass, seen.sample_weight is not None

    @property
    def _logits(self) -> bool:
        return self._rows.kind == "logits"

    def _mass(self, total: Array) -> Array:
        return total


class _TwoClasses(_Masses):
    """Labels between 0 and 1, each position of a sample being a question of its own."""

    def __init__(self, loss: Loss, options: Mapping[str, Any]) -> None:
        factor = options.get("pos_weight", 1.0)
        self._factor = np.asarray(factor)
        super().__init__(weighted=bool((self._factor != 1.0).any()))
        self._of_logits = loss.name in OF_LOGITS

    def look(self, seen: Seen) -> tuple[Array, bool]:
        """The weight of 0 and of 1 at each position."""
        target = as_float64(array(seen.values, "targets"))
        weight = _sample_weights(seen).reshape(-1, *[1] * (target.ndim - 1))
        mass = np.stack([times(weight, 1.0 - target).sum(axis=0), times(weight, target).sum(axis=0)], axis=-1)
        return mass, seen.sample_weight is not None

    @property
    def _logits(self) -> bool:
        return self._of_logits

    def _mass(self, total: Array) -> Array:
        mass: Array = total * np.stack(np.broadcast_arrays(1.0, self._factor), axis=-1)
        return mass


class _Frames(Targets):
    """Frames to be aligned: every path through them as likely as any other, so that it counts how many fit."""

    def __init__(self, scorer: AlignmentScorer) -> None:
        self._scorer = scorer

    def look(self, seen: Seen) -> None:
        """Nothing: the lengths alone matter, and they enter the run again."""

    def take(self, noted: None) -> None:
        """Nothing."""

    def baselines(self, total: Partial, rerun: Rerun, value: float) -> dict[str, Baseline]:
        """Uniform probabilities at every frame. A prior over labels would say nothing of when they come."""
        if not total.denominator.units:
            return {"uniform": Baseline(None, None, NOTHING)}
        classes = self._scorer.classes
        score = {"logits": 0.0, "log-probs": -math.log(classes), "probs": 1.0 / classes}[self._scorer.rows.kind]
        scored = rerun.value(lambda predictions: np.full_like(predictions, score))
        return {"uniform": _against(value, scored, f"probability 1/{classes} each, at every frame")}


class _Numbers(Targets):
    """Numbers: the mean of each position or, where that scores better, the median; a sign by its majority."""

    def __init__(self, loss: Loss, *, signs: bool) -> None:
        self._name = loss.name
        self._signs = signs
        self._sum: Array | None = None
        self._weight = 0.0
        self._weighted = False
        self._kept: list[tuple[Array, Array]] = []
        self._size = 0

    def look(self, seen: Seen) -> tuple[Array, Array, bool]:
        """The targets and their weights, summed unless the median needs each of them."""
        target, weight = as_float64(array(seen.values, "targets")), _sample_weights(seen)
        weighted = seen.sample_weight is not None
        if self._name == "l1":
            return target.copy(), weight, weighted
        if self._signs:
            target = np.where(target == 0.0, -1.0, target)
        of_each = np.broadcast_to(weight.reshape(-1, *[1] * (target.ndim - 1)), target.shape)
        return times(of_each, target).sum(axis=0), weight.sum(), weighted

    def take(self, noted: tuple[Array, Array, bool]) -> None:
        """Add up, or keep for the median."""
        target, weight, weighted = noted
        self._weighted |= weighted
        if self._name == "l1":
            self._size += target.size
            self._kept.append((target, weight))
            if self._size > MEDIAN_LIMIT:
                self._kept.clear()
            return
        self._sum = target if self._sum is None else self._sum + target
        self._weight += float(weight)

    def baselines(self, total: Partial, rerun: Rerun, value: float) -> dict[str, Baseline]:
        """The best constant."""
        if self._size > MEDIAN_LIMIT:
            return {"prior": Baseline(None, None, f"no median: there are more than {MEDIAN_LIMIT:,} targets")}
        if not total.denominator.units:
            return {"prior": Baseline(None, None, NOTHING)}
        constant = self._constant()
        if not np.isfinite(constant).all():
            return {"prior": Baseline(None, None, "no prior: the targets are not finite")}
        each = " at each position" if np.ndim(constant) and np.size(constant) > 1 else ""
        weights = ", weighted by sample weights" if self._weighted else ""
        scored = rerun.value(lambda predictions: np.broadcast_to(constant, predictions.shape))
        return {"prior": _against(value, scored, f"{self._what()}{each}{weights}")}

    def _what(self) -> str:
        if self._signs:
            return "the sign of the majority of the labels"
        if self._name == "gaussian-nll":
            return "the mean of the targets, with the spread as given"
        return f"the {'median' if self._name == 'l1' else 'mean'} of the targets"

    def _constant(self) -> Array:
        if self._name == "l1":
            target, weight = map(np.concatenate, zip(*self._kept, strict=True))
            return weighted_median(target, weight)
        mean: Array = np.asarray(self._sum) / self._weight
        return np.where(mean < 0.0, -1.0, 1.0) if self._signs else mean


def weighted_median(values: Array, weight: Array) -> Array:
    """The median along the first axis: between the lower and the upper where half the weight lies on each side."""
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    below = np.cumsum(weight[order], axis=0)
    half = below[-1] / 2.0
    lower = np.argmax(below >= half, axis=0)[np.newaxis]
    upper = np.argmax(below > half, axis=0)[np.newaxis]
    low, high = np.take_along_axis(ordered, lower, axis=0)[0], np.take_along_axis(ordered, upper, axis=0)[0]
    median: Array = np.where(low == high, low, 0.5 * low + 0.5 * high)
    return median


def _against(value: float, baseline: float, of: str, temperature: float | None = None) -> Baseline:
    """A baseline, and the skill against it where that means something."""
    baseline = float(baseline)
    measurable = 0.0 < baseline < math.inf and not math.isnan(value)
    return Baseline(baseline, 1.0 - value / baseline if measurable else None, of, temperature)


def _best_temperature(rerun: Rerun, value: float) -> Baseline:
    """The same logits over the one temperature that scores best."""
    if not math.isfinite(value):
        return Baseline(None, None, "no temperature makes up for a loss that is not finite")
    best, scored = least(lambda log: rerun.value(lambda logits: logits * math.exp(-log)), *LOG_TEMPERATURES, value)
    of = "the logits divided by the best single temperature"
    if min(abs(best - end) for end in LOG_TEMPERATURES) <= CLOSE:
        of += ", which lies beyond the range that was searched"
    return _against(value, scored, of, math.exp(best))


class Point(NamedTuple):
    """An argument and the value there."""

    x: float
    y: float


def least(function: Callable[[float], float], low: float, high: float, at_zero: float) -> Point:
    """Where a function with one valley is least between two ends, and how low it is there.

    A step downhill from 0 is doubled until it goes up again; parabolas through three points then close in,
    with a golden section wherever they do not (Brent, 1973).
    """

    def at(x: float) -> Point:
        return Point(x, function(x))

    best, step = Point(0.0, at_zero), 0.25
    left, right = at(-step), at(step)
    while min(left.y, right.y) < best.y:
        downhill = -1.0 if left.y < best.y else 1.0
        behind, best = best, left if downhill < 0.0 else right
        ahead = best
        if best.x in (low, high):
            if (inner := at(best.x - downhill * CLOSE)).y >= best.y:
                return best
            best = inner
        else:
            step *= 2.0
            ahead = at(min(max(best.x + downhill * step, low), high))
        left, right = (ahead, behind) if downhill < 0.0 else (behind, ahead)
    while right.x - left.x > 3.0 * CLOSE:
        x = _vertex(left, best, right)
        if not left.x + CLOSE / 2.0 < x < right.x - CLOSE / 2.0:
            x = _golden(left.x, best.x, right.x)
        if abs(x - best.x) < CLOSE / 2.0:
            x = best.x + math.copysign(CLOSE, right.x + left.x - 2.0 * best.x)
        found = at(x)
        if found.y < best.y:
            found, best = best, found
        left, right = (left, found) if best.x < found.x else (found, right)
    return best


def _vertex(left: Point, middle: Point, right: Point) -> float:
    """Where the parabola through three points is least; NaN where they lie on a line."""
    a, b = middle.x - left.x, middle.x - right.x
    up, down = middle.y - right.y, middle.y - left.y
    curvature = a * up - b * down
    return middle.x - 0.5 * (a * a * up - b * b * down) / curvature if curvature else math.nan


def _golden(low: float, middle: float, high: float) -> float:
    """A point in the wider of two parts."""
    part = 0.5 * (3.0 - math.sqrt(5.0))
    return middle + part * ((high - middle) if high - middle > middle - low else (low - middle))
