"""Baselines: what the prediction they stand for scores when it is written out, and scored like any other."""

import itertools
import math

import numpy as np
import pytest

from losscli.engine.baselines import least, weighted_median
from losscli.engine.plan import Request, compute
from losscli.errors import UsageError
from losscli.losses.catalogue import find

RANDOM = np.random.default_rng(20261121)
N = 400


def read_only(values, dtype=None):
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


def run(loss, predictions, targets, options=(), **asked):
    return compute(Request(find(loss), predictions, targets, dict(options), **asked))


def value(*arguments, **asked):
    return run(*arguments, **asked).value


LOGITS = read_only(RANDOM.normal(scale=3.0, size=(N, 4)))
LABELS = read_only(RANDOM.choice(4, N, p=[0.5, 0.3, 0.15, 0.05]))
WITH_IGNORED = read_only(np.where(RANDOM.random(N) < 0.2, -100, LABELS))
SOFT = read_only(RANDOM.dirichlet([3.0, 2.0, 1.0, 0.5], N))
SHARES = np.exp(LOGITS / 2.5) / np.exp(LOGITS / 2.5).sum(axis=1, keepdims=True)
DRAWN = read_only([RANDOM.choice(4, p=share) for share in SHARES])
WEIGHT = read_only(RANDOM.exponential(size=N))
CLASS_WEIGHT = [1.0, 3.0, 0.5, 10.0]


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("asked", [{}, {"reduction": "sum"}, {"base": "2"}], ids=["mean", "sum", "bits"])
@pytest.mark.parametrize(
    ("targets", "options"),
    [
        (LABELS, {}),
        (WITH_IGNORED, {"ignore_index": -100}),
        (LABELS, {"class_weight": CLASS_WEIGHT}),
        (LABELS, {"class_weight": CLASS_WEIGHT, "label_smoothing": 0.2}),
        (WITH_IGNORED, {"class_weight": [1.0, 0.0, 2.0, 3.0], "label_smoothing": 0.1, "ignore_index": -100}),
        (SOFT, {}),
        (SOFT, {"class_weight": CLASS_WEIGHT, "label_smoothing": 0.3}),
    ],
)
def test_no_constant_probabilities_beat_the_prior(targets, options, asked, sample_weight):
    found = run("cross-entropy", LOGITS, targets, options, baselines=True, sample_weight=sample_weight, **asked)
    baselines = found.baselines

    def constant(probabilities):
        rows = np.tile(np.log(probabilities), (N, 1))
        return value("cross-entropy", rows, targets, options, sample_weight=sample_weight, **asked)

    assert baselines["uniform"].value == pytest.approx(constant(np.full(4, 0.25)), rel=1e-13)
    # The gradient of a constant's loss is -mass / p: from the uniform one it tells the masses.
    step = 1e-5
    up = [constant(np.exp(np.log(0.25) + step * np.eye(4)[c])) for c in range(4)]
    down = [constant(np.exp(np.log(0.25) - step * np.eye(4)[c])) for c in range(4)]
    # Logits are normalised, so that the slope is p_c · Σ mass - mass_c.
    total = baselines["uniform"].value / (math.log(4.0) / (math.log(2.0) if asked.get("base") else 1.0))
    per_nat = math.log(2.0) if asked.get("base") else 1.0
    mass = [0.25 * total - (u - d) / (2.0 * step) * per_nat for u, d in zip(up, down, strict=True)]
    prior = np.clip(np.array(mass) / total, 1e-12, None)
    assert baselines["prior"].value == pytest.approx(constant(prior / prior.sum()), rel=1e-7)
    assert baselines["prior"].skill == pytest.approx(1.0 - found.value / baselines["prior"].value, rel=1e-12)


