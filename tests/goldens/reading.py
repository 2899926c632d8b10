"""Reads the golden cases: `load_cases(FRAMEWORKS)` yields one `Case` for each line of the file.

`documents.json` has a form of its own (it came with the project) and is not read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FRAMEWORKS = HERE / "frameworks.json"
SEQUENCES = HERE / "sequences.json"
SAMPLE_SEQUENCES = HERE / "sample_sequences.json"

_NONFINITE = {"Infinity": np.inf, "-Infinity": -np.inf, "NaN": np.nan}


@dataclass(frozen=True)
class Case:
    """One golden value: what to compute, and what a framework answered.

    Arrays are read-only. Predictions and targets that came from files of `sample_data/` name them
    in `prediction_file` and `target_file`, relative to the repository. Options carry the names of
    the Python API; those that are lists of numbers are arrays.
    """

    id: str
    loss: str
    source: str
    call: str
    predictions: np.ndarray
    targets: np.ndarray
    options: dict[str, Any]
    reduction: str
    expected: np.ndarray
    rtol: float
    atol: float
    prediction_file: str | None
    target_file: str | None


def load_cases(path: Path) -> list[Case]:
    """All cases of a golden file, in its order."""
    content = json.loads(path.read_text(encoding="utf-8"))
    arrays = {name: _array(values) for name, values in content["arrays"].items()}
    return [_case(record, arrays) for record in content["cases"]]


def _case(record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Case:
    inputs = record["inputs"]
    return Case(
        id=record["id"],
        loss=record["loss"],
        source=record["source"],
        call=record["call"],
        predictions=_input(inputs["predictions"], arrays),
        targets=_input(inputs["targets"], arrays),
        options={name: _option(value, arrays) for name, value in record["options"].items()},
        reduction=record["reduction"],
        expected=_array(record["expected"]),
        rtol=record["rtol"],
        atol=record.get("atol", 0.0),
        prediction_file=_file(inputs["predictions"]),
        target_file=_file(inputs["targets"]),
    )


def _input(value: Any, arrays: dict[str, np.ndarray]) -> np.ndarray:
    file = _file(value)
    if file is not None:
        return np.load(ROOT / file, mmap_mode="r")
    return arrays[value["array"]] if isinstance(value, dict) else _array(value)


def _file(value: Any) -> str | None:
    return value.get("file") if isinstance(value, dict) else None


def _option(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        return arrays[value["array"]]
    if isinstance(value, list) and not any(isinstance(item, str) for item in value):
        return _array(value)
    return value


def _array(values: Any) -> np.ndarray:
    array = np.array(_number(values))
    array.flags.writeable = False
    return array


def _number(value: Any) -> Any:
    """Nested lists with the names of non-finite numbers made numbers; other text stays."""
    if isinstance(value, list):
        return [_number(item) for item in value]
    return _NONFINITE.get(value, value) if isinstance(value, str) else value
