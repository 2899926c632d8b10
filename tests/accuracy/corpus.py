"""Points where losses are hard to compute, ordinary ones among them, and their true values to fifty digits.

The truth is the textbook formula in mpmath's arithmetic, where nothing overflows and digits do not run out; the
package has no part in it. Every loss of the catalogue has its points here: a test says which one has none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import test_extremes as extremes
from mpmath import mpf

SEED = 5
ORDINARY = 200
"""How many points of each kind are nothing special."""

VARIANCES = (1e-300, 1e-4, 0.25, 9.0, 1e4, 1e300)
POS_WEIGHT = 3.7
SMOOTHING = 0.1
CHANCES = [(p, 1.0 - p) for p in extremes.PROBABILITIES]
FINITE_ROWS = [row for row in extremes.ROWS if min(row) > -math.inf]
VOCABULARY = 100_000
LONG = 2000


@dataclass(frozen=True)
class Call:
    """One call of a loss, and what is true.

    Attributes:
        loss: Its name in the catalogue.
        predictions, targets: Its inputs.
        true: The losses to fifty digits.
        where: What sets its points apart from the other points of that loss, where something does.
        kind: What the predictions are, where a loss takes several kinds.
        options: What the loss is given beside them.
        scale: The largest term of each loss, where terms of either sign cancel: what the error is measured in.
    """

    loss: str
    predictions: Any
    targets: Any
    true: Sequence[mpf]
    where: str = ""
    kind: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    scale: Sequence[mpf] | None = None

    @property
    def row(self) -> str:
        """The row of the table."""
        return f"{self.loss}, {self.where}" if self.where else self.loss


def corpus() -> Iterator[Call]:
    """All calls, those of one row of the table together."""
    rng = np.random.default_rng(SEED)
    yield from _two_classes(rng)
    yield from _classes(rng)
    yield from _residuals(rng)
    yield from _sequences(rng)
    yield from _utterances(rng)


# One number each.


def _two_classes(rng: np.random.Generator) -> Iterator[Call]:
    soft = [*itertools.product(extremes.PROBABILITIES, extremes.SOFT), *_pairs(rng.random((2, ORDINARY)))]
    yield _pointwise("bce", soft, extremes.two_class)
    ordinary = _pairs((rng.normal(0.0, 10.0, ORDINARY), rng.random(ORDINARY)))
    logits = [*itertools.product(extremes.LOGITS, extremes.SOFT), *ordinary]
    yield _pointwise("sigmoid-cross-entropy", logits, lambda x, y: _sigmoid(x, y, 1))
    # Below e^-708 a softplus is subnormal: a weight above 1 cannot bring its digits back.
    normal = [(x, y) for x, y in logits if abs(x) < 708]
    weight = {"pos_weight": POS_WEIGHT}
    yield _pointwise("weighted-cross-entropy", normal, lambda x, y: _sigmoid(x, y, POS_WEIGHT), **weight)
    scores = (*extremes.LOGITS, 1.0, 1 - 2**-53, 2.0, *rng.normal(0.0, 2.0, ORDINARY).tolist())
    yield _pointwise("hinge", list(itertools.product(scores, (-1.0, 1.0))), lambda x, t: max(mpf(0), 1 - mpf(x) * t))


def _residuals(rng: np.random.Generator) -> Iterator[Call]:
    close = rng.normal(0.0, 1.0, ORDINARY)
    points = [
        *extremes.PAIRS,
        *_pairs(rng.normal(0.0, 10.0, (2, ORDINARY))),
        *_pairs((close * (1.0 + rng.normal(0.0, 1e-12, ORDINARY)), close)),
    ]
    yield _pointwise("l1", points, lambda a, b: abs(mpf(a) - mpf(b)))
    for square in ("l2", "mse"):
        yield _pointwise(square, points, lambda a, b: (mpf(a) - mpf(b)) ** 2)
    yield _pointwise("huber", points, _huber)
    yield _pointwise("pseudo-huber", points, _pseudo_huber)
    yield _gaussian([(a, b, v) for a, b in points for v in VARIANCES if abs(a - b) < 1e150 * math.sqrt(v)])


def _pairs(columns: Any) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in zip(*columns, strict=True)]


def _pointwise(loss: str, points: Sequence[tuple[float, float]], truth: Callable[..., mpf], **options: Any) -> Call:
    predictions, targets = map(list, zip(*points, strict=True))
    return Call(loss, predictions, targets, [truth(*point) for point in points], options=options)


def _huber(a: float, b: float) -> mpf:
    r = abs(mpf(a) - mpf(b))
    return r**2 / 2 if r <= 1 else r - mpf(1) / 2


def _pseudo_huber(a: float, b: float) -> mpf:
    with mpmath.workdps(1400):  # the textbook formula cancels all but the last digits
        return mpmath.sqrt(1 + (mpf(a) - mpf(b)) ** 2) - 1


def _sigmoid(x: float, y: float, pos_weight: float) -> mpf:
    return mpf(pos_weight) * mpf(y) * extremes.softplus(-x) + (1 - mpf(y)) * extremes.softplus(x)


def _gaussian(points: Sequence[tuple[float, float, float]]) -> Call:
    true, scale = [], []
    for mean, target, variance in points:
        square = (mpf(target) - mpf(mean)) ** 2 / mpf(variance)
        terms = [mpmath.log(mpf(variance)) / 2, square / 2, mpmath.log(2 * mpmath.pi) / 2]
        true.append(mpmath.fsum(terms))
        scale.append(max(map(abs, terms)))
    means, targets, variances = map(list, zip(*points, strict=True))
    return Call("gaussian-nll", means, targets, true, options={"variance": variances}, scale=scale)


# One number a class.


def _classes(rng: np.random.Generator) -> Iterator[Call]:
    yield from (_surprisals("nll", row, kind="log-probs") for row in _log_probs(rng))
    for row in (*CHANCES, *rng.dirichlet(np.full(5, 0.3), ORDINARY // 5).tolist()):
        yield _surprisals("nll", row, kind="probs", where="probabilities")
    ordinary = (rng.normal(0.0, 10.0 ** rng.integers(-2, 4), 5).tolist() for _ in range(ORDINARY // 5))
    for row in (*FINITE_ROWS, *ordinary):
        yield _surprisals("cross-entropy", row)
    for row in rng.normal(0.0, 5.0, (ORDINARY // 5, 5)) + 1e8:
        yield _surprisals("cross-entropy", row.tolist(), where="all logits plus 1e8")
    for row in FINITE_ROWS:
        yield _soft(row, rng.dirichlet(np.full(len(row), 0.3)).tolist())
    yield from (_smooth(row) for row in FINITE_ROWS)
    for row in (
        np.zeros(VOCABULARY),
        np.r_[0.0, np.full(VOCABULARY - 1, -40.0)],
        np.linspace(-5e3, 5e3, VOCABULARY),
        rng.normal(0.0, 4.0, VOCABULARY),
    ):
        ends = sorted({0, int(row.argmax()), int(row.argmin())})
        yield _surprisals("cross-entropy", row.tolist(), ends, where=f"{VOCABULARY:,} classes")


def _log_probs(rng: np.random.Generator) -> Iterator[list[float]]:
    yield [0.0]
    for small in (extremes.TINY, 1e-320, 1e-17):
        yield [-small, -745.0]
    yield [-1e300, 0.0]
    for row in rng.dirichlet(np.full(5, 0.3), ORDINARY // 5):
        yield np.log(row).tolist()


def _surprisals(
    loss: str, row: Sequence[float], labels: Sequence[int] | None = None, *, where: str = "", kind: str = "logits"
) -> Call:
    """A row with each of its classes as the target, or with those that are named."""
    labels = range(len(row)) if labels is None else labels
    if kind == "logits":
        true = _of_softmax(row, labels)
    else:
        true = [-mpf(row[c]) if kind == "log-probs" else _minus_log(row[c]) for c in labels]
    return Call(loss, [list(row)] * len(labels), list(labels), true, where, kind)


def _minus_log(p: float) -> mpf:
    return -mpmath.log(mpf(p)) if p else mpf(math.inf)


def _of_softmax(row: Sequence[float], labels: Sequence[int]) -> list[mpf]:
    """−log softmax: the others' exponentials are summed without the class itself, so that nothing cancels."""
    top = mpf(max(row))
    power = {x: mpmath.exp(mpf(x) - top) for x in set(row)}
    shares = [power[x] for x in row]
    return [mpmath.log1p(mpmath.fsum([*shares[:c], *shares[c + 1 :]]) / shares[c]) for c in labels]