def test_the_prior_is_the_entropy_of_the_frequencies():
    frequencies = np.bincount(LABELS) / N
    for loss, predictions in (
        ("nll", LOGITS - np.logaddexp.reduce(LOGITS, axis=1)[:, None]),
        ("cross-entropy", LOGITS),
    ):
        baselines = run(loss, predictions, LABELS, baselines=True).baselines
        assert baselines["prior"].value == pytest.approx(-(frequencies * np.log(frequencies)).sum(), rel=1e-14)
        assert baselines["uniform"].value == pytest.approx(math.log(4.0), rel=1e-15)
        assert ("temperature" in baselines) == (loss == "cross-entropy")


def test_what_the_prior_is_weighted_by_is_said():
    asked = {"class_weight": CLASS_WEIGHT}
    of = run("cross-entropy", LOGITS, LABELS, asked, baselines=True, sample_weight=WEIGHT).baselines["prior"].of
    assert of == "the frequencies of the labels, weighted by sample and class weights"


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("targets", [DRAWN, read_only(SHARES)], ids=["labels", "soft"])
def test_the_best_temperature_is_that_of_a_fine_grid(targets, sample_weight):
    best = run("cross-entropy", LOGITS, targets, baselines=True, sample_weight=sample_weight).baselines["temperature"]

    def at(temperature):
        return value("cross-entropy", LOGITS / temperature, targets, sample_weight=sample_weight)

    assert best.value == pytest.approx(at(best.temperature), rel=1e-14)
    assert best.temperature == pytest.approx(2.5, rel=0.2)
    assert best.value <= min(at(best.temperature * factor) for factor in np.exp(np.linspace(-0.5, 0.5, 101))) + 1e-12
    assert at(best.temperature * 1.001) > best.value < at(best.temperature / 1.001)


def test_a_temperature_beyond_the_range_is_said():
    sure = run("cross-entropy", 5.0 * np.eye(3), np.arange(3), baselines=True).baselines["temperature"]
    assert "beyond" in sure.of
    wrong = run("cross-entropy", -5.0 * np.eye(3), np.arange(3), baselines=True).baselines["temperature"]
    assert "beyond" in wrong.of
    assert wrong.value == pytest.approx(math.log(3.0), rel=1e-2)


def test_no_temperature_saves_an_infinite_loss():
    masked = run("cross-entropy", read_only([[0.0, -math.inf], [1.0, 0.0]]), read_only([1, 0]), baselines=True)
    assert masked.baselines["temperature"].value is None
    assert masked.baselines["uniform"].skill == -math.inf


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("shape", [(N,), (N, 3)], ids=["one", "three"])
@pytest.mark.parametrize(
    ("loss", "options"),
    [("bce", {}), ("sigmoid-cross-entropy", {}), ("weighted-cross-entropy", {"pos_weight": 4.0})],
)
def test_two_classes_have_a_rate_at_each_position(loss, options, shape, sample_weight):
    targets = read_only(RANDOM.random(shape) < [0.1, 0.4, 0.8][: shape[-1] if len(shape) > 1 else 1])
    targets = read_only(targets.reshape(shape), np.float64)
    scores = RANDOM.normal(size=shape)
    predictions = 1.0 / (1.0 + np.exp(-scores)) if loss == "bce" else scores
    found = run(loss, predictions, targets, options, baselines=True, sample_weight=sample_weight).baselines
    rate = np.average(targets, axis=0, weights=sample_weight)
    odds = options.get("pos_weight", 1.0) * rate / (1.0 - rate)
    constant = odds / (1.0 + odds) if loss == "bce" else np.log(odds)
    again = {"options": options, "sample_weight": sample_weight}
    prior = value(loss, np.broadcast_to(constant, shape).copy(), targets, **again)
    even = value(loss, np.full(shape, 0.5 if loss == "bce" else 0.0), targets, **again)
    assert found["prior"].value == pytest.approx(prior, rel=1e-12)
    assert found["uniform"].value == pytest.approx(even, rel=1e-12)


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("loss", ["mse", "l2", "huber", "pseudo-huber", "l1", "gaussian-nll"])
def test_numbers_are_met_by_their_mean_or_median(loss, sample_weight):
    targets = read_only(RANDOM.exponential(size=(N, 2)))
    options = {"std": 0.7} if loss == "gaussian-nll" else {}
    asked = {"options": options, "sample_weight": sample_weight}
    found = run(loss, targets + 0.1, targets, baselines=True, **asked).baselines["prior"]

    def at(constant):
        return value(loss, np.broadcast_to(constant, targets.shape).copy(), targets, **asked)

    mean = np.average(targets, axis=0, weights=sample_weight)
    if loss == "l1":
        assert found.value < at(mean)
        assert found.value <= min(at(target) for target in targets[::5]) + 1e-12
        assert found.of.startswith("the median of the targets at each position")
    else:
        assert found.value == pytest.approx(at(mean), rel=1e-13)


