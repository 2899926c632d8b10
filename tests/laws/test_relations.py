"""Laws between losses, between kinds of predictions, and of where a loss is least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from batches import CLASSES, LABELS, LAW, STEPS, Batch, as_kind, class_axis, has_classes, locked, variants
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.losses.contracts import Alignment, Classes, Elementwise, Tokens

CERTAIN = 800.0
"""A logit so sure that its loss is below the smallest number: e^-800 is 0."""


def of_a_density(variant):
    """Whether the loss is that of a density, which may exceed 1: the loss may be negative."""
    return variant.loss.family == "likelihood"


plain = pytest.mark.parametrize("variant", variants(lambda v: v.plain and not of_a_density(v)), ids=str)
densities = pytest.mark.parametrize("variant", variants(of_a_density), ids=str)
classes = pytest.mark.parametrize("variant", variants(lambda v: has_classes(v.loss)), ids=str)


def hard(batch: Batch) -> Batch:
    """The batch with its soft targets made 0 or 1."""
    contract = batch.loss.contract
    if isinstance(contract, (Tokens, Alignment)):
        return batch
    if isinstance(contract, Classes):
        if batch.targets.dtype.kind == "f":
            index = batch.targets.argmax(axis=1)
            return replace(batch, targets=locked(np.moveaxis(np.eye(CLASSES)[index], -1, 1)))
    elif contract.target.high == 1.0:
        return replace(batch, targets=locked(np.round(batch.targets)))
    return batch


def perfect(batch: Batch) -> Batch:
    """The best predictions of hard targets there are."""
    contract, targets = batch.loss.contract, batch.targets
    if isinstance(contract, Classes):
        share = targets if targets.dtype.kind == "f" else np.moveaxis(np.eye(CLASSES)[targets], -1, 1)
        predictions = np.where(share == 1.0, 0.0, -CERTAIN)
    elif isinstance(contract, Tokens):
        predictions = np.where(np.eye(CLASSES)[targets] == 1.0, 0.0, -CERTAIN)
    elif isinstance(contract, Alignment):  # each label in a frame of its own, and blanks between and behind them
        path = np.zeros((len(targets), STEPS), int)
        path[:, : 2 * LABELS : 2] = targets
        for row, length in enumerate(batch.options.get("target_lengths", [LABELS] * len(targets))):
            path[row, 2 * length :] = 0
        predictions = np.where(np.eye(CLASSES)[path] == 1.0, 0.0, -CERTAIN)
    elif contract.target.signs:
        predictions = CERTAIN * targets
    elif contract.prediction.noun == "logits":
        predictions = CERTAIN * (2.0 * targets - 1.0)
    else:
        predictions = targets.astype(float)
    return replace(batch, predictions=locked(predictions))


@plain
def test_the_perfect_prediction_costs_nothing_and_no_other_less(variant):
    @LAW
    @given(variant.batches())
    def law(batch):
        batch = hard(batch)
        best = perfect(batch).elements()
        np.testing.assert_array_equal(best, 0.0)
        assert not np.signbit(best).any()
        assert (batch.elements() >= 0.0).all()

    law()


@densities
def test_no_prediction_is_likelier_than_the_target_itself(variant):
    @LAW
    @given(variant.batches())
    def law(batch):
        assert (perfect(batch).elements() <= batch.elements()).all()

    law()


@pytest.mark.parametrize("seed", range(5))
def test_soft_targets_are_best_met_by_themselves(seed):
    """Gibbs: the cross-entropy is at least the entropy, which predicting the target attains."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(CLASSES, 0.5), 30)
    least = losscli.cross_entropy(shares, shares, kind="probs", reduction="none")
    for other in (rng.dirichlet(np.ones(CLASSES), 30), 0.99 * shares + 0.01 / CLASSES):
        assert (losscli.cross_entropy(other, shares, kind="probs", reduction="none") > least).all()
    labels = rng.uniform(0.01, 0.99, 30)
    least = losscli.bce(labels, labels, reduction="none")
    assert (losscli.bce(0.9 * labels + 0.05, labels, reduction="none") >= least).all()
    logits = np.log(labels) - np.log1p(-labels)
    np.testing.assert_allclose(losscli.sigmoid_cross_entropy(logits, labels, reduction="none"), least, rtol=1e-14)
    assert (losscli.sigmoid_cross_entropy(logits + 0.1, labels, reduction="none") > least).all()


