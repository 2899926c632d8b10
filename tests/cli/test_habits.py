"""Small things that make a tool pleasant: colours, completion, help on one page, worked examples, near misses."""

import os
import pty
import re
import struct
import subprocess
import termios
from fcntl import ioctl

import numpy as np
import pytest

from losscli.cli.commands import COMMANDS
from losscli.losses.catalogue import catalogue
from losscli.report.page import cell_width

ESCAPE = "\x1b"


@pytest.fixture
def files(shell):
    """Logits of three classes, a table of numbers, and probabilities with labels."""
    shell.save("x.npy", [[2.0, 1.0, 0.0], [0.0, 0.0, 4.0], [1.0, -1.0, 0.5]])
    shell.save("y.npy", [0, 2, 1])
    shell.write("t.csv", "old,new,y,a b,'c\n1,1.5,2,0,0\n-3,-2.5,-1,0,0\n")
    shell.save("p.npy", [0.9, 0.2])
    shell.save("l.npy", [1, 0])
    return shell


def on_terminal(shell, line, width=80, **environment):
    """What a terminal of that width is sent."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    variables = {name: value for name, value in shell.environment.items() if name != "_TYPER_FORCE_DISABLE_TERMINAL"}
    process = subprocess.Popen(
        ["bash", "-c", f"losscli {line}"],
        cwd=shell.folder,
        env=variables | {"TERM": "xterm-256color"} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    sent = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # how Linux says that the other side is gone
            break
        if not piece:
            break
        sent += piece
    os.close(ours)
    assert process.wait(timeout=20) == 0, sent
    return sent.decode()


DRAWING = [
    "mse t.csv --pred old --target y",
    "compare mse t.csv:old t.csv:new t.csv:y --resamples 100",
    "curve huber l2 --pred -1:1:9 --target 0",
    "curve huber l2 --pred -1:1:9 --target 0 --plot",
    "mle normal t.csv --column y",
    "inspect t.csv",
]


@pytest.mark.parametrize("command", DRAWING)
def test_always_and_never_win_over_what_stdout_is(files, command):
    assert ESCAPE in files(f"{command} --color always").out
    for asked in ("auto", "never"):
        assert ESCAPE not in files(f"{command} --color {asked}").out


@pytest.mark.parametrize(
    ("option", "environment", "colored"),
    [
        ("", {}, True),
        ("", {"NO_COLOR": "1"}, False),
        ("", {"NO_COLOR": ""}, True),
        ("", {"TERM": "dumb"}, False),
        ("", {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ("", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("--color never", {"FORCE_COLOR": "1"}, False),
        ("--color always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_colours_on_a_terminal(files, option, environment, colored):
    sent = on_terminal(files, f"mse t.csv --pred old --target y {option}", **environment)
    assert (ESCAPE in sent) is colored
    assert "mse = 2.5" in sent


def test_forced_colours_reach_no_pipe(files):
    """Only --color always does: FORCE_COLOR is often set for a whole job, and its logs are read by programs."""
    forced = {"FORCE_COLOR": "1", "GITHUB_ACTIONS": "1", "TERM": "xterm-256color"}
    assert ESCAPE not in files.script("losscli mse t.csv --pred old --target y", **forced).out
    always = files.script("losscli mse t.csv --pred old --target y --color always | cat", NO_COLOR="1")
    assert ESCAPE in always.out


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "value", "md"])
def test_no_form_for_programs_has_colours(files, form):
    assert ESCAPE not in files(f"mse t.csv --pred old --target y --color always --format {form}").out


def test_markdown_of_a_run(files):
    outcome = files("mse t.csv --pred old --target y --format md --max 1 --top 1")
    assert outcome.code == 1
    assert outcome.err == ""  # the page tells the verdict
    assert outcome.out.startswith("### mse = 2.5 target² (mean)\n\n|  |  |\n| --- | --- |\n")
    assert "#### check FAILED\n\n- max 1.0: failed\n  - would just pass with max=2.5\n" in outcome.out
    assert "#### worst 1 of 2 samples" in outcome.out
    assert re.search(r"^`mse\|kind:values\|[^`]+`\n\Z", outcome.out, flags=re.MULTILINE)


# Completion, by the protocol that the scripts of `--install-completion` speak.


@pytest.fixture
def completed(files, monkeypatch):
    """What the shell is offered for the last word of a line."""

    files.write(
        "gates.toml",
        "".join(
            f'[[gate]]\nname = "{name}"\nloss = "mse"\npredictions = "x.npy"\ntargets = "y.npy"\nmax = 1\n'
            for name in ("first", "second", "$(third)")
        ),
    )

    def run(line, kind="bash"):
        monkeypatch.setenv("_LOSSCLI_COMPLETE", f"complete_{kind}")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        outcome = files("")
        assert outcome.err == ""
        return outcome.out.rstrip("\n").split("\n") if kind == "bash" else outcome.out

    return run


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("losscli mse t.csv --pred ", ["old", "new", "y", "a b"]),
        ("losscli mse t.csv --pred n", ["new"]),
        ("losscli mse t.csv --pred old,n", ["old,new"]),
        ("losscli mse t.csv --pred old --target y --sample-weight o", ["old"]),
        ("losscli mse x.npy t.csv --target o", ["old"]),
        ("losscli mse t.csv x.npy --target ", [""]),
        ("losscli compare mse t.csv:old t.csv:new t.csv:y --cluster n", ["new"]),
        ("losscli mse t.csv --pred old --target y --by n", ["new"]),
        ("losscli gaussian-nll t.csv --variance n", ["new"]),
        ("losscli mle normal t.csv --column n", ["new"]),
        ("losscli inspect t.csv --target n", ["new"]),
        ("losscli explain pseu", ["pseudo-huber"]),
        ("losscli explain mse t.csv --target o", ["old"]),
        ("losscli explain huber x.npy y.npy --delt", ["--delta"]),
        ("losscli list --family seq", ["sequence"]),
        ("losscli check gates.toml --gate s", ["second"]),
        ("losscli check missing.toml --gate ", [""]),
        ("losscli curve hu", ["huber"]),
        ("losscli compare sequ", ["sequence-nll"]),
        ("losscli pseu", ["pseudo-huber"]),
        ("losscli expl", ["explain"]),
        ("losscli nll --ignore-i", ["--ignore-index"]),
        ("losscli nll x.npy y.npy --kind log", ["logits", "log-probs"]),
        ("losscli nll x.npy y.npy --color a", ["auto", "always"]),
        ("losscli mse missing.csv --pred ", [""]),
        ("losscli mse y.npy --pred ", [""]),
    ],
)
def test_completion(completed, line, offered):
    assert completed(line) == offered


@pytest.mark.parametrize("line", ["losscli nll ", "losscli nll x.npy ", "losscli nll x", "losscli compare nll "])
def test_files_are_left_to_the_shell(completed, line):
    """No offer of ours makes bash fall back to its own file names, and zsh is told to offer its own."""
    assert completed(line) == [""]
    assert completed(line, "zsh") == "_files\n"


def test_bash_falls_back_to_files(files):
    line = """
    eval "$(losscli --show-completion bash 2>/dev/null || _LOSSCLI_COMPLETE=source_bash losscli)"
    complete -p losscli
    """
    assert "-o default" in files.script(line).out


def test_a_column_that_could_mean_something_to_a_shell_is_not_offered(files, completed):
    files.write("evil.csv", "$(touch pwned),`touch pwned`,good,a;b,x'y\n1,2,3,4,5\n")
    assert completed("losscli mse evil.csv --pred ") == ["good"]
    assert "touch" not in completed("losscli mse evil.csv --pred ", "zsh")
    assert "pwned" not in files.files


# Help


def test_the_help_of_all_commands_on_one_page(files):
    outcome = files("--help-all")
    assert (outcome.code, outcome.err) == (0, "")
    headings = re.findall(r"^(losscli.*)\n=+$", outcome.out, flags=re.MULTILINE)
    assert headings == ["losscli", *(f"losscli {name}" for name in (*catalogue(), *COMMANDS))]
    assert ESCAPE not in outcome.out
    assert max(map(cell_width, outcome.out.splitlines())) <= 80
    for option in ("--delta", "--ignore-index", "--resamples", "--update-baseline", "--help-all"):
        assert option in outcome.out


# Near misses


@pytest.mark.parametrize(
    ("command", "problem", "hint"),
    [
        ("nll x.npy y.npy --ignore-indx 1", "no such option: --ignore-indx", "did you mean --ignore-index?"),
        ("nll x.npy y.npy --reduction maen", "'maen' is not one of", "did you mean mean?"),
        ("nll x.npy y.npy --kind logit", "'logit' is not one of", "did you mean logits?"),
        ("nlll x.npy y.npy", "there is no loss named 'nlll'", "did you mean nll?"),
        ("comprae nll a b c", "there is no loss and no command named 'comprae'", "did you mean compare?"),
        ("crve l2", "there is no loss and no command named 'crve'", "did you mean curve?"),
        ("list --family regresion", "there is no family 'regresion'", "did you mean 'regression'?"),
        ("convert sofmax x.npy", "there is no conversion named 'sofmax'", "did you mean 'softmax'"),
        ("explain crossentrpy", "there is no loss named 'crossentrpy'", "did you mean cross-entropy"),
        ("nll x.npy y.npy --top", "option '--top' requires an argument", "`losscli nll --help`"),
    ],
)
def test_what_was_probably_meant(files, complaint, command, problem, hint):
    error = complaint(command, code=2)
    assert problem in error
    assert hint in error


def test_the_option_of_another_loss(complaint):
    error = complaint("mse x.npy y.npy --delta 2", code=2)
    assert "no such option: --delta\n  why: it belongs to huber, pseudo-huber\n" in error


def test_a_misspelt_column_and_file(files, complaint):
    assert "did you mean 'old'?" in complaint("mse t.csv --pred odl --target y")
    assert "did you mean 'x.npy'" in complaint("mse x.npi y.npy")


# The work


def work(shell, command):
    outcome = shell(f"{command} --show-work --rows 0")
    assert outcome.code == 0, outcome.err
    return outcome.out[outcome.out.index("step by step") :]


def test_the_work_of_a_classifier(files):
    text = work(files, "nll x.npy y.npy --class-weight 1,2,4")
    rows = re.findall(r"^(\d)(?: \(target\))? +(\S+) +(\S+) +(\S+) +(\S+) +(\S+)$", text, flags=re.MULTILINE)
    assert len(rows) == 9
    x = np.load(files.folder / "x.npy")
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    for position, (k, *cells) in enumerate(rows):
        i, k = position // 3, int(k)
        expected = [x[i, k], np.exp(x[i, k] - x[i].max()), p[i, k], -np.log(p[i, k]), (1, 2, 4)[k]]
        assert [float(cell.replace("−", "-")) for cell in cells] == pytest.approx(expected, rel=1e-5)
    loss = float(re.search(r"loss = w\[2\] · −log p\[2\] = 4 · 0\.0359763 = (\S+), weight 4", text)[1])
    assert loss == pytest.approx(-4 * np.log(p[1, 2]), rel=1e-14)
    assert "Σ weight = 1 + 4 + 2 = 7" in text


def test_the_work_of_every_kind_of_score_ends_in_the_same_losses(files):
    x = np.load(files.folder / "x.npy")
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    files.save("p.npy", p)
    files.save("logs.npy", np.log(p))
    for name in ("x", "p", "logs"):
        lines = re.findall(r"loss = −log p\[(\d)\] = −log (\S+) = \S+$", work(files, f"nll {name}.npy y.npy"), re.M)
        assert lines == [(str(k), f"{p[row, k]:.6g}") for row, k in enumerate((0, 2, 1))]


def test_the_work_of_smoothed_and_ignored_targets(files):
    files.save("y.npy", [0, -100, 1])
    text = work(files, "cross-entropy x.npy y.npy --ignore-index -100 --label-smoothing 0.3")
    assert "loss = Σ q · −log p over the classes = " in text
    assert "target -100 does not count: loss 0, weight 0" in text
    assert " 0.8 " in text  # 0.7 + 0.3 / 3
    assert "Σ weight = 1 + 0 + 1 = 2" in text


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("mse t.csv --pred old --target y", ["r = prediction − target = 1 − 2 = −1", "= (−1)²", "= 1.0"]),
        (
            "huber t.csv --pred old --target y --delta 1.5",
            ["loss = ½ r²", "= ½ · (−1)²", "= 0.5", "loss = δ · (|r| − ½ δ)", "= 1.5 · (|−2| − ½ · 1.5)", "= 1.875"],
        ),
        ("bce p.npy l.npy", ["= −1 · log 0.9 − (1 − 1) · log(1 − 0.9)", "= −0 · log 0.2 − (1 − 0) · log(1 − 0.2)"]),
        (
            "sigmoid-cross-entropy t.csv --pred old --target new --unchecked-targets",
            ["= 1.5 · softplus(−1) + (1 − 1.5) · softplus(1)"],
        ),
        ("hinge p.npy l.npy", ["= max(0, 1 − 1 · 0.9)", "= max(0, 1 − (−1) · 0.2)", "= 1.2"]),
    ],
)
def test_the_formula_with_the_numbers_in_it(files, command, lines):
    text = work(files, command)
    position = 0
    for line in lines:
        position = text.index(line, position)


def test_the_division_is_that_of_the_run(files):
    text = work(files, "mse t.csv --pred old --target y --sample-weight 1,3")
    assert "times the sample weight 3" in text
    assert "loss of the sample = 12.0, weight 3" in text
    assert "Σ loss = 1 + 12 = 13.0" in text
    assert "mean = 13.0 / 4 = 3.25" in text


def test_only_the_first_samples_and_elements_are_worked_out(files):
    files.save("a.npy", np.arange(60.0).reshape(10, 6))
    files.save("b.npy", np.zeros((10, 6)))
    text = work(files, "mse a.npy b.npy")
    assert re.findall(r"^sample (\d)$", text, flags=re.MULTILINE) == ["0", "1", "2"]
    assert text.count("and 2 more elements") == 3
    assert "Σ loss = 55 + 451 + 1279 + ... = 70210.0" in text


def test_work_from_standard_input_and_in_bits(files):
    files.write("p.csv", "0.25,0.75\n0.5,0.5\n")
    outcome = files.script("losscli nll - labels.npy --base 2 --show-work --rows 0 < p.csv")
    assert outcome.code == 3  # the labels are missing
    files.save("labels.npy", [0, 1])
    text = files.script("losscli nll - labels.npy --base 2 --show-work --rows 0 < p.csv").out
    assert "in the unit asked for: divided by 0.693147" in text
    assert "loss of the sample = 2.0, weight 1" in text


@pytest.mark.parametrize("name", [*catalogue()])
def test_every_loss_shows_its_work(samples, name):
    """The command of each docstring, with the formula at the top and the value at the end."""
    loss = catalogue()[name]
    command = " ".join(loss.sections["Command"].replace("\\\n", " ").split()).removeprefix("losscli ")
    text = work(samples, command.replace("sample_data/", ""))
    assert loss.formula in text
    assert re.search(r"^  (mean = \S+ / \S+|Σ loss = .+) = \S+$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("form", ["json", "value", "csv", "jsonl"])
def test_work_is_for_readers(complaint, form):
    error = complaint(f"mse a.npy b.npy --show-work --format {form}", code=2)
    assert "--show-work has no place in" in error


def test_work_in_markdown_is_kept_as_written(files):
    text = work(files, "mse t.csv --pred old --target y --format md")
    assert "```\n  prediction 1, target 2\n  r = prediction − target = 1 − 2 = −1\n  loss = r²\n" in text


def test_work_on_narrow_and_wide_terminals(files):
    for width in (80, 120):
        sent = on_terminal(files, "nll x.npy y.npy --show-work --rows 0 --color never", width)
        body = sent[sent.index("sample 0") : sent.index("all samples")]
        assert max(map(len, body.splitlines())) <= 80


def test_a_comparison_and_an_inspection_in_markdown(files):
    compared = files("compare mse t.csv:old t.csv:new t.csv:y --resamples 100 --format md")
    assert compared.out.startswith("### mse: 2 models on the same 2 samples\n\n|  |  |\n")
    assert "\n#### B against A: " in compared.out
    inspected = files("inspect t.csv --format md")
    assert inspected.out.startswith("### t.csv: csv, ")
    assert inspected.out.count("```") % 2 == 0
