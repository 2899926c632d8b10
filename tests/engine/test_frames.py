"""The frames of CTC are checked at a glance where possible: it must overlook nothing, on any thread, in any layout."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import losscli
from losscli.engine import frames
from losscli.losses import lattice
from losscli.losses.reading import Span

STEPS, NUMBER, CLASSES = 30, 4, 7
TARGETS = [[1, 2], [3], [4, 4, 5], [6]]


def batch(kind, dtype=np.float32):
    """Sound frames (T, N, C), none of them nearly uniform."""
    scores = np.random.default_rng(5).normal(0.0, 3.0, (STEPS, NUMBER, CLASSES))
    if kind == "logits":
        return (scores + 2.0).astype(dtype)
    shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    return (shares if kind == "probs" else np.log(shares)).astype(dtype)


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def compute(request, monkeypatch):
    """A run that reads three frames at a time, glances at one of them at a time, and looks closely at three rows."""
    monkeypatch.setattr(lattice, "READ_NUMBERS", 3 * NUMBER * CLASSES)
    monkeypatch.setattr(frames, "SPANS_FOR_THREADS", 2)
    monkeypatch.setattr(frames, "PIECE_NUMBERS", NUMBER * CLASSES)
    monkeypatch.setattr(frames, "CLOSE_NUMBERS", 3 * CLASSES)
    monkeypatch.setattr(frames, "CLASSES_FOR_FOURS", CLASSES)

    def run(scores, targets=TARGETS, **options):
        scores.flags.writeable = False
        return losscli.compute("ctc", scores, targets, threads=request.param, **options)

    return run


DEFECTS = [  # a frame of one value, the one beside it, and the rest; mostly they add up well
    ("log-probs", (np.nan, 0.0, -40.0), "the value is NaN"),
    ("log-probs", (np.inf, -40.0, -40.0), "the value is inf"),
    ("log-probs", (1e-9, -40.0, -40.0), "no log-probability"),
    ("log-probs", (-0.01, -40.0, -40.0), "the probabilities of the row sum to"),
    ("log-probs", (-np.inf, -np.inf, -np.inf), "all 7 values are -inf"),
    ("probs", (np.nan, 1.0, 0.0), "the value is NaN"),
    ("probs", (-1e-9, 1.0, 0.0), "no probability"),
    ("probs", (1.0000002, 0.0, 0.0), "no probability"),
    ("probs", (0.99, 0.0, 0.0), "the probabilities of the row sum to"),
    ("probs", (0.0, 0.0, 0.0), "the probabilities of the row sum to"),
    ("logits", (np.nan, 9.0, 1.0), "the value is NaN"),
    ("logits", (np.inf, 9.0, 1.0), "the value is inf"),
    ("logits", (-np.inf, -np.inf, -np.inf), "all 7 values are -inf"),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "values", "said"), DEFECTS)
def test_one_wrong_frame_is_found_wherever_it_stands(kind, values, said, dtype, compute):
    for time, row, column in ((0, 0, 0), (1, 3, 5), (17, 2, 3), (STEPS - 1, NUMBER - 1, CLASSES - 2)):
        scores = batch(kind, dtype)
        value, beside, rest = values
        scores[time, row] = rest
        scores[time, row, column : column + 2] = value, beside
        with pytest.raises(losscli.DataError, match=f"utterance {row}.*{said}"):
            compute(scores, kind=kind)


def test_a_sum_within_the_tolerance_is_said_as_it_is(compute):
    """It is too far from 1 for a glance, so that it is measured."""
    scores = batch("log-probs", np.float64)
    scores[11, 2] += 3e-5
    result = compute(scores)
    assert "off by 3e-05 at most" in result.inputs["predictions"].evidence
    assert any("off from a sum of 1 by up to 3e-05" in warning for warning in result.warnings)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kind", ["log-probs", "probs"])
def test_a_glance_never_says_less_than_the_deviation_that_there_is(kind, dtype, compute):
    scores = batch(kind, dtype)
    exact = scores.astype(np.float64) if kind == "probs" else np.exp(scores.astype(np.float64))
    off = np.abs(exact.sum(axis=-1) - 1.0).max()
    result = compute(scores, kind=kind, row_sum_tolerance=0.01)
    said = float(result.inputs["predictions"].evidence.split("off by ")[1].split()[0])
    assert said >= off * 0.99
    assert said <= max(1e-6, off * 1.01)


def test_a_tolerance_below_what_a_glance_can_tell_is_kept(compute):
    scores = batch("log-probs", np.float64)
    scores[25, 3] += 4e-7
    assert compute(scores.copy(), row_sum_tolerance=5e-7).warnings == []
    with pytest.raises(losscli.DataError, match="utterance 3"):
        compute(scores, row_sum_tolerance=3e-7)


@pytest.mark.parametrize("steep", [None, 29])
def test_a_softmax_of_probabilities_is_suspected_unless_one_frame_is_steeper(steep, compute):
    shares = batch("probs", np.float64)
    twice = np.exp(shares) / np.exp(shares).sum(axis=-1, keepdims=True)
    if steep is not None:
        twice[steep, 3] = shares[steep, 3]
    suspected = [warning for warning in compute(twice, kind="probs").warnings if "was it applied twice" in warning]
    assert len(suspected) == (steep is None)


@pytest.mark.parametrize("kind", ["log-probs", "probs", "logits"])
def test_what_does_not_count_may_be_anything(kind, compute):
    scores = batch(kind)
    lengths = np.array([30, 12, 29, 8])
    expected = compute(scores.copy(), kind=kind, input_lengths=lengths)
    for row, length in enumerate(lengths):
        scores[length:, row] = np.nan
    result = compute(scores, kind=kind, input_lengths=lengths)
    assert result.value == expected.value
    assert result.inputs["predictions"].evidence == expected.inputs["predictions"].evidence


@pytest.mark.parametrize("kind", ["log-probs", "probs", "logits"])
def test_layouts_and_pieces_change_neither_digits_nor_words(kind, compute):
    scores = batch(kind)
    scores[5, 1] = scores[5, 0]
    expected = compute(scores, kind=kind)
    for turned, layout in (
        (np.ascontiguousarray(scores.swapaxes(0, 1)), "ntc"),
        (np.asfortranarray(scores), "tnc"),
        (scores[:, :, ::-1][:, :, ::-1], "tnc"),
    ):
        result = compute(turned.copy(order="K"), kind=kind, layout=layout)
        assert result.value == expected.value
        assert result.inputs["predictions"].evidence == expected.inputs["predictions"].evidence


@pytest.mark.parametrize("kind", ["log-probs", "probs", "logits"])
def test_groups_of_utterances_change_neither_digits_nor_words(kind, compute, monkeypatch):
    """Frames are glanced at once, whichever of the groups that are aligned one after the other reads them first."""
    scores, lengths = batch(kind), np.array([30, 12, 29, 8])
    expected = compute(scores, kind=kind, input_lengths=lengths)
    monkeypatch.setattr(lattice, "CACHED_STATES", 1)
    result = compute(scores, kind=kind, input_lengths=lengths)
    assert result.value == expected.value
    assert result.inputs["predictions"].evidence == expected.inputs["predictions"].evidence


def test_a_run_leaves_out_the_utterances_with_nan_that_a_glance_finds(compute):
    scores = batch("log-probs")
    expected = losscli.ctc(scores, TARGETS, reduction="none")
    scores[28, 1, 6] = np.nan
    result = compute(scores, on_nan="skip", mean_rule="sample")
    assert result.counts.skipped == 1
    assert result.value == pytest.approx(np.delete(expected, 1).mean(), rel=1e-15)


@pytest.mark.parametrize("lengths", [[2, 2, 2, 25], [9, 2, 8, 25]])
def test_frames_that_no_alignment_needs_are_checked_too(lengths, compute):
    """Those of utterances that have no alignment, even where they are longer than all that have one."""
    targets = np.tile([1, 2, 3], (4, 10))
    options = {"kind": "log-probs", "input_lengths": lengths, "target_lengths": [6, 6, 6, 30]}
    assert compute(batch("log-probs"), targets, **options).value == np.inf
    for time in (0, 1, 13, 24):
        scores = batch("log-probs")
        scores[time, 3, 0] = -0.01
        with pytest.raises(losscli.DataError, match=r"utterance 3.*sum to"):
            compute(scores, targets, **options)


@pytest.mark.parametrize("classes", [1000, 1001, 1003, 4999])
def test_sums_in_float32_prove_no_more_than_they_can(classes):
    """What passes at a glance is within the deviation that is not reported; what is much nearer passes."""
    random = np.random.default_rng(classes)
    for spread in (0.1, 1.0, 5.0):
        scores = random.normal(0.0, spread, (400, classes))
        scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        scores += np.linspace(-3e-6, 3e-6, 400)[:, np.newaxis]
        scores = np.minimum(scores, 0.0).astype(np.float32)
        off = np.abs(np.exp(scores.astype(np.float64)).sum(axis=-1) - 1.0)
        passed = frames._GLANCES["log-probs"](scores)
        assert off[passed].max() <= frames.REPORTED_DEVIATION
        assert passed[off < 2e-7].all()
        shares = np.exp(scores.astype(np.float64)).astype(np.float32)
        off = np.abs(shares.sum(axis=-1, dtype=np.float64) - 1.0)
        passed = frames._GLANCES["probs"](shares)
        assert off[passed].max() <= frames.REPORTED_DEVIATION


SPANS = [Span(low, low + 1, 1) for low in range(40)]


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("together", [2, 7, 100])
def test_spans_are_worked_on_once_each_and_come_in_order(threads, together):
    begun, slow = [], threading.Event()

    def work(span):
        begun.append(span)
        if span.start % 7 == 0:
            slow.wait(0.002)
        return span.start

    for number, reading in enumerate(frames._ahead(work, SPANS, together, threads)):
        assert reading == number
        assert len(begun) <= number + 1 + together
    assert sorted(begun) == SPANS


def test_an_error_on_any_thread_is_raised_at_its_span():
    def work(span):
        if span.start == 11:
            raise ValueError(str(span.start))
        return span.start

    readings = frames._ahead(work, SPANS, 6, 3)
    assert [next(readings) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="11"):
        list(readings)


def test_who_stops_asking_leaves_no_work_behind():
    begun = []
    readings = frames._ahead(lambda span: begun.append(span), SPANS, 4, 2)
    next(readings)
    readings.close()
    assert len(begun) <= 6
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name and thread.is_alive()]
