"""Bad CSV: each error says what is wrong, where, why, and what to do."""

import gzip
import io
import re

import pytest

from losscli.data import chunks
from losscli.data.delimited import open_delimited
from losscli.data.locate import Input
from losscli.data.model import ReadOptions
from losscli.errors import DataError, UsageError


def failing(content, *, format_name="csv", columns=None, chunk_bytes=None, text=False, **options):
    """The error that opening and reading to the end raises."""
    data = content.encode() if isinstance(content, str) else content

    def read():
        table = open_delimited(Input("t.csv", lambda: io.BytesIO(data)), ReadOptions(**options), format_name)
        if chunk_bytes is not None:
            table.chunk_bytes = chunk_bytes
        return list(table.batches([table.select(columns, text=text)]))

    with pytest.raises((DataError, UsageError)) as caught:
        read()
    return caught.value


CELLS = [
    ("x", "'x' is not a number", "most cells of the column are numbers", "correct the cell"),
    ("", "the cell is empty", "a missing value has no loss", "--on-nan"),
    (" ", "the cell is empty", "a missing value has no loss", "--on-nan"),
    ("NA", "'NA' is a missing value", "a missing value has no loss", "drop the row"),
    ("null", "'null' is a missing value", "a missing value has no loss", "drop the row"),
    ("None", "'None' is a missing value", "a missing value has no loss", "drop the row"),
    ("1e999", "'1e999' is too large for float64", "1.8e308", "write inf"),
    ("-1e999", "'-1e999' is too large for float64", "1.8e308", "write inf"),
    ("9" * 400, "is too large for float64", "1.8e308", "write inf"),
    ("9007199254740993", "is a whole number that float64 cannot hold", "2^53", "decimal point"),
    ('"1,5"', "'1,5' is not a number", "a decimal comma", "--decimal ,"),
    ('"1,234"', "'1,234' is not a number", "separates thousands", "--decimal , if"),
    ('"1,234.5"', "'1,234.5' is not a number", "thousands separators", "without separators"),
    ("1 234", "'1 234' is not a number", "thousands separators", "without separators"),
    ("1\u202f234", "'1\\u202f234' is not a number", "thousands separators", "without separators"),
    ("\u00a01.5", "'\\xa01.5' is not a number", "unusual blanks", "without them"),
    ("0x10", "'0x10' is not a number", "", ""),
    ("1_000", "'1_000' is not a number", "thousands separators", "without separators"),
    ("True", "'True' is not a number", "", ""),
    ("\x1b[31m", "'\\x1b[31m' is not a number", "", ""),
    ("y" * 100, "'" + "y" * 60 + "'... is not a number", "", ""),
]


@pytest.mark.parametrize(("cell", "problem", "why", "hint"), CELLS)
@pytest.mark.parametrize("chunk_bytes", [8, 10_000])
def test_a_cell_that_is_no_number(cell, problem, why, hint, chunk_bytes):
    error = failing(f"a,b\n1,2\n3,4\n5,{cell}\n7,8\n9,9\n9,9\n", chunk_bytes=chunk_bytes)
    assert error.problem.startswith("t.csv: row 2 (line 4), column 'b': ")
    assert error.problem.endswith(problem)
    assert why in error.why
    assert hint in error.hint


def test_a_bad_cell_after_quoted_newlines_and_without_a_header():
    rows = '1,"a\nb"\n2,"c\n\nd"\n3,e\n'
    error = failing(rows + "4x,f\n", columns=["0"], header="no")
    assert error.problem == "t.csv: row 3 (line 7), column '0': '4x' is not a number"


def test_the_first_of_several_faults_is_named():
    error = failing("a,b\n" + "1,2\n" * 500 + "x,2\n" + "1,2\n" * 500 + "1\n", chunk_bytes=100)
    assert error.problem == "t.csv: row 500 (line 502), column 'a': 'x' is not a number"


@pytest.mark.parametrize(
    ("content", "problem", "why"),
    [
        ("a,b\n1,2\n3\n", "t.csv: row 1 (line 3) has 1 cell, not 2", "the header has 2"),
        ("a,b\n1,2\n3,4,5\n", "t.csv: row 1 (line 3) has 3 cells, not 2", "the header has 2; perhaps there are commas"),
        ("1,2\n3,4,5\n", "t.csv: row 1 (line 2) has 3 cells, not 2", "the first row has 2"),
        ("a,b\n1,2,\n3,4,\n", "t.csv: row 0 (line 2) has 3 cells, not 2", "ends with a delimiter"),
        ('a,b\n1,2\n"3,4\n5,6\n', "t.csv: row 1 (line 3) has 1 cell, not 2", "a quote is never closed"),
        ("a,b\n1,2\n \n3,4\n", "t.csv: row 1 (line 3) has 1 cell, not 2", "the header has 2"),
    ],
)
def test_ragged_rows(content, problem, why):
    error = failing(content)
    assert error.problem == problem
    assert why in error.why
    assert error.hint == f"sed -n {re.search('line ([0-9]+)', problem)[1]}p t.csv shows the line"


