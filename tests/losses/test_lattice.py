"""The sum over alignments against independent oracles: all paths one by one, fifty digits, frameworks."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from reading import SEQUENCES, load_cases

from losscli.losses import lattice
from losscli.losses.lattice import alignment_exists, count_repeats, ctc_nll
from losscli.numerics import log_partition

mpmath.mp.dps = 50

WAYS = ("as it comes", "log domain")


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Each test below that asks for it runs with and without the scaled recursion."""
    if request.param == "log domain":

        def unproven(reader, states, in_order):
            return np.zeros(states.rows.size), np.zeros(states.rows.size, bool)

        monkeypatch.setattr(lattice, "_scaled", unproven)


@pytest.fixture
def scaled_only(monkeypatch):
    """The test fails where an utterance is left to the log domain."""

    def refuse(reader, states):
        raise AssertionError(f"{states.rows} were not proven")

    monkeypatch.setattr(lattice, "_logarithmic", refuse)


def read_only(array):
    array.flags.writeable = False
    return array


def one(frames, target, *, blank=0, kind="logits"):
    """The loss of one utterance."""
    frames = read_only(np.array(frames, float)[np.newaxis])
    target = np.array(target, int).reshape(1, -1)
    (loss,) = ctc_nll(frames, target, [frames.shape[1]], [target.size], blank=blank, kind=kind)
    return float(loss)


def exact_probabilities(frames, kind):
    """Each stored score as a probability of many digits."""
    frames = [[mpf(float(score)) for score in frame] for frame in frames]
    if kind == "probs":
        return frames
    frames = [[mpmath.exp(score) for score in frame] for frame in frames]
    if kind == "log-probs":
        return frames
    return [[score / mpmath.fsum(frame) for score in frame] for frame in frames]


def loss_of(probability):
    return mpmath.inf if probability == 0 else -mpmath.log(probability)


def over_all_paths(probabilities, target, blank):
    """The definition: every path that reads as the target."""
    total = mpf(0)
    for path in itertools.product(range(len(probabilities[0])), repeat=len(probabilities)):
        if [label for label, _ in itertools.groupby(path) if label != blank] == list(target):
            total += mpmath.fprod(frame[label] for frame, label in zip(probabilities, path, strict=True))
    return loss_of(total)


def by_recursion(probabilities, target, blank):
    """The textbook's recursion over the target with a blank around each label."""
    extended = [blank]
    for label in target:
        extended += [int(label), blank]
    alpha = [mpf(1)] + [mpf(0)] * (len(extended) - 1)  # before the first frame: as if on the first blank
    for frame in probabilities:
        alpha = [
            frame[symbol]
            * (
                alpha[place]
                + (alpha[place - 1] if place >= 1 else 0)
                + (alpha[place - 2] if place >= 2 and symbol not in (blank, extended[place - 2]) else 0)
            )
            for place, symbol in enumerate(extended)
        ]
    return loss_of(mpmath.fsum(alpha[-2:]))


def assert_near(got, true, rtol, *, floor=0.0, what=""):
    """Relative to the true value, or to `floor` where that is larger."""
    if not mpmath.isfinite(true):
        assert got == np.inf, what
        return
    assert np.isfinite(got), what
    error = abs(mpf(float(got)) - true)
    assert error <= rtol * max(abs(true), mpf(floor)), f"{what}: {got!r}, true {mpmath.nstr(true, 20)}"


def random_targets(random, number, width, classes, blank=0):
    """Labels with many repeats, of all lengths; what stands behind a target is no class at all."""
    labels = np.setdiff1d(np.arange(classes), blank)
    targets = random.choice(labels, (number, width))
    repeat = random.random((number, width)) < 0.3
    targets[:, 1:] = np.where(repeat[:, 1:], targets[:, :-1], targets[:, 1:])
    lengths = random.integers(0, width + 1, number)
    targets[np.arange(width) >= lengths[:, np.newaxis]] = -100
    return read_only(targets), lengths


SMALL = [
    (frames, classes, target)
    for frames, classes in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 2), (4, 4))
    for length in range(4)
    for target in itertools.product(range(1, classes), repeat=length)
]


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_every_small_target_is_the_sum_over_its_paths(kind, scale, way):
    random = np.random.default_rng(7)
    for count, classes, target in SMALL:
        logits = random.normal(scale=scale, size=(count, classes))
        exact = exact_probabilities(logits, "logits")
        frames = logits
        if kind != "logits":
            frames = [[float(mpmath.log(p) if kind == "log-probs" else p) for p in frame] for frame in exact]
            exact = exact_probabilities(frames, kind)
        # Stored probabilities sum to 1 within a rounding: that is how far a loss near 0 can be told.
        floor = 0.0 if kind == "logits" else 1.0
        true = over_all_paths(exact, target, 0)
        assert_near(one(frames, target, kind=kind), true, 1e-14, floor=floor, what=(target, frames))


