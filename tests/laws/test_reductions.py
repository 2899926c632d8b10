"""Laws of what is made of the elements: sums, means, weights, order, blocks and threads."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from batches import CLASSES, LAW, Batch, locked, variants, variants_of
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.engine import run
from losscli.losses.catalogue import catalogue
from losscli.losses.contracts import Classes, Tokens

every = pytest.mark.parametrize("variant", variants(), ids=str)
plain = pytest.mark.parametrize("variant", variants(lambda v: v.plain), ids=str)
indexed = pytest.mark.parametrize(
    "variant", variants(lambda v: isinstance(v.loss.contract, Classes) and not v.soft), ids=str
)
ignorable = pytest.mark.parametrize(
    "variant",
    variants(
        lambda v: (
            any(p.name == "ignore_index" for p in v.loss.parameters)
            and not v.soft
            and not (v.optioned and isinstance(v.loss.contract, Tokens))
        )  # where padding is left out as well
    ),
    ids=str,
)
of_mean = pytest.mark.parametrize(
    "variant", [v for loss in catalogue().values() if loss.of_mean for v in variants_of(loss)], ids=str
)


def test_every_loss_takes_part():
    taking_part = {variant.loss.name for variant in variants()}
    made_of_a_mean = {loss.name for loss in catalogue().values() if loss.of_mean}
    assert set(catalogue()) == taking_part | made_of_a_mean


@of_mean
def test_a_loss_made_of_a_mean_is_that_of_the_loss_below_it(variant):
    """So that every law of the mean is one of it: the mean's bits decide its own."""
    [below] = [loss for loss in catalogue().values() if loss.contract == variant.loss.contract and not loss.of_mean]

    @LAW
    @given(variant.batches(), st.sampled_from([None, 2.0]))
    def law(batch, weight):
        if weight:
            batch = batch.with_options(sample_weight=np.arange(1.0, len(batch) + 1) * weight)
        found, mean = batch.result(), dataclasses.replace(batch, loss=below).result()
        assert found.value == variant.loss.of_mean(mean.value)
        assert (found.numerator, found.denominator) == (mean.numerator, mean.denominator)
        assert found.counts == mean.counts
        for other in ("sum", "none"):
            with pytest.raises(losscli.UsageError, match="made of a mean"):
                batch.result(reduction=other)

    law()


def exactly(values):
    return sum(map(Fraction, np.ravel(values).tolist()), Fraction(0))


def same_reductions(one, other):
    assert one.reductions == other.reductions
    assert (one.numerator, one.denominator) == (other.numerator, other.denominator)


@every
def test_sum_and_mean_are_the_rounded_sums_of_the_elements(variant):
    @LAW
    @given(variant.batches())
    def law(batch):
        elements = batch.elements()
        result = batch.result(per_sample=True)
        weight = exactly(result.per_sample.columns["weight"])
        assert result.denominator == float(weight)
        if np.isfinite(elements).all():
            total = exactly(elements)
            assert result.numerator == result.reductions["sum"] == float(total)
            assert result.value == result.reductions["mean"] == float(total / weight)
        else:
            assert result.numerator == result.reductions["sum"] == result.value == math.inf
        assert batch.result(reduction="sum").value == result.numerator

    law()


@every
def test_a_sample_s_loss_is_the_sum_of_its_elements(variant):
    @LAW
    @given(variant.batches())
    def law(batch):
        elements = batch.elements().reshape(len(batch), -1)
        samples = batch.result(per_sample=True).per_sample
        np.testing.assert_array_equal(samples.columns["sample"], range(len(batch)))
        np.testing.assert_allclose(samples.columns["loss"], elements.sum(axis=1), rtol=1e-15)

    law()


@every
def test_order_of_samples_changes_nothing_but_the_order(variant):
    @LAW
    @given(st.data(), variant.batches(min_size=2))
    def law(data, batch):
        order = data.draw(st.permutations(range(len(batch))))
        shuffled = batch.rows(order)
        np.testing.assert_array_equal(shuffled.elements(), batch.elements()[order])
        one, other = batch.result(), shuffled.result()
        same_reductions(one, other)
        for name in ("std", "standard_error", "median"):
            assert getattr(one.statistics, name) == getattr(other.statistics, name)
        assert one.statistics.max.value == other.statistics.max.value
        assert one.counts == other.counts

    law()


@every
def test_duplication_leaves_the_mean_and_doubles_the_sum(variant):
    @LAW
    @given(variant.batches(max_size=6))
    def law(batch):
        once, twice = batch.result(), batch.rows([*range(len(batch))] * 2).result()
        assert twice.reductions["mean"] == once.reductions["mean"]
        assert twice.reductions["sum"] == 2 * once.reductions["sum"]
        assert twice.denominator == 2 * once.denominator

    law()


@every
def test_equal_sample_weights_are_none(variant):
    @LAW
    @given(variant.batches(), st.sampled_from([1.0, 2.0, 0.125, 2.0**40]))
    def law(batch, weight):
        weighted = batch.with_options(sample_weight=np.full(len(batch), weight)).result()
        result = batch.result()
        assert weighted.reductions["mean"] == result.reductions["mean"]
        assert weighted.reductions["sum"] == weight * result.reductions["sum"]
        assert weighted.denominator == weight * result.denominator
        assert weighted.counts == result.counts

    law()


