"""`losscli check`: a file of gates at the shell, and everything that a CI service reads of it."""

from __future__ import annotations

import inspect
import json
import math
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest

import losscli.cli.check_command
from losscli.engine.gate_baseline import GateBaseline
from losscli.engine.gate_file import read_gates
from losscli.engine.gates import run_gates
from losscli.report import schema
from losscli.report.gates_report import draw_gates
from losscli.report.page import new_page
from losscli.report.place import Place

SAMPLES = Path(__file__).parents[2] / "sample_data"
EXAMPLE = inspect.cleandoc(losscli.cli.check_command.__doc__.partition(":\n\n")[2]) + "\n"

HOSTILE = "a,b: 100%\n::error::gotcha\x1b[31m | `x` <b>*_] \u202e&\ufffe"

TWO = """\
[[gate]]
name = "bce"
loss = "bce"
predictions = "sample_data/cancer_probs.npy"
targets = "sample_data/cancer_labels.npy"
max = 0.1
worst_group = { by = "class", max = 0.2 }

[[gate]]
name = "mse"
loss = "mse"
predictions = "sample_data/diabetes_pred.npy"
targets = "sample_data/diabetes_target.npy"
max = 3000.5
"""

BROKEN = """
[[gate]]
name = "broken"
loss = "mse"
predictions = "sample_data/diabetes_pred.npy"
targets = "sample_data/cancer_labels.npy"
max = 1
"""


