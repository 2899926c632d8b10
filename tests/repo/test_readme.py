"""The README tells the truth: its commands run and print what it shows, and its tables are those of the package."""

from __future__ import annotations

import doctest
import re

import pytest
from make_readme import alike, transcript
from readme_goldens import NOT_REPRODUCIBLE, uncovered
from readme_parts import PARTS
from readme_shell import ROOT, clone, run_script
from readme_text import PART, README, blocks

from losscli.exits import Exit

TEXT = README.read_text(encoding="utf-8")
STALE = "the README is stale: `make docs` brings it up to date"


def runnable(*languages):
    """The blocks to run, named by line."""
    return [pytest.param(b, id=f"line-{b.line}") for b in blocks(TEXT, *languages) if b.runs]


def need(block):
    if block.missing:
        pytest.skip(f"needs {', '.join(block.missing)}")


@pytest.mark.parametrize("block", runnable("console"))
def test_a_transcript_is_what_a_terminal_shows(block):
    need(block)
    now = transcript(block.text)
    if not alike(now, block.text):
        assert now == block.text, STALE


def test_scripts_run():
    for block in blocks(TEXT, "sh"):
        if block.runs:
            done = run_script(block.text)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", runnable("pycon"))
def test_python_answers_as_shown(block, monkeypatch):
    class Checker(doctest.OutputChecker):
        def check_output(self, want, got, flags):
            return alike(want, got)

    example = doctest.DocTestParser().get_doctest(block.text, {}, "README", str(README), block.line)
    with clone() as folder:
        monkeypatch.chdir(folder)
        assert example.examples
        assert doctest.DocTestRunner(Checker()).run(example).failed == 0


@pytest.mark.parametrize("name", PARTS)
def test_a_generated_part_says_what_the_package_says(name):
    [shown] = [match[3] for match in PART.finditer(TEXT) if match[2] == name]
    now = PARTS[name](TEXT)
    if not alike(now, shown):
        assert now == shown, STALE


def test_no_generated_part_has_an_unknown_name():
    assert {match[2] for match in PART.finditer(TEXT)} == set(PARTS)
    assert TEXT.count("<!-- generated: ") == TEXT.count("<!-- end of generated -->") == len(PARTS)


def test_every_entry_of_the_documents_has_its_command():
    assert uncovered(TEXT) == NOT_REPRODUCIBLE


def test_the_exit_codes_are_those_of_the_package():
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", TEXT, flags=re.MULTILINE)
    assert {name: int(code) for code, name in rows} == {code.name: code.value for code in Exit}


def test_what_is_not_run_installs_or_builds():
    idle = [block for block in blocks(TEXT, "console", "sh", "pycon", "yaml") if not block.runs]
    assert idle
    for block in idle:
        assert all(re.match(r"(pipx?|make|git|cd) ", line) for line in block.text.splitlines()), block


def test_the_targets_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(re.findall(r"`[^`]*`|^make .*$", TEXT, flags=re.MULTILINE))))
    assert {"run", "test"} <= named <= set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize(("one", "other", "same"), [
    ("nll = 0.25 nats", "nll  = 0.25000000000000006 nats", True),
    ("0.1809245195459711", "0.18092451954598243", False),
    ("nll = 0.25 nats", "nll = 0.2501 nats", False),
    ("nll = 0.25 nats", "nll = 0.25 bits", False),
    ("1 2", "1", False),
    ("off by 1.1e-16", "off by 2.2e-16", True),
])  # fmt: skip
def test_stale_means_more_than_the_last_digit(one, other, same):
    assert alike(one, other) is same


def test_links_lead_somewhere():
    headings = {re.sub(r"[^\w -]", "", line).strip().replace(" ", "-").lower()
                for line in re.findall(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)}  # fmt: skip
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT):
        assert (target[1:] in headings) if target.startswith("#") else (ROOT / target).is_file(), target
