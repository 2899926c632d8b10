"""Sequences: every token scored or left out as a loop over single tokens says it, and all that is reported of them."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulps import read_only

import losscli
from losscli.engine import run

pytestmark = pytest.mark.filterwarnings("ignore::losscli.LossWarning")

PAD = -100
STATES = ("scored", "skipped", "padded", "prompt", "masked", "unpredicted")


def surprisal(scores, token, kind):
    """−log p of one token, from one row of scores."""
    if kind == "log-probs":
        return -scores[token]
    if kind == "probs":
        return -math.log(scores[token]) if scores[token] else math.inf
    top = max(scores)
    return top - scores[token] + math.log(math.fsum(math.exp(x - top) for x in scores))


def oracle(predictions, tokens, *, kind="logits", shift=0, ignore_index=None, lengths=None, prompts=None, mask=None):
    """What each token is, and what it costs: one token after the other, as a person would read the options."""
    states, losses = [], []
    for n, row in enumerate(tokens):
        length = len(row) if lengths is None else lengths[n]
        for t, token in enumerate(row):
            if token == ignore_index or t >= length:
                state = "padded"
            elif prompts is not None and t < prompts[n]:
                state = "prompt"
            elif mask is not None and not mask[n][t]:
                state = "masked"
            elif not 0 <= t - shift < length:
                state = "unpredicted"
            else:
                state = "scored"
            states.append(state)
            losses.append(surprisal(predictions[n][t - shift], token, kind) if state == "scored" else 0.0)
    return states, losses


def batch(seed):
    """Random sequences with any of the options, by the seed."""
    rng = np.random.default_rng(seed)
    n, steps, classes = rng.integers(1, 6), rng.integers(1, 8), rng.integers(2, 6)
    kind = rng.choice(["logits", "log-probs", "probs"])
    logits = rng.normal(0.0, 3.0, (n, steps, classes))
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    predictions = {"logits": logits, "log-probs": log_probs, "probs": np.exp(log_probs)}[kind]
    tokens = rng.integers(0, classes, (n, steps))
    options = {"kind": str(kind), "shift": int(rng.integers(-2, 4))}
    if rng.random() < 0.5:
        options["lengths"] = rng.integers(0, steps + 1, n)
    if rng.random() < 0.5:
        options["prompts"] = rng.integers(0, steps + 1, n)
    if rng.random() < 0.5:
        options["mask"] = rng.integers(0, 2, (n, steps))
    if rng.random() < 0.5:  # padding on the left or on the right, as tokenisers leave it
        options["ignore_index"] = PAD
        padding = rng.integers(0, steps + 1, n)[:, np.newaxis]
        position = np.arange(steps)
        tokens = np.where(position < padding if rng.random() < 0.5 else position >= steps - padding, PAD, tokens)
    return rng, predictions, tokens, options


def asked(options):
    """The options by the names of the API."""
    return {("prompt_lengths" if name == "prompts" else name): value for name, value in options.items()}


@given(st.integers(0, 2**32 - 1))
def test_every_token_is_what_a_loop_says(seed):
    rng, predictions, tokens, options = batch(seed)
    states, losses = oracle(predictions.tolist(), tokens.tolist(), **options)
    size = rng.integers(1, 50, len(tokens))
    result = losscli.compute(
        "sequence-nll", read_only(predictions), read_only(tokens), bytes=size, on_empty="nan", **asked(options)
    )
    counted = Counter(states)
    assert result.extra["tokens"] == {state: counted[state] for state in STATES}
    assert (result.counts.elements, result.counts.scored) == (tokens.size, counted["scored"])
    assert result.counts.ignored == tokens.size - counted["scored"]
    each = losscli.compute(
        "sequence-nll", predictions, tokens, reduction="none", on_empty="nan", **asked(options)
    ).value
    np.testing.assert_allclose(np.ravel(each), losses, rtol=1e-13, atol=1e-15)

    scored = np.reshape([state == "scored" for state in states], tokens.shape).any(axis=1)
    assert result.extra["sequences"] == scored.sum()
    if not scored.any():
        assert math.isnan(result.value)
        assert math.isnan(result.extra["perplexity"])
        return
    total, per_token = math.fsum(losses), math.fsum(losses) / counted["scored"]
    expected = {
        "nll": total,
        "nats_per_token": per_token,
        "bits_per_token": per_token / math.log(2.0),
        "perplexity": math.exp(per_token),
        "nll_per_sequence": total / scored.sum(),
        "bits_per_byte": total / math.log(2.0) / size.sum(),
    }
    assert {name: result.extra[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert result.value == pytest.approx(per_token, rel=1e-12)
    assert result.reductions["sum"] == pytest.approx(total, rel=1e-12)
    perplexity = losscli.perplexity(predictions, tokens, **asked(options))
    assert perplexity == pytest.approx(math.exp(per_token), rel=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_the_chosen_tokens_alone_say_the_same(seed):
    """Padded, as lists of varying length, as probabilities, and picked out of all scores."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 7, rng.integers(1, 6))
    lengths[rng.integers(len(lengths))] = 6
    rows = [-rng.exponential(2.0, length) for length in lengths]
    prompts = [int(rng.integers(0, length + 1)) for length in lengths]
    masks = [rng.integers(0, 2, length) for length in lengths]
    expected = [
        [-x if t >= prompt and keep else 0.0 for t, (x, keep) in enumerate(zip(row, mask, strict=True))]
        for row, prompt, mask in zip(rows, prompts, masks, strict=True)
    ]

    def score(rows, **options):
        options = {"kind": "token-log-probs", "prompt_lengths": prompts, "on_empty": "nan"} | options
        return losscli.compute("sequence-nll", rows, **options)

    ragged = score(rows, mask=masks)
    assert score(rows, mask=masks, reduction="none").value == expected
    assert ragged.counts.elements == lengths.sum()
    total = math.fsum(itertools.chain(*expected)) if ragged.counts.scored else math.nan
    assert ragged.reductions["sum"] == pytest.approx(total, nan_ok=True)

    def filled(rows, value):
        out = np.full((len(rows), 6), value)
        for line, row in zip(out, rows, strict=True):
            line[: len(row)] = row
        return out

    # What fills the rows is not looked at: neither NaN nor a value that is no log-probability.
    padded = {"mask": filled(masks, 1), "lengths": lengths}
    for fill in (np.nan, 7.0, 0.0):
        assert score(filled(rows, fill), **padded).value == pytest.approx(ragged.value, nan_ok=True)
    probs = score(filled([np.exp(row) for row in rows], 1.0), kind="token-probs", **padded)
    assert probs.value == pytest.approx(ragged.value, rel=1e-13, nan_ok=True)
    picked = np.stack([filled(rows, 0.0), np.log1p(-np.exp(filled(rows, -1.0)))], axis=-1)
    whole = score(picked, targets=np.zeros((len(rows), 6), int), kind="log-probs", **padded)
    assert whole.value == pytest.approx(ragged.value, rel=1e-13, nan_ok=True)