@pytest.fixture
def folder(shell, monkeypatch):
    """A shell in a folder beside the sample data, with no CI service around it."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    (shell.folder / "sample_data").symlink_to(SAMPLES)
    shell.write("gates.toml", TWO)
    return shell


def parsed(outcome):
    """The JSON on stdout, strict and as its schema says."""
    jsonschema.Draft202012Validator.check_schema(schema("check"))
    document = json.loads(outcome.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    jsonschema.validate(document, schema("check"), jsonschema.Draft202012Validator)
    return document


def named(text: str, name: str) -> str:
    """The file with another name for its first gate."""
    return re.sub('name = ".*"', lambda _: f"name = {json.dumps(name)}", text, count=1)


def test_the_example_of_the_help_is_a_file_that_runs(folder):
    folder.write("gates.toml", EXAMPLE)
    shown = [line.strip() for line in folder("check --help").out.splitlines()]
    assert [line for line in EXAMPLE.splitlines() if line not in shown] == []
    first = folder("check gates.toml")
    assert first.code == 1
    assert "there is no gates.baseline.json yet: run `losscli check gates.toml --update-baseline`" in first.out
    assert folder("check gates.toml --update-baseline").code == 0
    assert folder("check gates.toml").code == 0


def test_the_table_off_a_terminal(folder):
    outcome = folder("check gates.toml")
    assert outcome.err == ""
    assert outcome.code == 1
    assert outcome.out == (
        "gates.toml: 2 gates, 1 passed, 1 failed\n"
        "\n"
        "verdict  gate  limit            value                where                headroom  just passes with\n"
        "passed   bce   max 0.1          0.07783393817005455                       0.02217   max=0.07783393817005455\n"
        "passed   bce   worst_group 0.2  0.10360705780015979  class 0, 71 samples  0.09639   "
        "worst_group=0.10360705780015979\n"
        "failed   mse   max 3000.5       3187.345433065448                         -186.8    max=3187.345433065448\n"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TWO.replace("3000.5", "4000"), 0),
        (TWO, 1),
        (TWO.replace("3000.5", "true"), 2),
        (TWO + BROKEN, 3),
        (TWO.replace("3000.5", "4000") + BROKEN, 3),
    ],
)
def test_the_exit_code_says_how_it_went(folder, text, code):
    folder.write("gates.toml", text)
    outcome = folder("check gates.toml")
    assert outcome.code == code
    assert outcome.out.count("\n") > 3 if code != 2 else outcome.out == ""


def test_an_error_of_one_gate_stands_beside_the_verdicts_of_the_others(folder):
    folder.write("gates.toml", BROKEN + TWO)
    outcome = folder("check gates.toml")
    assert "gates.toml: 3 gates, 1 passed, 1 failed, 1 in error" in outcome.out
    assert "error  broken: mse\n  sample_data/diabetes_pred.npy has 111 samples" in outcome.out
    error, bce, mse = parsed(folder("check gates.toml --json"))["gates"]
    assert (error["status"], error["value"], error["limits"]) == ("error", None, [])
    assert "111 samples" in error["error"]["problem"]
    assert (bce["status"], mse["status"]) == ("passed", "failed")


def test_json_says_all_in_full_digits(folder):
    document = parsed(folder("check gates.toml --json"))
    assert document["counts"] == {"gates": 2, "passed": 1, "failed": 1, "errors": 0}
    assert (document["passed"], document["exit_code"]) == (False, 1)
    bce, mse = document["gates"]
    value = parsed_value(folder, "bce sample_data/cancer_probs.npy sample_data/cancer_labels.npy")
    assert bce["value"] == value["value"]
    assert bce["signature"] == value["signature"]
    assert (bce["line"], mse["line"]) == (1, 9)
    (limit,) = mse["limits"]
    assert limit["headroom"] == 3000.5 - mse["value"]
    assert limit["needed"] == {"max": mse["value"]}


def parsed_value(shell, command):
    return json.loads(shell(f"{command} --json").out)


def test_numbers_that_json_lacks_are_words(folder):
    folder.save("p.npy", [1.0, 0.5])
    folder.save("t.npy", [0, 1])
    gate = '[[gate]]\nname = "inf"\nloss = "bce"\npredictions = "p.npy"\ntargets = "t.npy"\nmax = 1\nbaseline = true\n'
    folder.write("gates.toml", gate)
    assert folder("check gates.toml --update-baseline").code == 1
    assert json.loads((folder.folder / "gates.baseline.json").read_text())["gates"]["inf"]["value"] == "Infinity"
    (found,) = parsed(folder("check gates.toml --json"))["gates"]
    assert found["value"] == "Infinity"
    assert [limit["passed"] for limit in found["limits"]] == [True, False]
    assert "warning: gate 'inf': the loss is infinite" in folder("check gates.toml").err
    assert folder("check gates.toml -q").err == ""


def test_only_failures_are_shown_but_all_are_counted(folder):
    outcome = folder("check gates.toml --only-failures")
    assert "2 gates, 1 passed, 1 failed" in outcome.out
    assert "bce" not in outcome.out
    document = parsed(folder("check gates.toml --only-failures --json"))
    assert [gate["name"] for gate in document["gates"]] == ["mse"]
    assert document["counts"]["gates"] == 2
    assert folder("check gates.toml --only-failures --gate bce").out == "gates.toml: 1 gate, 1 passed\n"


def test_gates_are_chosen_by_name(folder):
    assert [gate["name"] for gate in parsed(folder("check gates.toml --gate mse --json"))["gates"]] == ["mse"]
    assert folder("check gates.toml --gate bce").code == 0
    both = parsed(folder("check gates.toml --gate mse --gate bce --json"))
    assert [gate["name"] for gate in both["gates"]] == ["bce", "mse"]
    wrong = folder("check gates.toml --gate bcee")
    assert wrong.code == 2
    assert "did you mean 'bce'?" in wrong.err


def test_a_baseline_is_written_once_and_stays_as_it_is(folder):
    folder.write("gates.toml", TWO.replace("max = 3000.5", "baseline = true\nrtol = 1e-9"))
    assert folder("check gates.toml").code == 1
    outcome = folder("check gates.toml --update-baseline")
    assert outcome.code == 0
    assert outcome.err == "losscli: wrote gates.baseline.json: 2 values (2 new, 0 changed, 0 removed); commit it\n"
    path = folder.folder / "gates.baseline.json"
    accepted = path.read_bytes()
    assert sorted(json.loads(accepted)["gates"]) == ["bce", "mse"]
    assert folder("check gates.toml").code == 0
    assert "(0 new, 0 changed, 0 removed)" in folder("check gates.toml --update-baseline").err
    assert path.read_bytes() == accepted

    changed = json.loads(accepted)
    changed["gates"]["mse"]["value"] *= 1.001
    changed["gates"]["bce"]["value"] = 7.0
    folder.write("gates.baseline.json", json.dumps(changed))
    outcome = folder("check gates.toml")
    assert outcome.code == 1
    assert "failed   mse   baseline 3190.5327784985134 ± rtol 1e-09" in outcome.out
    assert "(0 new, 1 changed, 0 removed)" in folder("check gates.toml --update-baseline --gate mse").err
    assert json.loads(path.read_text())["gates"]["bce"]["value"] == 7.0
    folder.write("gates.toml", TWO.replace('"bce"', '"renamed"', 1))
    assert "(1 new, 0 changed, 1 removed)" in folder("check gates.toml --update-baseline").err


def test_a_baseline_of_another_computation_shows_both_signatures(folder):
    folder.write("gates.toml", TWO.replace("max = 3000.5", "baseline = true"))
    folder("check gates.toml --update-baseline")
    folder.write("gates.toml", TWO.replace("max = 3000.5", 'baseline = true\noptions = { reduction = "sum" }'))
    outcome = folder("check gates.toml")
    assert outcome.code == 3
    assert "the baseline is of another computation: reduction:mean became reduction:sum" in outcome.out
    assert outcome.out.count("mse|kind:values|reduction:") == 2
    assert folder("check gates.toml --update-baseline").code == 0
    assert folder("check gates.toml").code == 0


def test_a_baseline_is_not_updated_while_a_gate_is_in_error(folder):
    folder.write("gates.toml", TWO.replace("3000.5", "4000"))
    folder("check gates.toml --update-baseline")
    before = (folder.folder / "gates.baseline.json").read_bytes()
    folder.write("gates.toml", TWO.replace("diabetes_pred", "diabetes_target") + BROKEN)
    outcome = folder("check gates.toml --update-baseline")
    assert outcome.code == 3
    assert "gates.baseline.json is not updated: some gates could not be computed" in outcome.err
    assert (folder.folder / "gates.baseline.json").read_bytes() == before


def test_what_is_no_baseline_is_not_replaced(folder):
    folder.write("gates.toml", 'baseline = "package.json"\n' + TWO)
    folder.write("package.json", '{"name": "mine"}')
    outcome = folder("check gates.toml --update-baseline")
    assert outcome.code == 3
    assert "package.json: is no baseline" in outcome.err
    assert (folder.folder / "package.json").read_text() == '{"name": "mine"}'
    folder.write("gates.toml", 'baseline = "gates.toml"\n' + TWO)
    assert folder("check gates.toml --update-baseline").code == 2


@pytest.mark.parametrize("target", ["gates.toml", "gates.baseline.json", "sample_data/cancer_probs.npy"])
def test_a_report_does_not_replace_what_is_read(folder, target):
    folder.write("gates.baseline.json", GateBaseline().text())
    before = (folder.folder / target).read_bytes()
    outcome = folder(f"check gates.toml --junit {target}")
    assert outcome.code == 2
    assert "the output is also an input" in outcome.err
    assert (folder.folder / target).read_bytes() == before


@pytest.mark.parametrize("option", ["--junit j.xml", "--update-baseline"])
def test_a_file_that_cannot_be_completed_stays_as_it_was(folder, monkeypatch, option):
    folder.write("gates.toml", TWO.replace("3000.5", "4000"))
    folder.write("j.xml", "old")
    folder.write("gates.baseline.json", GateBaseline().text())
    before = {name: (folder.folder / name).read_bytes() for name in ("j.xml", "gates.baseline.json")}
    files = folder.files

    def full(place):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Place, "commit", full)
    outcome = folder(f"check gates.toml {option}")
    assert outcome.code == 3
    assert "cannot be written: no space left on device" in outcome.err
    assert "2 passed" in outcome.out
    assert {name: (folder.folder / name).read_bytes() for name in before} == before
    assert folder.files == files


def test_junit_is_what_a_ci_service_reads(folder):
    folder.write("gates.toml", named(TWO, HOSTILE) + BROKEN)
    assert folder("check gates.toml --junit j.xml --only-failures").code == 3
    suites = ElementTree.parse(folder.folder / "j.xml").getroot()
    (suite,) = suites
    for element in (suites, suite):
        counts = {name: element.get(name) for name in ("tests", "failures", "errors")}
        assert counts == {"tests": "3", "failures": "1", "errors": "1"}
    passed, failed, error = suite
    assert passed.get("name") == r"a,b: 100%\n::error::gotcha\x1b[31m | `x` <b>*_] \u202e&\ufffe"
    assert [child.tag for child in passed] == ["system-out"]
    assert "worst_group 0.2 passed: value 0.10360705780015979" in passed.findtext("system-out")
    assert (
        failed.find("failure").get("message").startswith("max 3000.5 failed: value 3187.345433065448, headroom -186.8")
    )
    assert "111 samples" in error.find("error").get("message")
    assert "hint: " in error.findtext("error")
    assert math.isclose(sum(float(case.get("time")) for case in suite), float(suites.get("time")), abs_tol=0.002)


def test_a_label_out_of_a_file_is_shown_and_not_obeyed(folder):
    folder.write("p.csv", b"x,y,site\n1,0,\x1b[2J|`a`\n0,0,b\n")
    gate = '[[gate]]\nname = "g"\nloss = "l1"\npredictions = "p.csv"\noptions = { pred = "x", target = "y" }\n'
    folder.write("gates.toml", gate + 'worst_group = { by = "site", max = 0.5 }')
    outcome = folder("check gates.toml --github --junit j.xml")
    assert r"site \x1b[2J|`a`, 1 sample" in outcome.out
    assert "\x1b" not in outcome.out + outcome.err
    failure = ElementTree.parse(folder.folder / "j.xml").getroot().find(".//failure")
    assert r"(site \x1b[2J|`a`, 1 sample)" in failure.get("message")
    assert r"site \\x1b\[2J\|\`a\`, 1 sample" in folder("check gates.toml --format md").out
    (found,) = parsed(folder("check gates.toml --json"))["gates"]
    assert found["limits"][0]["where"] == "site \x1b[2J|`a`, 1 sample"


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """The commands that the runner of GitHub would take from the lines, decoded as it does."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        if match:
            pairs = (pair.partition("=") for pair in match[2].split(","))
            found.append((match[1], {name: unquote(value) for name, _, value in pairs}, unquote(match[3])))
    return found


