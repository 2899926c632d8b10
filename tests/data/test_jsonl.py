"""JSON Lines: objects, arrays and numbers a line, and what is wrong with a line."""

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.data.jsonl import open_json_lines
from losscli.data.locate import Input
from losscli.data.model import Ragged, ReadOptions
from losscli.errors import DataError


def opened(content, chunk_bytes=None):
    data = content.encode() if isinstance(content, str) else content
    table = open_json_lines(Input("t.jsonl", lambda: io.BytesIO(data)), ReadOptions())
    if chunk_bytes is not None:
        table.chunk_bytes = chunk_bytes
    return table


def column(table, name=None, **how):
    selected = table.select(None if name is None else [name], **how)
    return np.concatenate([values for (values,) in table.batches([selected])])


def failing(content, *, columns=None, chunk_bytes=None, **how):
    def read():
        table = opened(content, chunk_bytes)
        return list(table.batches([table.select(columns, **how)]))

    with pytest.raises(DataError) as caught:
        read()
    return caught.value


def test_objects():
    table = opened('{"a":1,"b":2.5,"t":"cat"}\n{"b":4,"a":3,"t":"dog"}\n')
    assert table.columns == ("a", "b", "t")
    assert column(table, "a").tolist() == [1, 3]
    assert column(table, "t", text=True).tolist() == ["cat", "dog"]
    selected = table.select(None)
    assert selected.info.columns == ("a", "b")
    assert selected.info.dtype == "float64"
    assert "'t' (string)" in selected.notes[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1\n2.5\n", [1, 2.5]),
        ("[1,2]\n[3,4]\n", [[1, 2], [3, 4]]),
        ("[[1],[2]]\n[[3],[4]]", [[[1], [2]], [[3], [4]]]),
        ("\ufeff[1]\r\n[2]\r\n\r\n", [[1], [2]]),
        ('{"p":[0.25,0.75]}\n{"p":[1,0]}', [[0.25, 0.75], [1, 0]]),
        ('{"p": 1}\n  {"p":\t2}  \n', [1, 2]),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
def test_shapes_and_chunks(content, expected, chunk_bytes):
    assert column(opened(content, chunk_bytes)).tolist() == expected


def test_ragged_lists():
    table = opened("[1,2]\n[]\n[3]\n")
    ((values,),) = table.batches([table.select(None, ragged=True)])
    assert isinstance(values, Ragged)
    assert values.values.tolist() == [1, 2, 3]
    assert values.offsets.tolist() == [0, 2, 2, 3]


@pytest.mark.parametrize("chunk_bytes", [1, 30, 1000])
def test_non_finite_numbers_as_the_results_write_them(chunk_bytes):
    lines = [
        '{"sample":0,"loss":"Infinity","weight":1.0}',
        '{"sample":1,"loss":0.5,"weight":1.0}',
        '{"sample":2,"loss":"NaN","weight":1.0}',
        '{"sample":3,"loss":"-Infinity","weight":1.0}',
        '{"sample":4,"loss":NaN,"weight":1.0}',
    ]
    losses = column(opened("\n".join(lines), chunk_bytes), "loss")
    np.testing.assert_array_equal(losses, [np.inf, 0.5, np.nan, -np.inf, np.nan])
    lists = column(opened('["NaN",1]\n[2,"-Infinity"]\n', chunk_bytes))
    np.testing.assert_array_equal(lists, [[np.nan, 1], [2, -np.inf]])


def test_strings_in_a_text_column_stay_text():
    assert column(opened('"cat"\n"NaN"\n'), text=True).tolist() == ["cat", "NaN"]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_digits_survive(patterns):
    doubles = np.frombuffer(struct.pack(f"{len(patterns)}Q", *patterns), np.float64)
    doubles = doubles[np.isfinite(doubles)]
    doubles = np.concatenate([doubles, [5e-324, 1.7976931348623157e308, 9007199254740994.0]])
    read = column(opened("\n".join(map(json.dumps, doubles.tolist()))))
    np.testing.assert_array_equal(read, doubles)


def test_many_chunks_keep_their_order():
    numbers = np.arange(5_000) / 7
    text = "".join(f'{{"n":{number!r},"i":"{row}"}}\n' for row, number in enumerate(numbers.tolist()))
    np.testing.assert_array_equal(column(opened(text, 1 << 10), "n"), numbers)


@pytest.mark.parametrize("unread", ["9007199254740993", "1e999", "null", '{"x":[1,"y"]}', '"text"', "[[1],2]"])
def test_what_is_not_asked_for_harms_nobody(unread):
    lines = f'{{"p":1,"id":{unread}}}\n{{"p":"NaN","id":{unread}}}\n'
    np.testing.assert_array_equal(column(opened(lines), "p"), [1, np.nan])


def test_a_first_line_longer_than_the_head():
    values = (np.arange(20_000) / 3).tolist()
    assert column(opened(f"{json.dumps(values)}\n{json.dumps(values)}\n")).tolist() == [values, values]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"p":1,}', " is not JSON: '{\"p\":1,}'"),
        ('{"p":1', " is not JSON: '{\"p\":1'"),
        ('{"p":1}{"p":2}', ' is not JSON: \'{"p":1}{"p":2}\''),
        ("", " is blank"),
        ('{"q":1}', " has no key 'p'"),
        ('{"p":null}', ", column 'p': null is a missing value"),
        ('{"p":"x"}', ", column 'p': 'x' is not a number"),
        ('{"p":true}', ", column 'p': true is not a number"),
        ('{"p":[1]}', ", column 'p': [1.0] is not a number"),
        ('{"p":[9007199254740993]}', " is not a number"),
        ('{"p":1e999}', ", column 'p': '1e999' is too large for float64"),
        ('{"p":-1e999}', ", column 'p': '-1e999' is too large for float64"),
        ('{"p":9007199254740993}', ", column 'p': '9007199254740993' is a whole number that float64 cannot hold"),
        ('{"p":1,"p":2}', ": the key 'p' stands twice"),
        ("[1]", ": [1.0] is not an object, as line 1 is"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [8, 1000])