def test_signs_go_with_the_majority():
    found = run("hinge", np.zeros(5), read_only([1, 0, 0, 0, 1]), baselines=True).baselines["prior"]
    assert found.value == pytest.approx(2.0 * 2 / 5)


def test_a_median_of_equal_weights_is_the_median():
    for size in (1, 2, 7, 8):
        values = RANDOM.normal(size=(size, 3))
        np.testing.assert_allclose(weighted_median(values, np.ones(size)), np.median(values, axis=0), rtol=1e-15)
    repeats = RANDOM.integers(1, 5, 9)
    values = RANDOM.normal(size=9)
    assert weighted_median(values, repeats.astype(float)) == np.median(np.repeat(values, repeats))


@pytest.mark.parametrize("at", [-6.9, -2.0, -1e-4, 0.0, 0.3, 5.0])
def test_a_valley_is_found_in_few_steps(at):
    asked = []

    def valley(x):
        asked.append(x)
        return math.exp(0.3 * (x - at)) - 0.3 * (x - at)

    found, depth = least(valley, -7.0, 7.0, valley(0.0))
    assert found == pytest.approx(at, abs=1e-5)
    assert depth == pytest.approx(1.0, abs=1e-12)
    assert len(asked) < 40


def test_a_plain_is_left_after_a_while():
    assert least(lambda x: 1.0, -7.0, 7.0, 1.0) == (0.0, 1.0)


def test_skipped_samples_have_no_part():
    targets = read_only([1.0, np.nan, 3.0, 8.0])
    found = run("mse", np.zeros(4), targets, baselines=True, on_nan="skip").baselines["prior"]
    assert found.value == pytest.approx(np.var([1.0, 3.0, 8.0]), rel=1e-15)


V, T = 5, 7
SCORES = read_only(RANDOM.normal(scale=2.0, size=(40, T, V)))
TOKENS = read_only(RANDOM.choice(V, (40, T), p=[0.4, 0.3, 0.15, 0.1, 0.05]))
OF_TOKENS = [
    {},
    {"shift": 1},
    {"ignore_index": 4},
    {"shift": 1, "lengths": read_only(RANDOM.integers(2, T + 1, 40)), "prompt_lengths": read_only(np.full(40, 2))},
    {"mask": read_only(RANDOM.integers(0, 2, (40, T)))},
]