def random_sequences(n=40, steps=7, classes=5):
    rng = np.random.default_rng(5)
    return rng.normal(0.0, 2.0, (n, steps, classes)), rng.integers(0, classes, (n, steps))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("numbers", [1, 100, 10**6])
def test_neither_blocks_nor_threads_change_a_digit(monkeypatch, threads, numbers):
    logits, tokens = random_sequences()
    rng = np.random.default_rng(6)
    lengths = rng.integers(0, 8, 40)
    rows = [-rng.exponential(1.0, length) for length in lengths]
    options = {"shift": 1, "lengths": lengths, "bytes": lengths, "sample_weight": rng.uniform(0.0, 2.0, 40)}

    def results(**run_options):
        dense = losscli.compute("sequence-nll", logits, tokens, kind="logits", **options, **run_options)
        ragged = losscli.compute("sequence-nll", rows, kind="token-log-probs", top=3, **run_options)
        return [(r.value, r.extra, r.counts, r.statistics, r.warnings) for r in (dense, ragged)]

    expected = results(threads=1)
    monkeypatch.setattr(run, "STEP_NUMBERS", numbers)
    monkeypatch.setattr(run, "RANGE_NUMBERS", 2 * numbers)
    assert results(threads=threads) == expected


def test_one_sequence_alone_is_a_batch_of_one():
    logits, tokens = random_sequences()
    options = {"lengths": [6], "prompt_lengths": [1], "shift": 1}
    alone = losscli.sequence_nll(logits[0], tokens[0], mask=[1, 1, 0, 1, 1, 1, 1], reduction="none", **options)
    batched = losscli.sequence_nll(logits[:1], tokens[:1], mask=[[1, 1, 0, 1, 1, 1, 1]], reduction="none", **options)
    assert alone.shape == (7,)
    np.testing.assert_array_equal(alone, batched[0])
    assert losscli.sequence_nll([-0.5, -0.25], kind="token-log-probs", reduction="none").tolist() == [0.5, 0.25]
    assert losscli.sequence_nll([[[0.0, 0.0]]], [[1]]) == math.log(2.0)


