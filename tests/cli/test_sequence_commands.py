"""`losscli sequence-nll` and `perplexity` as a stranger meets them, and the commands of the sample data."""

from __future__ import annotations

import json
import math
import shlex

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import SAMPLE_SEQUENCES, load_cases

EXPECTED = {case.id: case for case in load_cases(SAMPLE_SEQUENCES)}
COMMANDS = [
    pytest.param(record["id"], command, id=f"{record['id']}-{number}")
    for record in json.loads(SAMPLE_SEQUENCES.read_text(encoding="utf-8"))["cases"]
    for number, command in enumerate(record["commands"])
]
ROWS = [[-1.0, -2.0], [], [-0.5], [-1.0, -2.0, -0.25]]


@pytest.mark.parametrize(("identity", "command"), COMMANDS)
def test_the_commands_of_the_sample_data_print_what_torch_says(samples, identity, command):
    case = EXPECTED[identity]
    words = [word.replace("sample_data/", "") for word in shlex.split(command)]
    outcome = samples(shlex.join([*words, "--json", "--quiet"]))
    assert (outcome.code, outcome.err) == (0, "")
    value = json.loads(outcome.out)["value"]
    np.testing.assert_allclose(value, case.expected, rtol=case.rtol, atol=case.atol)


@pytest.fixture
def folder(shell):
    """Three sequences of five tokens out of seven, and token log-probabilities as lists."""
    rng = np.random.default_rng(0)
    shell.save("logits.npy", rng.normal(0.0, 2.0, (3, 5, 7)))
    shell.save("tokens.npy", rng.integers(0, 7, (3, 5)))
    shell.save("chosen.npy", -rng.exponential(1.0, (3, 5)))
    table = pa.table({"lp": pa.array(ROWS, pa.list_(pa.float64())), "n": list(map(len, ROWS))})
    pq.write_table(table, shell.folder / "lists.parquet")
    return shell


def test_the_table_tells_all_measures_and_what_became_of_the_tokens(folder):
    outcome = folder(
        "sequence-nll logits.npy tokens.npy --shift 1 --lengths 5,3,4 --prompt-lengths 2,0,1 --bytes 9,5,7"
    )
    assert outcome.code == 0
    for said in ("nats_per_token", "bits_per_token", "bits_per_byte", "perplexity", "nll_per_sequence", "t + 1"):
        assert said in outcome.out
    assert "scored=8, skipped=0, padded=3, prompt=3, masked=0, unpredicted=1" in outcome.out


def test_perplexity_prints_perplexity(folder):
    value = folder("perplexity logits.npy tokens.npy --shift 1 --format value -q")
    whole = json.loads(folder("sequence-nll logits.npy tokens.npy --shift 1 --json -q").out)
    assert float(value.out) == whole["perplexity"] == math.exp(whole["value"])
    shown = folder("perplexity logits.npy tokens.npy --shift 1 -q").out
    assert shown.startswith(f"perplexity = {value.out.strip()} perplexity")
    assert folder(f"perplexity logits.npy tokens.npy --shift 1 -q --max {whole['perplexity']!r}").code == 0
    assert folder("perplexity logits.npy tokens.npy --shift 1 -q --max 1").code == 1


def test_a_better_shift_is_said_on_stderr(folder):
    logits = np.zeros((2, 6, 4))
    tokens = np.array([[0, 1, 2, 3, 1, 0], [2, 0, 3, 1, 1, 2]])
    for t in range(5):
        logits[np.arange(2), t, tokens[:, t + 1]] = 9.0
    folder.save("causal.npy", logits)
    folder.save("words.npy", tokens)
    outcome = folder("sequence-nll causal.npy words.npy --format value")
    assert outcome.code == 0
    assert outcome.err.startswith("losscli: warning: --shift 1 would score ")
    assert "are tokens and scores aligned as stated?" in outcome.err
    assert folder("sequence-nll causal.npy words.npy --shift 1 --format value").err == ""


def test_lists_without_reduction_keep_their_lengths_in_every_form(folder):
    command = "sequence-nll lists.parquet --pred lp --kind token-log-probs --reduction none"
    expected = [[-x for x in row] for row in ROWS]
    document = json.loads(folder(f"{command} --json").out)
    assert document["value"] == expected
    assert document["inputs"]["predictions"]["shape"] == [4, None]
    assert document["counts"]["elements"] == 6
    flat = [(n, t, x) for n, row in enumerate(expected) for t, x in enumerate(row)]
    lines = folder(f"{command} --format csv").out.splitlines()
    assert lines == ["sample,i1,loss,weight", *(f"{n},{t},{x},1.0" for n, t, x in flat)]
    for name in ("out.jsonl", "out.csv", "out.parquet"):
        assert folder(f"{command} -o {name} --format value").code == 0
    records = [json.loads(line) for line in (folder.folder / "out.jsonl").read_text().splitlines()]
    assert [(r["sample"], r["i1"], r["loss"]) for r in records] == flat
    assert (folder.folder / "out.csv").read_text().splitlines() == lines
    table = pq.read_table(folder.folder / "out.parquet", use_threads=False, pre_buffer=False).to_pydict()
    assert list(zip(table["sample"], table["i1"], table["loss"], strict=True)) == flat


