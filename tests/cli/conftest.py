"""The command line as a stranger meets it: a folder to work in, a command, what comes back."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import losscli.cli
import losscli.report

SAMPLES = Path(__file__).parents[2] / "sample_data"

# What a CI service or a developer's shell may have set must not decide what is tested.
VARIABLES_OF_TERMINALS = ("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS", "TERMINAL_WIDTH")


@dataclass(frozen=True)
class Outcome:
    """What a command left behind: its exit code and both streams."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """A folder, and ways to run losscli in it."""

    folder: Path

    def __call__(self, command: str, stdin: bytes = b"") -> Outcome:
        """Run `losscli COMMAND` in this process, through all that the installed script runs."""
        streams = sys.stdin, sys.stdout, sys.stderr
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)}
        arguments, here = sys.argv, Path.cwd()
        out, err = io.BytesIO(), io.BytesIO()
        given = [io.TextIOWrapper(stream, encoding="utf-8") for stream in (out, err)]
        sys.argv = ["losscli", *shlex.split(command)]
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
        sys.stdout, sys.stderr = given
        os.chdir(self.folder)
        try:
            code = losscli.cli.command_line()
        finally:
            os.chdir(here)
            sys.argv = arguments
            sys.stdin, sys.stdout, sys.stderr = streams
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return Outcome(code, out.getvalue().decode(), err.getvalue().decode())

    def script(self, line: str, **environment: str) -> Outcome:
        """Run a line of bash in which `losscli` is the installed tool, in a process of its own."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a shell that finds this interpreter's `losscli` first."""
        return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def save(self, name: str, values: object, dtype: str | None = None) -> None:
        """Write an array as NPY."""
        np.save(self.folder / name, np.asarray(values, dtype))

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file as it is given."""
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)

    @property
    def files(self) -> set[str]:
        """The names of all files, hidden ones too."""
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable that forces colours or widths, and none that stays behind."""
    for name in VARIABLES_OF_TERMINALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("_TYPER_FORCE_DISABLE_TERMINAL", "1")


@pytest.fixture
def shell(tmp_path: Path, plain_terminal: None) -> Shell:
    """An empty folder with a `losscli` in it."""
    return Shell(tmp_path)


@pytest.fixture
def samples(plain_terminal: None) -> Iterator[Shell]:
    """The folder of the sample data; nothing may be left in it."""
    before = {path.name for path in SAMPLES.iterdir()}
    yield Shell(SAMPLES)
    assert {path.name for path in SAMPLES.iterdir()} == before


@pytest.fixture
def complaint(shell: Shell) -> Callable[..., str]:
    """Run a command that must fail with one clear error; returns its text."""

    def run(command: str, *, code: int = 3, stdin: bytes = b"") -> str:
        before = shell.files
        outcome = shell(command, stdin)
        assert outcome.out == ""
        assert outcome.code == code, outcome.err
        assert_is_one_error(outcome.err)
        assert shell.files == before
        return outcome.err

    return run


def assert_is_one_error(text: str) -> None:
    """The form that every error has: what, perhaps why, perhaps a hint, a line each."""
    first, *others = text.splitlines()
    assert first.startswith("losscli: error: ")
    assert len(first) > len("losscli: error: ")
    assert [line[: line.index(":") + 1] for line in others] in (
        [],
        ["  why:"],
        ["  hint:"],
        ["  why:", "  hint:"],
    )
    assert "Traceback" not in text
    assert "\x1b" not in text


@pytest.fixture
def validate() -> Callable[[str], dict[str, Any]]:
    """Parse strict JSON and hold it to the schema that ships; returns the object."""
    schema = losscli.report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    def run(text: str) -> dict[str, Any]:
        def refuse(word: str) -> None:
            pytest.fail(f"{word} is no JSON")

        parsed = json.loads(text, parse_constant=refuse)
        jsonschema.validate(parsed, schema, jsonschema.Draft202012Validator)
        return parsed

    return run
