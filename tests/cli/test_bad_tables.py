"""Tables as people export them: what stands in a cell, a row, a header that should not be there."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WHERE = "row 1 (line 3), column 'a'"


@pytest.mark.parametrize(
    ("content", "problem", "hint"),
    [
        ("a,b\n1.0,1.5\noops,2.5\n2,3\n", f"{WHERE}: 'oops' is not a number", "correct the cell"),
        ("a,b\n1.0,1.5\n,2.5\n2,3\n", f"{WHERE}: the cell is empty", "drop the row, or write nan and use --on-nan"),
        ("a,b\n1.0,1.5\nNA,2.5\n2,3\n", f"{WHERE}: 'NA' is a missing value", "drop the row"),
        ("a,b\n1.0,1.5\nnan,2.5\n2,3\n", f"{WHERE}: the value is NaN", "--on-nan skip"),
        ("a,b\n1.0,1.5\ninf,2.5\n2,3\n", f"{WHERE}: the value is inf", ""),
        ("a,b\n1.0,1.5\n1e999,2.5\n2,3\n", f"{WHERE}: '1e999' is too large for float64", "write inf"),
        ('a,b\n1.0,1.5\n"1,000.5",2.5\n2,3\n', f"{WHERE}: '1,000.5' is not a number", "without separators"),
        ("a,b\n1.0,1.5\n0x1F,2.5\n2,3\n", f"{WHERE}: '0x1F' is not a number", ""),
        ("a,b\n1.0,1.5\n2.5\n2,3\n", "row 1 (line 3) has 1 cell, not 2", "sed -n 3p t.csv"),
        ("a,b\n1.0,1.5\n1,2.5,\n2,3\n", "row 1 (line 3) has 3 cells, not 2", "sed -n 3p t.csv"),
        ("a,b\n1.0,1.5\n\n2,3\n", "row 1 (line 3) is blank", "remove the blank lines"),
        ("a,b\nm,s\n1.0,1.5\n2,3\n", "row 0 (line 2), column 'a': 'm' is not a number", "sed 2d t.csv > clean.csv"),
        ("a,a\n1.0,1.5\n", "2 columns are named 'a'", "--no-header"),
        ("a;b\n1.0;1.5\n2;3\n", "the rows look semicolon-separated, not comma-separated", "--delimiter ';'"),
        ("a\tb\n1.0\t1.5\n2\t3\n", "the rows look tab-separated, not comma-separated", "--delimiter tab"),
        ("a;b\n1,0;1,5\n2,5;3,5\n", "the rows look semicolon-separated", "--delimiter ';' --decimal ,"),
    ],
)
def test_text(shell, complaint, content, problem, hint):
    shell.write("t.csv", content)
    error = complaint("mse t.csv --pred a --target b")
    assert error.startswith("losscli: error: t.csv: ")
    assert problem in error
    assert hint in error


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a;b\n1.0;1.5\n", "--delimiter ';'"),
        ("a\tb\n1.0\t1.5\n", "--delimiter tab"),
        ("a;b\n1,0;1,5\n", "--delimiter ';' --decimal ,"),
        ("\ufeffa,b\r\n1.0,1.5\r\n", ""),
        ('"a","b"\n"1.0","1.5"\n\n\n', ""),
    ],
)
def test_the_same_text_with_the_option_of_the_hint(shell, content, options):
    shell.write("t.csv", content)
    assert shell(f"mse t.csv --pred a --target b --format value {options}").out == "0.25\n"


def test_a_decimal_comma_within_the_right_delimiter(shell, complaint):
    shell.write("t.csv", "a;b\n1,0;1,5\n")
    error = complaint("mse t.csv --pred a --target b --delimiter ';'")
    assert "row 0 (line 2), column 'a': '1,0' is not a number" in error
    assert "hint: --decimal ," in error


@pytest.mark.parametrize(
    ("options", "problem", "hint"),
    [
        ("--target lable", "no column is named 'lable'", "did you mean 'label'?"),
        ("--pred p_cat,p_dgo --target label", "no column is named 'p_dgo'", "did you mean 'p_dog'?"),
        ("--pred 'logit_*' --target label", "no column matches 'logit_*'", ""),
    ],
)
def test_columns_that_are_not_there(shell, complaint, options, problem, hint):
    shell.write("t.csv", "p_cat,p_dog,label\n0.7,0.3,cat\n0.2,0.8,dog\n")
    error = complaint(f"nll t.csv {options}")
    assert f"t.csv: {problem}" in error
    assert "its columns are 'p_cat', 'p_dog', 'label'" in error
    assert hint in error


def test_a_header_of_years_that_was_taken_for_data(shell, complaint):
    shell.write("t.csv", "2019,2020\n1.5,2.5\n")
    error = complaint("mse t.csv --pred 2019 --target 2020")
    assert "t.csv: no column is named '2020'" in error
    assert "hint: --header if the first row names the columns" in error
    assert shell("mse t.csv --pred 2019 --target 2020 --header --format value").out == "1.0\n"


def test_columns_of_an_array(shell, complaint):
    shell.save("p.npy", [[0.7, 0.3]])
    assert "p.npy: an array has no columns, so 'x' names nothing in it" in complaint("nll p.npy p.npy --pred x")


@pytest.mark.parametrize(
    ("loss", "columns", "problem"),
    [
        ("mse", {"a": [1.0, None], "b": [1.5, 2.0]}, "row 1, column 'a': the cell is empty (null)"),
        (
            "nll",
            {"a": [[1.0, 2.0], [1.0]], "b": [0, 1]},
            "row 1, column 'a': a list of 1 values where the rows before have 2",
        ),
        ("mse", {"a": ["1", "2"], "b": [0, 1]}, "column 'a' holds text, not numbers"),
    ],
)
def test_parquet(shell, complaint, loss, columns, problem):
    pq.write_table(pa.table(columns), shell.folder / "t.parquet")
    assert f"t.parquet: {problem}" in complaint(f"{loss} t.parquet --pred a --target b")


def test_text_where_numbers_are_compared(shell, complaint):
    shell.write("t.csv", "pred,label\n0.7,cat\n0.2,dog\n")
    assert "t.csv: column 'label' holds text, not numbers" in complaint("mse t.csv --pred pred --target label")


PROBS = "0.7,0.2,0.1\n0.1,0.8,0.1\n0.25,0.25,0.5\n0.6,0.3,0.1\n"
INDEXED = "0,0.7,0.2,0.1\n1,0.1,0.8,0.1\n2,0.25,0.25,0.5\n3,0.6,0.3,0.1\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0,1,2\n" + PROBS, "it is read as the header, unless --no-header"),
        (",0,1,2\n" + INDEXED, "column 'Unnamed: 0' is left out, it counts the rows"),
        ("Unnamed: 0,x,y,z\n" + INDEXED, "column 'Unnamed: 0' is left out"),
        ("index,x,y,z\n" + INDEXED, "column 'index' is left out"),
        ("__index_level_0__,x,y,z\n" + INDEXED, "column '__index_level_0__' is left out"),
        ("name,x,y,z\n" + "".join(f"id{line}\n" for line in INDEXED.splitlines()), "are left out: 'name'"),
    ],
)
def test_what_pandas_adds_is_left_out_and_said(shell, content, said):
    shell.write("preds.csv", content)
    shell.save("labels.npy", [0, 1, 2, 0])
    outcome = shell("nll preds.csv labels.npy --format value")
    assert (outcome.code, outcome.out) == (0, "0.4459478248947195\n")
    assert outcome.err.startswith("losscli: warning: preds.csv: ")
    assert said in outcome.err
    assert shell("nll preds.csv labels.npy --format value --quiet").err == ""