@pytest.mark.parametrize("blank", [0, 1, 3])
def test_any_class_may_be_the_blank(blank, way):
    random = np.random.default_rng(blank)
    labels = [label for label in range(4) if label != blank]
    for target in itertools.product(labels, repeat=2):
        logits = random.normal(size=(4, 4))
        true = over_all_paths(exact_probabilities(logits, "logits"), target, blank)
        assert_near(one(logits, target, blank=blank), true, 1e-14)


def test_an_empty_target_is_the_path_of_blanks(way):
    frames = np.log([[0.5, 0.5], [0.25, 0.75], [0.125, 0.875]])
    assert one(frames, [], kind="log-probs") == pytest.approx(6 * np.log(2), rel=1e-15)


def test_no_frames_read_as_nothing():
    assert one(np.zeros((0, 3)), []) == 0.0
    assert one(np.zeros((0, 3)), [1]) == np.inf


def test_no_utterances_have_no_losses():
    assert ctc_nll(np.zeros((0, 5, 3)), np.zeros((0, 2), int), [], [], blank=0, kind="logits").shape == (0,)


def test_repeats_and_the_frames_they_need():
    targets = np.array([[1, 1, 1, 2], [1, 2, 1, 2], [3, 3, 3, 3], [1, 1, 1, 1]])
    lengths = np.array([4, 4, 2, 0])
    repeats = count_repeats(targets, lengths)
    assert repeats.tolist() == [2, 0, 1, 0]
    assert alignment_exists([6, 4, 3, 0], lengths, repeats).tolist() == [True] * 4
    assert alignment_exists([5, 3, 2, 0], lengths, repeats).tolist() == [False] * 3 + [True]
    assert count_repeats(np.zeros((2, 0), int), np.zeros(2, int)).tolist() == [0, 0]


def test_the_classes_that_each_utterance_uses():
    """In order and once each, as many places as the richest utterance needs; the rest is padding with the first."""
    labels = np.array([[5, 3, 5, 0, 3, 5], [5, 5, 5, 5, 5, 5], [5, 8, 8, 1, 5, 5], [5, 9, 1, 2, 5, 5]])
    used = lattice._Classes.of(labels)
    different = [np.unique(row) for row in labels]
    assert used.distinct.sum(axis=1).tolist() == [classes.size for classes in different] == [3, 1, 3, 4]
    assert used.classes.shape == used.distinct.shape == (4, 4)
    for classes, places, distinct in zip(different, used.classes, used.distinct, strict=True):
        assert places[: classes.size].tolist() == classes.tolist()
        assert distinct.tolist() == [place < classes.size for place in range(4)]
        assert (places[~distinct] == classes[0]).all()
    np.testing.assert_array_equal(np.take_along_axis(used.classes, used.place, axis=1), labels)


def test_too_few_frames_are_infinite_and_just_enough_are_not(way):
    frames = np.full((4, 5, 3), -np.log(3.0))
    targets = np.array([[1, 1, 2], [1, 1, 1], [1, 2, 1], [2, 2, 2]])
    losses = ctc_nll(frames, targets, [4, 5, 3, 4], [3, 3, 3, 3], blank=0, kind="log-probs")
    assert losses[:3] == pytest.approx(np.log(3.0) * np.array([4, 5, 3]), rel=1e-15)  # one path each
    assert losses[3] == np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_random_batches_are_the_textbooks(dtype, scale, way):
    random = np.random.default_rng(3)
    number, longest, classes, width = 12, 45, 6, 12
    frames = read_only(random.normal(scale=scale, size=(number, longest, classes)).astype(dtype))
    targets, lengths = random_targets(random, number, width, classes)
    input_lengths = random.integers(0, longest + 1, number)
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
    for row in range(number):
        exact = exact_probabilities(frames[row, : input_lengths[row]], "logits")
        true = by_recursion(exact, targets[row, : lengths[row]], 0)
        assert_near(losses[row], true, 1e-14, what=row)


def golden(reduction="none"):
    for case in load_cases(SEQUENCES):
        plain = case.predictions.ndim == 3 and case.targets.ndim == 2 and "input_lengths" in case.options
        if case.loss == "ctc" and case.reduction == reduction and plain:
            yield case


@pytest.mark.parametrize("case", list(golden()), ids=lambda case: case.id)
def test_frameworks(case, way):
    options = case.options
    frames = case.predictions if options.get("layout") == "ntc" else case.predictions.swapaxes(0, 1)
    losses = ctc_nll(
        frames,
        case.targets,
        options["input_lengths"],
        options["target_lengths"],
        blank=options.get("blank", 0),
        kind=options["kind"],
    )
    if options.get("zero_infinity"):
        losses[losses == np.inf] = 0.0
    rtol = 1e-12 if case.source.startswith(("torch", "optax")) else case.rtol
    np.testing.assert_allclose(losses, case.expected, rtol=rtol)


def example(kind="logits", dtype=np.float64):
    """A batch with all there is: lengths, repeats, an empty and an impossible target."""
    random = np.random.default_rng(11)
    frames = random.normal(scale=3.0, size=(9, 30, 7))
    frames -= np.log(np.exp(frames).sum(axis=-1, keepdims=True))
    frames = (np.exp(frames) if kind == "probs" else frames).astype(dtype)
    targets, lengths = random_targets(random, 9, 8, 7)
    input_lengths = np.array([30, 7, 22, 30, 16, 1, 8, 25, 30])
    return frames, targets, input_lengths, lengths