@pytest.mark.parametrize("chunk_bytes", [1, 4, 6, 1000])
@pytest.mark.parametrize(
    "rows",
    [
        '1,2,"x\n3,4,y\n5,6,z\n',  # the last cell took the other rows, and one of three was scored
        '1,2,"x""\n3,4,y\n5,6,z""\n',
        '1,2,5" disk\n3,4,"y\n5,6,z\n',  # as many quotes as if they were closed
    ],
)
def test_a_quote_that_is_never_closed_drops_no_rows(rows, chunk_bytes):
    error = failing(f"a,b,t\n{rows}", columns=["a", "b"], chunk_bytes=chunk_bytes)
    row = rows.count("\n", 0, rows.index(',"'))
    assert error.problem == f"t.csv: row {row} (line {row + 2}) has a quote that is never closed"
    assert error.why == "after a quote that is not closed, all that follows would be one cell"
    assert error.hint.startswith(f"sed -n {row + 2}p t.csv shows the line")


def test_a_quote_that_is_never_closed_far_from_the_beginning():
    error = failing("a,t\n" + "1,x\n" * 50_000 + '1,"x\n' + "1,x\n" * 50_000, columns=["a"])
    assert error.problem == "t.csv: row 50000 (line 50002) has a cell of more than 131,072 letters"
    assert "a quote that is not closed" in error.why


def test_a_chunk_that_a_stray_quote_cuts_within_a_quoted_cell():
    """Counted by quotes alone, the line end in the second row ends it, and its rest would be a row of its own."""
    error = failing('a,b,t\n1,2,5" disk\n3,4,"y\n5,6,z"\n7,8,w\n', columns=["a", "b"], chunk_bytes=4)
    assert error.problem == "t.csv: row 1 (line 3) has a quote that is never closed"


@pytest.mark.parametrize("chunk_bytes", [1, 4, 6, 1000])
@pytest.mark.parametrize("content", ["a,b\n1,2\n\n3,4\n", "a\n1\n\n\n2\n", "a,b\r\n1,2\r\n\r\n3,4\r\n"])
def test_a_blank_line_among_values(content, chunk_bytes):
    error = failing(content, chunk_bytes=chunk_bytes)
    assert error.problem == "t.csv: row 1 (line 3) is blank"
    assert error.hint == "remove the blank lines"


def test_an_empty_text_cell():
    error = failing('label\ncat\n""\ndog\n', text=True)
    assert error.problem == "t.csv: row 1 (line 3), column 'label': the cell is empty"


def test_a_boolean_column_with_something_else():
    error = failing("b\nTrue\nFalse\nmaybe\n", columns=["b"])
    assert error.problem == "t.csv: row 2 (line 4), column 'b': 'maybe' is neither true nor false"


@pytest.mark.parametrize(
    ("content", "options", "problem", "hint"),
    [
        ("a,b\n", {}, "t.csv: the table has no rows, only a header", "--no-header"),
        ("1,2\n", {"header": "yes"}, "t.csv: the table has no rows, only a header", "--no-header"),
        ("a,b,a\n1,2,3\n", {}, "t.csv: 2 columns are named 'a' (line 1, cells 0, 2)", "rename"),
        ("\n1,2\n", {}, "t.csv: line 1 is blank", "remove the blank lines"),
        ("\n\n", {}, "t.csv: the text has no rows", ""),
        ("cat\ndog\ncat\n", {}, "t.csv: whether the first row is a header or data is not clear: 'cat'", "--no-header"),
        ("cat,0.5\ndog,0.7\n", {}, "is a header or data is not clear: 'cat', '0.5'", "--no-header if it is data"),
        ("1,cat\n2,dog\n", {}, "is a header or data is not clear: '1', 'cat'", "--no-header if it is data"),
        ("1.5,,2\n1,2,3\n", {}, "is a header or data is not clear: '1.5', '', '2'", "--no-header if it is data"),
        ("a,b\n1,2\n3,4\n", {"header": "no"}, "row 0 (line 1), column '0': 'a' is not a number", "leave out"),
        ("a,b\nm,s\n1,2\n3,4\n", {}, "t.csv: row 0 (line 2), column 'a': 'm' is not a number", "sed 2d t.csv"),
    ],
)  # fmt: skip
def test_first_rows(content, options, problem, hint):
    error = failing(content, **options)
    assert error.problem.endswith(problem)
    assert hint in error.hint


