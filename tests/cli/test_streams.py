"""Pipes that close, disks that are full, signals and terminals: real processes, as a shell runs them."""

import itertools
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import losscli.cli.boundary
import losscli.cli.loss_command

FORMATS = ("table", "json", "jsonl", "csv", "value")


@pytest.fixture
def pair(shell):
    shell.save("a.npy", [1.0, 2.0, 3.0, 4.0])
    shell.save("b.npy", [1.5, 2.0, 2.0, 4.0])
    return shell


@pytest.fixture
def long_pair(shell):
    values = np.arange(20000.0)
    shell.save("a.npy", values)
    shell.save("b.npy", values + 1)
    return shell


@pytest.mark.parametrize(
    ("form", "unbuffered"),
    [
        ("table --rows all", ""),
        ("json --per-sample", ""),
        ("jsonl", ""),
        ("csv", ""),
        ("csv", "1"),
        ("table --rows all", "1"),
    ],
)
def test_a_reader_that_leaves_early_is_no_error(long_pair, form, unbuffered):
    line = f"losscli mse a.npy b.npy --format {form} | head -1; echo ${{PIPESTATUS[0]}} >&2"
    outcome = long_pair.script(line, PYTHONUNBUFFERED=unbuffered)
    assert outcome.out.count("\n") == 1
    assert outcome.err == "141\n"


def test_a_reader_of_little_leaves_without_a_word(pair):
    commands = [f"mse a.npy b.npy --format {form}" for form in FORMATS]
    readers = itertools.cycle(["head -1", "true"])
    for command in (*commands, "list", "--help", "mse --help", "--version"):
        outcome = pair.script(f"losscli {command} | {next(readers)} > out; echo ${{PIPESTATUS[0]}}")
        assert outcome.out in ("0\n", "141\n"), command
        assert outcome.err == "", command


def test_an_unbuffered_stdout_loses_nothing(long_pair):
    """Python drops the rest of a partial write where stdout is unbuffered, as it is in many containers."""
    line = "losscli mse a.npy b.npy --format csv | { sleep 0.5; wc -l; }"
    assert long_pair.script(line, PYTHONUNBUFFERED="1").out.strip() == "20001"


@pytest.mark.parametrize(("form", "unbuffered"), [("table", ""), ("jsonl", ""), ("value", ""), ("value", "1")])
def test_a_full_stdout(pair, form, unbuffered):
    outcome = pair.script(f"losscli mse a.npy b.npy --format {form} > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert outcome.code == 3
    assert outcome.err == (
        "losscli: error: the result cannot be written to standard output\n  why: no space left on device\n"
    )


def test_a_long_result_on_a_full_stdout(long_pair):
    for form in ("csv", "json --per-sample"):
        outcome = long_pair.script(f"losscli mse a.npy b.npy --format {form} > /dev/full")
        assert outcome.code == 3
        assert outcome.err.startswith("losscli: error: the result cannot be written to standard output\n")
        assert "Traceback" not in outcome.err


def test_streams_that_are_closed(pair):
    closed = pair.script("losscli mse a.npy b.npy >&-")
    assert (closed.code, closed.out) == (3, "")
    assert closed.err == "losscli: error: the result cannot be written to standard output\n  why: it is closed\n"
    assert pair.script("losscli mse a.npy b.npy --format value 2>&-").out == "0.3125\n"
    assert pair.script("losscli mse a.npy missing.npy 2>&-").code == 3
    no_input = pair.script("losscli mse - b.npy <&-")
    assert no_input.code == 3
    assert no_input.err.startswith("losscli: error: <stdin>: it is closed\n")


def test_talk_that_nobody_can_hear_changes_no_exit_code(pair):
    pair.save("p.npy", [0.0, 1.0])
    pair.save("y.npy", [1.0, 1.0])
    assert pair.script("losscli mse a.npy missing.npy 2> /dev/full").code == 3
    assert pair.script("losscli mse a.npy b.npy --max 0.1 --format value 2> /dev/full").code == 1
    warned = pair.script("losscli bce p.npy y.npy --format value 2> /dev/full")
    assert (warned.code, warned.out) == (0, "inf\n")


def test_a_value_feeds_the_arithmetic_of_a_shell(pair):
    line = """v=$(losscli mse a.npy b.npy --format value) && awk "BEGIN { print $v * 2, ($v < 0.5) }" """
    assert pair.script(line).out == "0.625 1\n"


def test_the_gate_of_a_job(pair):
    assert pair.script("losscli mse a.npy b.npy --max 0.1 > log || echo gate $?").out == "gate 1\n"
    assert pair.script("losscli mse a.npy b.npy --max 0.5 > log || echo gate $?").out == ""
    assert pair.script("losscli mse a.npy c.npy --max 0.5 > log || echo gate $?").out == "gate 3\n"


def test_no_escape_reaches_a_pipe(pair):
    forced = {"GITHUB_ACTIONS": "1", "FORCE_COLOR": "1", "PY_COLORS": "1", "TERM": "xterm-256color"}
    for command in ("mse a.npy b.npy", "--help", "mse --help", "mse a.npy c.npy", "mse --bad", "explain mse", ""):
        outcome = pair.script(f"losscli {command}", **forced)
        assert outcome.out + outcome.err
        assert "\x1b" not in outcome.out + outcome.err, command


def test_as_a_module(pair):
    assert pair.script("python -m losscli --version").out == pair.script("losscli --version").out
    assert pair.script("python -m losscli mse a.npy c.npy").code == 3


def test_the_copy_of_a_pipe_is_deleted_in_the_end(pair):
    (pair.folder / "copies").mkdir()
    outcome = pair.script("cat a.npy | TMPDIR=copies losscli inspect - >out && ls copies | wc -l")
    assert (outcome.out, outcome.err) == ("0\n", "")


def test_only_the_main_job_is_imported_for_arrays(pair):
    line = "python -X importtime -m losscli mse a.npy b.npy --json 2>&1 > out | grep -cE 'pyarrow|rich|pandas|torch'"
    assert pair.script(line).out == "0\n"


def wait_until(seen):
    for _ in range(600):
        if seen():
            return
        time.sleep(0.05)
    pytest.fail("it never came to that")


ENDINGS = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGXCPU, 152)]