@pytest.mark.parametrize("sample_weight", [None, read_only(RANDOM.exponential(size=40))], ids=["", "weighted"])
@pytest.mark.parametrize("asked", [{}, {"reduction": "sum"}, {"base": "2"}], ids=["mean", "sum", "bits"])
@pytest.mark.parametrize("options", OF_TOKENS, ids=["all", "shift", "ignored", "prompts", "mask"])
def test_tokens_are_met_by_their_frequencies(options, asked, sample_weight):
    """What the baselines say is what a run over predictions without a context comes to."""
    options = {"kind": "logits", **options}
    asked = {"sample_weight": sample_weight, **asked}
    found = run("sequence-nll", SCORES, TOKENS, options, baselines=True, **asked)

    def constant(probabilities):
        rows = np.tile(np.log(probabilities), (40, T, 1))
        return value("sequence-nll", rows, TOKENS, {**options, "kind": "log-probs"}, **asked)

    uniform, prior, temperature = (found.baselines[name] for name in ("uniform", "prior", "temperature"))
    assert uniform.value == pytest.approx(constant(np.full(V, 1 / V)), rel=1e-13)
    scored = run("sequence-nll", SCORES, TOKENS, options, reduction="none", sample_weight=None)
    each = np.array(scored.value) > 0.0
    weight = np.broadcast_to(1.0 if sample_weight is None else sample_weight[:, np.newaxis], each.shape)
    share = np.bincount(TOKENS[each], weight[each], V) / weight[each].sum()
    with np.errstate(divide="ignore"):
        assert prior.value == pytest.approx(constant(share), rel=1e-12)
    for near in (1.1, 0.9):
        moved = share**near / (share**near).sum()
        with np.errstate(divide="ignore"):
            assert constant(moved) > prior.value
    assert prior.of.startswith("the frequencies of the scored tokens")
    cooled = value("sequence-nll", SCORES / temperature.temperature, TOKENS, options, **asked)
    assert temperature.value == pytest.approx(cooled, rel=1e-9)
    assert temperature.value <= found.value


def test_the_baselines_of_a_perplexity_are_perplexities():
    found = run("perplexity", SCORES, TOKENS, {"kind": "logits"}, baselines=True)
    nats = run("sequence-nll", SCORES, TOKENS, {"kind": "logits"}, baselines=True)
    assert found.baselines["uniform"].value == pytest.approx(V, rel=1e-14)
    for name in ("uniform", "prior", "temperature"):
        assert found.baselines[name].value == pytest.approx(math.exp(nats.baselines[name].value), rel=1e-9)
        assert found.baselines[name].skill == pytest.approx(1.0 - found.value / found.baselines[name].value, rel=1e-12)


def test_probabilities_of_chosen_tokens_know_no_vocabulary():
    with pytest.raises(UsageError, match="none for --kind token-probs"):
        run("sequence-nll", np.full((2, 3), 0.5), None, {"kind": "token-probs"}, baselines=True)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("ragged", [False, True])
def test_uniform_frames_count_the_paths_that_fit(kind, ragged):
    """The target 1, 2 in 4 frames of 3 classes: of 81 paths, those are counted here that read as it."""

    def reads(path):
        merged = [k for k, before in zip(path, (None, *path), strict=False) if k != before]
        return [k for k in merged if k] == [1, 2]

    fitting = sum(map(reads, itertools.product(range(3), repeat=4)))
    frames = np.random.default_rng(5).dirichlet(np.ones(3), (1, 4))
    if kind != "probs":
        frames = np.log(frames)
    if ragged:
        frames = [frames[0].tolist()]
    found = run("ctc", frames, [[1, 2]], {"kind": kind, "layout": "ntc", "mean_rule": "sample"}, baselines=True)
    assert found.baselines.keys() == {"uniform"}
    assert found.baselines["uniform"].value == pytest.approx(-math.log(fitting / 81), rel=1e-13)
    assert found.baselines["uniform"].skill == pytest.approx(1.0 - found.value / -math.log(fitting / 81), rel=1e-12)


def test_many_numbers_have_no_baseline():
    with pytest.raises(UsageError, match="one number"):
        run("mse", np.zeros(3), np.ones(3), baselines=True, reduction="none")


@pytest.mark.parametrize(
    ("loss", "predictions"), [("cross-entropy", LOGITS[:3]), ("bce", np.full(3, 0.5)), ("mse", np.zeros(3))]
)
def test_nothing_scored_has_no_baseline(loss, predictions):
    asked = {"on_empty": "zero", "sample_weight": np.zeros(3), "baselines": True, "by": np.arange(3)}
    found = run(loss, predictions, read_only([0, 1, 1]), **asked)
    assert {name: each.value for name, each in found.baselines.items()} == {"prior": None}
    assert found.groups.groups == []
