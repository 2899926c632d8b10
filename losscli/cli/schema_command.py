"""`losscli schema`: the contract of `--json`, as a JSON Schema."""

from __future__ import annotations

import json


def run() -> None:
    """Print the JSON Schema of what --json prints."""
    from losscli.report import schema

    print(json.dumps(schema(), indent=2))
