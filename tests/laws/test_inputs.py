"""Laws of how arrays come in: their type, their layout in memory, their shape, and what is no number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from batches import LAW, Batch, class_axis, has_classes, kind_of, locked, variants
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.losses.contracts import Alignment, Elementwise, Tokens

every = pytest.mark.parametrize("variant", variants(), ids=str)
plain = pytest.mark.parametrize("variant", variants(lambda v: v.plain), ids=str)
shallow = pytest.mark.parametrize(
    "variant",
    variants(lambda v: v.plain and not v.deep and not isinstance(v.loss.contract, Tokens | Alignment)),
    ids=str,
)


def same_bits(one: np.ndarray, other: np.ndarray) -> None:
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes()


def stored(batch: Batch, change) -> Batch:
    """The batch with both arrays stored in another way."""
    return replace(batch, predictions=locked(change(batch.predictions)), targets=locked(change(batch.targets)))


def tolerant(batch: Batch) -> Batch:
    """Rows of narrow floats are further from a sum of 1 than the narrowest tolerance."""
    return batch.with_options(row_sum_tolerance=0.1) if has_classes(batch.loss) else batch


@every
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_floats_give_the_float64_result_of_the_stored_values(variant, dtype):
    @LAW
    @given(variant.batches())
    def law(batch):
        batch = tolerant(batch)
        narrow = replace(batch, predictions=locked(batch.predictions.astype(dtype)))
        wide = replace(batch, predictions=locked(narrow.predictions.astype(np.float64)))
        same_bits(narrow.elements(), wide.elements())
        assert narrow.result().reductions == wide.result().reductions

    law()


@every
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_integers_are_numbers(variant, dtype):
    """Narrow integers too, whose differences would wrap."""
    contract = variant.loss.contract
    certain = kind_of(variant.loss) == "log-probs"
    unit = isinstance(contract, Elementwise) and contract.prediction.high == 1.0
    low, high = (0, 1) if certain or unit else (-128, 127)

    @LAW
    @given(variant.batches(), st.integers(0, 2**32 - 1))
    def law(batch, seed):
        whole = np.random.default_rng(seed).integers(low, high, batch.predictions.shape, endpoint=True)
        if certain:  # log-probabilities of a certain first class
            classes = np.moveaxis(whole, class_axis(batch.loss), 0)
            classes[0], classes[1:] = 0, -100
        narrow = replace(batch, predictions=locked(whole.astype(dtype)))
        wide = replace(batch, predictions=locked(whole.astype(np.float64)))
        same_bits(narrow.elements(), wide.elements())

    law()


@plain
def test_labels_may_be_of_any_type_that_holds_them(variant):
    @LAW
    @given(variant.batches())
    def law(batch):
        if batch.targets.dtype.kind != "i":
            return
        expected = batch.elements()
        types = ["int8", "int32", "float64", "float32", ">i4"]
        types += ["uint8", "bool"] if set(np.unique(batch.targets)) <= {0, 1} else []
        for dtype in types:
            same_bits(replace(batch, targets=locked(batch.targets.astype(dtype))).elements(), expected)

    law()


LAYOUTS = {
    "fortran": np.asfortranarray,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "strided inside": lambda a: np.repeat(a, 3, axis=-1)[..., ::3],
    "writeable": np.copy,
}


@every
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_in_memory_changes_no_bit(variant, layout):
    @LAW
    @given(variant.batches(max_size=20))
    def law(batch):
        other = stored(batch, LAYOUTS[layout])
        same_bits(other.elements(), batch.elements())
        assert other.result().reductions == batch.result().reductions

    law()


@pytest.mark.parametrize("classes", [9, 130, 1000])
@pytest.mark.parametrize("order", ["C", "F"])
def test_many_classes_in_any_layout_give_the_same_bits(classes, order):
    """Sums over classes are pairwise in one layout and may not be in another."""
    rng = np.random.default_rng(classes)
    logits, labels = rng.normal(0, 3, (50, classes)), rng.integers(0, classes, 50)
    shares = rng.dirichlet(np.ones(classes), 50)
    for targets in (labels, shares):
        for options in ({}, {"label_smoothing": 0.1}):
            expected = losscli.cross_entropy(logits, targets, reduction="none", **options)
            got = losscli.cross_entropy(np.array(logits, order=order), targets, reduction="none", **options)
            same_bits(got, expected)
            moved = losscli.cross_entropy(
                np.array(logits[:, :, np.newaxis], order=order),
                targets.reshape(*targets.shape, 1),
                reduction="none",
                **options,
            )
            same_bits(moved[:, 0], expected)
            alone = [
                losscli.cross_entropy(logits[i : i + 1], targets[i : i + 1], reduction="none", **options)[0]
                for i in range(50)
            ]
            same_bits(np.array(alone), expected)


@shallow
def test_a_column_is_a_vector(variant):
    @LAW
    @given(variant.batches())
    def law(batch):
        expected = batch.result()
        columns = [(False, True)] if batch.targets.dtype.kind == "i" or batch.targets.ndim == 1 else []
        if isinstance(batch.loss.contract, Elementwise):
            columns += [(True, True), (True, False)]
        for prediction, target in columns:
            other = replace(
                batch,
                predictions=batch.predictions[:, np.newaxis] if prediction else batch.predictions,
                targets=batch.targets[:, np.newaxis] if target else batch.targets,
            )
            same_bits(other.elements().reshape(-1), batch.elements())
            result = other.result()
            assert result.reductions == expected.reductions
            assert result.counts == expected.counts

    law()


@every
def test_nothing_broadcasts(variant):
    batch = variant.batch(6, seed=1)
    short = replace(batch, targets=batch.targets[:1])
    long = replace(batch, targets=np.concatenate([batch.targets, batch.targets]))
    wider = replace(batch, targets=np.stack([batch.targets] * 5, axis=-1))
    for wrong in (short, long, wider):
        with pytest.raises(losscli.DataError):
            wrong.result()
    with pytest.raises(losscli.DataError):
        batch.with_options(sample_weight=np.ones(1)).result()
    with pytest.raises(losscli.DataError):
        batch.with_options(sample_weight=np.ones((6, 2))).result()
    if isinstance(batch.loss.contract, Elementwise) and variant.deep:
        with pytest.raises(losscli.DataError):
            replace(batch, targets=batch.targets[:, :1]).result()
        with pytest.raises(losscli.DataError):
            replace(batch, targets=batch.targets[:, 0]).result()


@every
def test_inputs_are_not_written_to(variant):
    batch = variant.batch(8, seed=2).with_options(sample_weight=np.arange(8.0))
    given_ = [batch.predictions.copy(), batch.targets.copy(), batch.options["sample_weight"].copy()]
    writeable = replace(batch, predictions=given_[0].copy(), targets=given_[1].copy())
    for reduction in ("mean", "none"):
        writeable.result(reduction=reduction, per_sample=True, top=2)
        for before, after in zip(
            given_, (writeable.predictions, writeable.targets, batch.options["sample_weight"]), strict=True
        ):
            same_bits(after, before)


def first_of(row: int, array: np.ndarray) -> tuple[int, ...]:
    """Where the first number of a sample stands."""
    return (row, *[0] * (array.ndim - 1))


def with_nan(batch: Batch, row: int) -> Batch:
    predictions = batch.predictions.copy()
    predictions[first_of(row, predictions)] = math.nan
    return replace(batch, predictions=locked(predictions))


@every
def test_nan_is_an_error_that_names_the_row(variant):
    batch = with_nan(variant.batch(7, seed=3), 4)
    with pytest.raises(losscli.DataError, match=r"row 4.*NaN"):
        batch.result()


@every
@pytest.mark.parametrize("weighted", [False, True])
def test_nan_propagates_or_skips_its_sample_alone(variant, weighted):
    whole = variant.batch(7, seed=3)
    if weighted:
        whole = whole.with_options(sample_weight=locked(np.arange(1.0, 8.0)))
    rest = whole.rows([0, 1, 2, 3, 5, 6])
    batch = with_nan(whole, 4)

    elements = batch.elements(on_nan="propagate")
    same_bits(np.delete(elements, 4, axis=0), rest.elements())
    assert np.isnan(elements[4]).any()
    assert math.isnan(batch.result(on_nan="propagate").value)

    skipped, kept = batch.result(on_nan="skip"), rest.result()
    assert skipped.reductions == kept.reductions
    assert (skipped.numerator, skipped.denominator) == (kept.numerator, kept.denominator)
    assert skipped.counts.skipped == 1
    assert skipped.counts.samples == 7
    np.testing.assert_array_equal(batch.elements(on_nan="skip")[4], 0.0)


@every
def test_nan_in_the_targets_is_an_error(variant):
    batch = variant.batch(5, seed=4)
    targets = batch.targets.astype(np.float64)
    targets[first_of(3, targets)] = math.nan
    with pytest.raises(losscli.DataError, match="row 3"):
        replace(batch, targets=targets).result()


@every
def test_nan_in_soft_targets_propagates_or_skips(variant):
    batch = variant.batch(5, seed=4)
    if batch.targets.dtype.kind != "f":
        return
    targets = batch.targets.copy()
    targets[first_of(3, targets)] = math.nan
    broken = replace(batch, targets=locked(targets))
    assert math.isnan(broken.result(on_nan="propagate").value)
    assert broken.result(on_nan="skip").reductions == batch.rows([0, 1, 2, 4]).result().reductions


@every
def test_infinite_predictions_are_refused(variant):
    batch = variant.batch(5, seed=4)
    predictions = batch.predictions.copy()
    predictions[first_of(2, predictions)] = math.inf
    with pytest.raises(losscli.DataError, match="row 2"):
        replace(batch, predictions=predictions).result()


@every
def test_nothing_at_all_is_refused(variant):
    batch = variant.batch(5, seed=4)
    with pytest.raises(losscli.DataError, match="no rows"):
        batch.rows(slice(0, 0)).result()
