"""A result as strict JSON, in the layout that `result_schema.json` fixes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from losscli.wording import nonfinite_name

if TYPE_CHECKING:
    from losscli.engine.result import Result

SCHEMA_ID = "losscli/result/1"


def to_json(result: Result) -> dict[str, Any]:
    """The result as plain dicts, lists, strings and finite numbers, in the order of the schema.

    Non-finite numbers are the strings "Infinity", "-Infinity" and "NaN". What is found on request, from
    `groups` to `per_sample`, is there only where it was asked for. What a loss adds (`extra`) stands at
    the end, under names of its own.
    """
    document: dict[str, Any] = {
        "schema": SCHEMA_ID,
        "loss": result.loss,
        "value": result.value,
        "reduction": result.reduction,
        "unit": result.unit,
        "numerator": result.numerator,
        "denominator": result.denominator,
        "reductions": result.reductions,
        "counts": result.counts,
        "statistics": result.statistics,
        "inputs": result.inputs,
        "options": result.options,
        "convention": result.convention,
        "signature": result.signature,
        "objective": result.objective,
        "check": result.check,
        "warnings": result.warnings,
    }
    for name in ("groups", "histogram", "baselines"):
        if getattr(result, name) is not None:
            document[name] = getattr(result, name)
    if result.top is not None:
        document["top"] = result.top.records()
    if result.per_sample is not None:
        document["per_sample"] = result.per_sample.records()
    taken = document.keys() & result.extra.keys()
    if taken:
        raise ValueError(f"extra may not replace {', '.join(sorted(taken))}")
    return {name: portable(value) for name, value in (document | dict(result.extra)).items()}


def dumps(document: Mapping[str, Any]) -> str:
    """The document as indented ASCII text: an array, or a record in an array, takes one line."""
    return _layout(portable(document), indent="")


def one_line(value: Any) -> str:
    """A portable value as JSON on one line, in ASCII without any control character."""
    return json.dumps(value, allow_nan=False)


def portable(value: Any) -> Any:
    """The value in terms that strict JSON knows: records as dicts, non-finite numbers by name."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else nonfinite_name(value)
    if isinstance(value, (str, int)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [portable(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): portable(item) for name, item in value.items()}
    if is_dataclass(value):
        return {name: portable(item) for name, item in vars(value).items()}
    if hasattr(value, "tolist"):
        return portable(value.tolist())
    raise TypeError(f"{type(value).__name__} has no place in a JSON report")


def _layout(value: Any, *, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        members = (f"{inner}{one_line(name)}: {_layout(item, indent=inner)}" for name, item in value.items())
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(inner + one_line(item) for item in value) + f"\n{indent}]"
    return one_line(value)
