"""Which columns of a table are meant."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from losscli.errors import DataError
from losscli.wording import did_you_mean, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_GLOB_SIGNS = "*?["


def choose_columns(
    available: Iterable[str], patterns: Sequence[str], path: str, *, exclude: Collection[str] = ()
) -> list[str]:
    """The columns that `patterns` name, each once: in the order of the patterns, then of the table.

    A Counter of the `available` names is not counted again: a table may have as many as a language has tokens.
    A pattern that is a column's name means that column, whatever signs it holds; any other is a
    glob, which never matches a column of `exclude`.
    """
    chosen: dict[str, None] = {}
    counts = available if isinstance(available, Counter) else Counter(available)
    for pattern in patterns:
        if pattern in counts:
            chosen[pattern] = None
            continue
        matches = [name for name in _matching(counts, pattern) if name not in exclude]
        if not matches:
            is_glob = any(sign in pattern for sign in _GLOB_SIGNS)
            raise DataError(
                f"{path}: no column {'matches' if is_glob else 'is named'} {pattern!r}",
                why=f"its columns are {listed([*counts.elements()], 20)}",
                hint=did_you_mean(pattern, counts),
            )
        chosen.update(dict.fromkeys(matches))
    names = list(chosen)
    reject_duplicates(counts, names, path)
    return names


def reject_duplicates(counts: Counter[str], names: Sequence[str], path: str) -> None:
    """Refuse a name that several columns bear: which one is meant cannot be said."""
    for name in names:
        if counts[name] > 1:
            raise DataError(
                f"{path}: {counts[name]} columns are named {name!r}",
                hint="rename them, so that each can be asked for",
            )


def as_pattern(columns: Sequence[str], available: Sequence[str]) -> str:
    """The columns as one word of the command line: a glob where it means just these, else a comma list."""
    if len(columns) > 2:
        shared = columns[0]
        while shared and not all(name.startswith(shared) for name in columns):
            shared = shared[:-1]
        matching = [name for name in available if name.startswith(shared)]
        if shared and not set(shared) & set(_GLOB_SIGNS + ",") and matching == list(columns):
            return f"{shared}*"
    return ",".join(columns)


def _matching(available: Iterable[str], pattern: str) -> list[str]:
    if not any(sign in pattern for sign in _GLOB_SIGNS):
        return []
    from fnmatch import fnmatchcase

    return [name for name in available if fnmatchcase(name, pattern)]
