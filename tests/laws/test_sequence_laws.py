"""The relations that documents 000 and 003 state, over random data: product and sum, and CTC's four ways in."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.numerics import log_softmax

seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_the_product_of_the_steps_is_the_sum_of_their_logarithms(seed):
    """Document 000: P(x) = Π P(x_t | x_<t), and −log P(x) = −Σ log P(x_t | x_<t); the product is exact here."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.01, 1.0, (3, 12))
    sums = [losscli.sequence_nll(row, kind="token-probs", reduction="sum") for row in steps]
    products = [math.prod(map(Fraction, row.tolist())) for row in steps]
    np.testing.assert_allclose(sums, [-math.log(p) for p in products], rtol=1e-14)
    total = losscli.sequence_nll(steps, kind="token-probs", reduction="sum")
    assert total == pytest.approx(-math.log(math.prod(products)), rel=1e-14)


@given(seeds)
def test_a_context_and_what_follows_make_the_whole(seed):
    """Document 000: −log P(s, x) = −log P(s) − log P(x | s)."""
    rng = np.random.default_rng(seed)
    logits, tokens = rng.normal(0.0, 3.0, (4, 9, 6)), rng.integers(0, 6, (4, 9))
    prompts = rng.integers(0, 10, 4)
    options = {"reduction": "sum", "on_empty": "zero"}
    whole = losscli.sequence_nll(logits, tokens, **options)
    context = losscli.sequence_nll(logits, tokens, lengths=prompts, **options)
    following = losscli.sequence_nll(logits, tokens, prompt_lengths=prompts, **options)
    assert context + following == pytest.approx(whole, rel=1e-14)


@given(seeds)
def test_a_token_is_a_row_of_cross_entropy(seed):
    """A sequence's mean is the cross-entropy of its rows; a shift is a slice."""
    rng = np.random.default_rng(seed)
    logits, tokens = rng.normal(0.0, 3.0, (4, 7, 5)), rng.integers(0, 5, (4, 7))
    tokens[rng.random((4, 7)) < 0.3] = -100
    tokens[0, 3] = 2
    options = {"ignore_index": -100}
    for shift in (0, 1, 2):
        rows, aligned = logits[:, : 7 - shift].reshape(-1, 5), tokens[:, shift:].reshape(-1)
        expected = losscli.cross_entropy(rows, aligned, **options)
        assert losscli.sequence_nll(logits, tokens, shift=shift, **options) == pytest.approx(expected, rel=1e-15)


def utterances(seed):
    """Log-probabilities (T, N, C), targets as lists, frames and labels of each."""
    rng = np.random.default_rng(seed)
    steps, number, classes = rng.integers(4, 12), rng.integers(1, 6), rng.integers(2, 7)
    frames = log_softmax(rng.normal(0.0, 3.0, (steps, number, classes)))
    targets = [rng.integers(1, classes, rng.integers(0, 6)) for _ in range(number)]
    targets[rng.integers(number)] = np.array([1, 1, 1])
    return rng, frames, targets, rng.integers(0, steps + 1, number), np.array(list(map(len, targets)))


def padded(targets):
    rows = np.zeros((len(targets), max(map(len, targets)) + 1), int)
    for row, target in zip(rows, targets, strict=True):
        row[: len(target)] = target
    return rows


@given(seeds)
def test_padded_is_concatenated_is_unbatched_is_ragged(seed):
    """Document 003, bit for bit, whatever the layout and the rule of the mean."""
    rng, frames, targets, inputs, labels = utterances(seed)
    rows, strung = padded(targets), np.concatenate(targets)
    lists = [frames[:length, n] for n, length in enumerate(inputs)]
    options = {"mean_rule": str(rng.choice(["torch", "sample", "label"])), "zero_infinity": bool(rng.random() < 0.5)}
    for reduction in ("none", "mean", "sum"):
        options |= {"reduction": reduction}
        lengths = {"input_lengths": inputs, "target_lengths": labels}
        first = losscli.ctc(frames, rows, **lengths, **options)
        others = [
            losscli.ctc(frames, strung, **lengths, **options),
            losscli.ctc(frames.swapaxes(0, 1), rows, layout="ntc", **lengths, **options),
            losscli.ctc(frames.swapaxes(0, 1), strung, layout="ntc", **lengths, **options),
            losscli.ctc(frames, rows, input_lengths=inputs, **options),
            losscli.ctc(frames, targets, input_lengths=inputs, **options),
        ]
        if inputs.max() > 0:
            others.append(losscli.ctc(lists, targets, **options))
        for other in others:
            np.testing.assert_array_equal(other, first)
        if reduction == "none":
            for n, target in enumerate(targets):
                if len(target) and inputs[n]:
                    alone = losscli.ctc(frames[: inputs[n], n], target, **options)
                    np.testing.assert_array_equal(alone, first[n])


