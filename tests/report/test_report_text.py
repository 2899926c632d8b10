"""Text for terminals: `printable`, errors and warnings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.errors import DataError
from losscli.report import format_error, format_warning
from losscli.report.printable import printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("p_cat", "p_cat"),
        ("naïve 猫 🐈", "naïve 猫 🐈"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x00\x07\x7f\x9b", r"\x00\x07\x7f\x9b"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("\u2028\ufeff\u200b", r"\u2028\ufeff\u200b"),
        ("t\udcff.npy", r"t\udcff.npy"),
        ("[red]x[/oops]", "[red]x[/oops]"),
    ],
)
def test_printable(raw, shown):
    assert printable(raw) == shown


@given(st.text())
def test_printable_is_one_line_that_obeys_nobody(text):
    shown = printable(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert printable(shown) == shown


def test_error_in_three_lines():
    error = DataError("p.csv: row 3: 'a\x1b\nb'", why="a cell\nis text", hint="--pred 'p_*'")
    assert format_error(error) == (
        "losscli: error: p.csv: row 3: 'a\\x1b\\nb'\n  why: a cell\\nis text\n  hint: --pred 'p_*'"
    )


def test_error_without_reason_is_one_line():
    long = "x" * 500
    assert format_error(DataError(long)) == f"losscli: error: {long}"


def test_warning():
    assert format_warning("1 loss is inf\x1b") == "losscli: warning: 1 loss is inf\\x1b"
