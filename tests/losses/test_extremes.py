"""Every loss at its extreme points, within a few units in the last place of fifty digits.

The references are the textbook formulae in mpmath's arithmetic, where nothing overflows or cancels.
"""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from ulps import assert_ulps, read_only, surprisal

import losscli
from losscli.losses.catalogue import catalogue

pytestmark = pytest.mark.filterwarnings("ignore::losscli.LossWarning")

TINY = 5e-324
PROBABILITIES = (0.0, TINY, 1e-320, 1e-300, 1e-16, 0.1, 0.5, 0.7, 1 - 1e-9, 1 - 1e-16, 1.0)
SOFT = (0.0, 1.0, 0.3, 1e-300, 1e-17, 1 - 2**-53)
LOGITS = tuple(
    s * x for x in (0.0, TINY, 1e-300, 1e-9, 0.5, 3.0, 36.7, 50.0, 709.0, 745.0, 800.0, 1e4, 1e300) for s in (1, -1)
)
RESIDUALS = (0.0, TINY, 1e-320, 1e-170, 1e-160, 1e-155, 1e-9, 0.1, 0.25, 1 - 2**-53, 1.0, 1 + 2**-52, 3.0, 1e8, 1.4e154,
             1e200, 1e300)  # fmt: skip
PAIRS = [
    *((r, 0.0) for r in RESIDUALS),
    *((0.0, r) for r in RESIDUALS),
    (1e300, -1e300),
    (-1e300, 1e300),
    (1e300, 1e300),
    (1e8 + 0.1, 1e8),
    (1.0, 1 - 2**-53),
    (0.1 + 0.2, 0.3),
    (1e16, 1.0),
]
DELTAS = (1e-300, 1e-10, 0.1, 1.0, 2.5, 1e10, 1e300)


def scores(function, predictions, targets, **options):
    """The un-reduced losses of read-only inputs."""
    return function(read_only(predictions), np.asarray(targets), reduction="none", **options)


def check(function, points, truth, bar=4, **options):
    """Each point's loss is within the bar of the truth; points are pairs of prediction and target."""
    got = scores(function, *zip(*points, strict=True), **options)
    for value, point in zip(got, points, strict=True):
        assert_ulps(value, truth(*point), bar, (point, options))


# One number a class.

ROWS = [
    [50.0, 0.0],
    [0.0, 0.0, 0.0, 0.0],
    [3.0, 3.0, -1000.0],
    [800.0, -800.0],
    [1e300, -1e300],
    [1e300, 1e300],
    [-1e300, 0.0, 1e300],
    [TINY, 0.0],
    [2.0**-30, 0.0],
    [745.0, 0.0],
    [700.0, 0.0, 1.0],
    [1e4, 5e3, 0.0, -5e3, -1e4],
    [1e8 + 40.0, 1e8, 1e8 - 1.0],
    [0.0, -math.inf, 3.0],
    [0.0],
]
INDEXED = [(row, index) for row in ROWS for index in range(len(row))]


