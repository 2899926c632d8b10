"""Defaults from the `[tool.losscli]` of a pyproject.toml: which hold, which lose, and which are refused."""

import json
import sys

import numpy as np
import pytest

from losscli.cli.defaults import NEVER

NLL = "nll p.npy y.npy --format value"


@pytest.fixture
def project(shell, monkeypatch):
    """Three classes, and the last label one that is not scored."""
    monkeypatch.delenv("LOSSCLI_CONFIG", raising=False)
    shell.save("p.npy", [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    shell.save("y.npy", [0, 1, 2])
    shell.save("a.npy", [1.0, 2.0])
    shell.save("b.npy", [0.0, 4.0])
    return shell


def configure(shell, text, name="pyproject.toml"):
    shell.write(name, text)


def test_a_general_default_holds_for_every_loss_that_has_the_option(project):
    configure(project, '[tool.losscli]\nreduction = "sum"\nignore-index = 2\n')
    assert float(project(NLL).out) == pytest.approx(3 * np.log(2), rel=1e-15)
    assert project("mse a.npy b.npy --format value").out == "5.0\n"


def test_the_order_is_command_line_then_loss_then_general(project):
    configure(project, '[tool.losscli]\nbase = "10"\nformat = "value"\n[tool.losscli.nll]\nbase = "2"\n')
    bits = 5 / 3
    assert float(project("nll p.npy y.npy").out) == pytest.approx(bits)
    assert float(project("nll p.npy y.npy --base e").out) == pytest.approx(bits * np.log(2))
    assert float(project("cross-entropy p.npy y.npy").out) == pytest.approx(bits * np.log10(2))


def test_a_table_may_have_the_name_that_a_framework_gives_the_loss(project):
    configure(project, '[tool.losscli.NLLLoss]\nreduction = "sum"\nformat = "value"\n')
    assert float(project("nll p.npy y.npy").out) == pytest.approx(5 * np.log(2))


@pytest.mark.parametrize("key", ["ignore-index", "ignore_index"])
def test_the_result_says_what_was_used(project, key):
    configure(project, f"[tool.losscli]\n{key} = 2\n")
    result = json.loads(project("nll p.npy y.npy --json").out)
    assert result["options"]["ignore_index"] == 2
    assert "ignore_index:2" in result["signature"]
    assert result["counts"]["ignored"] == 1


def test_lists_and_flags_and_numbers_are_written_as_in_toml(project):
    configure(project, '[tool.losscli]\nclass-weight = [1, 2, 0.5]\nnormalize = true\nkind = "probs"\nrows = 1\n')
    result = project("nll p.npy y.npy")
    assert "class_weight:1,2,0.5" in result.out
    assert "normalize:True" in result.out
    assert "first 1 of 3 samples" in result.out
    configure(project, '[tool.losscli]\nparams = ["a.npy", "b.npy"]\nl1 = 1\n')
    assert "objective" in project("mse a.npy b.npy").out


def test_a_default_is_told_once_on_stderr_unless_quiet(project):
    configure(project, '[tool.losscli]\nbase = "2"\n[tool.losscli.nll]\nignore-index = 2\n')
    note = "losscli: note: defaults from pyproject.toml: "
    assert project(NLL).err.splitlines()[0] == note + "base, ignore-index"
    assert project(NLL).err.count(note) == 1
    assert project(NLL + " -q").err == ""
    assert project("mse a.npy b.npy --format value").err == ""  # it has no such option
    configure(project, '[tool.losscli]\nquiet = true\nbase = "2"\n')
    assert project(NLL).err == ""


def test_the_nearest_file_above_counts_and_shadows_those_further_up(project):
    inner = project.folder / "deep" / "deeper"
    inner.mkdir(parents=True)
    configure(project, '[tool.losscli]\nreduction = "sum"\n')
    at = "cd deep/deeper && losscli mse ../../a.npy ../../b.npy --format value"
    found = project.script(at)
    assert found.out == "5.0\n"
    assert "from ../../pyproject.toml: reduction" in found.err
    configure(project, "[project]\nname = 'other'\n", "deep/pyproject.toml")
    assert project.script(at).out == "2.5\n"


def test_it_is_switched_off_by_an_option_or_a_variable(project, monkeypatch):
    configure(project, '[tool.losscli]\nreduction = "sum"\n')
    configure(project, '[tool.losscli]\nbase = "2"\nreduction = "sum"\n', "other.toml")
    command = "mse a.npy b.npy --format value"
    assert project(command).out == "5.0\n"
    off = project(command + " --no-config")
    assert (off.out, off.err) == ("2.5\n", "")
    monkeypatch.setenv("LOSSCLI_CONFIG", "")
    assert project(command).out == "2.5\n"
    monkeypatch.setenv("LOSSCLI_CONFIG", "other.toml")
    assert project(command).out == "5.0\n"
    monkeypatch.setenv("LOSSCLI_CONFIG", "nowhere.toml")
    assert "LOSSCLI_CONFIG is 'nowhere.toml', and there is no such file" in project(command).err


def test_json_on_the_command_line_beats_a_format_in_the_file(project):
    configure(project, '[tool.losscli]\nformat = "csv"\n')
    assert json.loads(project("mse a.npy b.npy --json").out)["value"] == 2.5
    assert project("mse a.npy b.npy").out.startswith("sample,loss,weight")


def test_other_commands_have_tables_of_their_own(project):
    configure(project, '[tool.losscli]\ndelta = 3\ncolor = "never"\n[tool.losscli.curve]\nformat = "csv"\n')
    found = project("curve huber --pred 0:2:3 --target 0")
    assert found.out.startswith("prediction,huber\n")
    assert "2.0,1.5" in found.out  # the general delta is for losses, and `curve` is none
    assert found.err == "losscli: note: defaults from pyproject.toml: color, format\n"


@pytest.mark.parametrize(
    ("table", "problem", "hint"),
    [
        ("[tool.losscli]\nredution = 'sum'", "[tool.losscli] 'redution' is no option", "did you mean 'reduction'"),
        ("[tool.losscli.mse]\ndelta = 1", "[tool.losscli.mse] 'delta' is no option", ""),
        ("[tool.losscli.msee]\nbase = '2'", "[tool.losscli.msee] is for no loss and no command", "'mse'"),
        ("[tool.losscli.check]\nquiet = true", "`losscli check` takes no defaults", ""),
        ("[tool.losscli]\nreduction = 'avg'", "[tool.losscli] reduction = 'avg': 'avg' is not one of", "--reduction"),
        ("[tool.losscli]\nthreads = 2.5", "threads = 2.5: '2.5' is not a valid int", "--threads"),
        ("[tool.losscli]\nthreads = true", "threads = True: true and false mean nothing here", ""),
        ("[tool.losscli]\nl2-half = 1", "l2-half = 1: true or false is meant", ""),
        ("[tool.losscli]\non-nan = 'skip'\non_nan = 'skip'", "on-nan stands there twice", ""),
        ("[tool]\nlosscli = 3", "tool.losscli is 3, but must be a table", "[tool.losscli]"),
        ("[tool.losscli]\nbase = 2 2", "no defaults can be read from it", "--no-config"),
    ],
)
def test_what_means_nothing_is_refused_by_file_and_key(project, table, problem, hint):
    configure(project, table)
    outcome = project("mse a.npy b.npy")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("losscli: error: pyproject.toml: ")
    assert problem in outcome.err
    assert hint in outcome.err


@pytest.mark.parametrize("name", NEVER)
def test_nothing_is_written_or_switched_by_a_file(project, name):
    configure(project, f'[tool.losscli]\n{name} = "b.npy"\n')
    outcome = project("mse a.npy b.npy")
    assert outcome.code == 2
    assert "can have no default" in outcome.err


def test_a_value_that_the_loss_refuses_is_still_an_error(project):
    configure(project, "[tool.losscli]\ndelta = 0\n")
    outcome = project("huber a.npy b.npy")
    assert outcome.code == 2
    assert "--delta is 0.0" in outcome.err


@pytest.mark.parametrize("text", ["[project]\nname = 'x'\n", "this is no TOML ] at all", "# losscli, some tool\n"])
def test_a_file_that_does_not_mention_it_is_not_parsed(project, text):
    configure(project, text)
    line = f"{sys.executable} -X importtime -m losscli mse a.npy b.npy --json 2>&1 >/dev/null | grep -c tomllib"
    assert project.script(line).out == "0\n"


def test_completion_and_help_do_not_mind_a_broken_file(project):
    configure(project, "[tool.losscli]\nbase = 2 2")
    assert project("mse --help").code == 0
    found = project.script(
        "losscli", _LOSSCLI_COMPLETE="complete_bash", COMP_WORDS="losscli mse --redu", COMP_CWORD="2"
    )
    assert found.out == "--reduction\n"