@pytest.mark.parametrize(
    "variant",
    variants(lambda v: isinstance(v.loss.contract, Elementwise) and v.loss.contract.prediction.noun == "values"),
    ids=str,
)
def test_losses_of_a_residual_know_nothing_else(variant):
    """Whole numbers, so that the residual stays exact where both sides are shifted or negated."""

    @LAW
    @given(variant.batches(), st.integers(-1000, 1000))
    def law(batch, shift):
        whole = replace(batch, predictions=np.trunc(batch.predictions), targets=np.trunc(batch.targets))
        moved = replace(whole, predictions=whole.predictions + shift, targets=whole.targets + shift)
        negated = replace(whole, predictions=-whole.predictions, targets=-whole.targets)
        swapped = replace(whole, predictions=whole.targets, targets=whole.predictions)
        for other in (moved, negated, swapped):
            np.testing.assert_array_equal(other.elements(), whole.elements())

    law()


@classes
def test_a_constant_added_to_all_logits_changes_nothing(variant):
    """Logits and shift are multiples of 2^-20, so that no digit is lost by the shift itself.

    The exponentials are taken as they stand, with their own roundings: a few units in the last place.
    """

    @LAW
    @given(variant.batches(), st.integers(-(2**20), 2**20))
    def law(batch, shift):
        logits = np.round(np.clip(batch.predictions, -50.0, 50.0) * 2**20) / 2**20
        at_home = replace(batch, predictions=locked(logits)).with_options(kind="logits")
        shifted = replace(at_home, predictions=locked(logits + shift))
        np.testing.assert_allclose(shifted.elements(), at_home.elements(), rtol=8 * 2**-52, atol=0.0)

    law()


@classes
def test_kinds_of_the_same_predictions_agree(variant):
    @LAW
    @given(variant.batches(), st.integers(0, 2**32 - 1))
    def law(batch, seed):
        logits = np.random.default_rng(seed).uniform(-30.0, 30.0, batch.predictions.shape)
        first, *others = (
            replace(batch, predictions=locked(as_kind(logits, kind, class_axis(batch.loss))))
            .with_options(kind=kind)
            .elements()
            for kind in ("logits", "log-probs", "probs")
        )
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-15)

    law()


@classes
def test_the_order_of_classes_is_a_matter_of_names(variant):
    @LAW
    @given(variant.batches(), st.permutations(range(CLASSES)))
    def law(batch, order):
        options = dict(batch.options)
        if "class_weight" in options:
            options["class_weight"] = options["class_weight"][order]
        soft = batch.targets.dtype.kind == "f"
        targets = batch.targets[:, order] if soft else np.argsort(order)[batch.targets]
        if isinstance(batch.loss.contract, Alignment):
            options["blank"] = int(np.argsort(order)[0])
        predictions = np.take(batch.predictions, order, axis=class_axis(batch.loss))
        renamed = replace(batch, predictions=predictions, targets=targets, options=options)
        np.testing.assert_allclose(renamed.elements(), batch.elements(), rtol=4e-15)

    law()


@pytest.mark.parametrize("variant", variants(lambda v: isinstance(v.loss.contract, Classes) and v.deep), ids=str)
def test_the_class_axis_may_be_anywhere(variant):
    @LAW
    @given(variant.batches(min_size=2))
    def law(batch):
        last = replace(batch, predictions=np.moveaxis(batch.predictions, 1, -1))
        if batch.targets.dtype.kind == "f":
            last = replace(last, targets=np.moveaxis(batch.targets, 1, -1))
        for axis in (-1, batch.predictions.ndim - 1):
            np.testing.assert_array_equal(last.elements(class_axis=axis), batch.elements())

    law()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_an_index_is_a_one_hot_row(weighted, smoothing):
    rng = np.random.default_rng(8)
    logits, labels = rng.normal(0, 5, (40, CLASSES)), rng.integers(0, CLASSES, 40)
    options = {"class_weight": [0.5, 2.0, 0.0, 1.0] if weighted else None, "label_smoothing": smoothing}
    by_index = losscli.cross_entropy(logits, labels, reduction="none", **options)
    by_row = losscli.cross_entropy(logits, np.eye(CLASSES)[labels], reduction="none", **options)
    np.testing.assert_allclose(by_row, by_index, rtol=1e-15)


def test_cross_entropy_is_nll_of_log_softmax():
    rng = np.random.default_rng(9)
    logits, labels = rng.normal(0, 5, (40, CLASSES, 2)), rng.integers(0, CLASSES, (40, 2))
    for weight in (None, [0.5, 2.0, 0.0, 1.0]):
        for reduction in ("none", "mean", "sum"):
            options = {"class_weight": weight, "ignore_index": 3, "reduction": reduction}
            first = losscli.cross_entropy(logits, labels, **options)
            np.testing.assert_array_equal(losscli.nll(logits, labels, kind="logits", **options), first)
            log_probs = as_kind(logits, "log-probs")
            np.testing.assert_allclose(losscli.nll(log_probs, labels, **options), first, rtol=1e-14)