def heed_interrupts():
    """A job in the background, as these tests may be, is started with signals ignored, and so are its children."""
    for number, _ in ENDINGS:
        signal.signal(number, signal.SIG_DFL)


def test_a_signal_that_is_ignored_stays_ignored(pair):
    """So `nohup` works: what hangs up does not end the run."""
    line = "trap '' HUP; (sleep 1; echo 1.5) | losscli mse - one.npy --format value & sleep 0.7; kill -HUP $!; wait $!"
    pair.save("one.npy", [1.0])
    assert pair.script(line).out == "0.25\n"


@pytest.mark.parametrize(("number", "code"), ENDINGS)
@pytest.mark.parametrize(
    ("command", "old"),
    [
        ("mse - b.npy", "old.csv"),
        ("mse - b.npy", "old.jsonl"),
        ("mse - b.npy", "old.npy"),
        ("mse - b.npy", "old.parquet"),
        ("convert exp -", "old.npy"),
    ],
)
def test_a_signal_in_the_middle_leaves_the_old_file(shell, number, code, command, old):
    shell.write(old, "precious\n")
    shell.save("b.npy", np.zeros(10**6))
    (shell.folder / "copies").mkdir()
    rows = (b"-1.5" + b"0" * 120 + b"\n") * 10**5
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "losscli", *command.split(), "-o", old, "--input-format", "csv"],
        cwd=shell.folder,
        env=os.environ | {"TMPDIR": "copies"},
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(rows)  # more than a pipe holds: when this is done, losscli has been at work for a while
        wait_until(lambda: any(name.endswith(".tmp") for name in shell.files))  # and now it writes, or waits for more
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (code, b"", b"")
    assert (shell.folder / old).read_text() == "precious\n"
    assert shell.files == {old, "b.npy", "copies"}
    assert not any((shell.folder / "copies").iterdir())


@pytest.mark.parametrize(("number", "code"), ENDINGS)
def test_a_signal_while_a_pipe_is_copied_leaves_no_copy(shell, number, code):
    (shell.folder / "copies").mkdir()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "losscli", "inspect", "-"],
        cwd=shell.folder,
        env=os.environ | {"TMPDIR": "copies"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )
    process.stdin.write(b"1.5\n" * 10**6)
    process.stdin.flush()
    wait_until(lambda: any((shell.folder / "copies").iterdir()))
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (code, b"", b"")
    assert not any((shell.folder / "copies").iterdir())


def test_a_bug_says_so_in_one_line(pair, monkeypatch):
    def broken(*_):
        raise RuntimeError("a\nb")

    monkeypatch.setattr(losscli.cli.loss_command, "score", broken)
    outcome = pair("mse a.npy b.npy")
    assert (outcome.code, outcome.out) == (70, "")
    assert outcome.err.startswith("losscli: a bug of losscli, not of your data: RuntimeError: a b\n  hint: ")
    assert "Traceback" in pair("mse a.npy b.npy --debug").err


