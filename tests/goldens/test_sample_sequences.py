"""The sequences and spreads of the sample data say the same in every format, and the goldens are theirs."""

import csv
import json
import shlex
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from reading import HERE, ROOT, load_cases

SAMPLES = ROOT / "sample_data"
GOLDENS = HERE / "sample_sequences.json"
CASES = {case.id: case for case in load_cases(GOLDENS)}
RECORDS = json.loads(GOLDENS.read_text(encoding="utf-8"))["cases"]
CTC_FACTS = next(record["facts"] for record in RECORDS if record["id"] == "sample-ctc-none")


def load(name):
    return np.load(SAMPLES / f"{name}.npy", mmap_mode="r")


def lists(name):
    return pq.read_table(SAMPLES / name, use_threads=False, pre_buffer=False).to_pydict()


def letter_losses():
    """Minus the log-probability of every token but the first, from the causal logits, nan over padding."""
    logits, tokens = load("lm_logits")[:, :-1].astype(np.float64), load("lm_tokens")[:, 1:]
    chosen = np.take_along_axis(logits, np.maximum(tokens, 0)[..., None], axis=-1)[..., 0]
    return np.where(tokens < 0, np.nan, np.log(np.exp(logits).sum(axis=-1)) - chosen)


def test_cases_are_named_once_and_their_commands_read_files_that_exist():
    assert max(Counter(record["id"] for record in RECORDS).values()) == 1
    for record in RECORDS:
        assert record["commands"], record["id"]
        for command in record["commands"]:
            files = [word for word in shlex.split(command) if word.startswith("sample_data/")]
            assert files
            assert all((ROOT / file.partition(":")[0]).is_file() for file in files), command
            assert ("--reduction" in command) == (record["reduction"] != "mean")


def test_padding_and_lengths_of_the_text_agree():
    tokens, lengths = load("lm_tokens"), load("lm_lengths")
    np.testing.assert_array_equal(tokens != -100, np.arange(tokens.shape[1]) < lengths[:, None])
    assert lengths.max() == tokens.shape[1] > lengths.min()
    assert tokens.max() < load("lm_logits").shape[-1]
    prompts = load("lm_prompt_lengths")
    assert (prompts > 0).all()
    assert (prompts < lengths).all()


def test_lists_of_letters_are_the_padded_arrays_and_the_softmax_of_the_logits():
    table, padded, tokens = lists("lm_token_log_probs.parquet"), load("lm_token_log_probs"), load("lm_tokens")
    losses = letter_losses()
    alphabet = "\n abcdefghijklmnopqrstuvwxyz.,'-"
    np.testing.assert_array_equal(table["length"], load("lm_lengths") - 1)
    np.testing.assert_array_equal(table["prompt_length"], load("lm_prompt_lengths") - 1)
    np.testing.assert_array_equal(table["bytes"], load("lm_bytes"))
    for row, length in enumerate(table["length"]):
        assert table["token_log_probs"][row] == padded[row, :length].tolist()
        assert not padded[row, length:].any()
        np.testing.assert_allclose(padded[row, :length], -losses[row, :length], rtol=1e-13)
        assert table["tokens"][row] == tokens[row, 1 : length + 1].tolist()
        assert "".join(alphabet[token] for token in table["tokens"][row]) == table["text"][row]
        assert len(table["text"][row].encode()) == table["bytes"][row]


def test_goldens_of_the_text_follow_from_its_logits():
    losses = letter_losses()
    after_prompt = np.arange(1, losses.shape[1] + 1) >= load("lm_prompt_lengths")[:, None]
    for name, scored in (
        ("shift", losses),
        ("shift-lengths", losses),
        ("prompt", np.where(after_prompt, losses, np.nan)),
    ):
        for reduction, function in (("mean", np.nanmean), ("sum", np.nansum)):
            case = CASES[f"sample-sequence-nll-{name}-{reduction}"]
            np.testing.assert_allclose(function(scored), case.expected, rtol=1e-13)
    best = CASES["sample-sequence-nll-shift-mean"].expected
    assert best < CASES["sample-sequence-nll-no-shift-mean"].expected
    assert best < CASES["sample-sequence-nll-shift-back-mean"].expected


