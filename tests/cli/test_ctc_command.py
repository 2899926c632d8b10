"""`losscli ctc` as a stranger meets it: the ways in, what is told of each utterance, bad input by its name."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

TARGETS = [[1, 2], [2, 2, 3], [3]]


@pytest.fixture
def folder(shell):
    """Three utterances of six frames of four classes, with their targets in every form."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 2.0, (6, 3, 4))
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    shell.save("logits.npy", logits)
    shell.save("frames.npy", log_probs)
    shell.save("ntc.npy", log_probs.swapaxes(0, 1))
    shell.save("one.npy", log_probs[:, 0])
    shell.save("padded.npy", [[1, 2, 0], [2, 2, 3], [3, 0, 0]])
    shell.save("strung.npy", [1, 2, 2, 2, 3, 3])
    table = pa.table({"frames": log_probs.swapaxes(0, 1).tolist(), "target": TARGETS, "labels": [2, 3, 1]})
    pq.write_table(table, shell.folder / "table.parquet")
    lines = [{"frames": f.tolist(), "target": t} for f, t in zip(log_probs.swapaxes(0, 1), TARGETS, strict=True)]
    shell.write("lines.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return shell


def test_every_way_in_is_the_same_number(folder):
    values = set()
    for command in (
        "frames.npy padded.npy",
        "frames.npy padded.npy --target-lengths 2,3,1 --input-lengths 6,6,6",
        "frames.npy strung.npy --target-lengths 2,3,1",
        "frames.npy strung.npy --target-lengths table.parquet:labels",
        "ntc.npy padded.npy --layout ntc",
        "table.parquet --pred frames --target target",
        "lines.jsonl --pred frames --target target",
        "table.parquet padded.npy --pred frames",
        "frames.npy table.parquet --target target",
    ):
        outcome = folder(f"ctc {command} --format value")
        assert (outcome.code, outcome.err) == (0, ""), command
        values.add(outcome.out)
    assert len(values) == 1


def test_targets_that_are_all_empty(folder):
    """The loss is that of all frames being blank; an array of no columns says as much as lists and lengths."""
    folder.save("empty.npy", np.zeros((3, 0), np.int64))
    folder.write("empty.jsonl", '{"target": []}\n' * 3)
    blanks = -np.load(folder.folder / "frames.npy")[:, :, 0].sum(axis=0)
    for targets in ("empty.npy", "empty.jsonl --target target", "padded.npy --target-lengths 0,0,0"):
        outcome = folder(f"ctc frames.npy {targets} --reduction none --json")
        assert (outcome.code, outcome.err) == (0, "")
        np.testing.assert_allclose(json.loads(outcome.out)["value"], blanks, rtol=1e-14)


def test_predictions_that_hold_nothing_are_still_refused(folder):
    folder.save("empty.npy", np.zeros((3, 0), np.int64))
    for shape in ((6, 3, 0), (3, 0)):
        folder.save("nothing.npy", np.zeros(shape))
        outcome = folder("ctc nothing.npy empty.npy")
        assert outcome.code == 3
        assert "nothing.npy: the array has rows that hold nothing" in outcome.err


def test_one_utterance_needs_no_axis_and_no_lengths(folder):
    folder.save("target.npy", [1, 2])
    batched = json.loads(folder("ctc frames.npy padded.npy --reduction none --json").out)["value"]
    alone = json.loads(folder("ctc one.npy target.npy --reduction none --json").out)["value"]
    assert alone == batched[0]
    assert folder("ctc one.npy target.npy -o out.npy --reduction none --format value").code == 0


def test_what_is_told_of_each_utterance(folder):
    command = "ctc frames.npy padded.npy --input-lengths 6,3,5"
    outcome = folder(f"{command} --top 1 --format json")
    assert "1 utterance has no alignment (the first: 1)" in outcome.err
    document = json.loads(outcome.out)
    assert document["value"] == "Infinity"
    assert document["impossible"] == 1
    assert document["inputs"]["predictions"]["shape"] == [6, 3, 4]
    rows = folder(f"{command} --format csv -q").out.splitlines()
    assert rows[0] == "sample,loss,weight,frames,labels,repeats,possible"
    assert [row.split(",", 3)[3] for row in rows[1:]] == ["6,2,0,True", "3,3,1,False", "5,1,0,True"]
    assert rows[2].startswith("1,inf,")
    shown = folder(f"{command} --top 1 -q").out
    assert "worst 1 of 3 samples" in shown
    assert "torch: mean of loss / labels, over utterances" in shown

    zeroed = folder(f"{command} --zero-infinity --json")
    assert "--zero-infinity counts 1 infinite loss as 0" in zeroed.err
    document = json.loads(zeroed.out)
    assert (document["zeroed"], document["impossible"], document["denominator"]) == (1, 1, 3.0)


@pytest.mark.parametrize(("rule", "denominator"), [("torch", 3.0), ("sample", 3.0), ("label", 6.0)])
def test_the_rule_of_the_mean_is_said(folder, rule, denominator):
    document = json.loads(folder(f"ctc frames.npy padded.npy --mean-rule {rule} --json").out)
    each = np.array(json.loads(folder("ctc frames.npy padded.npy --reduction none --json").out)["value"])
    numerator = (each / [2, 3, 1]).sum() if rule == "torch" else each.sum()
    assert document["mean_rule"].startswith(f"{rule}: ")
    assert document["denominator"] == denominator
    assert document["value"] == pytest.approx(numerator / denominator, rel=1e-15)
    assert (f"mean_rule:{rule}" in document["signature"]) == (rule != "torch")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("frames.npy padded.npy --blank 4", "hint: --blank last is class 3"),
        ("frames.npy padded.npy --input-lengths 6,7,6", "the length of utterance 1 is 7, more than its frames (6)"),
        ("frames.npy padded.npy --input-lengths 6,-1,6", "the length of utterance 1 is -1"),
        ("frames.npy padded.npy --input-lengths 6,0.5,6", "the length of utterance 1 is 0.5"),
        ("frames.npy padded.npy --input-lengths 6,nan,6", "the length of utterance 1 is nan"),
        ("frames.npy padded.npy --input-lengths 6,6", "--input-lengths has 2"),
        ("frames.npy padded.npy --input-lengths padded.npy", "the length is one whole number for each utterance"),
        ("frames.npy padded.npy --target-lengths 2,4,1", "the length of utterance 1 is 4, more than its labels (3)"),
        ("frames.npy padded.npy --target-lengths 3,3,1", "label 2 of utterance 0 is 0"),
        ("frames.npy large.npy", "label 1 of utterance 2 is 4"),
        ("frames.npy holes.npy", "label 1 of utterance 1 is -1"),
        ("frames.npy half.npy", "no class index"),
        ("frames.npy strung.npy", "hint: --target-lengths FILE, or targets (N, S)"),
        ("frames.npy strung.npy --target-lengths 2,3,2", "holds 6 labels, but the target lengths add up to 7"),
        ("frames.npy strung.npy --target-lengths 2,5,-1", "the length of utterance 2 is -1"),
        ("frames.npy strung.npy --target-lengths 2,nan,1", "the length of utterance 1 is nan"),
        ("frames.npy padded.npy --layout ntc", "hint: --layout tnc"),
        ("ntc.npy padded.npy", "hint: --layout ntc"),
        ("one.npy padded.npy", "padded.npy has 3"),
        ("frames.npy single.npy", "single.npy has 1"),
        ("strung.npy padded.npy", "an utterance is T frames of C classes"),
        ("logits.npy padded.npy --kind log-probs", "no log-probability"),
        ("frames.npy padded.npy --kind probs", "no probability"),
        ("nan.npy padded.npy", "nan.npy: utterance 2: the value is NaN"),
        ("masked.npy padded.npy", "all 4 values are -inf"),
        ("frames.npy blanks.npy --mean-rule label", "a mean per label needs a label"),
        ("table.parquet --pred frames --target frames", "table.parquet"),
    ],
)
def test_bad_data_are_one_clear_error(folder, complaint, command, said):
    frames = np.load(folder.folder / "frames.npy")
    nan, masked = frames.copy(), frames.copy()
    nan[3, 2, 0], masked[2, 1] = np.nan, -np.inf
    for name, values in (
        ("large", [[1, 2, 0], [2, 2, 3], [3, 4, 0]]),
        ("single", 2),
        ("holes", [[1, 2, 0], [2, -1, 3], [3, 0, 0]]),
        ("half", [[1.5, 2, 0], [2, 2, 3], [3, 0, 0]]),
        ("blanks", np.zeros((3, 2), int)),
        ("nan", nan),
        ("masked", masked),
    ):
        folder.save(f"{name}.npy", values)
    assert said in complaint(f"ctc {command}")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("frames.npy", "losscli ctc frames.npy TARGETS"),
        ("table.parquet", "which column of table.parquet holds the targets?"),
        ("frames.npy padded.npy --blank -1", "a class index ≥ 0, or `last`"),
        ("frames.npy padded.npy --blank 0.5", "a class index ≥ 0, or `last`"),
        ("frames.npy padded.npy --blank first", "a class index ≥ 0, or `last`"),
        ("frames.npy padded.npy --mean-rule mean", "--mean-rule"),
        ("frames.npy padded.npy --layout nct", "--layout"),
        ("frames.npy padded.npy --kind token-log-probs", "--kind"),
        ("frames.npy padded.npy --row-sum-tolerance -1", "--row-sum-tolerance"),
        ("- padded.npy --input-lengths -", "only one input can be `-`"),
    ],
)
def test_a_wrong_command_is_told_by_the_command_line_alone(folder, complaint, command, said):
    assert said in complaint(f"ctc {command}", code=2)
