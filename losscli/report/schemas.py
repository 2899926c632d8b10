"""The JSON Schemas of what the commands print: one file each, `NAME_schema.json` beside this module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SUFFIX = "_schema.json"


def names() -> list[str]:
    """What there are schemas of: "result" of every loss, and the others by their commands."""
    return sorted(path.name.removesuffix(SUFFIX) for path in Path(__file__).parent.glob(f"*{SUFFIX}"))


def schema(name: str = "result") -> dict[str, Any]:
    """The JSON Schema of an object of that name."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name(name + SUFFIX).read_text(encoding="utf-8"))
    return loaded
