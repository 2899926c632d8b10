"""Writes down anew what every command shows in every form: `make docs`. What changed is to be read in `git diff`.

A snapshot is `snapshots/CASE.FORM.txt`: the command, what it prints, what it says on stderr, its exit code if that is
not 0, and the files that it writes. Escape characters are shown as ␛, and what differs between runs by a word.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import split

from readme_shell import ROOT, clone
from snapshot_cases import CASES, FILES, PIPE, SCREENS, Case

from losscli.cli.boundary import command_line
from losscli.version import __version__

FOLDER = Path(__file__).parent / "snapshots"

# What a CI service or a developer's shell may have set must not decide what is shown.
VARIABLES = (
    "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "LOSSCLI_CONFIG", "NO_COLOR",
    "PY_COLORS", "TERM", "TERMINAL_WIDTH",
)  # fmt: skip


class Screen(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def workplace() -> Iterator[Path]:
    """A clone with the small files of the cases, and no variable that decides what is shown."""
    kept, here = dict(os.environ), Path.cwd()
    for name in VARIABLES:
        os.environ.pop(name, None)
    with clone() as folder:
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(kept)


def snapshot(case: Case, form: str) -> str:
    """What a case shows in a form, in the folder at hand."""
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    command = case.command if form in (*SCREENS, PIPE) else f"{case.command} --format {form}"
    settings = SCREENS.get(form, {}) | {"TERM": "xterm", "GITHUB_STEP_SUMMARY": "summary.md"}
    os.environ.update(settings)
    try:
        code, out, err = run(command, Screen if form in SCREENS else io.TextIOWrapper)
    finally:
        for name in settings:
            del os.environ[name]
    told = [f"$ losscli {command}\n", out]
    told += [f"--- stderr\n{err}"] if err else []
    told += [f"--- exit code {code}\n"] if code else []
    told += [f"--- {name}\n{Path(name).read_text(encoding='utf-8')}" for name in case.files]
    for name in case.files:  # the next case starts where this one did
        Path(name).unlink()
    text = "".join(part if part.endswith("\n") or not part else f"{part}\n" for part in told)
    text = text.replace("\x1b", "␛").replace(f"losscli:{__version__}", "losscli:VERSION")
    text = text.replace(f'"losscli": "{__version__}"', '"losscli": "VERSION"')
    return re.sub(r'time="[\d.]+"', 'time="SECONDS"', text)


def run(command: str, stream: type[io.TextIOWrapper]) -> tuple[int, str, str]:
    """The exit code of `losscli COMMAND` in this process, and what it wrote to a stream of this kind and to stderr."""
    kept = sys.argv, sys.stdin, sys.stdout, sys.stderr
    handler = signal.getsignal(signal.SIGTERM)
    forced = os.environ.pop("_TYPER_FORCE_DISABLE_TERMINAL", None)
    out, err = io.BytesIO(), io.BytesIO()
    sys.argv = ["losscli", *split(command)]
    sys.stdin = io.TextIOWrapper(io.BytesIO())
    streams = sys.stdout, sys.stderr = stream(out, encoding="utf-8"), io.TextIOWrapper(err, encoding="utf-8")
    try:
        code = command_line()
        sys.stderr.flush()
    finally:
        sys.argv, sys.stdin, sys.stdout, sys.stderr = kept
        signal.signal(signal.SIGTERM, handler)
        os.environ.pop("_TYPER_FORCE_DISABLE_TERMINAL", None)
        if forced is not None:
            os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = forced
    texts = out.getvalue().decode(), err.getvalue().decode()
    for each in streams:
        each.close()
    return code, *texts


def path_of(case: Case, form: str) -> Path:
    """Where a snapshot is kept."""
    return FOLDER / f"{case.name}.{form}.txt"


def main() -> None:
    """Write all snapshots, and remove those that no case has any more."""
    FOLDER.mkdir(exist_ok=True)
    changed = 0
    with workplace():
        for case in CASES:
            for form in case.forms:
                path, text = path_of(case, form), snapshot(case, form)
                if not path.exists() or path.read_text(encoding="utf-8") != text:
                    path.write_text(text, encoding="utf-8")
                    changed += 1
    for path in set(FOLDER.iterdir()) - {path_of(case, form) for case in CASES for form in case.forms}:
        path.unlink()
        changed += 1
    sys.stdout.write(f"{changed} snapshots of {ROOT.name} changed\n" if changed else "the snapshots are as they were\n")


if __name__ == "__main__":
    main()