def test_the_example_has_all_there_is():
    _, targets, _, lengths = example()
    losses = ctc_nll(*example(), blank=0, kind="logits")
    assert (lengths == 0).any()
    assert (losses == np.inf).any()
    assert count_repeats(targets, lengths).any()


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_float32_is_taken_as_the_numbers_it_holds(kind, way):
    frames, *rest = example(kind, np.float32)
    narrow = ctc_nll(frames, *rest, blank=0, kind=kind)
    wide = ctc_nll(frames.astype(np.float64), *rest, blank=0, kind=kind)
    np.testing.assert_allclose(narrow, wide, rtol=1e-15)
    assert narrow.dtype == np.float64


@pytest.mark.parametrize("integer", [np.uint8, np.int8, np.uint64])
def test_indices_and_lengths_of_any_integer_type(integer, way):
    """Unsigned lengths have no negatives to be sorted by; few bits hold the lengths, but no sums of them."""
    frames, targets, input_lengths, lengths = example()
    input_lengths[lengths == 0] = 0
    expected = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
    assert (expected == 0.0).any()
    targets = np.where(targets < 0, 100, targets)
    narrow = (frames, targets.astype(integer), input_lengths.astype(integer), lengths.astype(integer))
    np.testing.assert_array_equal(ctc_nll(*narrow, blank=0, kind="logits"), expected)


def test_a_blank_of_few_bits_leaves_room_for_all_classes():
    frames = np.random.default_rng(4).normal(size=(1, 6, 400))
    expected = ctc_nll(frames, np.array([[300, 44]]), [6], [2], blank=3, kind="logits")
    assert ctc_nll(frames, np.array([[300, 44]]), [6], [2], blank=np.uint8(3), kind="logits") == expected


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e308, 700.0])
def test_nothing_behind_the_end_counts(kind, garbage, way):
    frames, targets, input_lengths, lengths = example(kind)
    expected = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    for row, length in enumerate(input_lengths):
        frames[row, length:] = garbage
    targets = np.where(np.arange(targets.shape[1]) < lengths[:, np.newaxis], targets, 3)
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    np.testing.assert_allclose(losses, expected, rtol=1e-14)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_a_batch_is_its_utterances_one_by_one(kind, way):
    frames, targets, input_lengths, lengths = example(kind)
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    for row in range(len(frames)):
        part = slice(row, row + 1)
        alone = ctc_nll(frames[part], targets[part], input_lengths[part], lengths[part], blank=0, kind=kind)
        assert alone[0] == losses[row]


@pytest.mark.parametrize("cells", [1, 40])
def test_groups_of_any_size_give_the_same_digits(cells, monkeypatch):
    expected = ctc_nll(*example(), blank=0, kind="logits")
    monkeypatch.setattr(lattice, "CACHED", cells)
    monkeypatch.setattr(lattice, "CACHED_STATES", cells)
    monkeypatch.setattr(lattice, "READ_NUMBERS", 10 * cells)
    np.testing.assert_array_equal(ctc_nll(*example(), blank=0, kind="logits"), expected)