@pytest.mark.parametrize("function", [losscli.nll, losscli.cross_entropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("row", "index"), INDEXED, ids=str)
def test_surprisal_of_logits(function, row, index):
    (got,) = scores(function, [row], [index], kind="logits")
    true = mpf(math.inf) if row[index] == -math.inf else surprisal(row, index)
    assert_ulps(got, true, 4, (row, index))


def test_the_two_numbers_that_the_project_promises():
    assert losscli.cross_entropy([[50.0, 0.0]], [0]) == 1.9287498479639178e-22
    assert losscli.cross_entropy([[800.0, -800.0]], [1]) == 1600.0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_surprisal_of_logits_that_are_not_round(seed, offset):
    """Differences of such logits round before the exponential: that much is the input's conditioning."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0.0, 10.0 ** rng.integers(-2, 4, (40, 1)), (40, 5)) + offset
    labels = rng.integers(0, 5, 40)
    got = scores(losscli.cross_entropy, rows, labels)
    for value, row, index in zip(got, rows, labels, strict=True):
        shares = np.exp(row - row.max())
        conditioning = float((shares * np.spacing(row.max() - row)).sum() / shares.sum())
        assert_ulps(value, surprisal(row, index), 4, (row, index), slack=conditioning)


@pytest.mark.parametrize(
    "row",
    [
        np.zeros(100_000),
        np.r_[0.0, np.full(99_999, -40.0)],
        np.random.default_rng(1).integers(-320, 320, 100_000) / 8.0,
        np.random.default_rng(2).integers(-8, 8, 100_000) * 64.0,
        1e8 + np.random.default_rng(3).integers(-320, 320, 100_000) / 8.0,
    ],
    ids=["ties", "certain", "spread", "far", "offset"],
)
def test_a_hundred_thousand_classes(row):
    for index in {0, int(row.argmax()), int(row.argmin())}:
        (got,) = scores(losscli.cross_entropy, [row], [index])
        assert_ulps(got, surprisal(row, index), 8, index)


@pytest.mark.parametrize("function", [losscli.nll, losscli.cross_entropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize("p", PROBABILITIES)
def test_surprisal_of_probabilities(function, p):
    (got,) = scores(function, [[p, 1.0 - p]], [0], kind="probs")
    assert_ulps(got, -mpmath.log(mpf(p)) if p else mpf(math.inf), 2, p)


@pytest.mark.parametrize("log_p", [0.0, -TINY, -1e-320, -1e-17, -1e-4, -math.inf])
@pytest.mark.parametrize("function", [losscli.nll, losscli.cross_entropy], ids=lambda f: f.__name__)
def test_surprisal_of_log_probabilities_is_the_number_itself(function, log_p):
    other = math.log1p(-math.exp(log_p)) if log_p < -1e-17 else -80.0
    (got,) = scores(function, [[log_p, other]], [0], kind="log-probs")
    assert got == -log_p
    assert math.copysign(1.0, got) == 1.0


@pytest.mark.parametrize("row", [row for row in ROWS if min(row) > -math.inf], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 1e-12, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothing_and_weights(row, smoothing, weighted):
    classes = len(row)
    weight = np.linspace(0.3, 2.9, classes) if weighted else None
    w = [mpf(float(x)) for x in weight] if weighted else [mpf(1)] * classes
    each = [surprisal(row, c) for c in range(classes)]
    spread = mpf(smoothing) / classes * mpmath.fsum(a * b for a, b in zip(w, each, strict=True))
    options = {"label_smoothing": smoothing, "class_weight": weight}
    for index in range(classes):
        true = (1 - mpf(smoothing)) * w[index] * each[index] + spread
        (by_index,) = scores(losscli.cross_entropy, [row], [index], **options)
        (by_row,) = scores(losscli.cross_entropy, [row], [np.eye(classes)[index]], **options)
        assert_ulps(by_index, true, 8, (row, index))
        assert_ulps(by_row, true, 8, (row, index))


def test_smoothing_that_leaves_nothing_of_the_label_keeps_what_is_infinite():
    (got,) = scores(losscli.cross_entropy, [[0.0, -math.inf]], [1], label_smoothing=1.0)
    assert got == math.inf


@pytest.mark.parametrize("target", [0, [1.0, 0.0, 0.0, 0.0]])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothing_over_classes_that_are_masked_by_the_least_float64(target, weighted):
    """Their surprisals sum to more than float64 holds, but what is spread of them does not."""
    options = {"class_weight": [1.0] * 4} if weighted else {}
    least = -np.finfo(np.float64).max
    (got,) = scores(losscli.cross_entropy, [[0.0, 1.0, least, least]], [target], label_smoothing=0.1, **options)
    assert_ulps(got, mpf(0.1) / 4 * 2 * -mpf(least), 8)


@pytest.mark.parametrize("seed", range(4))
def test_distributions_as_targets(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-4000, 4000, (20, 7)) / 4.0
    shares = rng.dirichlet(np.full(7, 0.05), 20)
    got = scores(losscli.cross_entropy, rows, shares)
    for value, row, share in zip(got, rows, shares, strict=True):
        true = mpmath.fsum(mpf(float(q)) * surprisal(row, c) for c, q in enumerate(share))
        assert_ulps(value, true, 8, (row, share))


# One number for two classes.


def two_class(p, y):
    sure = [(y, mpf(p) and mpmath.log(mpf(p))), (1 - mpf(y), mpmath.log1p(-mpf(p)) if p < 1 else mpf(0))]
    if (y and not p) or (y < 1 and p == 1):
        return mpf(math.inf)
    return -mpmath.fsum(mpf(share) * log for share, log in sure)


def softplus(x):
    return mpmath.log1p(mpmath.exp(mpf(x)))


def test_bce():
    check(losscli.bce, list(itertools.product(PROBABILITIES, SOFT)), two_class)


def test_sigmoid_cross_entropy():
    def truth(x, y):
        return mpf(y) * softplus(-x) + (1 - mpf(y)) * softplus(x)

    check(losscli.sigmoid_cross_entropy, list(itertools.product(LOGITS, SOFT)), truth)


@pytest.mark.parametrize("pos_weight", [1e-300, 0.5, 1.0, 3.7, 1e300])
def test_weighted_cross_entropy(pos_weight):
    def truth(x, y):
        return mpf(pos_weight) * mpf(y) * softplus(-x) + (1 - mpf(y)) * softplus(x)

    # Beyond e^-708 the softplus is subnormal: a huge weight cannot bring its digits back.
    logits = [x for x in LOGITS if pos_weight <= 4 or abs(x) < 708]
    points = list(itertools.product(logits, (0.0, 1.0, 0.3, 1 - 2**-53)))
    check(losscli.weighted_cross_entropy, points, truth, pos_weight=pos_weight)


# Residuals and margins.


def test_l1():
    check(losscli.l1, PAIRS, lambda a, b: abs(mpf(a) - mpf(b)), bar=0.5)


@pytest.mark.parametrize("function", [losscli.l2, losscli.mse], ids=lambda f: f.__name__)
def test_squares(function):
    check(function, PAIRS, lambda a, b: (mpf(a) - mpf(b)) ** 2)


@pytest.mark.parametrize("delta", DELTAS)
def test_huber(delta):
    def truth(a, b):
        r, d = abs(mpf(a) - mpf(b)), mpf(delta)
        return r**2 / 2 if r <= d else d * (r - d / 2)

    check(losscli.huber, PAIRS, truth, delta=delta)


@pytest.mark.parametrize("delta", DELTAS)
def test_pseudo_huber(delta):
    def truth(a, b):
        r, d = mpf(a) - mpf(b), mpf(delta)
        with mpmath.workdps(1400):  # the textbook formula cancels all but the last digits
            return d**2 * (mpmath.sqrt(1 + (r / d) ** 2) - 1)

    check(losscli.pseudo_huber, PAIRS, truth, delta=delta)


def test_hinge():
    points = [(x, t) for x in (*LOGITS, 1.0, 1 - 2**-53, 1 + 2**-52, 2.0) for t in (-1.0, 1.0)]
    check(losscli.hinge, points, lambda x, t: max(mpf(0), 1 - mpf(x) * mpf(t)), bar=0.5)


@pytest.mark.parametrize("spread", [1e-300, 1e-8, 0.5, 1.0, 3.0, 1e150])
def test_gaussian_nll(spread):
    """Terms of either sign: the bar is in units of the larger of them."""
    points = [(a, b) for a, b in PAIRS if abs(a - b) / spread < 1e150]
    got = scores(losscli.gaussian_nll, *zip(*points, strict=True), std=spread)
    for value, (a, b) in zip(got, points, strict=True):
        log, square = mpmath.log(mpf(spread)), ((mpf(a) - mpf(b)) / mpf(spread)) ** 2 / 2
        constant = mpmath.log(2 * mpmath.pi) / 2
        slack = 4 * float(np.spacing(float(max(abs(log), square, constant))))
        assert_ulps(value, log + square + constant, 0, (a, b, spread), slack=slack)


@pytest.mark.parametrize("row", [row for row in ROWS if min(row) > -math.inf], ids=str)
def test_sequence_nll_is_the_surprisal_of_each_token(row):
    tokens = list(range(len(row)))
    (got,) = scores(losscli.sequence_nll, [[row] * len(row)], [tokens])
    for token, value in zip(tokens, got, strict=True):
        assert_ulps(value, surprisal(row, token), 4, (row, token))


def log_of_paths(frames, target):
    """The log-probability of a target, by the recursion over its labels with a blank between each two."""
    states = [0]
    for label in target:
        states += [label, 0]
    alpha = [mpf(1)] + [mpf(0)] * (len(states) - 1)
    for frame in frames:
        shares = [mpmath.exp(-surprisal(frame, c)) for c in range(len(frame))]
        before, alpha = alpha, []
        for s, label in enumerate(states):
            arriving = before[s] + (before[s - 1] if s else 0)
            if s > 1 and label not in (0, states[s - 2]):
                arriving += before[s - 2]
            alpha.append(arriving * shares[label])
    return mpmath.log(mpmath.fsum(alpha[-2:]))


CTC_FRAMES = {
    "even": [[0.0, 0.0, 0.0]] * 6,
    "sure": [[40.0, 0.0, 0.0], [0.0, 40.0, 0.0], [0.0, 0.0, 45.0], [50.0, 0.0, 0.0]],
    "wrong": [[800.0, 0.0, -800.0]] * 5,
    "far": [[1e8, 1e8 - 1.0, 1e8 + 2.0]] * 4,
    "huge": [[1e300, -1e300, 0.0], [0.0, 1e300, 0.0], [1.0, 2.0, 3.0]],
    "subnormal": [[745.0, 0.0, 1.0]] * 3,
    "certain": [[0.0, 700.0, 0.0], [0.0, 0.0, 700.0]],
}


@pytest.mark.parametrize("target", [[1], [2], [1, 2], [1, 1], [2, 1, 2]], ids=str)
@pytest.mark.parametrize("name", CTC_FRAMES)
def test_ctc(name, target):
    """Also where the target is all but certain, and the loss is what is left of 1."""
    frames = CTC_FRAMES[name]
    got = losscli.ctc(read_only(frames)[:, np.newaxis], [target], kind="logits", reduction="sum")
    if len(frames) < len(target) + sum(a == b for a, b in itertools.pairwise(target)):
        assert got == math.inf
        return
    with mpmath.workdps(800):
        true = -log_of_paths(frames, target)
    assert_ulps(got, true, 8, (name, target))


@pytest.mark.parametrize("nats", [1e-300, 1e-17, 0.1, 1.0, 40.0, 709.78])
def test_perplexity_is_the_exponential_of_the_mean(nats):
    got = losscli.perplexity([-nats, -nats, -nats], kind="token-log-probs")
    assert_ulps(got, mpmath.exp(mpf(nats)), 1, nats)


def test_every_loss_is_held_to_its_extremes():
    sequences = {"sequence-nll", "perplexity", "ctc"}
    classes = {"nll", "cross-entropy"}
    two_classes = {"bce", "sigmoid-cross-entropy", "weighted-cross-entropy", "hinge"}
    residuals = {"l1", "l2", "mse", "huber", "pseudo-huber", "gaussian-nll"}
    assert set(catalogue()) == sequences | classes | two_classes | residuals
