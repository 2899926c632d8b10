"""Text made to hurt whoever prints it: in names, labels, ids, keys and values, through every command and every output.

What is printed or written as text holds no control character, no escape and nothing that reorders or hides other
text; no cell of CSV is a formula; no line is a command to a CI service; no label is markup.
"""

import csv
import io
import json
import re
import shlex
import unicodedata
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

EVIL = (
    "=cmd|' -C calc'!A0 [red]x[bold] \x1b[31m\x1b]0;owned\x07 \t\x00\n::error::owned%0A\r\n::set-output name=a::b\r"
    " \u202egpj\u2066\u200b\ufeff\u2028\u2029\u061c \x7f\x9b31m <b>&lt;`x`|*_$(touch owned)"
)
"""A formula, markup of rich, ANSI and OSC escapes, line ends, CI commands, bidi controls, what has no width, HTML."""

TEXT = EVIL.replace("\x00", "")
"""What TOML, CSV and the command line can hold."""

NAME = "-" + TEXT.replace("/", "")[:150] + "\udcff"
"""A file's name, with a byte that is no UTF-8."""

JOINERS = "\u200c\u200d"
"""Writing systems need them; they neither move nor hide text."""


def unsafe(text):
    """The characters in a text that a terminal would obey, or a reader not see."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return {c for c in text if c not in "\n" + JOINERS and unicodedata.category(c) in hidden}


def assert_harmless(text, *, color=False):
    if color:
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not unsafe(text), text
    assert not re.search(r"^::(error::owned|set-output)", text, flags=re.MULTILINE)


def assert_no_formulas(text):
    for cells in csv.reader(io.StringIO(text)):
        for cell in cells:
            assert cell[:1] not in tuple("=+-@\t\r") or re.fullmatch(r"-?(inf|nan|[\d.]+(e[-+]\d+)?)", cell), cell


@pytest.fixture
def place(shell, monkeypatch):
    """A folder full of it."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    rows = [(0.7, 0.3, TEXT, TEXT, "a"), (0.2, 0.8, "@b", "@SUM(1)", "+c"), (0.6, 0.4, TEXT, "-1+2", TEXT)]
    names = [f"p_{TEXT}", "p_@b", TEXT, f"id{TEXT}", f"+{TEXT}"]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    shell.write("t.csv", text.getvalue())
    pq.write_table(pa.table(columns), shell.folder / "t.parquet")
    feather.write_feather(pa.table(columns), shell.folder / "t.arrow")
    shell.write("t.jsonl", "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    shell.write("other.jsonl", json.dumps(dict(zip(names, rows[1], strict=True))) + "\n")
    for name in (NAME, "p.npy"):
        with open(shell.folder / name, "wb") as file:
            np.save(file, np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]]))
    shell.save("y.npy", [0, 1, 0])
    np.savez(shell.folder / "a.npz", **{f"m{TEXT}": np.ones(3), "other": np.ones(3)})
    (shell.folder / f"d{NAME}").mkdir()
    (shell.folder / f"d{NAME}" / "x.csv").write_text("1\nx\n")
    monkeypatch.chdir(shell.folder)
    return shell


LABELLED = ["--header", "--pred", "p_*", "--target", TEXT]
BY_ID = ["--id", f"id{TEXT}"]

