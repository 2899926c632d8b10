"""CSV and TSV that read: the same numbers, whatever the notation, the packing and the chunks."""

import gzip
import io
import struct
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.data.delimited import open_delimited
from losscli.data.locate import Input, locate
from losscli.data.model import ReadOptions
from losscli.errors import DataError

TRICKY = 'id,text,p\n1,plain,0.25\n2,"two\nlines, and a comma",-inf\n3,"a ""quote""",1e-5\n4,"\n\n",nan\n5,é,+7\n'
TRICKY_TEXTS = ["plain", "two\nlines, and a comma", 'a "quote"', "\n\n", "é"]


def source(content, name="table.csv"):
    """An input that holds `content` and lies on no disk."""
    data = content.encode() if isinstance(content, str) else content
    return Input(name, lambda: io.BytesIO(data))


def opened(content, format_name="csv", chunk_bytes=None, **options):
    table = open_delimited(source(content), ReadOptions(**options), format_name)
    if chunk_bytes is not None:
        table.chunk_bytes = chunk_bytes
    return table


def column(table, name=None, **how):
    selected = table.select(None if name is None else [name], **how)
    return np.concatenate([values for (values,) in table.batches([selected])])


def test_columns_and_values():
    table = opened("a,b\n1,2\n3,4.5\n")
    selected = table.select(None)
    assert table.columns == ("a", "b")
    assert selected.info.dtype == "float64"
    assert selected.info.shape == (None, 2)
    assert column(table).tolist() == [[1, 2], [3, 4.5]]
    assert table.rows == 2


@pytest.mark.parametrize(("newline", "other"), [("\n", "\r"), ("\r\n", "\r"), ("\r\n", "\n"), ("\n", "\r\n")])
def test_the_other_line_end_inside_of_quotes_ends_no_row(newline, other):
    names = (f"a{other}{other}c", f"b{other}d")
    lines = [f'"{names[0]}","{names[1]}"', f'1,"x{other}y"', '2,"z"', f'3,"{other}"', ""]
    table = opened(newline.join(lines))
    assert table.columns == names
    assert column(table, names[0]).tolist() == [1, 2, 3]
    assert column(opened(newline.join(lines)), names[1], text=True).tolist() == [f"x{other}y", "z", other]
    lines[2] = '2x,"z"'
    with pytest.raises(DataError, match=r"row 1 .* '2x' is not a number"):
        column(opened(newline.join(lines)), names[0])


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1", 1.0), ("+1.5", 1.5), ("-0", -0.0), (" 1.5 ", 1.5), ("1.", 1.0), (".5", 0.5), ("1e-5", 1e-5),
        ("1E5", 1e5), ("nan", np.nan), ("NaN", np.nan), ("inf", np.inf), ("-inf", -np.inf),
        ("Infinity", np.inf), ("-Infinity", -np.inf), ("5e-324", 5e-324), ("1e-999", 0.0), ('"2.5"', 2.5),
        ("9007199254740992", 2.0**53), ("9007199254740994", 2.0**53 + 2), ("9007199254740993.0", 2.0**53),
        ("100000000000000000000", 1e20), ("0.1000000000000000055511151231257827", 0.1), ("-1e300", -1e300),
    ],
)  # fmt: skip
def test_notations_of_numbers(cell, number):
    values = column(opened(f"a\n{cell}\n1\n"))
    np.testing.assert_array_equal(values, [number, 1])
    assert np.signbit(values[0]) == np.signbit(number)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_digits_survive(patterns):
    doubles = np.frombuffer(struct.pack(f"{len(patterns)}Q", *patterns), np.float64)
    doubles = np.concatenate([doubles, [sys.float_info.min, 5e-324, sys.float_info.max, 0.1]])
    read = column(opened("a\n" + "".join(f"{value!r}\n" for value in doubles.tolist())))
    np.testing.assert_array_equal(read, doubles)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("chunk_bytes", [1, 5, 1000])
def test_line_ends_and_byte_order_mark(line_end, ending, mark, chunk_bytes):
    text = mark + ("a,b\n1,2\n3,4" + ending).replace("\n", line_end)
    table = opened(text, chunk_bytes=chunk_bytes)
    assert table.columns == ("a", "b")
    assert column(table).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("chunk_bytes", [*range(1, 80), 1000])
def test_chunks_may_end_anywhere(chunk_bytes):
    table = opened(TRICKY, chunk_bytes=chunk_bytes)
    assert column(table, "text", text=True).tolist() == TRICKY_TEXTS
    np.testing.assert_array_equal(column(table, "p"), [0.25, -np.inf, 1e-5, np.nan, 7])
    assert column(table, "id").tolist() == [1, 2, 3, 4, 5]
    assert [table.where(row, "p") for row in (0, 1, 2, 4)] == [
        f"table.csv: row {row} (line {line}), column 'p'" for row, line in ((0, 2), (1, 3), (2, 5), (4, 9))
    ]


@pytest.mark.parametrize("chunk_bytes", [1, 30, 1000])
def test_quotes_within_unquoted_cells_are_letters(chunk_bytes):
    table = opened('t,p\n3" disk,1\nplain,2\n5" disk,3\nend,4\n', chunk_bytes=chunk_bytes)
    assert column(table, "t", text=True).tolist() == ['3" disk', "plain", '5" disk', "end"]
    assert table.where(3) == "table.csv: row 3 (line 5)"


def test_many_chunks_keep_their_order():
    numbers = np.arange(20_000) / 7
    text = "\n".join(map(repr, numbers.tolist()))
    np.testing.assert_array_equal(column(opened(text, chunk_bytes=1 << 10)), numbers)