@every
def test_a_sample_weight_of_zero_removes_the_sample(variant):
    @LAW
    @given(st.data(), variant.batches(min_size=2))
    def law(data, batch):
        weight = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=len(batch),
                                             max_size=len(batch)).filter(any)))  # fmt: skip
        weighted = batch.with_options(sample_weight=locked(weight))
        kept = np.flatnonzero(weight)
        one, other = weighted.result(), weighted.rows(kept).result()
        same_reductions(one, other)
        for name in ("std", "standard_error", "median"):
            assert getattr(one.statistics, name) == getattr(other.statistics, name)
        assert one.statistics.min.sample == kept[other.statistics.min.sample]
        np.testing.assert_array_equal(weighted.elements()[weight == 0], 0.0)

    law()


@every
def test_sample_weights_are_shares(variant):
    """Mean = Σ w·loss / Σ w·weight, unchanged where all weights are scaled."""

    @LAW
    @given(st.data(), variant.batches())
    def law(data, batch):
        weight = np.array(data.draw(st.lists(st.integers(1, 9).map(float), min_size=len(batch), max_size=len(batch))))
        weighted = batch.with_options(sample_weight=weight)
        repeated = batch.rows(np.repeat(np.arange(len(batch)), weight.astype(int)))
        assert weighted.result().value == pytest.approx(repeated.result().value, rel=1e-14, abs=0)
        assert weighted.result().denominator == repeated.result().denominator
        scaled = batch.with_options(sample_weight=8 * weight)
        assert scaled.result().value == weighted.result().value
        spread = weight.reshape(-1, *[1] * (batch.elements().ndim - 1))
        np.testing.assert_array_equal(weighted.elements(), spread * batch.elements())

    law()


@ignorable
def test_ignored_is_removed(variant):
    @LAW
    @given(st.data(), variant.batches(min_size=2))
    def law(data, batch):
        ignored = np.array(data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch))
                                     .filter(lambda mask: not all(mask))))  # fmt: skip
        targets = batch.targets.copy()
        targets[ignored] = -100
        predictions = batch.predictions.copy()
        predictions[ignored] = math.nan  # what is not scored may hold anything
        asked = Batch(batch.loss, locked(predictions), locked(targets), {**batch.options, "ignore_index": -100})
        one, other = asked.result(), batch.rows(np.flatnonzero(~ignored)).result()
        same_reductions(one, other)
        assert one.counts.ignored == ignored.sum() * targets[0].size
        assert one.counts.scored == other.counts.scored
        np.testing.assert_array_equal(asked.elements()[ignored], 0.0)

    law()


@indexed
def test_a_class_weight_of_zero_removes_the_class_from_the_mean(variant):
    @LAW
    @given(variant.batches(min_size=3).filter(lambda b: not (b.targets == 2).all()))
    def law(batch):
        weight = np.ones(CLASSES)
        weight[2] = 0.0
        by_weight = batch.with_options(class_weight=weight, **no_smoothing(batch)).result()
        by_label = batch.with_options(ignore_index=2, class_weight=None, **no_smoothing(batch)).result()
        same_reductions(by_weight, by_label)

    law()


def no_smoothing(batch):
    return {"label_smoothing": 0.0} if "label_smoothing" in batch.loss.own_options else {}


def everything(result):
    """All fields of a result, arrays and all."""
    return dataclasses.asdict(result)


@every
@pytest.mark.parametrize("weighted", [False, True])
def test_neither_blocks_nor_threads_change_a_digit(variant, weighted, monkeypatch):
    rng = np.random.default_rng(5)

    @settings(LAW, max_examples=3)
    @given(variant.batches(min_size=9, max_size=20))
    def law(batch):
        if weighted:
            batch = batch.with_options(sample_weight=rng.integers(0, 3, len(batch)) + 0.1)
        if isinstance(batch.loss.contract, Classes) and batch.targets.dtype.kind == "i":
            batch = batch.with_options(ignore_index=int(batch.targets.flat[0]), on_empty="nan")
        whole = everything(batch.result(per_sample=True, top=4, threads=1))
        elements = batch.elements()
        with monkeypatch.context() as patch:
            for step, size, threads in ((1, 1, 1), (1, 40, 2), (24, 24, 3), (30, 100, 1), (100, 70, 2)):
                patch.setattr(run, "STEP_NUMBERS", step)
                patch.setattr(run, "RANGE_NUMBERS", size)
                np.testing.assert_equal(everything(batch.result(per_sample=True, top=4, threads=threads)), whole)
                np.testing.assert_array_equal(batch.elements(threads=threads), elements)

    law()


@plain
def test_a_single_sample(variant):
    @LAW
    @given(variant.batches(min_size=1, max_size=1))
    def law(batch):
        result = batch.result()
        assert result.counts.samples == 1
        assert result.statistics.std is None
        assert result.statistics.standard_error is None
        assert result.statistics.min == result.statistics.max
        assert result.value == pytest.approx(batch.elements().mean(), rel=1e-14, abs=0)

    law()


@plain
@pytest.mark.parametrize(("base", "unit"), [("2", 2.0), ("10", 10.0)])
def test_another_base_is_another_unit(variant, base, unit):
    @LAW
    @given(variant.batches())
    def law(batch):
        if variant.loss.in_nats:
            np.testing.assert_allclose(batch.elements(base=base), batch.elements() / math.log(unit), rtol=1e-15)
        else:
            with pytest.raises(losscli.UsageError, match="no logarithm"):
                batch.elements(base=base)

    law()
