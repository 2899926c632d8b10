"""CSV and JSON Lines: every digit, every block, and text that cannot break a line."""

import csv
import io
import json
import math

import numpy as np
import pytest
from handmade import HOSTILE, block_of, read_only
from hypothesis import given
from hypothesis import strategies as st

from losscli.engine.result import Samples, Scored
from losscli.report import CsvSink, JsonLinesSink

NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def written(sink, blocks, *, elements=False) -> str:
    stream = io.StringIO()
    sink = sink(stream, elements=elements)
    for block in blocks:
        sink.write(block)
    return stream.getvalue()


def refuse(name):
    raise AssertionError(f"{name} is not strict JSON")


def test_csv_golden():
    text = read_only(["cat", 'a,"b"'], object)
    blocks = [block_of([0.1 + 0.2, math.inf], label=text), block_of([math.nan, 1e-300], start=2, label=text)]
    assert written(CsvSink, blocks) == (
        "sample,loss,weight,label\n"
        "0,0.30000000000000004,1.0,cat\n"
        '1,inf,1.0,"a,""b"""\n'
        "2,nan,1.0,cat\n"
        '3,1e-300,1.0,"a,""b"""\n'
    )


def test_jsonl_golden():
    text = read_only(["cat", None], object)
    hit = read_only([True, False])
    blocks = [block_of([0.1 + 0.2, -math.inf], label=text, hit=hit), block_of([math.nan], start=2)]
    assert written(JsonLinesSink, blocks) == (
        '{"sample": 0, "loss": 0.30000000000000004, "weight": 1.0, "label": "cat", "hit": true}\n'
        '{"sample": 1, "loss": "-Infinity", "weight": 1.0, "label": null, "hit": false}\n'
        '{"sample": 2, "loss": "NaN", "weight": 1.0}\n'
    )


def test_elements_carry_their_indices():
    block = block_of(np.arange(12.0).reshape(2, 3, 2), start=5)
    lines = written(CsvSink, [block], elements=True).splitlines()
    assert lines[0] == "sample,i1,i2,loss,weight"
    assert lines[1:4] == ["5,0,0,0.0,1.0", "5,0,1,1.0,1.0", "5,1,0,2.0,1.0"]
    assert lines[-1] == "6,2,1,11.0,1.0"
    assert len(lines) == 13
    assert written(JsonLinesSink, [block], elements=True).splitlines()[-1] == (
        '{"sample": 6, "i1": 2, "i2": 1, "loss": 11.0, "weight": 1.0}'
    )


def test_one_element_a_sample_needs_no_index():
    assert written(CsvSink, [block_of([1.5, 2.5])], elements=True) == ("sample,loss,weight\n0,1.5,1.0\n1,2.5,1.0\n")


def test_an_unbatched_sample_is_one_row():
    samples = Samples({"sample": np.array([0]), "loss": np.array([1.5]), "weight": np.array([1.0])})
    block = Scored(0, np.array(1.5), np.array(1.0), samples)
    assert written(CsvSink, [block], elements=True) == "sample,loss,weight\n0,1.5,1.0\n"


@pytest.mark.parametrize("sink", [CsvSink, JsonLinesSink])
def test_nothing_in_is_nothing_out(sink):
    assert written(sink, []) == ""


@given(st.lists(st.floats(), min_size=1))
def test_every_float_survives(losses):
    block = block_of(losses)
    rows = list(csv.DictReader(io.StringIO(written(CsvSink, [block]))))
    np.testing.assert_array_equal([float(row["loss"]) for row in rows], losses)
    records = [json.loads(line, parse_constant=refuse) for line in written(JsonLinesSink, [block]).splitlines()]
    np.testing.assert_array_equal([NAMES.get(row["loss"], row["loss"]) for row in records], losses)


def test_hostile_text_cannot_break_a_line_or_act():
    block = block_of([1.0], **{HOSTILE: read_only([HOSTILE], object), "100%s": read_only([1])})
    shown = r"[red]x[/oops]\x1b[31m\n\u202eend\x07\x7f\x9b"
    assert written(CsvSink, [block]) == f"sample,loss,weight,{shown},100%s\n0,1.0,1.0,{shown},1\n"
    line = written(JsonLinesSink, [block])
    assert line.isascii()
    assert all(character.isprintable() for character in line[:-1])
    assert json.loads(line) == {"sample": 0, "loss": 1.0, "weight": 1.0, HOSTILE: HOSTILE, "100%s": 1}


def test_labels_that_a_spreadsheet_would_run_are_marked_as_text_in_csv_alone():
    labels = ["-1", "+1e3", "-inf", "a=b", "=1+1", "+x", "-x", "@SUM(1)", "\uff1d1", "=", "\t=1"]
    block = block_of([1.0] * len(labels), **{"=name": read_only(labels, object)})
    rows = list(csv.DictReader(io.StringIO(written(CsvSink, [block]))))
    marked = ["'=1+1", "'+x", "'-x", "'@SUM(1)", "'\uff1d1", "'=", r"\t=1"]
    assert [row["'=name"] for row in rows] == [*labels[:4], *marked]
    lines = written(JsonLinesSink, [block]).splitlines()
    assert [json.loads(line)["=name"] for line in lines] == labels
