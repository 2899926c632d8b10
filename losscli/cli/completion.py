"""What the shell offers for an option that names columns: those of the files on the command line so far."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import typer

HARMLESS = re.compile(r"[\w .-]+")
"""Names that mean themselves to every shell; what a file holds must not reach zsh's `eval` otherwise."""

FileChoice = Callable[[list[str]], list[str]]


def _first(files: list[str]) -> list[str]:
    return files[:1]


def _last(files: list[str]) -> list[str]:
    return files[-1:]


def _all(files: list[str]) -> list[str]:
    return files


def columns(choice: FileChoice = _all, *, several: bool = False) -> Callable[[typer.Context, str], list[str]]:
    """A completion by the columns of the files that `choice` picks; of `several`, the last one is completed."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",") if several else ("", "", "")
        files = [word.partition(":")[0] for word in _words(context)]
        # A pipe would not answer the shell, and a press of a key is not to empty it.
        named = _columns(choice([file for file in files if os.path.isfile(file) or os.path.isdir(file)]))  # noqa: PTH112, PTH113
        return [f"{before}{comma}{name}" for name in dict.fromkeys(named)]

    return complete


def gates(context: typer.Context, _incomplete: str) -> list[str]:
    """The names of the gates of the file on the command line so far."""
    from losscli.engine.gate_file import read_gates
    from losscli.errors import LosscliError

    for file in _words(context):
        with suppress(LosscliError):
            return [gate.name for gate in read_gates(file).gates if HARMLESS.fullmatch(gate.name)]
    return []


def _words(context: typer.Context) -> Iterator[str]:
    """The arguments that stand on the line: parsed, or as they are where an option lacks its value."""
    yield from context.args
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name)) if parameter.param_type_name == "argument" else None
        if isinstance(value, str):
            yield value
        else:
            yield from value or ()


def _columns(files: Iterable[str]) -> Iterator[str]:
    from losscli.data import open_source
    from losscli.errors import LosscliError

    for file in files:
        try:
            names = open_source(file).columns or ()
        except LosscliError:  # it is told when the command is run
            continue
        yield from filter(HARMLESS.fullmatch, names)


GATE = {"autocompletion": gates}
COLUMN = {"autocompletion": columns()}
PRED_COLUMNS = {"autocompletion": columns(_first, several=True)}
TARGET_COLUMNS = {"autocompletion": columns(_last, several=True)}