@pytest.mark.parametrize(("states", "together"), [(1, 1), (7, 1), (24, 3), (31, 3)])
def test_each_utterance_is_in_one_group_of_so_many_states(states, together, monkeypatch):
    """The longest first; the widest target that can be aligned has seven labels."""
    monkeypatch.setattr(lattice, "CACHED_STATES", states)
    groups = []

    def spy(read, spans, most):
        groups.append(spans[0].running)
        return map(read, spans)

    losses = ctc_nll(*example(), blank=0, kind="logits", in_order=spy)
    aligned = np.isfinite(losses).sum()
    assert max(groups) == together
    assert len(groups) == -(-aligned // together)
    assert sum(groups) == aligned


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_memory_layout_gives_the_same_digits(kind, dtype, way):
    frames, *rest = example(kind, dtype)
    expected = ctc_nll(frames, *rest, blank=0, kind=kind)
    time_major = read_only(np.ascontiguousarray(frames.swapaxes(0, 1))).swapaxes(0, 1)
    spread = np.zeros((9, 60, 14), dtype)
    spread[:, ::2, ::2] = frames
    among_others = np.ones((30, 11, 7), dtype)
    among_others[:, 1:10] = time_major.swapaxes(0, 1)
    class_major = np.ascontiguousarray(frames.transpose(2, 1, 0)).transpose(2, 1, 0)
    some = among_others.swapaxes(0, 1)[1:10]
    for view in (time_major, some, spread[:, ::2, ::2], class_major, frames[::-1].copy()[::-1]):
        np.testing.assert_array_equal(ctc_nll(view, *rest, blank=0, kind=kind), expected)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("numbers", [1, 200, 1000])
def test_runs_of_frames_are_read_once_and_in_order(numbers, kind, monkeypatch):
    """Runs of any length: windows go on from one to the next. All frames that an utterance can need are among them."""
    frames, *rest = example(kind)
    frames = np.ascontiguousarray(frames.swapaxes(0, 1)).swapaxes(0, 1)
    expected = ctc_nll(frames, *rest, blank=0, kind=kind)
    monkeypatch.setattr(lattice, "READ_NUMBERS", numbers)
    seen = []

    def backwards(read, spans, together):
        seen.extend(spans)
        assert together >= 1
        readings = {span: read(span) for span in reversed(spans)}
        return [readings[span] for span in spans]

    losses = ctc_nll(frames, *rest, blank=0, kind=kind, in_order=backwards)
    np.testing.assert_array_equal(losses, expected)
    assert [time for span in seen for time in range(span.start, span.stop)] == list(range(30))
    running = example()[2][np.isfinite(expected)]
    assert [span.running for span in seen] == [np.count_nonzero(running > span.start) for span in seen]


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_frames_may_be_read_on_threads(kind):
    """Each has an error state of its own, and what stands behind an end goes beyond all numbers."""
    frames, targets, input_lengths, lengths = example(kind)
    expected = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    for row, length in enumerate(input_lengths):
        frames[row, length:] = 1e308
        frames[row, length:, 3] = -1e308
    with ThreadPoolExecutor(2) as pool:
        losses = ctc_nll(
            frames,
            targets,
            input_lengths,
            lengths,
            blank=0,
            kind=kind,
            in_order=lambda read, spans, together: pool.map(read, spans),
        )
    np.testing.assert_array_equal(losses, expected)


@pytest.mark.parametrize(
    ("read_numbers", "kept_numbers", "frames", "together"),
    [(1, 1, 1, 1), (3000, 1, 23, 1), (3000, 3000, 23, 2), (3000, 5000, 23, 3), (3840, 5000, 30, 2)],
)
def test_as_much_is_read_and_kept_as_the_limits_allow(read_numbers, kept_numbers, frames, together, monkeypatch):
    """Of a frame the example has 63 scores, of which 64 probabilities are taken, each of the size of two scores."""
    monkeypatch.setattr(lattice, "READ_NUMBERS", read_numbers)
    monkeypatch.setattr(lattice, "KEPT_NUMBERS", kept_numbers)

    def spy(read, spans, most):
        assert spans[0].running == 8
        assert max(span.stop - span.start for span in spans) == frames
        assert (most, type(most)) == (together, int)
        return map(read, spans)

    ctc_nll(*example(), blank=0, kind="logits", in_order=spy)


def test_ordinary_frames_need_no_logarithms(scaled_only):
    for scale in (0.1, 1.0, 10.0):
        random = np.random.default_rng(5)
        frames = random.normal(scale=scale, size=(6, 400, 20)).astype(np.float32)
        targets = random.integers(1, 20, (6, 60))
        input_lengths, lengths = [400, 300, 250, 399, 160, 400], [60, 60, 50, 20, 60, 1]
        losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
        assert np.isfinite(losses).all()


def test_long_targets_need_no_logarithms(scaled_only):
    """Hundreds of labels, some of them doubled, of utterances that have one or two frames more than they need."""
    random = np.random.default_rng(5)
    frames = random.normal(size=(3, 700, 20)).astype(np.float32)
    targets = random.integers(1, 20, (3, 300))
    lengths = np.array([300, 200, 50])
    input_lengths = [700, lengths[1] + count_repeats(targets, lengths)[1] + 2, 700]
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("batch", ["example", "likely"])
@pytest.mark.parametrize("numbers", [1, 14, 150, lattice.CACHED])
def test_each_frame_of_logits_is_normalised_once(batch, numbers, way, monkeypatch):
    """Whichever of the sums ask for it: for many classes that takes most of the time."""
    seen = []

    def spy(scores):
        seen.extend(map(bytes, scores.reshape(-1, scores.shape[-1])))
        return log_partition(scores)

    monkeypatch.setattr(lattice, "log_partition", spy)
    monkeypatch.setattr(lattice, "CACHED", numbers)
    frames, *rest = likely() if batch == "likely" else example()
    assert np.isfinite(ctc_nll(frames, *rest, blank=0, kind="logits")).any()
    assert len(seen) == len(set(seen)) >= rest[1].max()


@pytest.mark.parametrize("label_frames", [1, 3])
def test_a_sure_recogniser_needs_no_logarithms(label_frames, scaled_only):
    """Frames that each name a class with a lead of 60: most states are hopeless, and the result proves they are."""
    random = np.random.default_rng(5)
    target = random.integers(1, 20, 40)
    spoken = np.repeat(np.stack((target, np.zeros_like(target)), axis=1).ravel(), label_frames)
    logits = random.normal(size=(spoken.size, 20))
    logits[np.arange(spoken.size), spoken] += 60.0
    assert 0.0 < one(logits, target) < 1e-20


def test_the_limits_of_the_scaled_recursion_are_those_of_its_proof(scaled_only):
    """What the docstrings of the limits count up, in powers of two: float64 holds 2**-1074 to 2**1024."""
    target = np.arange(1, 41)
    frames = np.full((60, 41), np.log(1.99))
    assert_near(
        one(frames, target, kind="log-probs"), by_recursion(exact_probabilities(frames, "log-probs"), target, 0), 1e-14
    )
    growth = lattice.WINDOW * (np.log2(3 * 2) + lattice.SLOPE)  # three predecessors, probabilities below 2
    assert growth < 1024
    assert -1074 + growth + 10 < -lattice.SPARE  # fewer than 2**10 roundings
    assert 2.0**-lattice.SPARE <= 2.0**-64 * lattice.FLOOR


def survivors():
    """Frames under which only a path survives that once was far below all others."""
    here, low, lower = 0.0, -1500.0, -4000.0
    yield "the front", [[here, low, lower], [lower, lower, here], [lower, lower, here]], [1, 2]
    yield "the rear", [[lower, here, lower], [lower, low, here], [lower, here, lower], [lower, lower, here]], [1, 2]
    yield "a label below its blank", [[here, low], [lower, here], [here, lower], [lower, here]], [1, 1]
    yield "far above a stretch", [[here, -300.0]] * 20 + [[lower, here]] * 3 + [[here, lower]] * 20, [1]
    yield "a long climb", [[here, -90.0, lower]] * 30 + [[lower, lower, here]] * 30, [1, 2]
    yield "through zeros", [[here, low], [here, -np.inf], [-np.inf, here], [here, -np.inf], [low, here]], [1, 1]
    slowly = [[-50.0, here, -50.0]] * 40 + [[here, -115.0, -50.0]] * 8 + [[-50.0, here, -50.0]] * 20
    slowly += [[lower, lower, here]]
    yield "a label below its blank, while another path dies by degrees", slowly, [1, 2]
    rising = [[here, low, low, low]] * 9 + [[lower, here, lower, lower], [lower, lower, here, lower]]
    yield "labels in turn", rising + [[lower, lower, lower, here]] * 12, [1, 2, 3]
    yield "wrong words", [[lower, lower, here, low]] * 30, [1, 3, 1, 3]


@pytest.mark.parametrize("windows", [1, 2, 100])
@pytest.mark.parametrize("case", list(survivors()), ids=lambda case: case[0])
def test_no_survivor_is_lost(case, windows, way, monkeypatch):
    """However many windows of frames are read at a time."""
    _, frames, target = case
    monkeypatch.setattr(lattice, "READ_NUMBERS", windows * lattice.WINDOW * 2 * (len(target) + 1))
    with mpmath.workdps(400):
        true = by_recursion(exact_probabilities(frames, "logits"), target, 0)
    assert_near(one(frames, target), true, 1e-13 if true < 1 else 1e-14)


@pytest.mark.parametrize("frames", [512, 5120])
def test_a_result_is_proven_where_it_is_far_above_what_may_be_lost(frames, monkeypatch):
    """By 2**60: a state loses up to 2**-SPARE of its scale, 2 for a value of 1; 2**30 do; 2**(1 / 512) more a frame."""
    left = []
    logarithmic = lattice._logarithmic

    def spy(reader, states):
        left.extend(states.rows.tolist())
        return logarithmic(reader, states)

    monkeypatch.setattr(lattice, "_logarithmic", spy)
    least = lattice.SPARE - 1 - 30 - 60 - frames // 512
    shares = np.full((2, frames, 8), 1.0 / 8.0)  # the second utterance is far less likely, and loses nothing
    shares[0] = np.eye(8)[0]
    for power, unproven in ((least, []), (least + 1, [0])):
        shares[0, -1, :2] = 0.0, 2.0**-power
        losses = ctc_nll(shares, np.ones((2, 1), int), [frames] * 2, [1, 1], blank=0, kind="probs")
        ways = frames * (frames + 1) // 2
        np.testing.assert_allclose(losses, [power * math.log(2.0), frames * math.log(8.0) - math.log(ways)], rtol=1e-15)
        assert left == unproven


def test_a_state_is_reached_once_some_path_leads_to_it():
    """Seen by values that are positive when all probabilities are; states behind a target's end do not exist."""
    targets = np.array([[1, 2, 3, 4, 5], [1, 1, 2, 2, 2], [3, 3, 3, 0, 0], [1, 2, 1, 2, 0], [4, 0, 0, 0, 0], [0] * 5])
    lengths = np.array([5, 5, 3, 4, 1, 0])
    needed = lengths + count_repeats(targets, lengths)
    for more in (0, 1, 2, 20):
        frames = needed + more
        order = np.argsort(-frames)
        states = lattice._Lattice.of(order, targets[order], frames[order], lengths[order], 0)
        blank_exists = np.arange(6) <= states.last[:, np.newaxis]
        scaled = lattice._ScaledStates(states)
        for time, running in enumerate([*states.running(0, frames.max()), 0]):
            np.testing.assert_array_equal((scaled.label > 0.0) & states.inside, scaled._label_reached <= time)
            np.testing.assert_array_equal((scaled.blank > 0.0) & blank_exists, scaled._blank_reached <= time)
            if running and time % lattice.WINDOW == 0:
                scaled.renew(running)
            scaled.advance(np.full((running, 6), 0.3), running)


@pytest.mark.parametrize("labels", range(18))
def test_every_state_that_is_reached_is_examined(labels):
    """From the window's end on in which that is, however much later the end of the last one is."""
    target, count = np.arange(1, labels + 1)[np.newaxis], np.array([40 + labels])
    scaled = lattice._ScaledStates(lattice._Lattice.of(np.array([0]), target, count, np.array([labels]), 0))
    for time in range(40):
        if time % lattice.WINDOW == 0:
            scaled.examine(time)
            np.testing.assert_array_equal(scaled._label_open, scaled.label > 0.0)
            np.testing.assert_array_equal(scaled._blank_open, scaled.blank > 0.0)
            scaled.renew(1)
        scaled.advance(np.full((1, labels + 1), 0.3), 1)


@pytest.mark.parametrize("seed", range(6))
def test_no_extreme_frames_mislead(seed, way):
    """Jumps of any size, zeros among them, over several renewals of the exponents."""
    random = np.random.default_rng(seed)
    jumps = np.array([0.0, 0.0, -1.0, -30.0, -300.0, -700.0, -760.0, -1500.0, -1e5, -np.inf])
    number, longest, classes = 40, 36, 4
    frames = random.choice(jumps[: 10 - seed % 2], (number, longest, classes))
    runs = random.random((number, longest)) < 0.7  # the same frame for a while
    for time in range(1, longest):
        frames[:, time] = np.where(runs[:, time, np.newaxis], frames[:, time - 1], frames[:, time])
    frames[np.isneginf(frames).all(axis=-1)] = 0.0
    targets, lengths = random_targets(random, number, 5, classes)
    input_lengths = random.integers(9, longest + 1, number)
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
    for row in range(number):
        exact = exact_probabilities(frames[row, : input_lengths[row]], "logits")
        assert_near(losses[row], by_recursion(exact, targets[row, : lengths[row]], 0), 2e-14, floor=1e-15, what=row)


def test_probability_zero_is_infinite_and_only_there(way):
    certain = np.eye(3)[[0, 1, 1, 0, 2]]
    assert one(certain, [1, 2], kind="probs") == 0.0
    assert one(certain, [2, 1], kind="probs") == np.inf
    assert one(certain, [1, 1, 2], kind="probs") == np.inf
    with np.errstate(divide="ignore"):
        assert one(np.log(certain), [1, 2], kind="log-probs") == 0.0
        assert one(np.log(certain), [1], kind="log-probs") == np.inf


def test_scores_beyond_all_probabilities_are_exact(way):
    frames = np.array([[0.0, -1e300], [0.0, -1e300], [0.0, -1e300]])
    assert one(frames, [1]) == 1e300


def test_a_frame_without_a_number_spoils_its_utterance_alone(way):
    frames, targets, input_lengths, lengths = example()
    expected = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
    frames[3, 12, 2] = np.nan
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="logits")
    expected[3] = np.nan
    np.testing.assert_array_equal(losses, expected)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_a_caller_that_raises_on_floating_point_errors_sees_none(kind, way):
    """Underflow and log 0 are part of the sum, and so is the overflow of scores that no probability has."""
    steep = np.array([[0.0, -800.0, -1500.0], [-1e308, 0.0, 1e308], [-1e308, -1e308, 0.0]] * 9)
    frames = np.stack([steep, np.full(steep.shape, 1e300), np.full(steep.shape, np.nan)])
    frames[0] = np.exp(steep.clip(None, 0.0)) if kind == "probs" else steep
    rest = np.array([[1, 2, 1]] * 3), [27, 27, 9], [3, 2, 2]
    expected = ctc_nll(frames, *rest, blank=0, kind=kind)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(ctc_nll(frames, *rest, blank=0, kind=kind), expected)


