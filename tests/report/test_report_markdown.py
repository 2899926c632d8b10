"""The Markdown report: nothing is cut, nothing from outside is obeyed, and tables stay tables."""

import re

import pytest
from handmade import render_markdown, samples_of

from losscli.engine.result import Check, InputRecord, Limit
from losscli.report.markdown import MarkdownPage, code, plain
from losscli.report.page import Column

EXPECTED = """\
### nll = 0.30000000000000004 nats (mean)

|  |  |
| --- | --- |
| reduction | mean = 0.9 / 3.0 |
| sum | 0.9 |
| samples | 4 read, 0 skipped |
| elements | 4: 3 scored, 1 ignored, 0 non-finite |
| min | 1e-300 at sample 2 |
| median | 0.3333333333333333 |
| max | 2.5 at sample 0 |
| std | 0.5 |
| standard error | 0.25 of the mean |
| predictions | p.csv (csv, shape (4, 2), float64, columns cat, dog); probs (detected: 4 of 4 rows) |
| targets | t.npy (npy, shape (4,), int64) |

#### first 2 of 4 samples

| sample | loss | weight |
| ---: | --- | --- |
| 0 | 0.30000000000000004 | 1.0 |
| 1 | 12.5 | 1.0 |

#### worst 1 of 4 samples

| sample | loss | weight |
| ---: | --- | --- |
| 3 | 12.5 | 1.0 |

#### check FAILED

- max 0.2: failed
  - would just pass with max=0.30000000000000004

`nll|kind:probs|reduction:mean|n:3|losscli:0.1.0`
"""


def test_golden(make_result):
    result = make_result(
        first=samples_of([0.1 + 0.2, 12.5]),
        top=samples_of([12.5], start=3),
        check=Check(False, (Limit("max", 0.2, False, {"max": 0.1 + 0.2}),)),
    )
    assert render_markdown(result) == EXPECTED


def unescaped(text: str) -> str:
    """What is left of a line when every escaped character and every span of code is taken out."""
    return re.sub(r"(`+).*?\1", "", re.sub(r"\\.", "", text), flags=re.DOTALL)


def test_hostile_text_is_shown_and_not_obeyed(full_result):
    text = render_markdown(full_result)
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    rest = unescaped(text)
    assert not set("<>[]*`") & set(rest)
    assert r"\[red\]x\[/oops\]" in text


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "a|b|c",
        "`code`",
        "**bold** _it_",
        "[x](https://example.org)",
        "@everyone",
        "\\|",
        "~~gone~~",
        "# no heading",
        "$x$",
        "line\nbreak",
        "&lt;b&gt;",
    ],
)
def test_a_cell_is_a_cell(make_result, name):
    record = InputRecord(name, "csv", (4, 2), "float64", (name,))
    text = render_markdown(make_result(inputs={"predictions": record, name: record}))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 13  # a break within a name makes no line
    for line in rows:
        assert re.sub(r"\\.", "", line).count("|") == 3  # the cell's two sides and the bar between
        assert not set("<>`*[]@~#$&") & set(re.sub(r"\\.", "", line))


@pytest.mark.parametrize("text", ["plain", "a`b", "``", "`a", "a```b``", "x|y", "<b>"])
def test_a_span_of_code_holds_any_text(text):
    span = code(text)
    ticks = re.match("`+", span)[0]
    inside = span.removeprefix(ticks).removesuffix(ticks)
    assert inside.strip(" ") == text
    assert ticks not in re.findall("`+", inside)


def test_a_drawing_is_kept_as_it_is_drawn():
    page = MarkdownPage()
    page.line("title", "bold")
    page.spans([("  a ", "cyan"), ("███", "")])
    page.spans([("```", "")])
    page.line()
    page.table([Column("n", ["1"], right=True)])
    assert page.text() == "### title\n\n````\n  a ███\n```\n````\n\n| n |\n| ---: |\n| 1 |\n"


def test_what_is_bold_is_a_heading_and_what_is_dim_below_an_item_belongs_to_it():
    page = MarkdownPage()
    page.spans([("B against A: ", "bold"), ("worse", "bold red")])
    page.line("to run", "bold")
    page.line("  losscli nll a b", "")
    page.line("      labels", "dim")
    assert page.text() == "### B against A: worse\n\n#### to run\n\n- losscli nll a b\n  labels\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("111: 111 scored", "111: 111 scored"),
        ("t.csv:y", "t.csv:y"),
        ("12:30", "12:30"),
        ("https://example.org", r"https\://example.org"),
        ("no :smile: here", r"no \:smile: here"),
        (":+1:", r"\:+1:"),
    ],
)
def test_only_links_and_emoji_lose_their_colon(text, shown):
    assert plain(text) == shown
