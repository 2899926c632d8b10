"""CTC as it is asked for: every way in, every mean, and each utterance against all of its paths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulps import read_only

import losscli
from losscli.engine import run

pytestmark = pytest.mark.filterwarnings("ignore::losscli.LossWarning")


def read(path, blank):
    """The labels that a path reads as: runs drawn together, blanks dropped."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def brute_force(probs, target, blank=0):
    """−log of the sum over all paths that read as the target: the definition."""
    classes = range(probs.shape[1])
    paths = (path for path in itertools.product(classes, repeat=len(probs)) if read(path, blank) == tuple(target))
    total = math.fsum(math.prod(frame[c] for frame, c in zip(probs.tolist(), path, strict=True)) for path in paths)
    return -math.log(total) if total else math.inf


def frames(rng, steps, number, classes):
    """Probabilities (T, N, C) of random frames, some of them sure."""
    logits = rng.normal(0.0, rng.choice([0.5, 2.0, 5.0]), (steps, number, classes))
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def padded(targets, fill):
    """The targets as an array (N, S)."""
    rows = np.full((len(targets), max(1, *map(len, targets))), fill)
    for row, target in zip(rows, targets, strict=True):
        row[: len(target)] = target
    return rows


def in_the_means(each, labels, rule, weights=1.0):
    """Numerator and denominator of a mean rule."""
    weights = np.broadcast_to(weights, len(each))
    if rule == "label":
        return math.fsum(weights * each), math.fsum(weights * labels)
    share = np.maximum(labels, 1) if rule == "torch" else 1.0
    return math.fsum(weights * each / share), math.fsum(weights)