@pytest.mark.parametrize("score", [1.0, 50.0, 700.0])
def test_frames_that_are_no_distributions_are_summed_all_the_same(score, way):
    true = by_recursion([[mpmath.exp(score)] * 3] * 40, [1, 2], 0)
    assert_near(one(np.full((40, 3), score), [1, 2], kind="log-probs"), true, 1e-14)


@pytest.mark.parametrize("numbers", [1, 1000, lattice.READ_NUMBERS])
def test_strange_frames_cost_their_utterances_only(numbers, monkeypatch):
    """What is to be 2 or more is none of the probabilities that the limits count with, nor is NaN."""
    monkeypatch.setattr(lattice, "READ_NUMBERS", numbers)
    left = []
    logarithmic = lattice._logarithmic

    def spy(reader, states):
        left.extend(states.rows.tolist())
        return logarithmic(reader, states)

    monkeypatch.setattr(lattice, "_logarithmic", spy)
    frames, targets, input_lengths, lengths = example("log-probs")
    frames[3, 12] = np.nan
    frames[7, 20] = 3.0
    frames[2, 22:] = np.nan
    frames[4, 16:] = 1e3
    ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="log-probs")
    assert sorted(left) == [3, 7]
    left.clear()
    for row, share in ((0, 2.0), (2, 1.99), (3, 2.5)):
        frames[row, 5 + row] = np.log(share)
    ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind="log-probs")
    assert sorted(left) == [0, 3, 7]


