"""The tables: what they say, that they are never cut, and that nothing in them acts on a terminal."""

import re
import subprocess
import sys

import numpy as np
import pytest
from handmade import HOSTILE, render_table, samples_of

from losscli.engine.result import Check, Limit

PLAIN = """\
nll = 0.30000000000000004 nats (mean)
  reduction       mean = 0.9 / 3.0
  sum             0.9
  samples         4 read, 0 skipped
  elements        4: 3 scored, 1 ignored, 0 non-finite
  min             1e-300 at sample 2
  median          0.3333333333333333
  max             2.5 at sample 0
  std             0.5
  standard error  0.25 of the mean
  predictions     p.csv (csv, shape (4, 2), float64, columns cat, dog)
                  probs (detected: 4 of 4 rows)
  targets         t.npy (npy, shape (4,), int64)

first 3 of 4 samples
sample  loss                 weight  label
     0   2.5                 1.0     猫
     1   0.3333333333333333  1.0     dog
     2  12.0                 1.0     cat

worst 1 of 4 samples
sample  loss  weight
     0  2.5   1.0

check FAILED
  expect 0.25 within rtol=1e-09, atol=0.0: failed
    would just pass with rtol=0.2 or atol=0.05
  max 0.5: passed
    would just pass with max=0.30000000000000004

nll|kind:probs|reduction:mean|n:3|losscli:0.1.0
"""


@pytest.fixture
def gated_result(make_result):
    return make_result(
        first=samples_of([2.5, 1 / 3, 12.0], label=np.array(["猫", "dog", "cat"], dtype=object)),
        top=samples_of([2.5]),
        check=Check(
            False,
            (
                Limit("expect", 0.25, False, {"rtol": 0.2, "atol": 0.05}, {"rtol": 1e-9, "atol": 0.0}),
                Limit("max", 0.5, True, {"max": 0.1 + 0.2}),
            ),
        ),
        warnings=("not for stdout",),
    )


def plain(result):
    return render_table(result, width=None, color=False, tty=False)


def test_plain_golden(gated_result):
    assert plain(gated_result) == PLAIN


def test_a_pipe_ignores_width_and_colour(gated_result):
    assert render_table(gated_result, width=20, color=True, tty=False) == PLAIN


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "GITHUB_ACTIONS", "CLICOLOR_FORCE", "TTY_COMPATIBLE"])
def test_environment_forces_no_escape(gated_result, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    assert "\x1b" not in plain(gated_result)
    assert "\x1b" not in render_table(gated_result, width=80, color=False, tty=True)


def test_screen_says_what_the_pipe_says(gated_result):
    def words(text):
        return re.sub(r"[\s─]+", " ", text)

    for width in (80, 120):
        screen = render_table(gated_result, width=width, color=False, tty=True)
        assert words(screen) == words(PLAIN)


def test_colour_is_only_decoration(gated_result):
    bare = render_table(gated_result, width=80, color=False, tty=True)
    coloured = render_table(gated_result, width=80, color=True, tty=True)
    assert "\x1b[1;31mcheck FAILED" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == bare.split()


def test_summary_stays_within_the_screen(make_result):
    result = make_result(extra={"note": "many words " * 20})
    screen = render_table(result, width=80, color=False, tty=True)
    assert max(map(len, screen.splitlines())) <= 80
    assert screen.split().count("words") == 20


def test_wide_samples_get_fewer_digits_on_a_screen_and_it_is_said(make_result):
    thirds = {f"column_{i}": np.full(2, 1 / 3) for i in range(4)}
    result = make_result(first=samples_of([1 / 3, 2e-300 / 3], **thirds))
    screen = render_table(result, width=80, color=False, tty=True)
    assert "to 10 digits (all digits: --format csv)" in screen
    assert "0.3333333333 " in screen
    assert "6.666666667e-301" in screen
    assert "0.3333333333333333" in plain(result)


@pytest.mark.parametrize("tty", [True, False])
def test_no_width_cuts_a_number(make_result, tty):
    many = {f"column_{i}": np.full(2, 0.1234567891) for i in range(40)}
    result = make_result(first=samples_of([0.1234567891] * 2, **many))
    text = render_table(result, width=40, color=False, tty=tty)
    assert text.count("0.1234567891") == 2 * 41
    assert "…" not in text


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("color", [True, False])
def test_hostile_text_stays_text(full_result, tty, color):
    text = render_table(full_result, width=200, color=color, tty=tty)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text) if color and tty else text
    assert all(character.isprintable() or character == "\n" for character in bare)
    shown = r"[red]x[/oops]\x1b[31m\n\u202eend\x07\x7f\x9b"
    # path, column, evidence, table head and cell, top, signature; groups by what, head and cell; two baselines
    assert bare.count(shown) == 7 + 3 + 2
    assert HOSTILE not in bare
    assert "inf" in bare
    assert "nan" in bare


@pytest.mark.parametrize("tty", [True, False])
def test_long_tables_are_quick_and_complete(make_result, tty):
    result = make_result(first=samples_of(np.arange(5000.0)))
    lines = render_table(result, width=80, color=False, tty=tty).splitlines()
    assert "  4999  4999.0  1.0" in lines


def test_unreduced_and_sum(make_result):
    title, reduction = plain(make_result(reduction="none", value=[[1.0], [2.0]])).splitlines()[:2]
    assert title == "nll: 2 elements, not reduced"
    assert reduction == "  reduction       none, not divided; the mean is 0.9 / 3.0"
    assert plain(make_result(reduction="sum", value=0.9, unit="")).startswith("nll = 0.9 (sum)\n")


@pytest.mark.parametrize("tty", [True, False])
def test_wide_letters_keep_columns_aligned(make_result, tty):
    names = np.array(["猫", "dog"], dtype=object)
    result = make_result(first=samples_of([0.5, 0.5], name=names, rank=np.array([1, 2])))
    text = render_table(result, width=80, color=False, tty=tty)
    assert "  0.5   1.0     猫       1\n" in text
    assert "  0.5   1.0     dog      2\n" in text


def test_all_samples_are_called_all(make_result):
    assert "\nall 4 samples\n" in plain(make_result(first=samples_of([0.1] * 4)))


def test_long_lists_show_their_ends(make_result):
    result = make_result(extra={"steps": np.arange(9.0), "perplexity": 1.5})
    assert "\n  steps           [0.0, 1.0, 2.0, ..., 8.0]\n" in plain(result)
    assert "\n  perplexity      1.5\n" in plain(result)


def test_a_pipe_needs_no_rich():
    code = (
        "import sys; from losscli.report import to_json, format_value, CsvSink, open_output;"
        "import losscli.report.table;"
        "sys.exit([m for m in ('rich', 'pyarrow') if m in sys.modules] or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