@given(st.integers(0, 2**32 - 1))
def test_the_loss_is_the_sum_over_all_paths(seed):
    """Repeats, empty and impossible targets, any blank, lengths: within 1e-14 of the definition."""
    rng = np.random.default_rng(seed)
    steps, number, classes = rng.integers(1, 6), rng.integers(1, 4), rng.integers(2, 5)
    probs = frames(rng, steps, number, classes)
    blank = int(rng.integers(classes))
    labels = [c for c in range(classes) if c != blank]
    targets = [rng.choice(labels, rng.integers(0, steps + 2)).tolist() for _ in range(number)]
    input_lengths, target_lengths = rng.integers(0, steps + 1, number), [len(target) for target in targets]
    expected = [brute_force(probs[:t, n], targets[n], blank) for n, t in enumerate(input_lengths)]
    options = {
        "input_lengths": input_lengths,
        "target_lengths": target_lengths,
        "blank": blank,
        "reduction": "none",
    }
    for kind, scores in (("probs", probs), ("log-probs", np.log(probs)), ("logits", np.log(probs) + 3.0)):
        got = losscli.ctc(read_only(scores), padded(targets, labels[0]), kind=kind, **options)
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)

    result = losscli.compute(
        "ctc", probs, padded(targets, labels[0]), kind="probs", per_sample=True, **options | {"reduction": "sum"}
    )
    repeats = [sum(a == b for a, b in itertools.pairwise(target)) for target in targets]
    possible = [t >= len(target) + r for t, target, r in zip(input_lengths, targets, repeats, strict=True)]
    columns = result.per_sample.columns
    for name, values in (
        ("frames", input_lengths),
        ("labels", target_lengths),
        ("repeats", repeats),
        ("possible", possible),
    ):
        assert columns[name].tolist() == list(values), name
    assert np.isfinite(columns["loss"]).tolist() == possible
    assert result.extra["impossible"] == possible.count(False)
    assert result.value == pytest.approx(math.fsum(expected), rel=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rule", ["torch", "sample", "label"])
def test_the_three_means(rule, weighted):
    rng = np.random.default_rng(1)
    probs, targets = frames(rng, 9, 5, 4), [[1, 2, 3], [1, 1], [], [3], [2, 1, 2, 1]]
    labels = np.array([len(target) for target in targets])
    weights = np.array([1.0, 0.5, 2.0, 0.0, 3.0]) if weighted else None
    each = losscli.ctc(probs, targets, kind="probs", reduction="none")
    result = losscli.compute("ctc", probs, targets, kind="probs", mean_rule=rule, sample_weight=weights)
    numerator, denominator = in_the_means(each, labels, rule, 1.0 if weights is None else weights)
    assert result.numerator == pytest.approx(numerator, rel=1e-15)
    assert result.denominator == denominator
    assert result.value == pytest.approx(numerator / denominator, rel=1e-15)
    assert result.extra["mean_rule"].startswith(f"{rule}: ")
    total = losscli.compute("ctc", probs, targets, kind="probs", mean_rule=rule, sample_weight=weights, reduction="sum")
    assert total.value == total.numerator == pytest.approx(math.fsum(each * (1.0 if weights is None else weights)))


@pytest.mark.parametrize("weights", [[0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], ids=str)
def test_weights_of_0_in_a_whole_step(weights, monkeypatch):
    # The largest loss of none was asked for, which NumPy refuses: a traceback.
    monkeypatch.setattr(run, "STEP_NUMBERS", 1)
    monkeypatch.setattr(run, "RANGE_NUMBERS", 1)
    rng = np.random.default_rng(5)
    probs, targets = frames(rng, 6, 4, 3), [[1], [1, 2], [2], [2, 1]]
    each = losscli.ctc(probs, targets, kind="probs", reduction="none")
    if any(weights):
        numerator, denominator = in_the_means(each, np.array([1, 2, 1, 2]), "torch", weights)
        found = losscli.ctc(probs, targets, kind="probs", sample_weight=weights)
        assert found == pytest.approx(numerator / denominator, rel=1e-15)
    else:
        with pytest.raises(losscli.DataError, match="all 4 targets are ignored, skipped or of weight 0") as caught:
            losscli.ctc(probs, targets, kind="probs", sample_weight=weights)
        assert caught.value.hint.startswith("look at on_nan and the sample weights;")


@pytest.mark.parametrize("rule", ["torch", "sample", "label"])
def test_the_standard_error_is_that_of_the_mean(rule):
    """Of a ratio of two sums over utterances: by its residuals."""
    rng = np.random.default_rng(2)
    targets = [rng.integers(1, 4, rng.integers(1, 5)).tolist() for _ in range(30)]
    probs = frames(rng, 12, 30, 4)
    labels = np.array([len(target) for target in targets])
    each = losscli.ctc(probs, targets, kind="probs", reduction="none")
    numerators = each / labels if rule == "torch" else each
    weights = labels if rule == "label" else np.ones(30)
    residuals = numerators - numerators.sum() / weights.sum() * weights
    expected = math.sqrt(30 / 29 * (residuals**2).sum()) / weights.sum()
    result = losscli.compute("ctc", probs, targets, kind="probs", mean_rule=rule)
    assert result.statistics.standard_error == pytest.approx(expected, rel=1e-12)
    assert result.statistics.std == pytest.approx(each.std(ddof=1), rel=1e-12)
    assert result.statistics.max.value == each.max()


def test_an_empty_target_counts_where_losses_are_divided_by_labels():
    """It adds to the numerator, so that it belongs to the statistics too."""
    probs = frames(np.random.default_rng(3), 6, 3, 4)
    result = losscli.compute("ctc", probs, [[], [1], [2, 3]], kind="probs", mean_rule="label")
    each = losscli.ctc(probs, [[], [1], [2, 3]], kind="probs", reduction="none")
    assert result.value == pytest.approx(each.sum() / 3.0, rel=1e-15)
    assert result.statistics.max.value == each.max()
    assert result.statistics.median == np.median(each)


def test_infinite_losses_are_named_and_zeroed_only_on_request():
    rng = np.random.default_rng(4)
    probs = frames(rng, 4, 4, 3)
    probs[:, 2] = [1.0, 0.0, 0.0]
    targets = [[1], [1, 1, 1], [2], [2, 1]]
    result = losscli.compute("ctc", probs, targets, kind="probs")
    assert result.value == math.inf
    assert result.counts.nonfinite == 2
    assert (result.extra["impossible"], result.extra["zeroed"]) == (1, 0)
    assert "1 utterance has no alignment (the first: 1): fewer frames than labels and repeats" in result.warnings
    assert any("(the first: 1, 2): no path that reads as the target" in warning for warning in result.warnings)

    zeroed = losscli.compute("ctc", probs, targets, kind="probs", zero_infinity=True)
    each = losscli.ctc(probs, targets, kind="probs", zero_infinity=True, reduction="none")
    assert each[[1, 2]].tolist() == [0.0, 0.0]
    assert (each[[0, 3]] > 0.0).all()
    assert zeroed.value == pytest.approx((each / [1, 3, 1, 2]).sum() / 4.0)
    assert (zeroed.extra["impossible"], zeroed.extra["zeroed"]) == (1, 2)
    assert "--zero-infinity counts 2 infinite losses as 0, which stays in the denominator" in zeroed.warnings


def test_frames_behind_the_length_may_hold_anything():
    rng = np.random.default_rng(5)
    probs, targets, lengths = frames(rng, 8, 3, 4), [[1, 2], [3], [2, 2]], [8, 3, 5]
    expected = losscli.ctc(probs, targets, kind="probs", input_lengths=lengths, reduction="none")
    for junk in (np.nan, np.inf, -7.0, 1e300):
        dirty = probs.copy()
        dirty[3:, 1], dirty[5:, 2] = junk, junk
        got = losscli.ctc(dirty, targets, kind="probs", input_lengths=lengths, reduction="none")
        np.testing.assert_array_equal(got, expected)


def test_what_stands_behind_a_target_is_not_looked_at():
    probs = frames(np.random.default_rng(6), 8, 2, 4)
    expected = losscli.ctc(probs, [[1, 2], [3]], kind="probs", reduction="none")
    for tail in (0, -1, 99, 3):
        got = losscli.ctc(probs, [[1, 2, tail], [3, tail, tail]], kind="probs", target_lengths=[2, 1], reduction="none")
        np.testing.assert_array_equal(got, expected)
    for tail in (0, -1, -100):  # without lengths: trailing blanks and negative entries
        got = losscli.ctc(probs, [[1, 2, tail], [3, tail, tail]], kind="probs", reduction="none")
        np.testing.assert_array_equal(got, expected)


def test_blank_last_is_the_last_class():
    probs = frames(np.random.default_rng(7), 5, 2, 4)
    expected = [brute_force(probs[:, 0], [0, 1], 3), brute_force(probs[:, 1], [2, 2], 3)]
    for blank in ("last", 3, "3", 3.0):
        got = losscli.ctc(probs, [[0, 1], [2, 2]], kind="probs", blank=blank, reduction="none")
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_shapes_are_those_of_torch():
    probs = frames(np.random.default_rng(8), 5, 3, 4)
    assert losscli.ctc(probs, [[1], [2], [3]], kind="probs", reduction="none").shape == (3,)
    alone = losscli.ctc(probs[:, 0], [1], kind="probs", reduction="none")
    assert alone.shape == ()
    assert alone == losscli.ctc(probs, [[1], [2], [3]], kind="probs", reduction="none")[0]
    result = losscli.compute("ctc", probs, [1, 2, 3], kind="probs", target_lengths=[1, 1, 1])
    assert result.inputs["predictions"].shape == (5, 3, 4)
    assert result.inputs["targets"].shape == (3,)


@pytest.mark.parametrize("dtype", [">f8", "f4", ">f4", "f2", "i8", "i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_stored_types_and_orders_change_nothing_but_their_rounding(dtype, order):
    rng = np.random.default_rng(9)
    logits = np.array(rng.normal(0.0, 3.0, (7, 3, 5)).astype(dtype), order=order)
    targets = [[1, 2], [3, 3], [4]]
    exact = losscli.ctc(logits.astype(float), targets, kind="logits", reduction="none")
    np.testing.assert_array_equal(losscli.ctc(logits, targets, kind="logits", reduction="none"), exact)
    turned = np.array(logits.swapaxes(0, 1), order=order)
    np.testing.assert_array_equal(losscli.ctc(turned, targets, kind="logits", layout="ntc", reduction="none"), exact)


def test_nan_frames_by_policy():
    probs = frames(np.random.default_rng(10), 6, 3, 4)
    probs[2, 1, 3] = np.nan
    targets = [[1], [2], [3]]
    with pytest.raises(losscli.DataError, match="utterance 1: the value is NaN"):
        losscli.ctc(probs, targets, kind="probs")
    each = losscli.ctc(probs, targets, kind="probs", on_nan="propagate", reduction="none")
    assert np.isnan(each).tolist() == [False, True, False]
    skipped = losscli.compute("ctc", probs, targets, kind="probs", on_nan="skip")
    kept = losscli.compute("ctc", probs[:, ::2], targets[::2], kind="probs")
    assert (skipped.value, skipped.counts.skipped, skipped.denominator) == (kept.value, 1, 2.0)
    assert skipped.extra == kept.extra


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("numbers", [1, 300])
def test_neither_blocks_nor_threads_change_a_digit(monkeypatch, threads, numbers):
    rng = np.random.default_rng(11)
    targets = [rng.integers(1, 5, rng.integers(0, 6)).tolist() for _ in range(20)]
    lengths = rng.integers(0, 13, 20)
    probs = frames(rng, 12, 20, 5)
    lists = [np.ascontiguousarray(probs[:length, n]) for n, length in enumerate(lengths)]

    def results(**options):
        options = {"kind": "probs", "top": 3, "zero_infinity": True} | options
        found = [
            losscli.compute("ctc", probs, targets, input_lengths=lengths, **options),
            losscli.compute("ctc", lists, targets, **options),
        ]
        return [
            (r.value, r.extra, r.counts, r.statistics, r.warnings, {k: v.tolist() for k, v in r.top.columns.items()})
            for r in found
        ]

    padded_result, ragged_result = expected = results(threads=1)
    assert padded_result == ragged_result
    monkeypatch.setattr(run, "STEP_NUMBERS", numbers)
    monkeypatch.setattr(run, "RANGE_NUMBERS", 2 * numbers)
    assert results(threads=threads) == expected


def test_ten_thousand_frames_do_not_underflow():
    """One class a frame, all alike: the number of alignments is a binomial coefficient."""
    steps, labels = 10_000, 40
    frame = np.full((steps, 1, 3), 1.0 / 3.0)
    target = np.tile([1, 2], labels // 2)
    # A path places 40 runs of labels among runs of blanks that may be empty: choose their borders.
    alignments = math.comb(steps + labels, 2 * labels)
    expected = steps * math.log(3.0) - math.log(alignments)
    got = losscli.ctc(frame, [target.tolist()], kind="probs", reduction="sum")
    assert got == pytest.approx(expected, rel=1e-13)