# Limits between losses.

scores = st.lists(st.floats(-600.0, 600.0, allow_subnormal=False), min_size=1, max_size=12)
shares = st.floats(0.0, 1.0, allow_subnormal=False)


def each(name, *inputs, **options):
    return getattr(losscli, name)(*inputs, reduction="none", **options)


@given(st.lists(st.tuples(st.floats(-700.0, 0.0), shares), min_size=1, max_size=12))
def test_bce_of_a_sigmoid_is_the_sigmoid_cross_entropy(pairs):
    """For p up to ½: above, 1 - p has lost digits before bce sees it."""
    logits, labels = map(np.array, zip(*pairs, strict=True))
    got = each("bce", 1.0 / (1.0 + np.exp(-logits)), labels)
    np.testing.assert_allclose(got, each("sigmoid_cross_entropy", logits, labels), rtol=1e-14)


@given(scores, st.data())
def test_two_classes_are_one_logit(logits, data):
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(logits), max_size=len(logits))))
    pairs = np.stack([np.zeros(len(logits)), logits], axis=1)
    expected = each("sigmoid_cross_entropy", np.array(logits), labels)
    np.testing.assert_allclose(each("cross_entropy", pairs, labels), expected, rtol=1e-15, atol=5e-324)


@given(scores, st.data())
def test_a_weight_of_one_is_none(logits, data):
    labels = np.array(data.draw(st.lists(shares, min_size=len(logits), max_size=len(logits))))
    expected = each("sigmoid_cross_entropy", np.array(logits), labels)
    for options in ({}, {"pos_weight": 1}):  # the terms are the same, and added in another order
        got = each("weighted_cross_entropy", np.array(logits), labels, **options)
        np.testing.assert_allclose(got, expected, rtol=8 * 2**-52, atol=0.0)


def test_a_list_of_positive_weights_runs_along_the_last_axis():
    rng = np.random.default_rng(10)
    logits, labels = rng.normal(0, 3, (7, 2, 3)), rng.uniform(0, 1, (7, 2, 3))
    weights = [0.5, 1.0, 4.0]
    got = each("weighted_cross_entropy", logits, labels, pos_weight=weights)
    for position, weight in enumerate(weights):
        alone = each("weighted_cross_entropy", logits[..., position], labels[..., position], pos_weight=weight)
        np.testing.assert_array_equal(got[..., position], alone)


residuals = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=12).map(np.array)


@given(residuals)
def test_huber_of_a_wide_delta_is_half_the_square_and_of_a_narrow_one_the_absolute(residual):
    zero = np.zeros_like(residual)
    half = 0.5 * each("l2", residual, zero)
    np.testing.assert_allclose(each("huber", residual, zero, delta=1e9), half, rtol=1e-15, atol=5e-324)
    narrow = each("huber", residual, zero, delta=1e-9) / 1e-9
    np.testing.assert_allclose(narrow, each("l1", residual, zero), rtol=1e-14, atol=1e-9)


@given(residuals)
def test_pseudo_huber_has_the_same_limits_and_lies_below(residual):
    zero = np.zeros_like(residual)
    half = 0.5 * each("l2", residual, zero)
    np.testing.assert_allclose(each("pseudo_huber", residual, zero, delta=1e20), half, rtol=1e-15, atol=5e-324)
    narrow = each("pseudo_huber", residual, zero, delta=1e-20) / 1e-20
    np.testing.assert_allclose(narrow, each("l1", residual, zero), rtol=1e-14, atol=1e-20)
    for delta in (0.1, 1.0, 1e3):
        above = each("huber", residual, zero, delta=delta)
        assert (each("pseudo_huber", residual, zero, delta=delta) <= above * (1 + 1e-15)).all()


def test_mse_is_the_mean_of_l2():
    rng = np.random.default_rng(11)
    a, b = rng.normal(0, 3, (2, 50, 4))
    assert losscli.mse(a, b) == losscli.l2(a, b)
    np.testing.assert_array_equal(each("mse", a, b), each("l2", a, b))


@given(scores)
def test_hinge_takes_either_coding_of_the_labels(values):
    values = np.array(values)
    signs = np.where(np.arange(len(values)) % 2 == 0, -1, 1)
    np.testing.assert_array_equal(each("hinge", values, signs), each("hinge", values, (signs + 1) // 2))
    np.testing.assert_array_equal(each("hinge", values, signs), each("hinge", -values, -signs))
