"""What few inputs meet: refusals by their words, and limits that are lowered so that small data reach them."""

from __future__ import annotations

import ctypes
import math
from dataclasses import replace

import numpy as np
import pytest

import losscli
from losscli.engine import baselines, groups, reduce, run, score_rows
from losscli.engine.comparison import Settings, compare
from losscli.engine.gate_baseline import read_baseline
from losscli.engine.gate_file import read_gates
from losscli.engine.gates import run_gates
from losscli.engine.inspection import InspectRequest, inspect
from losscli.engine.likelihood import likelihood
from losscli.engine.memory import keep_freed_memory
from losscli.engine.plan import Request, compute
from losscli.losses.catalogue import find

RNG = np.random.default_rng(17)
LOGITS = RNG.normal(size=(6, 3))
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
LABELS = np.array([0, 1, 2, 0, 1, 2])
FRAMES = np.log(RNG.dirichlet(np.ones(4), (5, 2)))


@pytest.fixture
def ranges_of_one(monkeypatch):
    """Every sample is a step and a range of its own."""
    monkeypatch.setattr(run, "STEP_NUMBERS", 1)
    monkeypatch.setattr(run, "RANGE_NUMBERS", 1)


@pytest.fixture
def tables(tmp_path):
    """Tables of two and three columns, arrays beside them."""
    columns = dict(zip("abc", LOGITS.T, strict=True))
    write = {
        "three.csv": columns,
        "one.csv": {"a": LOGITS[:, 0]},
        "two.csv": {"d": LABELS, "e": LABELS[::-1]},
        "with_labels.csv": {"a": LOGITS[:, 0], "b": LOGITS[:, 1], "label": LABELS % 2},
        "prefixed.csv": {"p_a": LOGITS[:, 0], "p_b": LOGITS[:, 1], "sa": LOGITS[:, 2]},
        "names.csv": {"name": list("ababab")},
    }
    for name, table in write.items():
        rows = zip(*table.values(), strict=True)
        (tmp_path / name).write_text("\n".join([",".join(table), *(",".join(map(str, row)) for row in rows)]) + "\n")
    np.save(tmp_path / "logits.npy", LOGITS)
    np.save(tmp_path / "labels.npy", LABELS)
    np.save(tmp_path / "labels_of_two.npy", LABELS % 2)
    np.save(tmp_path / "four.npy", np.tile(LABELS[:, np.newaxis], (1, 4)))
    return tmp_path


# Refusals