COMMANDS = {
    **{
        f"nll {file} {form}": ["nll", file, *LABELLED, "--format", form.strip(), *more]
        for file in ("t.csv", "t.parquet", "t.arrow", "t.jsonl")
        for form, more in {
            "table": ["--rows", "all", "--top", "2", "--by", f"+{TEXT}", "--plot", "--baselines"],
            "table ": ["--rows", "all", "--by-class"],
            "md": ["--rows", "all", "--top", "2", "--by", f"+{TEXT}"],
            "json": ["--per-sample", "--top", "2", "--by", f"+{TEXT}"],
            "jsonl": ["-o", "out.jsonl"],
            "csv": ["-o", "out.csv"],
            "value": ["--save-plot", "out.svg"],
        }.items()
    },
    "color": ["nll", "t.csv", *LABELLED, "--color", "always", "--rows", "all", "--by-class", "--plot"],
    "narrow": ["nll", "t.csv", *LABELLED, "--color", "always", "--rows", "all", "--top", "3"],
    "show work": ["nll", "t.csv", *LABELLED, "--show-work"],
    "ids": ["nll", "t.csv", "t.parquet", *LABELLED, *BY_ID, "--rows", "all", "-o", "out.csv"],
    "missing ids": ["nll", "t.csv", "other.jsonl", *LABELLED, *BY_ID],
    "classes": ["nll", "t.csv", "--header", "--pred", "p_*", "--target", TEXT, "--classes", f"{TEXT},b"],
    "bytes as a class": ["nll", "p.npy", "y.npy", "--classes", f"{TEXT}\udcff,b", "--rows", "all", "-o", "out.csv"],
    "no such class": ["nll", "t.csv", "--header", "--pred", "p_*", "--target", f"+{TEXT}"],
    "no such column": ["nll", "t.csv", "--header", "--pred", "p_*", "--target", f"?{TEXT}"],
    "text as numbers": ["mse", "t.parquet", "--pred", TEXT, "--target", "p_@b"],
    "file": ["nll", f"./{NAME}", "y.npy", "--rows", "all"],
    "file json": ["nll", f"./{NAME}", "y.npy", "--json"],
    "file md": ["nll", f"./{NAME}", "y.npy", "--format", "md"],
    "no such file": ["nll", f"./no{NAME}", "y.npy"],
    "bad folder": ["mse", f"./d{NAME}", "y.npy"],
    "glob": ["mse", f"{TEXT}*", "y.npy"],
    "uri": ["mse", f"nope://{TEXT}", "y.npy"],
    "file uri": ["mse", f"file://{TEXT}", "y.npy"],
    "member": ["mse", f"a.npz:m{TEXT}", "a.npz:other"],
    "no such member": ["mse", f"a.npz:{TEXT}", "a.npz:other"],
    "members": ["mse", "a.npz", "y.npy"],
    "no such loss": [TEXT, "p.npy", "y.npy"],
    "no such option": ["nll", "p.npy", "y.npy", f"--{TEXT}"],
    "extra argument": ["nll", "p.npy", "y.npy", TEXT],
    **{
        f"{option} of nll": ["nll", "p.npy", "y.npy", option, TEXT]
        for option in ("--kind", "--reduction", "--ignore-index", "--class-weight", "--sample-weight", "--format",
                       "--base", "--max", "--expect", "--rtol", "--threads", "--rows", "--top", "--on-nan", "--by",
                       "--input-format", "--delimiter", "--decimal", "--input-dtype", "--params", "--l2", "--id",
                       "--class-axis", "--color")
    },
    "output": ["nll", "p.npy", "y.npy", "-o", f"{TEXT}.csv"],
    "output extension": ["nll", "p.npy", "y.npy", "-o", f"x.{TEXT}"],
    "output folder": ["nll", "p.npy", "y.npy", "-o", f"no{TEXT}/x.csv"],
    "plot extension": ["nll", "p.npy", "y.npy", "--save-plot", f"x.{TEXT}"],
    "debug": ["nll", f"./no{NAME}", "y.npy", "--debug"],
    **{f"inspect {file} {form}": ["inspect", file, "--header", "--format", form]
       for file in ("t.csv", "t.parquet", "t.arrow", "t.jsonl", "a.npz", f"./{NAME}", f"./no{NAME}")
       for form in ("table", "json", "md")},
    "inspect together": ["inspect", "t.csv", "t.parquet", *LABELLED],
    **{f"compare {form}": ["compare", "nll", f"./{NAME}", "p.npy", "y.npy", "--format", form]
       for form in ("table", "json", "md")},
    "compare columns": ["compare", "nll", "t.parquet", "t.arrow", "t.jsonl", *LABELLED, "--top", "3"],
    "compare clusters": ["compare", "nll", "t.parquet", "t.arrow", "t.jsonl", *LABELLED, "--cluster", f"+{TEXT}"],
    "convert": ["convert", "softmax", f"./{NAME}", "-o", "out.csv"],
    "convert table": ["convert", "log", "t.csv", "--header", "--pred", "p_*"],
    "convert nothing": ["convert", TEXT, "p.npy"],
    "curve": ["curve", "huber", "--target", TEXT],
    "curve of nothing": ["curve", TEXT, "--pred", "-1:1:3", "--target", "0"],
    **{f"likelihood {form}": ["likelihood", "categorical", "t.csv", "--header", "--column", TEXT, "--classes",
                                 f"{TEXT},@b", "--probs", "0.5,0.5", "--format", form]
       for form in ("table", "json", "md")},
    **{f"mle {form}": ["mle", "categorical", "t.csv", "--header", "--column", TEXT, "--classes", f"{TEXT},@b",
                          "--format", form]
       for form in ("table", "json", "md")},
    "mle file": ["mle", "normal", f"./{NAME}"],
    "mle of nothing": ["mle", TEXT, "p.npy"],
    "explain nothing": ["explain", TEXT],
    "list": ["list", "--family", TEXT],
    "list format": ["list", "--format", TEXT],
    "schema": ["schema", TEXT],
}  # fmt: skip


