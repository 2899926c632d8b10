"""The `bash` blocks of the README: commands that compute the entries of `documents.json`, held to them.

A comment that ends in `[ENTRY]` or `[ENTRY: KEY; KEY]` says what the commands below it print: the expected numbers
of the entry, or those under the keys, in order. Commands below any other comment, or none, prepare and print nothing.
All blocks are run in one shell, one after the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from readme_shell import ROOT, run_commands
from readme_text import blocks

NOT_REPRODUCIBLE = {"doc002_random_1.9052"}
"""Printed by document 002 from random numbers without a seed."""

PROMISE = re.compile(r"^# (.+) \[([\w.]+)(?:: (.+))?\]$")


@dataclass(frozen=True)
class Command:
    """Lines of shell, and what they are to print: an entry of the documents, the keys meant, and the numbers."""

    lines: str
    what: str = ""
    entry: str | None = None
    keys: tuple[str, ...] = ()
    printed: tuple[float, ...] = ()


def rows_of(text: str, document: str) -> list[list[str]]:
    """For each command of a document: what it computes, the entry, the golden value, and what losscli printed.

    Raises:
        AssertionError: a number is further from the expected one than the entry tolerates.
    """
    entries = golden_entries()
    return [
        row_of(command, entries[command.entry])
        for command in commands_run(text)
        if command.entry is not None and entries[command.entry]["document"].startswith(document)
    ]


def row_of(command: Command, entry: dict[str, Any]) -> list[str]:
    """What a command was to print and what it printed, once the two are seen to agree."""
    wanted = expected(entry, command.keys)
    assert len(command.printed) == len(wanted), f"{command.lines}\nprinted {command.printed}"
    tolerance = entry["tolerance"]
    np.testing.assert_allclose(command.printed, wanted, tolerance["rel"], tolerance["abs"], err_msg=command.lines)
    name = ": ".join(filter(None, [entry["id"], "; ".join(command.keys)]))
    origin = "printed" if "expected_as_printed" in entry else "computed"
    golden = f"{ends(wanted)} ({origin})" if len(wanted) == 1 else f"{ends(wanted)} ({len(wanted)}, {origin})"
    return [command.what, f"`{name}`", golden, ends(command.printed)]


def uncovered(text: str) -> set[str]:
    """The entries, or the keys of entries, that no command of the README prints."""
    left = {(name, key) for name, entry in golden_entries().items() for key in leaves(entry["expected"])}
    for command in promised(text):
        if command.entry is not None:
            entry = golden_entries()[command.entry]
            left -= {(command.entry, leaf) for key in command.keys or ("",) for leaf in meant(entry["expected"], key)}
    return {f"{name} {key}".strip() for name, key in left}


@cache
def golden_entries() -> dict[str, dict[str, Any]]:
    """The entries of `documents.json` by name."""
    content = json.loads((ROOT / "tests" / "goldens" / "documents.json").read_text(encoding="utf-8"))
    return {entry["id"]: entry for part in ("printed", "computed") for entry in content[part]}


def promised(text: str) -> Iterator[Command]:
    """The commands of all `bash` blocks, in order, not yet run."""
    for block in blocks(text, "bash"):
        for lines in re.split(r"^(?=# )", block.text, flags=re.MULTILINE):
            if not lines:
                continue
            found = PROMISE.match(lines.partition("\n")[0])
            if found is None:
                yield Command(lines)
            else:
                yield Command(lines, found[1], found[2], tuple(found[3].split("; ")) if found[3] else ())


@cache
def commands_run(text: str) -> tuple[Command, ...]:
    """The commands with what they printed."""
    commands = list(promised(text))
    outputs = run_commands([command.lines for command in commands])
    return tuple(
        replace(command, printed=numbers(command, output)) for command, output in zip(commands, outputs, strict=True)
    )


def numbers(command: Command, output: str) -> tuple[float, ...]:
    """All numbers of an output that holds nothing else; none where nothing was to be printed."""
    try:
        printed = tuple(float(word) for word in re.split(r"[\s,]+", output) if word)
    except ValueError:
        raise AssertionError(f"{command.lines}\nprinted\n{output}") from None
    assert (command.entry is None) == (not printed), f"{command.lines}\nprinted\n{output}"
    return printed


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[str]:
    """The paths to what is no object inside an expected value."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    return [" ".join(path)]


def meant(value: Any, key: str) -> list[str]:
    """The paths that a key picks: its own, or that of the same name in every object inside; without a key all."""
    return [leaf for leaf in leaves(value) if not key or leaf == key or leaf.endswith(f" {key}")]


def expected(entry: dict[str, Any], keys: tuple[str, ...]) -> list[float]:
    """The expected numbers under the keys, one after the other."""
    value = entry["expected"]
    by_path = dict(zip(leaves(value), contents(value), strict=True))
    paths = [path for key in keys or ("",) for path in meant(value, key)]
    assert paths, f"{entry['id']} has no {keys}"
    return [float(number) for path in paths for number in np.ravel(by_path[path]).tolist()]


def contents(value: Any) -> list[Any]:
    """What stands at the leaves, in their order."""
    if isinstance(value, dict):
        return [item for inner in value.values() for item in contents(inner)]
    return [value]


def ends(values: Any) -> str:
    """The first number and the last."""
    first, *others = map(str, values)
    return f"{first} … {others[-1]}" if others else first