@pytest.mark.parametrize(
    ("name", "predictions", "targets", "options", "words"),
    [
        ("mse", [True, False], [1.0, 0.0], {}, "the predictions are booleans"),
        (
            "weighted-cross-entropy",
            LOGITS,
            LOGITS > 0,
            {"pos_weight": [1.0, 2.0]},
            "2 numbers, but the last axis has 3",
        ),
        ("weighted-cross-entropy", [0.5], [1], {"pos_weight": [1.0, 2.0]}, "the predictions have one number a sample"),
        (
            "cross-entropy",
            LOGITS,
            PROBS,
            {"ignore_index": -1},
            "ignore_index is a label, but the targets are distributions",
        ),
        (
            "cross-entropy",
            np.zeros((3, 2, 4)),
            np.zeros((3, 5), int),
            {"class_axis": 1},
            "(3, 2, 4), targets has (3, 5)",
        ),
        (
            "nll",
            LOGITS[:3],
            np.array([0, 2**64 - 1, 1], np.uint64),
            {"kind": "logits"},
            "row 1: the label 18446744073709551615",
        ),
        (
            "nll",
            [[1.0, 2.0], [0.0, 0.0]],
            [0, 1],
            {"kind": "probs", "normalize": True},
            "row 1: the row cannot be normalised",
        ),
        ("nll", [[1.0, 2.0], [-1.0, 2.0]], [0, 1], {"kind": "probs", "normalize": True}, "its smallest value is -1"),
        (
            "sequence-nll",
            np.full((2, 3), 0.5),
            None,
            {"kind": "token-probs", "mask": np.zeros((2, 3))},
            "look at lengths, prompt_lengths and mask;",
        ),
        ("ctc", FRAMES, [1, 9, 2, 1], {"target_lengths": [2, 2]}, "target 0: label 1 of utterance 0 is 9"),
        ("ctc", FRAMES, np.ones((2, 2, 1), int), {}, "targets are (N, S), one vector with target_lengths, or lists"),
    ],
)
def test_data_that_do_not_fit(name, predictions, targets, options, words):
    with pytest.raises(losscli.DataError) as caught:
        losscli.compute(name, predictions, targets, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losscli.mse("a.npy", [1.0]), "the functions take arrays"),
        (lambda: losscli.mse([1.0], [1.0], reduction="max"), "reduction is 'max', but must be one of mean, sum, none"),
        (
            lambda: losscli.nll(PROBS, LABELS, kind="prob"),
            "kind is 'prob', but must be one of logits, log-probs, probs",
        ),
        (lambda: losscli.ctc(FRAMES, [[1], [2]], layout="cnt"), "layout is 'cnt', but must be one of tnc, ntc"),
        (lambda: losscli.huber([1.0], [0.0], delta="x"), "delta is 'x', but must be a finite number above 0"),
        (lambda: losscli.huber([1.0], [0.0], delt=1), "huber has no option 'delt'"),
        (lambda: losscli.nll(np.log(PROBS), LABELS, class_weight=[[1.0] * 3]), "class_weight has shape (1, 3)"),
        (lambda: baselines.targets_of(replace(find("mse"), name="new"), None, {}), "none is known for new"),
    ],
)
def test_wrong_use(call, words):
    with pytest.raises(losscli.UsageError) as caught:
        call()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "predictions", "targets", "words"),
    [
        (
            "cross-entropy",
            "with_labels.csv",
            "labels_of_two.npy",
            "column 'label' holds the targets, and no prediction",
        ),
        ("cross-entropy", "logits.npy", "two.csv", "choose the label column with target, e.g. target='d'"),
        ("cross-entropy", "three.csv", "four.npy", "choose the class columns with pred"),
        ("cross-entropy", "prefixed.csv", "names.csv", "pred='p_*' takes the columns of the classes alone"),
        ("mse", "one.csv", "two.csv", "choose columns with target, e.g. target='d'"),
        ("mse", "three.csv", "four.npy", "choose columns with pred, e.g. pred='a'"),
    ],
)
def test_columns_that_do_not_fit(tables, name, predictions, targets, words):
    options = {"kind": "logits"} if name == "cross-entropy" else {}
    with pytest.raises(losscli.DataError) as caught:
        losscli.compute(name, tables / predictions, tables / targets, **options)
    assert words in str(caught.value)


def test_names_and_columns_that_mean_nothing(tables):
    with pytest.raises(losscli.UsageError, match="names a class twice"):
        losscli.compute("nll", tables / "three.csv", tables / "labels.npy", kind="logits", class_weight="a:1,a:2")
    with pytest.raises(losscli.DataError, match="an array has no columns"):
        losscli.mle("normal", tables / "logits.npy", column="a")


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_fault_is_told_whatever_ranges_wait_behind_it(ranges_of_one, threads):
    values = np.where(np.arange(40) == 3, math.nan, 1.0)
    with pytest.raises(losscli.DataError, match="row 3"):
        losscli.compute("mse", values, np.zeros(40), threads=threads)


def test_rows_that_belie_the_detected_kind_late_in_the_data(ranges_of_one, monkeypatch):
    monkeypatch.setattr(score_rows, "DECIDING_ROWS", 4)
    rows = np.vstack([LOGITS, RNG.dirichlet(np.ones(3), 60)])
    with pytest.raises(losscli.DataError):
        losscli.compute("cross-entropy", rows, np.zeros(66, int), kind="auto")


# Limits