GATE = f"""
[[gate]]
name = {json.dumps("gate " + TEXT)}
loss = "nll"
predictions = {json.dumps("./" + NAME.replace(chr(0xDCFF), ""))}
targets = "y.npy"
max = 0.1
worst_group = {{ by = "class", max = 0.2 }}

[[gate]]
name = "labels"
loss = "nll"
predictions = "t.parquet"
options = {{ pred = "p_*", target = {json.dumps(TEXT)} }}
min = 9
baseline = true
worst_group = {{ by = {json.dumps("+" + TEXT)}, max = 0.2 }}

[[gate]]
name = "broken"
loss = "mse"
predictions = {json.dumps(TEXT)}
targets = "y.npy"
max = 1
"""
GATES = {
    "gates": GATE,
    "no such loss": GATE.replace('"mse"', json.dumps(TEXT)),
    "no such option": GATE.replace("max = 1", f"{json.dumps(TEXT)} = 1"),
    "an option's value": GATE.replace("max = 1", f"max = 1\noptions = {{ kind = {json.dumps(TEXT)} }}"),
    "a limit": GATE.replace("max = 1", f"max = {json.dumps(TEXT)}"),
    "a table": f"[{json.dumps(TEXT)}]\n",
    "no TOML": GATE + TEXT,
}


@pytest.fixture
def gated(place, monkeypatch):
    """The folder with a file of gates, its baseline, and a step of CI around it."""
    with open(NAME.replace("\udcff", ""), "wb") as file:
        np.save(file, np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]]))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place.folder / "summary.md"))
    gates = {name: {"value": 1.0, "signature": TEXT, TEXT: TEXT} for name in ("labels", TEXT)}
    place.write("g.baseline.json", json.dumps({"gates": gates}))
    return place


FORMS = {"table": [], "only": ["--only-failures"], "json": ["--json"], "md": ["--format", "md"],
         "junit": ["--junit", "out.xml"], "github": ["--github"], "color": ["--color", "always"],
         "update": ["--update-baseline"], "one": ["--gate", TEXT]}  # fmt: skip