@settings(max_examples=5)
@given(seeds)
def test_files_are_the_arrays_that_they_hold(tmp_path_factory, seed):
    """The same ways in from NPY and from Parquet, where lists need no padding."""
    _, frames, targets, inputs, labels = utterances(seed)
    inputs = np.maximum(inputs, 1)
    folder = tmp_path_factory.mktemp("ctc")
    arrays = {
        "tnc": frames,
        "ntc": np.ascontiguousarray(frames.swapaxes(0, 1)),
        "padded": padded(targets),
        "strung": np.concatenate(targets),
        "inputs": inputs,
        "labels": labels,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    lists = [frames[:length, n].tolist() for n, length in enumerate(inputs)]
    table = pa.table({"frames": lists, "target": [t.tolist() for t in targets], "long": inputs, "labels": labels})
    pq.write_table(table, folder / "ctc.parquet")
    at = {name: str(folder / f"{name}.npy") for name in arrays}
    parquet = str(folder / "ctc.parquet")

    expected = losscli.compute("ctc", frames, padded(targets), input_lengths=inputs, target_lengths=labels)
    lengths = {"input_lengths": at["inputs"], "target_lengths": at["labels"]}
    for result in (
        losscli.compute("ctc", at["tnc"], at["padded"], **lengths),
        losscli.compute("ctc", at["ntc"], at["padded"], layout="ntc", **lengths),
        losscli.compute("ctc", at["tnc"], at["strung"], **lengths),
        losscli.compute("ctc", parquet, pred="frames", target="target"),
        losscli.compute("ctc", at["tnc"], parquet, target="target", input_lengths=f"{parquet}:long"),
        losscli.compute("ctc", at["ntc"], parquet, layout="ntc", target="target", input_lengths=at["inputs"]),
        losscli.compute("ctc", parquet, at["padded"], pred="frames", target_lengths="labels"),
        losscli.compute("ctc", parquet, at["strung"], pred="frames", target_lengths="labels"),
    ):
        assert result.value == expected.value
        assert result.statistics == expected.statistics
        assert result.extra == expected.extra


@settings(max_examples=10)
@given(seeds)
def test_lists_of_chosen_tokens_are_their_padding_in_every_format(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 6, 7)
    lengths[0] = 5
    rows = [(-rng.exponential(1.0, length)).tolist() for length in lengths]
    folder = tmp_path_factory.mktemp("tokens")
    table = pa.table({"lp": pa.array(rows, pa.list_(pa.float64())), "size": lengths})
    pq.write_table(table, folder / "lp.parquet")
    (folder / "lp.jsonl").write_text("".join(f'{{"lp": {row}}}\n' for row in rows), encoding="utf-8")
    full = np.zeros((7, 5))
    for line, row in zip(full, rows, strict=True):
        line[: len(row)] = row
    np.save(folder / "lp.npy", full)
    options = {"kind": "token-log-probs"}
    expected = losscli.compute("sequence-nll", rows, **options)
    for name, more in (
        ("lp.parquet", {"pred": "lp"}),
        ("lp.jsonl", {"pred": "lp"}),
        ("lp.npy", {"lengths": lengths}),
        ("lp.npy", {"lengths": str(folder / "lp.parquet") + ":size"}),
    ):
        result = losscli.compute("sequence-nll", str(folder / name), **options, **more)
        assert result.value == expected.value
        assert result.extra["tokens"]["scored"] == expected.extra["tokens"]["scored"] == lengths.sum()
        assert result.extra["nll_per_sequence"] == expected.extra["nll_per_sequence"]