@pytest.mark.parametrize("command", ["mse ../a.npy ../b.npy", "mse {0}/a.npy {0}/b.npy -o each.csv"])
def test_a_current_folder_that_was_removed(pair, command):
    (pair.folder / "gone").mkdir()
    outcome = pair.script(f"cd gone; rmdir ../gone; losscli {command.format(pair.folder)}")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith("losscli: error: the current folder was removed")
    assert "hint: cd into a folder that exists" in outcome.err


@pytest.mark.parametrize(
    ("typed", "command", "shown"),
    [
        (b"\x04", "mse - b.npy", b"<stdin>: the input is empty"),
        (b"1\n2\n3\n4\n\x04", "mse - b.npy --format value", b"\n0.3125"),
        (b"1\n2\n3\n4\n\x04", "inspect -", b"4 rows"),
    ],
)
def test_what_is_typed_ends_once(pair, typed, command, shown):
    """A terminal goes on after its end: Ctrl-D had to be pressed up to three times."""
    keys, terminal = pty.openpty()
    losscli = [Path(sys.executable).parent / "losscli", *command.split()]
    process = subprocess.Popen(losscli, cwd=pair.folder, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.write(keys, typed)
    out = b""
    with suppress(OSError):  # what a terminal says when the last process has left it
        while select.select([keys], [], [], 20)[0] and (piece := os.read(keys, 1 << 16)):
            out += piece
    process.kill()
    process.wait()
    os.close(keys)
    assert shown in out


def test_too_few_open_files_are_no_bug(pair):
    outcome = pair.script("ulimit -n 5; losscli mse a.npy b.npy --threads 1")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith("losscli: error: the system lets this process open no more files\n")
    assert "hint: ulimit -n 1024" in outcome.err


@pytest.mark.parametrize(
    "message", ["libarrow.so: failed to map segment from shared object", "libx.so: cannot allocate memory in static"]
)
def test_a_library_that_finds_no_room_is_no_bug(pair, monkeypatch, message):
    def compute(*_arguments, **_named):
        raise ImportError(message)

    monkeypatch.setattr(losscli.cli.loss_command, "score", compute)
    outcome = pair("mse a.npy b.npy")
    assert outcome.code == 3
    assert outcome.err.startswith("losscli: error: there is not enough memory")


def test_too_little_memory_is_no_bug(pair, monkeypatch):
    def hungry(*_):
        raise MemoryError

    monkeypatch.setattr(losscli.cli.loss_command, "score", hungry)
    outcome = pair("mse a.npy b.npy")
    assert outcome.code == 3
    assert outcome.err.startswith("losscli: error: there is not enough memory")


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [
        ("COLUMNS", "1", "explain mse"),
        ("COLUMNS", "1", "--help"),
        ("COLUMNS", "9" * 20, "mse --help"),
        ("COLUMNS", "9" * 5000, "explain mse"),
        ("COLUMNS", "-5", "mse a.npy b.npy --plot"),
        ("TERMINAL_WIDTH", "wide", "--help"),
        ("MPLBACKEND", "nonsense", "mse a.npy b.npy --save-plot p.png"),
        ("PYTHONOPTIMIZE", "1", "mse a.npy b.npy"),
    ],
)
def test_variables_that_are_odd_end_in_no_bug(pair, name, value, command):
    outcome = pair.script(f"losscli {command} > /dev/null", **{name: value})
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("command", ["mse a.npy b.npy", "list", "mle normal a.npy", "nll --help"])
def test_without_docstrings_there_is_an_error_that_says_so(pair, command):
    """What the catalogue holds stands in docstrings, which Python then leaves out: every command had a bug."""
    outcome = pair.script(f"losscli {command}", PYTHONOPTIMIZE="2")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("losscli: error: Python leaves docstrings out")
    assert "hint: set PYTHONOPTIMIZE=1" in outcome.err


def test_completion_fails_with_an_exit_code_of_its_own(pair):
    """Exit code 1 is kept for failed checks, and Typer's for an unknown shell."""
    assert pair.script("losscli mse", _LOSSCLI_COMPLETE="nonsense").code == 2
    outcome = pair.script("losscli --install-completion", HOME="/dev/null")
    assert outcome.code == 3
    assert outcome.err.startswith("losscli: error: /dev/null")
    assert "hint: losscli --show-completion" in outcome.err