def test_a_reader_that_stops_early():
    table = opened("a\n" + "1.5\n" * 10_000, chunk_bytes=256)
    assert next(iter(table.record_batches(["a"]))).num_rows == 64


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda data: pa.Codec("zstd").compress(data, asbytes=True)], ids=["gzip", "zstd"]
)
def test_compressed(pack):
    text = "a,b\n" + "0.1,2\n" * 50_000
    assert column(opened(pack(text.encode()), chunk_bytes=1 << 12)).shape == (50_000, 2)


def test_from_a_pipe(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"index,a\n0,1.5\n1,2.5\n")))
    table = open_delimited(locate("-")[0], ReadOptions(), "csv")
    assert column(table).tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("content", "format_name", "options"),
    [
        ("a\tb\n1.5\t2\n", "tsv", {}),
        ("a\tb\n1.5\t2\n", "csv", {"delimiter": "tab"}),
        ("a\tb\n1.5\t2\n", "csv", {"delimiter": "\\t"}),
        ("a;b\n1,5;2\n", "csv", {"delimiter": ";", "decimal": ","}),
        ("a\tb\n1,5\t2\n", "tsv", {"decimal": ","}),
        ("a b\n1.5 2\n", "csv", {"delimiter": " "}),
        ("a, b\n1.5, 2\n", "csv", {}),
        ("1.5,2\n", "csv", {}),
        ("1.5,2", "csv", {"header": "no"}),
        ("1,2\n1.5,2\n", "csv", {"header": "yes"}),
        (",0,1\n0,1.5,2\n", "csv", {}),
    ],
)
def test_dialects(content, format_name, options):
    assert column(opened(content, format_name, **options)).tolist() == [[1.5, 2]]


@pytest.mark.parametrize(
    ("content", "options", "names"),
    [
        ("1,2\n3,4\n", {}, ("0", "1")),
        ("nan,inf\n3,4\n", {}, ("0", "1")),
        ("a,0,1\n3,4,5\n", {}, ("a", "0", "1")),
        ("a,2\n3,4\n", {"header": "yes"}, ("a", "2")),
        (" a ,b\n3,4\n", {}, ("a", "b")),
        (",b,\n3,4,5\n", {}, ("Unnamed: 0", "b", "Unnamed: 2")),
        ("2019,2020\n3,4\n", {"header": "yes"}, ("2019", "2020")),
        ('"x\ny",b\n3,4\n', {}, ("x\ny", "b")),
        ("0,1,2\n3,4,5\n", {}, ("0", "1", "2")),
        ("label\ncat\ndog\n", {}, ("label",)),
    ],
)
def test_headers(content, options, names):
    table = opened(content, **options)
    assert table.columns == names
    assert not table.notes


def test_a_header_that_counts_the_columns_is_said():
    table = opened("0,1,2\n0.5,0.25,0.25\n1,0,0\n")
    assert column(table).tolist() == [[0.5, 0.25, 0.25], [1, 0, 0]]
    assert "the first row, 0,1,2, counts the columns" in table.select(None).notes[0]
    assert "--no-header" in table.select(None).notes[0]
    assert column(opened("0,1,2\n0.5,0.25,0.25\n", header="no")).tolist() == [[0, 1, 2], [0.5, 0.25, 0.25]]


def test_a_zero_among_fractions_is_data_unless_all_are_written_otherwise():
    assert column(opened("0\n0.5\n1\n")).tolist() == [0, 0.5, 1]
    assert column(opened("0\n0.5\n1.0\n")).tolist() == [0.5, 1]


def test_kinds_of_columns():
    table = opened("n,t,b,d\n1,cat,True,2024-01-01\n2,dog,False,2024-01-02\n")
    assert [str(kind) for kind in table.schema.types] == ["double", "string", "bool", "string"]
    assert column(table).tolist() == [1, 2]
    assert "'t' (string), 'b' (bool), 'd' (string)" in table.select(None).notes[0]
    assert column(table, "b").tolist() == [True, False]
    assert column(table, "t", text=True).tolist() == ["cat", "dog"]


def test_a_fault_in_a_column_that_is_not_asked_for_harms_nobody():
    assert column(opened("a,b\n1,2\n2,\n3,1e999\n"), "a").tolist() == [1, 2, 3]


def test_a_first_row_wider_than_the_head():
    width = 6_000
    names = ",".join(f"column_{position}" for position in range(width))
    table = opened(f"{names}\n" + ",".join(["1"] * width) + "\n" + ",".join(["2"] * width) + "\n")
    assert column(table).tolist() == [[1] * width, [2] * width]


def test_a_single_row_wider_than_a_chunk():
    values = np.arange(5_000) / 3
    text = ",".join(map(repr, values.tolist()))
    np.testing.assert_array_equal(column(opened(text, chunk_bytes=64)), [values])


def test_memory_does_not_grow_with_the_file():
    line = b"0.123456789,1.5\n"

    class Endless(io.RawIOBase):
        left = 4_000_000

        def readable(self):
            return True

        def readinto(self, buffer):
            count = min(len(buffer) // len(line), self.left)
            buffer[: count * len(line)] = line * count
            self.left -= count
            return count * len(line)

    table = open_delimited(Input("big.csv", lambda: io.BufferedReader(Endless(), 1 << 16)), ReadOptions(), "csv")
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    tracemalloc.start()
    highest = 0
    for (_,) in table.batches([table.select(None)]):
        highest = max(highest, pool.bytes_allocated() - before)
    highest += tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.rows == 4_000_000
    assert highest < 40e6