def test_lists_as_samples_in_every_form(folder):
    command = "sequence-nll lists.parquet --pred lp --kind token-log-probs"
    document = json.loads(folder(f"{command} --json --per-sample").out)
    assert [(s["loss"], s["weight"]) for s in document["per_sample"]] == [
        (3.0, 2.0),
        (0.0, 0.0),
        (0.5, 1.0),
        (3.25, 3.0),
    ]
    assert folder(f"{command} -o out.npy --format value").out.strip() == repr(6.75 / 6)
    assert np.load(folder.folder / "out.npy").tolist() == [3.0, 0.0, 0.5, 3.25]


def test_rectangles_without_reduction_are_an_array(folder):
    assert folder("sequence-nll chosen.npy --kind token-log-probs --reduction none -o out.npy --format value").code == 0
    np.testing.assert_array_equal(np.load(folder.folder / "out.npy"), -np.load(folder.folder / "chosen.npy"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("logits.npy tokens.npy --lengths 5,6,5", "the length of sequence 1 is 6, more than its tokens (5)"),
        ("logits.npy tokens.npy --lengths 5,-1,2", "the length of sequence 1 is -1"),
        ("logits.npy tokens.npy --lengths 5,2.5,2", "the length of sequence 1 is 2.5"),
        ("logits.npy tokens.npy --lengths 5,6", "--lengths has 2"),
        ("logits.npy tokens.npy --lengths tokens.npy", "the length is one whole number for each sequence"),
        ("logits.npy tokens.npy --lengths nope", "a column of the inputs, a file, FILE:COLUMN or a comma list"),
        ("logits.npy tokens.npy --prompt-lengths 0,9,0", "the prompt length of sequence 1 is 9"),
        ("logits.npy tokens.npy --bytes 1,0.5,2", "the number of bytes of sequence 1 is 0.5"),
        ("logits.npy tokens.npy --bytes 0,0,0", "add up to 0"),
        ("logits.npy tokens.npy --mask two.npy", "the mask of token 4 of sequence 2 is 2"),
        ("logits.npy tokens.npy --mask narrow.npy", "the mask of sequence 0 has length 4, but its tokens are 5"),
        ("logits.npy tokens.npy --mask lists.parquet:lp", "lists.parquet has 4"),
        ("logits.npy large.npy", "the token is 7, but there are 7 classes (0 to 6)"),
        ("logits.npy padded.npy", "--ignore-index -100"),
        ("logits.npy half.npy", "is no class index"),
        ("logits.npy narrow.npy", "scores are (N, T, V) and tokens (N, T)"),
        ("chosen.npy tokens.npy", "--kind token-log-probs, and no TARGETS"),
        ("logits.npy tokens.npy --kind probs", "no probability"),
        ("logits.npy tokens.npy --kind log-probs", "no log-probability"),
        ("nan.npy tokens.npy", "nan.npy: row 1: the value is NaN"),
        ("logits.npy tokens.npy --shift 5", "look at --shift"),
        ("logits.npy --kind token-log-probs", "one number a token"),
        ("chosen.npy --kind token-probs", "hint: --kind token-log-probs"),
        ("probs.npy --kind token-log-probs", "hint: --kind token-probs"),
        ("lists.parquet --kind token-log-probs", "--pred lp"),
        ("lists.parquet --pred lp --kind token-log-probs --lengths 2,0,2,3", "the length of sequence 2 is 2"),
        ("lists.parquet --pred lp --kind token-log-probs --mask n", "the mask of sequence 0 has length 1"),
    ],
)
def test_bad_data_are_one_clear_error(folder, complaint, command, said):
    tokens, logits = np.load(folder.folder / "tokens.npy"), np.load(folder.folder / "logits.npy")
    mask = np.ones((3, 5))
    mask[2, 4] = 2
    logits[1, 3, 2] = np.nan
    for name, values in (
        ("two", mask),
        ("narrow", mask[:, :4]),
        ("large", np.where(tokens == tokens.max(), 7, tokens)),
        ("padded", np.where(tokens == tokens.max(), -100, tokens)),
        ("half", tokens + 0.5),
        ("nan", logits),
        ("probs", np.full((3, 5), 0.5)),
    ):
        folder.save(f"{name}.npy", values)
    assert said in complaint(f"sequence-nll {command}")
    assert said in complaint(f"perplexity {command}")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sequence-nll logits.npy", "TARGETS; --kind token-log-probs takes none"),
        ("sequence-nll lists.parquet", "--kind token-log-probs takes none"),
        ("sequence-nll logits.npy tokens.npy --kind token-log-probs", "TARGETS have no meaning"),
        ("sequence-nll lists.parquet --pred lp --target n --kind token-probs", "TARGETS have no meaning"),
        ("sequence-nll chosen.npy --kind token-log-probs --shift 1", "--shift does not apply"),
        ("sequence-nll chosen.npy --kind token-log-probs --ignore-index 0", "--ignore-index does not apply"),
        ("sequence-nll logits.npy tokens.npy --shift one", "--shift"),
        ("sequence-nll logits.npy tokens.npy --kind token", "--kind"),
        ("sequence-nll logits.npy tokens.npy --normalize", "add --kind probs"),
        ("perplexity logits.npy tokens.npy --reduction sum", "made of a mean"),
        ("perplexity logits.npy tokens.npy --base 2", "--base"),
        ("sequence-nll - tokens.npy --lengths -", "only one input can be `-`"),
    ],
)
def test_a_wrong_command_is_told_by_the_command_line_alone(folder, complaint, command, said):
    assert said in complaint(command, code=2)