@pytest.mark.parametrize("baseline", [False, True], ids=["new", "baseline"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", GATES)
def test_gates_hurt_nobody(gated, case, form, baseline):
    gated.write("g.toml", GATES[case])
    if not baseline:
        (gated.folder / "g.baseline.json").unlink()
    before = gated.files
    outcome = gated(shlex.join(["check", "g.toml", *FORMS[form]]))
    assert outcome.code in (1, 2, 3), outcome.err
    assert_harmless(outcome.out, color=form == "color")
    assert_harmless(outcome.err)
    if case == "gates":
        assert ("::error " in outcome.err) is (form == "github")
        assert "summary.md" in gated.files or form != "github"
        assert "out.xml" in gated.files or form != "junit"
    for command in (line for line in outcome.err.splitlines() if line.startswith("::")):
        assert re.match("::(error|notice) ", command)
    for name in gated.files - before:
        assert name in ("summary.md", "g.baseline.json", "out.xml")
        assert_harmless((gated.folder / name).read_text(encoding="utf-8"))
        if name == "out.xml":
            ElementTree.parse(gated.folder / name)


@pytest.mark.parametrize("line", [
    f"{json.dumps(TEXT)} = 1",
    f"kind = {json.dumps(TEXT)}",
    f"[tool.losscli.{json.dumps(TEXT)}]",
    f"[tool.losscli.nll]\nclass-weight = {json.dumps(TEXT)}",
    f"[tool.losscli.nll]\n{json.dumps(TEXT)} = 1",
    TEXT,
])  # fmt: skip
def test_defaults_hurt_nobody(place, line):
    place.write("pyproject.toml", f"[tool.losscli]\nquiet = false\n{line}\n")
    outcome = place("nll p.npy y.npy")
    assert outcome.code in (2, 3)
    assert_harmless(outcome.err)


def test_the_name_of_a_file_of_defaults_hurts_nobody(place, monkeypatch):
    monkeypatch.setenv("LOSSCLI_CONFIG", f"x{TEXT}".replace("/", ""))
    assert_harmless(place("nll p.npy y.npy").err)
    place.write(f"x{TEXT}".replace("/", ""), "[tool.losscli]\nreduction = 'sum'\n")
    assert_harmless(place("nll p.npy y.npy").err)


@pytest.mark.parametrize("option", [[], ["--debug"]])
def test_a_bug_hurts_nobody(place, monkeypatch, option):
    def fail(*_arguments, **_options):
        raise AssertionError(TEXT)

    monkeypatch.setattr("losscli.engine.run.align", fail)
    outcome = place(shlex.join(["nll", "p.npy", "y.npy", *option]))
    assert outcome.code == 70
    assert_harmless(outcome.err)
    assert ("Traceback" in outcome.err) is bool(option)


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_offers_nothing_that_a_shell_would_run(place, monkeypatch, shell_name):
    line = "losscli nll t.parquet --target "
    monkeypatch.setenv("_LOSSCLI_COMPLETE", f"complete_{shell_name}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", "4")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    outcome = place("")
    assert_harmless(outcome.out)
    assert "owned" not in outcome.out


DONE = (
    "bytes as a class",
    "nll ",
    "inspect t",
    "compare",
    "likelihood",
    "mle table",
    "mle json",
    "mle md",
    "color",
    "narrow",
    "show work",
    "ids",
)
"""How cases begin that are no errors."""


@pytest.mark.parametrize("case", COMMANDS)
def test_nothing_hurts(place, case, monkeypatch):
    if case == "narrow":
        monkeypatch.setenv("COLUMNS", "40")
    arguments = COMMANDS[case]
    before = place.files
    outcome = place(shlex.join(arguments))
    assert outcome.code in ((0,) if case.startswith(DONE) else (0, 2, 3)), outcome.err
    assert_harmless(outcome.out, color="always" in arguments)
    assert_harmless(outcome.err)
    assert outcome.out or outcome.err or "-o" in arguments
    if arguments[-1] == "csv":
        assert_no_formulas(outcome.out)
    for name in place.files - before:
        assert name != "owned"
        with open(name, encoding="utf-8") as file:
            written = file.read()
        assert_harmless(written)
        if name.endswith(".csv"):
            assert_no_formulas(written)
        if name.endswith(".svg"):
            ElementTree.fromstring(written)