def _soft(row: Sequence[float], shares: Sequence[float]) -> Call:
    each = _of_softmax(row, range(len(row)))
    true = mpmath.fsum(mpf(share) * surprisal for share, surprisal in zip(shares, each, strict=True))
    return Call("cross-entropy", [list(row)], [list(shares)], [true], "soft targets", "logits")


def _smooth(row: Sequence[float]) -> Call:
    each = _of_softmax(row, range(len(row)))
    spread = mpf(SMOOTHING) / len(row) * mpmath.fsum(each)
    true = [(1 - mpf(SMOOTHING)) * surprisal + spread for surprisal in each]
    rows, options = [list(row)] * len(row), {"label_smoothing": SMOOTHING}
    return Call("cross-entropy", rows, list(range(len(row))), true, "smoothed", "logits", options)


# One row of numbers a step.


def _sequences(rng: np.random.Generator) -> Iterator[Call]:
    ordinary = rng.normal(0.0, 4.0, (ORDINARY // 10, 10)).tolist()
    for row in (*FINITE_ROWS, *ordinary):
        each = _surprisals("sequence-nll", row)
        yield Call("sequence-nll", [each.predictions], [each.targets], each.true, "", "logits")
    texts = [[row] for row in ([50.0, 0.0], [800.0, 0.0], [0.0], [0.0] * 4)]
    texts += [rng.normal(0.0, 4.0, (12, 10)).tolist() for _ in range(ORDINARY // 10)]
    for text in texts:
        tokens = rng.integers(0, len(text[0]), len(text)).tolist()
        each = [_of_softmax(row, [token])[0] for row, token in zip(text, tokens, strict=True)]
        mean = mpmath.fsum(each) / len(each)
        # The exponential makes of a relative error of its argument one that is `mean` times as large.
        true = mpmath.exp(mean)
        yield Call("perplexity", [text], [tokens], [true], kind="logits", scale=[true * max(mpf(1), mean)])


def _utterances(rng: np.random.Generator) -> Iterator[Call]:
    for frames, target in itertools.product(extremes.CTC_FRAMES.values(), ([1], [2], [1, 2], [2, 1, 2])):
        with mpmath.workdps(800):  # of a target that is all but certain, the loss is what is left of 1
            yield _ctc([_softmax(frame) for frame in frames], frames, target, "logits")
    edges = [[1 - 1e-16, 1e-320, 1e-16], [1e-320, 1.0, 0.0], [1e-16, 1e-320, 1 - 1e-16], [0.5, 0.25, 0.25]]
    for target in ([1], [1, 2], [2, 1], [2, 2]):
        with mpmath.workdps(800):
            yield _ctc([list(map(mpf, frame)) for frame in edges], edges, target, "probs")
    where = f"{LONG:,} frames"
    for spread, classes, labels in ((0.0, 5, 20), (1.0, 30, 30), (8.0, 30, 50), (60.0, 20, 20)):
        frames = rng.normal(0.0, spread, (LONG, classes)).tolist()
        yield _ctc(
            [_softmax(frame) for frame in frames], frames, rng.integers(1, classes, labels).tolist(), where=where
        )
    path = np.repeat(np.arange(LONG // 50) % 2 * rng.integers(1, 12, LONG // 50), 50)
    spoken = [int(label) for label in path[::50] if label]
    for sure in (40.0, 25.0, 15.0, 10.0, 8.0):  # losses from 1e-13 to 20
        frames = sure * (path[:, np.newaxis] == np.arange(12)) + rng.normal(0.0, 1.0, (LONG, 12))
        yield _ctc([_softmax(frame) for frame in frames.tolist()], frames.tolist(), spoken, where=where)
        if sure in (25.0, 10.0):
            stored = (frames - np.logaddexp.reduce(frames, axis=1, keepdims=True)).tolist()
            chances = [[mpmath.exp(mpf(x)) for x in frame] for frame in stored]
            yield _ctc(chances, stored, spoken, "log-probs", where)


def _softmax(frame: Sequence[float]) -> list[mpf]:
    top = max(frame)
    shares = [mpmath.exp(mpf(x) - mpf(top)) for x in frame]
    total = mpmath.fsum(shares)
    return [share / total for share in shares]


def _ctc(
    chances: Sequence[Sequence[mpf]],
    frames: Sequence[Sequence[float]],
    target: Sequence[int],
    kind: str = "logits",
    where: str = "",
) -> Call:
    """The paths that read as the target, counted from the last frame back: all terms are positive."""
    states = [0, *itertools.chain.from_iterable((label, 0) for label in target)]
    ends = len(states) - 1
    beta = [mpf(0)] * (ends - 1) + [mpf(1), mpf(1)]
    for number, chance in enumerate(reversed(chances)):
        reach = [beta[s] * chance[label] for s, label in enumerate(states)]
        if number == len(chances) - 1:
            beta = reach
            break
        # What may be said before the frames seen so far: the same state, the one before, or the label before a blank.
        beta = [
            mpmath.fsum(reach[s : s + 2])
            + (reach[s + 2] if s + 2 <= ends and states[s] and states[s] != states[s + 2] else 0)
            for s in range(ends + 1)
        ]
    total = beta[0] + beta[1]
    true = -mpmath.log(total) if total else mpf(math.inf)
    return Call("ctc", [[frame] for frame in frames], [list(target)], [true], where, kind)