def test_without_all_losses_there_is_no_median(monkeypatch):
    whole = losscli.compute("l1", LOGITS[:, 0], LABELS).statistics
    monkeypatch.setattr(reduce, "MEDIAN_LIMIT", 3)
    assert losscli.compute("l1", LOGITS[:, 0], LABELS).statistics == replace(whole, median=None)


def test_baselines_that_cannot_be(monkeypatch):
    def prior(name, *arrays, **options):
        return losscli.compute(name, *arrays, baselines=True, **options).baselines["prior"].of

    outside = np.tile([-0.5, 1.0, 0.5], (6, 1))
    assert "outside [0, 1]" in prior("cross-entropy", LOGITS, outside, unchecked_targets=True)
    assert "not finite" in prior("mse", [1.0, 2.0], [math.nan, 1.0], on_nan="propagate")
    monkeypatch.setattr(baselines, "MEDIAN_LIMIT", 3)
    assert prior("l1", LOGITS[:, 0], LABELS) == "no median: there are more than 3 targets"
    nothing = losscli.compute("ctc", FRAMES, [[1], [2]], sample_weight=[0, 0], on_empty="zero", baselines=True)
    assert nothing.baselines["uniform"].value is None


def test_groups_whose_samples_were_all_added_up_before_the_end(monkeypatch):
    monkeypatch.setattr(groups, "BATCH", 1)
    found = losscli.compute("mse", [1.0, 2.0, 4.0], [0.0, 0.0, 0.0], by=np.array([7, 8, 7]))
    assert sorted(group.value for group in found.groups.groups) == [4.0, 8.5]


def test_many_weights_are_told_by_their_shape():
    log_probs = np.full((2, 2000), -math.log(2000))
    found = losscli.compute("nll", log_probs, [0, 1], class_weight=np.ones(2000))
    assert found.options["class_weight"] == "array of shape (2000,)"


def test_signs_in_several_ranges(ranges_of_one):
    scores, labels = np.array([0.5, -2.0, 0.25, 3.0]), np.array([0, 1, 1, 0])
    assert losscli.hinge(scores, labels, reduction="none").tolist() == [1.5, 3.0, 0.75, 4.0]


@pytest.mark.parametrize("dtype", ["f2", "i1"])
def test_tokens_of_any_type_of_scores(dtype):
    scores = np.array([[[1, 2, 0], [0, 3, 1]]], dtype)
    assert losscli.sequence_nll(scores, [[0, 2]]) == losscli.sequence_nll(scores.astype(float), [[0, 2]])


def test_margins_stand_beside_the_worst_where_there_is_one_class():
    one = losscli.compute("cross-entropy", LOGITS, LABELS, top=1).top.records()
    shares = losscli.compute("cross-entropy", LOGITS, PROBS, kind="logits", top=1).top.records()
    assert "margin" in next(iter(one))
    assert "margin" not in next(iter(shares))


def test_chosen_tokens_in_several_ranges(ranges_of_one, monkeypatch):
    monkeypatch.setattr(run, "PIECED_SAMPLES", 1)
    found = losscli.compute("sequence-nll", np.array([[0.5, 0.25], [0.125, 1.0]]), kind="token-probs")
    assert found.reductions["sum"] == pytest.approx(6 * math.log(2), rel=1e-15)


def test_ragged_tokens_come_back_as_arrays():
    found = losscli.sequence_nll([[0.5, 0.25], [0.125]], kind="token-probs", reduction="none")
    assert [row.tolist() for row in found] == [pytest.approx([math.log(2), math.log(4)]), pytest.approx([math.log(8)])]


def test_baselines_of_frames_in_lists():
    frames = [FRAMES[:, 0].tolist(), FRAMES[:3, 1].tolist()]
    lists = losscli.compute("ctc", frames, [[1, 2], [2]], baselines=True)
    padded = losscli.compute("ctc", FRAMES, [[1, 2], [2]], input_lengths=[5, 3], baselines=True)
    assert lists.value == padded.value
    assert lists.baselines == padded.baselines


