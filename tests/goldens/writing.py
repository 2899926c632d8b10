"""Collects golden cases and writes them as strict JSON, one case a line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A value as JSON holds it: nested lists of numbers, non-finite ones as strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return plain(np.asarray(value).tolist())


class Book:
    """The cases of one file and the arrays that they share."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self.meta = meta
        self.arrays: dict[str, Any] = {}
        self.cases: list[dict[str, Any]] = []

    def array(self, name: str, values: Any) -> dict[str, str]:
        """Store an array once and return the reference that cases use."""
        values = plain(values)
        if self.arrays.setdefault(name, values) != values:
            raise ValueError(f"two different arrays are called {name!r}")
        return {"array": name}

    def add(
        self,
        case_id: str,
        loss: str,
        *,
        source: str,
        call: str,
        predictions: Any,
        targets: Any,
        expected: Any,
        options: dict[str, Any] | None = None,
        reduction: str = "none",
        rtol: float = 1e-12,
        atol: float = 0.0,
    ) -> None:
        """Append one case; inputs are references or short nested lists."""
        if any(case["id"] == case_id for case in self.cases):
            raise ValueError(f"two cases are called {case_id!r}")
        case = {
            "id": case_id,
            "loss": loss,
            "source": source,
            "call": call,
            "inputs": {"predictions": plain(predictions), "targets": plain(targets)},
            "options": plain(options or {}),
            "reduction": reduction,
            "expected": plain(expected),
            "rtol": rtol,
        }
        self.cases.append(case | ({"atol": atol} if atol else {}))

    def write(self, path: Path) -> None:
        """Write the file."""

        def line(value: Any) -> str:
            return json.dumps(value, allow_nan=False, ensure_ascii=False)

        arrays = ",\n".join(f"  {line(name)}: {line(values)}" for name, values in self.arrays.items())
        cases = ",\n".join(f"  {line(case)}" for case in self.cases)
        meta = json.dumps(self.meta, indent=2, ensure_ascii=False).replace("\n", "\n ")
        text = f'{{\n "meta": {meta},\n "arrays": {{\n{arrays}\n }},\n "cases": [\n{cases}\n ]\n}}\n'
        json.loads(text)
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(self.cases)} cases, {len(text) / 1000:.0f} kB")