@pytest.mark.parametrize("record", [r for r in RECORDS if r["loss"] == "sequence_nll"], ids=lambda r: r["id"])
def test_facts_of_the_text_follow_from_the_sums_of_its_lines(record):
    facts = record["facts"]
    total = sum(facts["row_sums"])
    mean = total / facts["scored"]
    assert record["expected"] == pytest.approx(total if record["reduction"] == "sum" else mean, rel=1e-13)
    assert facts["perplexity"] == pytest.approx(np.exp(mean), rel=1e-13)
    assert facts["bits_per_token"] == pytest.approx(np.log2(np.exp(mean)), rel=1e-13)
    assert facts["mean_per_sequence"] == pytest.approx(total / len(facts["row_sums"]), rel=1e-13)


def test_lines_of_digits_are_the_same_padded_strung_together_and_as_lists():
    log_probs, targets, table = load("ctc_log_probs"), load("ctc_targets"), lists("ctc.parquet")
    input_lengths, target_lengths = load("ctc_input_lengths"), load("ctc_target_lengths")
    np.testing.assert_array_equal(targets != -1, np.arange(targets.shape[1]) < target_lengths[:, None])
    np.testing.assert_array_equal(targets[targets != -1], load("ctc_targets_concatenated"))
    assert len(table["frames"]) == len(targets) == log_probs.shape[1]
    for row, (frames, labels) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        np.testing.assert_array_equal(np.array(table["frames"][row], np.float32), log_probs[:frames, row])
        assert table["target"][row] == targets[row, :labels].tolist()
    np.testing.assert_array_equal(load("ctc_line_log_probs"), log_probs[: input_lengths[0], 0])
    np.testing.assert_array_equal(load("ctc_line_target"), table["target"][0])
    np.testing.assert_allclose(np.exp(log_probs, dtype=np.float64).sum(axis=-1), 1, rtol=1e-7)


def test_lines_of_digits_have_the_edges_they_are_there_for():
    targets, lengths = load("ctc_targets"), load("ctc_target_lengths")
    repeats = ((targets[:, 1:] == targets[:, :-1]) & (targets[:, 1:] > 0)).sum(axis=1)
    assert repeats.tolist() == CTC_FACTS["repeats"]
    assert repeats.any()
    assert 0 in lengths
    assert (load("ctc_input_lengths") >= lengths + repeats).all()
    assert set(load("ctc_targets_concatenated")) == set(range(1, 11))


def test_goldens_of_blank_paper_and_of_one_line_are_among_those_of_all_lines():
    losses = CASES["sample-ctc-none"].expected
    paper = load("ctc_log_probs")[: load("ctc_input_lengths")[-1], -1, 0].astype(np.float64)
    np.testing.assert_allclose(losses[-1], -paper.sum(), rtol=1e-13)
    np.testing.assert_allclose(CASES["sample-ctc-line-none"].expected, losses[0], rtol=1e-13)
    shares = losses / np.maximum(load("ctc_target_lengths"), 1)
    np.testing.assert_allclose(CASES["sample-ctc-mean"].expected, shares.mean(), rtol=1e-13)


def test_spreads_are_the_same_in_every_format_and_cost_what_the_goldens_say():
    with (SAMPLES / "gaussian.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    text, table = dict(zip(header, np.array(rows, float).T, strict=True)), lists("gaussian.parquet")
    assert list(text) == list(table) == ["mean", "std", "variance", "target"]
    for name, values in text.items():
        np.testing.assert_array_equal(values, load(f"gaussian_{name}"))
        np.testing.assert_array_equal(values, table[name])
    np.testing.assert_array_equal(text["target"], load("diabetes_target"))
    np.testing.assert_array_equal(text["variance"], text["std"] ** 2)
    scores = (text["target"] - text["mean"]) / text["std"]
    losses = np.log(text["std"]) + scores**2 / 2
    np.testing.assert_allclose(losses, CASES["sample-gaussian-nll-short-none"].expected, rtol=1e-13)
    np.testing.assert_allclose(
        losses + np.log(2 * np.pi) / 2, CASES["sample-gaussian-nll-full-none"].expected, rtol=1e-13
    )