@pytest.mark.parametrize("lead", [2.0, 10.0, 37.0, 100.0, 300.0])
def test_a_nearly_certain_target_keeps_its_digits(lead, way):
    """From logits the loss is exact relative to itself, far below the rounding of 1."""
    random = np.random.default_rng(1)
    for spoken, target in (
        ([1, 1, 2, 2], [1, 2]),
        ([1, 0, 1, 2, 0], [1, 1, 2]),
        ([0, 3, 3, 0, 1, 3], [3, 1, 3]),
        ([0, 0], []),
        ([2] * 20, [2]),
    ):
        logits = random.normal(size=(len(spoken), 5))  # with all digits: the gaps between them need rounding
        logits[np.arange(len(spoken)), spoken] += lead
        with mpmath.workdps(400):
            true = by_recursion(exact_probabilities(logits, "logits"), target, 0)
        assert_near(one(logits, target), true, 1e-15, what=spoken)


def likely(kind="logits", dtype=np.float64):
    """Utterances that were understood, some better than others: each frame names its class by some lead."""
    random = np.random.default_rng(17)
    spoken = [
        [0, 1, 1, 0, 1, 0, 0, 3, 3, 5, 5, 5, 0, 0, 0, 1, 2, 2, 0, 0, 0, 0, 4],
        [2, 0, 0, 2, 2, 2, 2, 0],
        [0, 0, 0, 0, 0],
        [],
        [3] * 23,
        [1, 0, 1, 0, 1],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4],
    ]
    targets = [[label for label, _ in itertools.groupby(path) if label] for path in spoken]
    input_lengths, lengths = np.array([len(path) for path in spoken]), np.array([len(target) for target in targets])
    frames = random.normal(scale=0.7, size=(len(spoken), 25, 6))
    padded = np.full((len(spoken), lengths.max() + 1), -1)
    for row, (path, target) in enumerate(zip(spoken, targets, strict=True)):
        frames[row, np.arange(len(path)), path] += random.choice([5.0, 7.0, 20.0])
        padded[row, : len(target)] = target
    if kind != "logits":
        frames -= np.log(np.exp(frames).sum(axis=-1, keepdims=True))
    return (np.exp(frames) if kind == "probs" else frames).astype(dtype), padded, input_lengths, lengths


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("numbers", [1, 4, 500, lattice.CACHED])
def test_likely_targets_are_exact_in_parts_of_any_size(kind, dtype, numbers, monkeypatch):
    monkeypatch.setattr(lattice, "CACHED", numbers)
    frames, targets, input_lengths, lengths = likely(kind, dtype)
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    for row, loss in enumerate(losses):
        exact = exact_probabilities(frames[row, : input_lengths[row]], kind)
        true = by_recursion(exact, targets[row, : lengths[row]], 0)
        assert true < math.log(2.0)
        assert_near(loss, true, 4e-15, floor=0.0 if kind == "logits" else 0.001, what=row)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e308, 700.0])