def test_a_bad_line(line, problem, chunk_bytes):
    error = failing(f'{{"p":1}}\n{{"p":2}}\n{line}\n{{"p":4}}\n', columns=["p"], chunk_bytes=chunk_bytes)
    assert error.problem.startswith("t.jsonl: row 2 (line 3)")
    assert error.problem.endswith(problem)


@pytest.mark.parametrize(
    ("content", "problem", "hint"),
    [
        ('[{"a":1},{"a":2}]', "one JSON array of objects", "jq -c '.[]'"),
        ('[\n{"a":1},\n{"a":2}]', "row 0 (line 1) is not JSON: '['", "jq -c '.[]'"),
        ('[{"a":1},\n{"a":2}]', "row 0 (line 1) is not JSON: '[{", "jq -c '.[]'"),
        ('[{\n"a":1\n}]', "row 0 (line 1) is not JSON: '[{'", "jq -c '.[]'"),
        ('{\n"a":1\n}', "row 0 (line 1) is not JSON: '{'", "jq -c ."),
        ("[1,null]\n", "row 0 (line 1), column 'value': null is a missing value", '"NaN"'),
        ("[1,2]\n[1]\n", "row 1 (line 2), column 'value': a list of 1 values", ""),
        ("\n\n", "the text has no lines", ""),
        ('{"a":1}\n'.encode("utf-16"), "the text is UTF-16", "iconv -f UTF-16"),
        (b'{"a":1}\n{"a":1\0}\n', "line 2 holds a NUL byte", ""),
        (b'{"a":"x"}\n{"a":"\xe9"}\n', "line 2 is not UTF-8: byte 0xe9", "iconv"),
    ],
)
def test_bad_files(content, problem, hint):
    error = failing(content, text=True)
    assert problem in error.problem
    assert hint in error.hint


def test_bad_utf_8_far_from_the_beginning():
    error = failing(b'{"a":"x"}\n' * 20_000 + b'{"a":"\xe9"}\n', text=True)
    assert error.problem == "t.jsonl: line 20001 is not UTF-8: byte 0xe9"


@pytest.mark.parametrize("line", [
    r'{"a":1,"t":"x\ud800"}', r'{"a":1,"t":"\uDC00y"}', r'{"a":1,"t\udfff":"z"}', r'{"a":1,"t":["\ud83d\ud83d"]}',
])  # fmt: skip
@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_half_a_surrogate_pair_is_no_text(line, rows):
    error = failing('{"a":1,"t":"x"}\n' * rows + line + "\n", text=True)
    assert error.problem.startswith(f"t.jsonl: row {rows} (line {rows + 1})")
    assert error.problem.endswith(" alone")
    assert error.why == "half of a surrogate pair is no character"


def test_whole_pairs_and_backslashes_are_text():
    table = opened(r'{"t":"\ud83d\ude00"}' + "\n" + r'{"t":"\\ud800"}' + "\n")
    assert column(table, "t", text=True).tolist() == ["\U0001f600", r"\ud800"]