def test_each_sequence_is_the_sum_over_its_tokens():
    logits, tokens = random_sequences(4)
    result = losscli.compute("sequence-nll", logits, tokens, kind="logits", per_sample=True)
    each = losscli.sequence_nll(logits, tokens, reduction="none")
    np.testing.assert_allclose(result.per_sample.columns["loss"], each.sum(axis=1), rtol=1e-15)
    np.testing.assert_array_equal(result.per_sample.columns["weight"], 7.0)
    np.testing.assert_allclose(result.per_sample.columns["mean"], each.mean(axis=1), rtol=1e-15)


def test_sample_weights_weigh_sequences_and_their_bytes():
    logits, tokens = random_sequences(3)
    weights, size = np.array([2.0, 0.0, 1.0]), np.array([10, 20, 30])
    result = losscli.compute("sequence-nll", logits, tokens, kind="logits", sample_weight=weights, bytes=size)
    each = losscli.sequence_nll(logits, tokens, reduction="none").sum(axis=1)
    total = (weights * each).sum()
    assert result.value == pytest.approx(total / 21.0)
    assert result.extra["nll"] == pytest.approx(total)
    assert result.extra["nll_per_sequence"] == pytest.approx(total / 3.0)
    assert result.extra["bits_per_byte"] == pytest.approx(total / math.log(2.0) / 50.0)


def test_skipped_sequences_leave_every_count():
    logits, tokens = random_sequences(3)
    logits[1, 2, 3] = np.nan
    options = {"kind": "logits", "lengths": [7, 5, 7], "bytes": [10, 20, 30]}
    result = losscli.compute("sequence-nll", logits, tokens, on_nan="skip", **options)
    kept = losscli.compute("sequence-nll", logits[::2], tokens[::2], kind="logits", bytes=[10, 30])
    assert (result.counts.skipped, result.counts.scored, result.counts.ignored) == (1, 14, 2)
    assert result.extra["tokens"] == kept.extra["tokens"] | {"skipped": 5, "padded": 2}
    for name in kept.extra.keys() - {"tokens"}:
        assert result.extra[name] == kept.extra[name], name
    propagated = losscli.compute("sequence-nll", logits, tokens, on_nan="propagate", reduction="none", **options)
    assert np.isnan(propagated.value).sum() == 1
    padding = losscli.compute("sequence-nll", logits, tokens, kind="logits", lengths=[7, 2, 7])
    assert math.isfinite(padding.value)