def test_annotations_say_what_failed_where_and_nothing_else(folder):
    folder.write("gates.toml", named(BROKEN.replace("name = ", "name = "), HOSTILE) + TWO)
    outcome = folder("check gates.toml --github --json")
    parsed(outcome)
    assert all(line.startswith("::") for line in outcome.err.splitlines())
    broken, mse, summary = commands(outcome.err)
    assert len(outcome.err.splitlines()) == 3
    assert broken[0] == mse[0] == "error"
    shown = r"a,b: 100%\n::error::gotcha\x1b[31m | `x` <b>*_] \u202e&\ufffe"
    assert broken[1] == {"file": "gates.toml", "line": "2", "title": f"gate {shown} could not be judged"}
    assert broken[2].splitlines()[0].startswith("sample_data/diabetes_pred.npy has 111 samples")
    assert mse[1] == {"file": "gates.toml", "line": "16", "title": "gate mse failed"}
    assert "just passes with max=3187.345433065448" in mse[2]
    assert summary == ("notice", {"title": "losscli check"}, "gates.toml: 3 gates, 1 passed, 1 failed, 1 in error")


def test_there_are_never_more_annotations_than_are_shown_and_errors_come_first(folder):
    failing = "".join(TWO[TWO.index("[[gate]]", 5) :].replace('"mse"', f'"mse {n}"', 1) for n in range(12))
    folder.write("gates.toml", failing + BROKEN)
    found = commands(folder("check gates.toml --github").err)
    assert len(found) == 10
    assert [name for name, _, _ in found] == ["error"] * 9 + ["notice"]
    assert found[0][1]["title"] == "gate broken could not be judged"
    assert found[-1][2].endswith("12 failed, 1 in error, of which 9 are annotated")