def test_nothing_behind_the_end_of_a_likely_utterance_counts(kind, garbage):
    frames, targets, input_lengths, lengths = likely(kind)
    expected = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    for row, length in enumerate(input_lengths):
        frames[row, length:] = garbage
    losses = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
    np.testing.assert_array_equal(losses, expected)


def test_frames_behind_the_end_of_a_likely_utterance_change_no_digit():
    """The terms of its frames were added up in pairs that hung on how many frames there were for others."""
    random = np.random.default_rng(8)
    logits = random.normal(-8.0, 1.0, (8, 1000, 4))
    logits[:, :, 0] = 0.0
    logits[:, 70, 2] = 5.0
    input_lengths, targets, lengths = random.integers(129, 700, 8), np.full((8, 1), 2), np.ones(8, int)
    together = ctc_nll(logits, targets, input_lengths, lengths, blank=0, kind="logits")
    for row, length in enumerate(input_lengths):
        assert together[row] == one(logits[row, :length], [2])


def test_many_likely_alignments_keep_the_digits_of_their_sum(way):
    """Label or blank by the toss of a coin, in every frame: almost all paths read as the target or as less."""
    logits = np.zeros((30, 3))
    logits[:, 2] = -60.0
    logits[5:, 1] = -70.0
    logits[2, 0] = -65.0
    with mpmath.workdps(200):
        true = by_recursion(exact_probabilities(logits, "logits"), [1], 0)
    assert true < np.log(2)
    assert_near(one(logits, [1]), true, 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_count_as_they_are_stored(dtype, way):
    """Of powers of two, whose sums are exactly 1: neither their logarithms nor their sums are rounded on the way."""
    for power in range(3, 25 if dtype == np.float32 else 53):
        rare = 2.0**-power
        frames = np.array([[rare, 1.0 - rare, 0.0], [1.0 - rare, 0.0, rare], [0.0, 1.0 - rare, rare]], dtype)
        assert (frames.sum(axis=1) == 1.0).all()
        for target in ([1, 1], [1], [1, 2], [2]):
            true = over_all_paths(exact_probabilities(frames, "probs"), target, 0)
            assert_near(one(frames, target, kind="probs"), true, 4e-16, what=(power, target))
        assert_near(one(frames[:1], [1], kind="probs"), -mpmath.log1p(-mpf(rare)), 3e-16, what=power)


def test_certain_stored_log_probabilities_add_up(way):
    """One path, each frame within 1e-20 of certain."""
    frames = np.array([[-1e-20, -60.0, -80.0], [-60.0, -3e-20, -80.0], [-60.0, -2e-20, -80.0]])
    with mpmath.workdps(100):
        true = by_recursion(exact_probabilities(frames, "log-probs"), [1], 0)
    assert_near(one(frames, [1], kind="log-probs"), true, 1e-15, floor=1e-25)


def test_two_thousand_frames(way):
    """Few units in the last place after thousands of steps: the roundings do not add up."""
    random = np.random.default_rng(2)
    logits = random.normal(scale=2.0, size=(2000, 8))
    target = random.integers(1, 8, 30)
    with mpmath.workdps(30):
        true = by_recursion(exact_probabilities(logits, "logits"), target, 0)
    assert_near(one(logits, target), true, 4e-15)


def test_ten_thousand_frames_do_not_underflow(way):
    """Of equal classes every path has the same probability: they are counted, exactly, by whole numbers."""
    count, classes, target = 10_000, 4, [1, 2, 3, 1, 2]
    ways = [1] + [0] * (2 * len(target))
    for _ in range(count):  # no label equals the one before it
        ways = [
            ways[place] + (ways[place - 1] if place else 0) + (ways[place - 2] if place >= 2 and place % 2 else 0)
            for place in range(len(ways))
        ]
    true = count * mpmath.log(classes) - mpmath.log(ways[-1] + ways[-2])
    assert_near(one(np.zeros((count, classes)), target), true, 1e-14)


def test_thousands_of_roundings_do_not_show_in_a_fairly_small_loss(way):
    """Each frame loses about 3e-4: a product of them would be a hundred units off in the last place of its log."""
    logits = np.random.default_rng(0).normal(-8.5, 1.0, (4000, 3))
    logits[:, 0] = 0.0
    logits[2000, 1] = 3.0
    with mpmath.workdps(30):
        true = by_recursion(exact_probabilities(logits, "logits"), [1], 0)
    assert 1.0 < true < 5.0
    assert_near(one(logits, [1]), true, 2e-15)


def test_what_costs_most_of_a_likely_target_is_as_exact(way):
    """Of thousands of frames one has nearly all of its probability elsewhere; or nearly no path has said the label."""
    logits = np.full((2, 4000, 3), -14.0)
    logits[:, :, 0] = 0.0
    logits[0, 1000, 1] = 3.0
    logits[0, 3000, 2] = 7.5
    logits[1, :, 1:] = -15.5, -40.0
    targets, input_lengths = np.ones((2, 1), int), [4000, 3500]
    losses = ctc_nll(logits, targets, input_lengths, [1, 1], blank=0, kind="logits")
    for row, loss in enumerate(losses):
        with mpmath.workdps(30):
            true = by_recursion(exact_probabilities(logits[row, : input_lengths[row]], "logits"), [1], 0)
        assert 7.0 < true < 7.9
        assert_near(loss, true, 2e-15, what=row)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
@pytest.mark.parametrize("cached", [1 << 16, 1 << 9])
def test_a_likely_utterance_has_the_same_digits_alone_and_beside_longer_ones(kind, cached, monkeypatch):
    random = np.random.default_rng(5)
    for classes in (3, 9, 40):
        lengths = np.array([0, 2, 7, 30, 31, 32, 64])
        targets = random.integers(1, classes, (lengths.size, lengths.max()))
        frames = random.normal(size=(lengths.size, 200, classes))
        frames[..., 0] += 12.0
        for utterance, length in enumerate(lengths):
            spoken = np.sort(random.choice(np.arange(0, 190, 2), length, replace=False))
            frames[utterance, spoken, 0] -= 12.0
            frames[utterance, spoken, targets[utterance, :length]] += 12.0
        if kind != "logits":
            frames -= np.logaddexp.reduce(frames, axis=2, keepdims=True)
        if kind == "probs":
            frames = np.exp(frames)
        input_lengths = np.arange(200, 200 - lengths.size, -1)
        together = ctc_nll(frames, targets, input_lengths, lengths, blank=0, kind=kind)
        assert together.max() < lattice.DRIFT * np.sqrt(190)
        monkeypatch.setattr(lattice, "CACHED", cached)
        alone = [
            ctc_nll(
                frames[n : n + 1, : input_lengths[n]],
                targets[n : n + 1, : lengths[n]],
                input_lengths[n : n + 1],
                lengths[n : n + 1],
                blank=0,
                kind=kind,
            )[0]
            for n in range(lengths.size)
        ]
        assert together.tolist() == alone
        monkeypatch.undo()