@pytest.mark.parametrize("stated", [-1, 0, 1, 2])
@pytest.mark.parametrize("true", [-1, 0, 1, 2])
def test_a_shift_that_another_one_beats_is_noticed(stated, true):
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, 9, (6, 20))
    logits = rng.normal(0.0, 0.1, (6, 20, 9))
    for t in range(20):
        if 0 <= t + true < 20:
            logits[np.arange(6), t, tokens[:, t + true]] += 5.0
    warnings = losscli.compute("sequence-nll", logits, tokens, kind="logits", shift=stated).warnings
    said = [w for w in warnings if w.startswith(f"--shift {true} would score")]
    assert len(said) == (true != stated and true in (-1, 0, 1))
    if true == stated:
        assert warnings == []


@pytest.mark.parametrize("seed", range(40))
def test_noise_speaks_against_no_shift(seed):
    """Of scores that know nothing, some shift is always a little ahead."""
    rng = np.random.default_rng(seed)
    result = losscli.compute(
        "sequence-nll", rng.normal(size=(8, 12, 7)), rng.integers(0, 7, (8, 12)), kind="logits", shift=0
    )
    assert result.warnings == []


def test_an_impossible_token_speaks_against_a_shift():
    """Where the stated shift is finite and another one hits a probability of 0, there is nothing to say."""
    probs = np.array([[[0.4, 0.6, 0.0], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0]]])
    assert losscli.compute("sequence-nll", probs, np.array([[1, 1, 0]]), kind="probs", shift=0).warnings == []
    result = losscli.compute("sequence-nll", probs, np.array([[2, 0, 1]]), kind="probs", shift=0)
    assert result.value == math.inf
    assert any(w.startswith("--shift") for w in result.warnings)


@pytest.mark.parametrize("nats", [700.0, 709.5, 710.0, 1e300, math.inf])
def test_perplexity_ends_where_float64_ends(nats):
    expected = math.exp(nats) if nats < 709.78 else math.inf
    assert losscli.perplexity([-nats, -nats], kind="token-log-probs") == pytest.approx(expected, rel=1e-12)
    extra = losscli.compute("sequence-nll", [-nats, -nats], kind="token-log-probs").extra
    assert extra["perplexity"] == pytest.approx(expected, rel=1e-12)


def test_document_000_in_fractions():
    """The product of the steps' probabilities, exactly, against the sum of their logarithms."""
    steps = [Fraction(3, 5), Fraction(1, 2), Fraction(9, 10), Fraction(1, 4)]
    nll = losscli.sequence_nll([float(p) for p in steps], kind="token-probs", reduction="sum")
    assert nll == pytest.approx(-math.log(math.prod(steps)), rel=1e-15)


def test_bits_and_bans():
    logits, tokens = random_sequences(3)
    nats = losscli.compute("sequence-nll", logits, tokens, kind="logits")
    for base, unit in (("2", math.log(2.0)), ("10", math.log(10.0))):
        other = losscli.compute("sequence-nll", logits, tokens, kind="logits", base=base)
        assert other.value == pytest.approx(nats.value / unit, rel=1e-15)
        for name in ("nll", "nats_per_token", "bits_per_token", "perplexity"):
            assert other.extra[name] == pytest.approx(nats.extra[name], rel=1e-14), name


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"shift": 1}, "shift does not apply to kind='token-log-probs'"),
        ({"ignore_index": 0}, "ignore_index does not apply to kind='token-log-probs'"),
        ({"normalize": True}, "normalize=True does not apply to kind='token-log-probs'"),
    ],
)
def test_options_of_whole_vocabularies_are_refused_for_chosen_tokens(options, problem):
    with pytest.raises(losscli.UsageError, match=problem):
        losscli.sequence_nll([[-1.0, -2.0]], kind="token-log-probs", **options)


@pytest.mark.parametrize("lengths", [[3, 3], [2, 4]])
def test_a_length_beyond_its_own_list_is_an_error(lengths):
    with pytest.raises(losscli.DataError, match=r"the length of sequence \d is \d, more than its tokens \(\d\)"):
        losscli.sequence_nll([[-1.0, -2.0], [-1.0, -2.0, -3.0]], kind="token-log-probs", lengths=lengths)
