"""Groups: each is what a run over its samples alone would be, whatever the blocks, the weights and the labels."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.engine.groups import BATCH, MOST_GROUPS
from losscli.engine.plan import Request, compute
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import find
from losscli.numerics import ExactSums

RANDOM = np.random.default_rng(20261120)


def read_only(values, dtype=None):
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


def run(loss, predictions, targets, options=(), **asked):
    return compute(Request(find(loss), predictions, targets, dict(options), **asked))


def by_label(result):
    return {group.group: group for group in result.groups.groups}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 4)), min_size=1, max_size=60)
)
def test_sums_of_groups_are_exact(pairs):
    values, groups = read_only([v for v, _ in pairs]), read_only([g for _, g in pairs])
    sums = ExactSums()
    sums.widen(5)
    sums.add(values, groups)
    for group in range(5):
        exact = sum((Fraction(v) for v, g in pairs if g == group), Fraction(0))
        assert Fraction(sums[group].units, 2**1074) == exact


def test_sums_of_groups_keep_what_is_not_finite_apart():
    sums = ExactSums()
    sums.widen(3)
    sums.add(read_only([1.0, math.inf, math.nan, -math.inf, 2.0]), read_only([0, 1, 2, 1, 0]))
    assert sums[0].value() == 3.0
    assert math.isnan(sums[1].value())
    assert math.isnan(sums[2].value())


@pytest.mark.parametrize("weighted", [False, True])
def test_a_group_of_tiny_losses_has_its_spread_beside_others(weighted):
    losses, groups = read_only([1e-200, 3e-200, 0.0, 1.0, 2.0, 4.0]), read_only([0, 0, 0, 1, 1, 1])
    weight = read_only([1.0, 2.0, 3.0, 1.0, 5.0, 2.0]) if weighted else None
    found = by_label(run("l1", losses, np.zeros(6), by=groups, sample_weight=weight))
    for label in (0, 1):
        rows = groups == label
        alone = run("l1", losses[rows], np.zeros(3), sample_weight=weight if weight is None else weight[rows])
        assert found[label].standard_error == alone.statistics.standard_error > 0.0


@pytest.mark.parametrize("weighted", [False, True])
def test_a_group_is_a_run_over_its_samples(weighted):
    n = 3000
    predictions, targets = read_only(RANDOM.normal(size=n)), read_only(RANDOM.normal(size=n))
    site = read_only(RANDOM.integers(0, 7, n))
    weight = read_only(RANDOM.exponential(size=n)) if weighted else None
    whole = run("mse", predictions, targets, by=site, sample_weight=weight)
    found = by_label(whole)
    assert sorted(found) == list(range(7))
    for label, group in found.items():
        rows = site == label
        alone = run("mse", predictions[rows], targets[rows], sample_weight=weight[rows] if weighted else None)
        assert (group.samples, group.mean) == (rows.sum(), alone.value)
        assert (group.loss, group.weight) == (alone.numerator, alone.denominator)
        assert group.standard_error == alone.statistics.standard_error
        assert group.share == pytest.approx(alone.numerator / whole.numerator, rel=1e-15)
    assert sum(group.share for group in found.values()) == pytest.approx(1.0, rel=1e-14)
    totals = [group.loss for group in whole.groups.groups]
    assert totals == sorted(totals, reverse=True)


def test_blocks_threads_and_order_change_no_digit():
    n = 2 * BATCH + 17
    predictions, targets = read_only(RANDOM.normal(size=n)), read_only(RANDOM.normal(size=n))
    site = read_only(RANDOM.integers(0, 5, n))
    found = by_label(run("l1", predictions, targets, by=site))
    order = RANDOM.permutation(n)
    again = by_label(run("l1", predictions[order], targets[order], by=site[order], threads=1))
    assert found == again


def test_classes_leave_out_what_is_ignored_and_keep_the_weights_of_classes():
    scores = read_only(RANDOM.normal(size=(50, 3)))
    labels = read_only(RANDOM.choice([0, 1, 2, -100], 50))
    options = {"class_weight": [1.0, 2.0, 0.0], "ignore_index": -100}
    result = run("cross-entropy", scores, labels, options, by_class=True)
    found = by_label(result)
    assert sorted(found) == [0, 1]  # class 2 weighs nothing
    assert found[1].weight == 2.0 * (labels == 1).sum()
    assert result.numerator == pytest.approx(sum(group.loss for group in found.values()), rel=1e-15)


def test_a_skipped_sample_belongs_to_no_group():
    result = run("bce", read_only([0.2, np.nan, 0.9]), read_only([0, 1, 1]), on_nan="skip", by_class=True)
    assert {group.group: group.samples for group in result.groups.groups} == {0: 1, 1: 1}


def test_signs_are_classes():
    result = run("hinge", read_only([0.5, -2.0, 3.0]), read_only([1, -1, -1]), by_class=True)
    assert {group.group: group.loss for group in result.groups.groups} == {-1: 4.0, 1: 0.5}


def test_perplexity_of_a_group_is_that_of_its_tokens():
    scores, tokens = read_only(RANDOM.normal(size=(6, 4, 5))), read_only(RANDOM.integers(0, 5, (6, 4)))
    site = read_only([7, 8, 7, 8, 8, 7])
    found = by_label(run("perplexity", scores, tokens, by=site))
    for name in (7, 8):
        assert found[name].value == pytest.approx(
            run("perplexity", scores[site == name], tokens[site == name]).value, rel=1e-14
        )


def test_an_infinite_loss_stays_in_its_group():
    result = run("bce", read_only([0.0, 0.5, 0.5]), read_only([1, 1, 0]), by_class=True)
    first, second = result.groups.groups
    assert (first.group, first.loss, first.share, first.standard_error) == (1, math.inf, None, None)
    assert (second.mean, second.share) == (math.log(2.0), None)


@pytest.mark.parametrize("column", [[0.5, 0.5, 1.5], [True, False, True], [3.0, 4.0, 3.0]])
def test_numbers_and_booleans_name_groups(column):
    by = read_only(column)
    result = run("l1", read_only([1.0, 2.0, 4.0]), read_only([0.0, 0.0, 0.0]), by=by)
    assert {group.group for group in result.groups.groups} == set(column)


def test_names_of_samples_are_no_groups():
    n = MOST_GROUPS + 1
    with pytest.raises(DataError, match="more than 10,000 groups"):
        run("l1", np.zeros(n), np.ones(n), by=np.arange(n))


def test_a_group_that_is_nan_is_an_error():
    with pytest.raises(DataError, match=r"row 1.*NaN"):
        run("l1", np.zeros(3), np.ones(3), by=read_only([0.0, np.nan, 1.0]))


@pytest.mark.parametrize(
    ("loss", "predictions", "targets"),
    [
        ("mse", np.zeros(3), np.ones(3)),
        ("bce", np.full((3, 2), 0.5), np.ones((3, 2))),
        ("bce", np.full(3, 0.5), np.full(3, 0.3)),
        ("cross-entropy", np.zeros((3, 2)), np.full((3, 2), 0.5)),
        ("cross-entropy", np.zeros((3, 2, 4)), np.zeros((3, 4), np.int64)),
        ("sequence-nll", np.zeros((3, 2, 4)), np.zeros((3, 2), np.int64)),
    ],
)
def test_by_class_needs_one_label_a_sample(loss, predictions, targets):
    with pytest.raises(DataError, match="no single class"):
        run(loss, predictions, targets, by_class=True)


def test_two_ways_to_make_groups_are_one_too_many():
    with pytest.raises(UsageError, match="two ways"):
        run("hinge", np.zeros(2), np.ones(2), by=np.zeros(2), by_class=True)


def test_the_worst_percent():
    losses = RANDOM.exponential(size=1001)
    share = run("l1", losses, np.zeros(1001)).statistics.worst_percent
    assert share == pytest.approx(np.sort(losses)[-11:].sum() / losses.sum(), rel=1e-14)
    assert run("l1", losses[:99], np.zeros(99)).statistics.worst_percent is None
    assert run("l1", np.zeros(200), np.zeros(200)).statistics.worst_percent is None
    assert run("gaussian-nll", losses, np.zeros(1001), {"std": 0.01}).statistics.worst_percent is None


def test_the_margin_is_the_log_odds_to_the_best_other_class():
    scores = RANDOM.normal(size=(40, 4))
    labels = RANDOM.integers(0, 4, 40)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = odds / odds.sum(axis=1, keepdims=True)
    for predictions, kind in ((scores, "logits"), (probs, "probs"), (np.log(probs), "log-probs")):
        top = run("nll", predictions, labels, {"kind": kind}, top=40).top.columns
        for sample, margin in zip(top["sample"], top["margin"], strict=True):
            others = np.delete(probs[sample], labels[sample]).max()
            assert margin == pytest.approx(math.log(probs[sample, labels[sample]] / others), abs=1e-12)