@pytest.mark.parametrize("library", [lambda name: object(), lambda name: ctypes.cdll.LoadLibrary("no such library")])
def test_an_allocator_that_cannot_be_told_is_left_alone(monkeypatch, library):
    monkeypatch.setattr(ctypes, "CDLL", library)
    keep_freed_memory()


def test_normalized_rows_cost_what_their_quotients_cost():
    assert losscli.nll(4.0 * PROBS, LABELS, kind="probs", normalize=True) == pytest.approx(
        losscli.nll(PROBS, LABELS, kind="probs"), rel=1e-15
    )


# Ends of other computations


@pytest.mark.parametrize("limit", ["worst_sample = 9", 'worst_group = { by = "class", max = 9 }'])
def test_a_gate_on_the_worst_of_nothing(tables, limit):
    np.save(tables / "ignored.npy", np.full(6, 2))
    (tables / "gates.toml").write_text(
        '[[gate]]\nname = "g"\nloss = "cross-entropy"\npredictions = "logits.npy"\ntargets = "ignored.npy"\n'
        f'options = {{ kind = "logits", ignore_index = 2, on_empty = "zero" }}\n{limit}\n'
    )
    file = read_gates(str(tables / "gates.toml"))
    (gate,) = run_gates(file, file.gates, None).gates
    assert "no sample is scored" in str(gate.error)


def test_an_utterance_has_no_class_to_be_the_worst(tables):
    (tables / "gates.toml").write_text(
        '[[gate]]\nname = "g"\nloss = "ctc"\npredictions = "p.npy"\ntargets = "t.npy"\n'
        'worst_group = { by = "class", max = 1 }\n'
    )
    with pytest.raises(losscli.UsageError, match="class"):
        read_gates(str(tables / "gates.toml"))


def told_to(told):
    return lambda done, total: told.append((done, total))


def assert_told(told, total):
    """Ever more of the total, and in the end all."""
    assert told == sorted(told)
    assert told[-1] == (total, total)


def test_everything_that_takes_long_tells_how_far_it_is(tables, ranges_of_one):
    told = []
    compute(Request(find("mse"), LOGITS, LOGITS, progress=told_to(told)))
    assert_told(told, 6)
    told.clear()
    likelihood("normal", LOGITS[:, 0], mean=0, std=1, progress=told_to(told))
    assert_told(told, 6)
    told.clear()
    inspect(InspectRequest([str(tables / "logits.npy")], progress=told_to(told)))
    assert_told(told, 6)


@pytest.mark.parametrize("samples", [8, 40])
def test_a_comparison_tells_how_far_it_is(tables, samples):
    predictions = RNG.normal(size=(2, samples))
    *paths, zeros = (str(tables / f"{name}.npy") for name in "abt")
    for path, values in zip([*paths, zeros], [*predictions, np.zeros(samples)], strict=True):
        np.save(path, values)
    told = []
    request = Request(find("mse"), None, zeros, statistics=False)
    settings = Settings(resamples=500, method="percentile")
    [contrast] = compare(request, paths, settings, progress=told_to(told)).contrasts
    assert_told(told, 500)
    assert contrast.evidence.interval.method == "percentile"
    [corrected] = compare(request, paths, replace(settings, method="bca")).contrasts
    assert corrected.evidence.interval.method == "bca"


def test_nothing_is_left_to_compare(tables):
    np.save(tables / "a.npy", LOGITS[:, 0])
    np.save(tables / "zeros.npy", np.zeros(6))
    labels, zeros = (str(tables / f"{name}.npy") for name in ("labels", "zeros"))
    request = Request(find("mse"), None, labels, sample_weight=zeros, on_empty="zero")
    with pytest.raises(losscli.DataError, match="nothing is left to compare"):
        compare(request, [str(tables / "a.npy")] * 2, Settings())


def test_a_folder_is_no_baseline(tmp_path):
    with pytest.raises(losscli.DataError, match="the baseline cannot be read: is a directory"):
        read_baseline(tmp_path)
