"""The baseline: what the gates of a file came to when it was last accepted, kept beside the file.

It is made to be committed: sorted, one fact a line, and an entry whose value and signature are as they
were stays as it was, whatever version of losscli looks at it.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from losscli.errors import DataError
from losscli.version import __version__
from losscli.wording import NONFINITE, nonfinite_name, shown

SCHEMA_ID = "losscli/baseline/1"

LARGEST = 1 << 24
"""No file of gates and no baseline is as large; a device has no end at all."""


@dataclass(frozen=True)
class Accepted:
    """The value that a gate had, what it was the value of, and which version said so."""

    value: float
    signature: str
    losscli: str = __version__


@dataclass(frozen=True)
class GateBaseline:
    """The accepted values by the names of their gates; `exists` is False before the first update."""

    entries: Mapping[str, Accepted] = field(default_factory=dict)
    exists: bool = True

    def updated(self, values: Mapping[str, Accepted], *, keep: bool) -> GateBaseline:
        """With these values in the place of older ones; the others stay if `keep`, else they go."""
        unchanged = {name: old for name, old in self.entries.items() if name in values and _same(old, values[name])}
        return GateBaseline({**(self.entries if keep else {}), **values, **unchanged})

    def text(self) -> str:
        """The file, in UTF-8."""
        gates = {
            name: {
                "losscli": entry.losscli,
                "signature": entry.signature,
                "value": entry.value if math.isfinite(entry.value) else nonfinite_name(entry.value),
            }
            for name, entry in self.entries.items()
        }
        document = {"schema": SCHEMA_ID, "gates": gates}
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_baseline(path: Path) -> GateBaseline:
    """The baseline at `path`, an empty one where there is no file.

    Raises:
        DataError: If what stands there is no baseline.
    """
    try:
        document = json.loads(small_file(path))
        return GateBaseline(_entries(document))
    except FileNotFoundError:
        return GateBaseline(exists=False)
    except OSError as error:
        raise DataError(
            f"{shown(str(path))}: the baseline cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{shown(str(path))}: is no baseline",
            why="it is written by --update-baseline alone; does it hold the marks of a merge conflict?",
            hint="delete it, and write it anew with --update-baseline",
        ) from error


def small_file(path: Path) -> str:
    """The text of a file that people write or keep under version control; an OSError where it is no such file."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def comparable(signature: str) -> str:
    """The signature without the version: an upgrade makes no other computation of it."""
    return "|".join(part for part in signature.split("|") if not part.startswith("losscli:"))


def _entries(document: Mapping[str, Any]) -> dict[str, Accepted]:
    """The entries of the file; an error of one kind or another if it is no baseline."""
    if document["schema"] != SCHEMA_ID:
        raise ValueError("schema")
    return {name: _accepted(entry) for name, entry in document["gates"].items()}


def _accepted(entry: Mapping[str, Any]) -> Accepted:
    """An entry of the file, as for `_entries`."""
    value, signature, version = entry["value"], entry["signature"], entry["losscli"]
    number = NONFINITE[value] if isinstance(value, str) else float(value)
    if not (isinstance(signature, str) and isinstance(version, str)) or isinstance(value, bool):
        raise TypeError("entry")
    return Accepted(number, signature, version)


def _same(one: Accepted, other: Accepted) -> bool:
    equal = one.value == other.value or (math.isnan(one.value) and math.isnan(other.value))
    return equal and one.signature == other.signature