def test_annotations_name_the_file_as_the_repository_does(folder, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.folder.parent))
    assert commands(folder("check ./gates.toml --github").err)[0][1]["file"] == f"{folder.folder.name}/gates.toml"
    monkeypatch.setenv("GITHUB_WORKSPACE", "/nowhere")
    assert commands(folder("check ./gates.toml --github").err)[0][1]["file"] == "gates.toml"


def test_the_summary_of_the_step_is_appended(folder, monkeypatch):
    folder.write("gates.toml", named(TWO, HOSTILE) + BROKEN)
    folder.write("summary.md", "before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder.folder / "summary.md"))
    folder("check gates.toml --github")
    text = (folder.folder / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("before\n### gates.toml: 3 gates, 1 passed, 1 failed, 1 in error\n")
    assert text == "before\n" + folder("check gates.toml --format md").out
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}
    cell = r"a,b: 100%\\n:\:error::gotcha\\x1b\[31m \| \`x\` \<b\>\*\_\] \\u202e\&\\ufffe"
    assert cell in rows[2]
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder.folder))
    outcome = folder("check gates.toml --github")
    assert outcome.code == 3
    assert "cannot be written: is a directory" in outcome.err


@pytest.mark.parametrize("command", ["", "--json", "--format md", "--only-failures", "--github"])
def test_no_name_reaches_a_terminal_as_an_escape_nor_the_runner_as_a_command(folder, command):
    folder.write("gates.toml", named(TWO, HOSTILE) + named(BROKEN, "::add-mask::x"))
    outcome = folder(f"check gates.toml {command}")
    assert "\x1b" not in outcome.out + outcome.err
    lines = (outcome.out + outcome.err).splitlines()
    allowed = ("::error file=", "::notice title=")
    assert [line for line in lines if line.lstrip().startswith("::") and not line.startswith(allowed)] == []


