"""What a reader gets to see, command by command and form by form, is what was looked at."""

from typing import get_args

import pytest
from make_readme import alike
from make_snapshots import FOLDER, path_of, snapshot, workplace
from snapshot_cases import CASES

from losscli.cli.commands import COMMANDS
from losscli.cli.options import COMMON
from losscli.losses.catalogue import find

STALE = "this is not what was looked at: `make docs` writes it down anew, and `git diff` shows what changed"


@pytest.fixture(scope="module", autouse=True)
def folder():
    with workplace() as where:
        yield where


@pytest.mark.parametrize(("case", "form"), [
    pytest.param(case, form, id=f"{case.name}.{form}") for case in CASES for form in case.forms
])  # fmt: skip
def test_an_answer_looks_as_it_did(case, form):
    now = snapshot(case, form)
    kept = path_of(case, form).read_text(encoding="utf-8")
    if not alike(now, kept):
        assert now == kept, STALE


def test_no_snapshot_is_left_over():
    assert {path.name for path in FOLDER.iterdir()} == {
        path_of(case, form).name for case in CASES for form in case.forms
    }


def looked_at(called):
    """The forms of a command that have a snapshot."""
    return {form for case in CASES if case.called == called for form in case.forms}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_form_of_every_command_is_looked_at(name):
    forms = next((option.type.choices for option in COMMANDS[name].build().params if option.name == "format"), ())
    assert {*forms} - {"table", "plot"} <= looked_at(name)
    assert looked_at(name) & {"pipe", *forms}
    if "table" in forms:
        assert {"screen-80", "screen-120", "colour", "pipe"} <= looked_at(name)


def test_every_form_of_a_loss_is_looked_at():
    [forms] = [get_args(option.type) for option in COMMON if option.name == "format"]
    shown = set().union(*(looked_at(case.called) for case in CASES if case.called in ("nll", "l1", "bce")))
    assert {*forms} - {"table"} <= shown
    assert {"screen-80", "screen-120", "colour", "pipe"} <= shown
    assert find("nll")


def test_snapshots_hold_nothing_of_this_machine():
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "/tmp" not in text
        assert "/home" not in text
        assert "\x1b" not in text