def test_units_are_named():
    assert "second header row, or a row of units" in failing("a,b\nm,s\n1,2\n3,4\n").why


@pytest.mark.parametrize(
    ("content", "format_name", "looks", "hint"),
    [
        ("a;b\n1;2\n3;4\n", "csv", "semicolon-separated, not comma", "--delimiter ';'"),
        ("a;b\n1,5;2,5\n3,5;4\n", "csv", "semicolon-separated, not comma", "--delimiter ';' --decimal ,"),
        ("1,5;2,5\n3,5;4,5\n", "csv", "semicolon-separated, not comma", "--delimiter ';' --decimal ,"),
        ("a\tb\n1\t2\n", "csv", "tab-separated, not comma", "--delimiter tab"),
        ("a,b\n1.5,2\n", "tsv", "comma-separated, not tab", "--delimiter ,"),
        ("a|b\n1|2\n", "csv", "pipe-separated, not comma", "--delimiter '|'"),
        ("0.5 0.5\n0.1 0.9\n", "csv", "space-separated, not comma", "--delimiter space"),
    ],
)
def test_another_delimiter(content, format_name, looks, hint):
    error = failing(content, format_name=format_name)
    assert error.problem.startswith(f"t.csv: the rows look {looks}")
    assert error.hint == hint


@pytest.mark.parametrize(
    ("content", "options", "why", "hint"),
    [
        ("a;b\n1,5;2\n", {"delimiter": ";"}, "it has a decimal comma", "--decimal ,"),
        ("a;b\n1.5;2\n", {"delimiter": ";", "decimal": ","}, "--decimal , was given", "leave out --decimal"),
        ("a;b\n1.234,5;2\n", {"delimiter": ";", "decimal": ","}, "thousands separators", "without separators"),
    ],
)
def test_another_decimal_sign(content, options, why, hint):
    error = failing(content, **options)
    assert error.problem.startswith("t.csv: row 0 (line 2), column 'a': ")
    assert why in error.why
    assert error.hint.endswith(hint)


@pytest.mark.parametrize("options", [{"delimiter": ",,"}, {"delimiter": ""}, {"decimal": ";"}, {"decimal": ","}])
def test_options_that_cannot_be(options):
    assert isinstance(failing("a,b\n1,2\n", **options), UsageError)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16(encoding):
    error = failing("a,b\n1.5,2\n".encode(encoding))
    assert "UTF-16" in error.problem
    assert re.fullmatch("iconv -f UTF-16(LE|BE)? -t UTF-8 t.csv > utf8.csv", error.hint)


@pytest.mark.parametrize("rows_before", [1, 20_000])
def test_not_utf_8(rows_before):
    error = failing(b"a,b\n" + b"x,2\n" * rows_before + b"caf\xe9,2\n", columns=["a"], text=True)
    assert error.problem == f"t.csv: line {rows_before + 2} is not UTF-8: byte 0xe9"
    assert error.hint == "iconv -f WINDOWS-1252 -t UTF-8 t.csv > utf8.csv"


@pytest.mark.parametrize("rows_before", [1, 20_000])
def test_a_nul_byte(rows_before):
    error = failing(b"a,b\n" + b"1,2\n" * rows_before + b"1\0,2\n")
    assert error.problem == f"t.csv: line {rows_before + 2} holds a NUL byte"


def test_a_truncated_archive():
    packed = gzip.compress(("a,b\n" + "".join(f"{row},{row / 7}\n" for row in range(50_000))).encode())
    assert "truncated" in failing(packed[:-1000]).problem


@pytest.mark.parametrize("text", [b"7" * 3000, b'a,b\n1,2\n3,"' + b"no end\n" * 500])
def test_an_endless_row(text, monkeypatch):
    monkeypatch.setattr(chunks, "ROW_BYTES_LIMIT", 1000)
    table = open_delimited(Input("t.csv", lambda: io.BytesIO(text)), ReadOptions(), "csv")
    table.chunk_bytes = 100
    with pytest.raises(DataError, match="a row goes on for more than"):
        list(table.record_batches(table.schema.names))