def rendered(folder, text, width):
    folder.write("gates.toml", text)
    file = read_gates(str(folder.folder / "gates.toml"))
    report = run_gates(file, file.gates, GateBaseline(exists=False))
    page = new_page(width=width, color=False, tty=True)
    draw_gates(page, report)
    return page.text().splitlines()[1:]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_terminal_gets_lines_that_fit(folder, width):
    text = EXAMPLE.replace("baseline = true ", "expect = 0.25").replace("rtol = 1e-3", "atol = 0.01")
    lines = rendered(folder, text, width)
    assert max(map(len, lines)) <= width
    everything = " ".join(" ".join(lines).split())
    for piece in ("worst_sample", "sample 56", "class 8, 35 samples", "0.5464", "66.642"):
        assert piece in everything


def test_what_is_rounded_for_a_terminal_still_passes(folder):
    text = " ".join(" ".join(rendered(folder, TWO.replace("3000.5", "1e9\nmin = 0"), 80)).split())
    values = {"max": 3187.345433065448, "min": 3187.345433065448}
    (greatest,) = re.findall(r"max=(3\S+)", text)
    (least,) = re.findall(r"min=(\S+)", text)
    assert values["max"] <= float(greatest) < values["max"] + 0.01
    assert values["min"] - 0.01 < float(least) <= values["min"]


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("check", 2, "FILE"),
        ("check none.toml", 3, "none.toml: cannot be read: no such file"),
        ("check gates.toml --json --format md", 2, "contradict"),
        ("check gates.toml --junit ''", 2, "--junit is empty"),
        ("check gates.toml --junit none/j.xml", 3, "none/j.xml: cannot be written"),
    ],
)
def test_a_wrong_call_is_one_clear_error(folder, command, code, message):
    outcome = folder(command)
    assert outcome.code == code
    assert message in outcome.err


def test_a_file_in_another_folder_finds_its_own(folder):
    (folder.folder / "ci").mkdir()
    folder.write("ci/gates.toml", TWO.replace("sample_data/", "../sample_data/").replace("3000.5", "4000"))
    assert folder("check ci/gates.toml --update-baseline --junit j.xml").code == 0
    assert {"j.xml"} < folder.files
    assert (folder.folder / "ci" / "gates.baseline.json").is_file()
