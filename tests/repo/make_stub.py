"""Writes `losscli/__init__.pyi`, the typed signatures of the Python API, from the catalogue.

python tests/repo/make_stub.py
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import losscli
from losscli.engine.api import REQUEST_OPTIONS, signature_of
from losscli.engine.choices import CHOICES
from losscli.losses.catalogue import Loss, catalogue
from losscli.losses.parameters import Choice, ClassIndex, Flag, Number, Side, Weights, Whole

STUB = Path(__file__).parents[2] / "losscli" / "__init__.pyi"

HEAD = '''"""The typed signatures of the Python API. Made from the catalogue by tests/repo/make_stub.py."""

from collections.abc import Mapping
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

'''


def stub() -> str:
    """The text of the stub."""
    losses = {loss.function: loss for loss in catalogue().values()}
    others = sorted(set(dir(losscli)) - set(losses) - {"__version__"}, key=lambda name: (home(name), name))
    imports = "".join(f"from {home(name)} import {name} as {name}\n" for name in others)
    signatures = "".join(overloads(loss) for _, loss in sorted(losses.items()))
    return f"{HEAD}{imports}\n__version__: str\n\n{signatures}"


def home(name: str) -> str:
    """The module in which a name of the package is written."""
    return str(getattr(losscli, name).__module__)


def overloads(loss: Loss) -> str:
    """One loss twice: an array where nothing is reduced, else a number."""
    *reduced, each = CHOICES["reduction"]
    return "".join(
        f"@overload\n{signature(loss, reduction, result)}"
        for reduction, result in (
            (f"{literal(reduced)} = ...", "float"),
            (literal([each]), "NDArray[np.float64]"),
        )
    )


def signature(loss: Loss, reduction: str, result: str) -> str:
    """The loss as a function whose reduction is of the given type."""
    lines = []
    for argument in signature_of(loss).parameters.values():
        if argument.name == "reduction":
            lines.append(f"reduction: {reduction}")
            continue
        has_default = argument.default is not inspect.Parameter.empty
        kind = type_of(loss, argument) + (" | None" if has_default and argument.default is None else "")
        lines.append(f"{argument.name}: {kind}" + (" = ..." if has_default else ""))
    lines.insert(2, "*")
    body = "".join(f"    {line},\n" for line in lines)
    return f"def {loss.function}(\n{body}) -> {result}: ...\n"


def type_of(loss: Loss, argument: inspect.Parameter) -> str:
    """The type that an argument may have, None aside."""
    if argument.name in ("predictions", "targets", "sample_weight"):
        return "ArrayLike"
    if argument.name in CHOICES:
        return literal(CHOICES[argument.name])
    if argument.name in REQUEST_OPTIONS:
        return "int"  # the number of threads
    kind: Any = next(p.kind for p in loss.parameters if p.name == argument.name)
    match kind:
        case Choice(words=words):
            return literal(words)
        case Flag():
            return "bool"
        case ClassIndex():
            return 'int | Literal["last"]'
        case Whole():
            return "int"
        case Number():
            return "float"
        case Weights() if kind.named:
            return "ArrayLike | Mapping[str, float]"
        case Weights() | Side():
            return "ArrayLike"
    raise TypeError(f"no type is known for an option that is {kind}")


def literal(words: Any) -> str:
    """The words as a type."""
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"Literal[{quoted}]"


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
