"""The parts of the README that say what the package says: each is made from the README's text."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from readme_shell import ROOT, run_commands

from losscli.losses.catalogue import catalogue
from losscli.report import schema


def losses(_text: str) -> str:
    """Every loss with its formula and its other names."""
    rows = [
        [f"`{loss.name}`", f"`{loss.formula}`", ", ".join(f"`{alias}`" for alias in loss.aliases)]
        for loss in catalogue().values()
    ]
    return table(["loss", "formula", "also called"], rows)


def json_keys(_text: str) -> str:
    """The members of the JSON object, in the words of its schema."""
    content = schema()
    required = set(content["required"])
    rows = [
        [f"`{name}`", meaning(member), "always" if name in required else "with `--per-sample`"]
        for name, member in content["properties"].items()
    ]
    return table(["key", "what it holds", "present"], rows)


def example(_text: str) -> str:
    """A loss as it stands in the source."""
    return f"```python\n{inspect.getsource(catalogue()['l1'].kernel)}```\n"


def meaning(member: dict[str, Any]) -> str:
    """A member's description, and the names of its own members."""
    inner = next((part for part in (member, *member.get("anyOf", [])) if "properties" in part), None)
    names = ", ".join(f"`{name}`" for name in inner["properties"]) if inner else ""
    return member["description"] + (f" Members: {names}." if names else "")


@dataclass(frozen=True)
class Golden:
    """A command that computes an entry of `documents.json`; `key` picks one of several expected values."""

    document: str
    what: str
    entry: str
    command: str
    key: str | None = None


def of(document: str, what: str, entry: str, command: str, key: str | None = None) -> Golden:
    """A golden whose command reads the entry's inputs."""
    return Golden(document, what, entry, f"inputs {entry} | {command}", key)


GOLDENS = (
    Golden(
        "002",
        "H(q, p) of two distributions",
        "doc002_cross_entropy_of_distributions",
        r"printf 'p1,p2,p3,q1,q2,q3\n0.4,0.4,0.2,0.5,0.3,0.2\n' | losscli cross-entropy - --pred 'p*' --target 'q*'",
        "H(q,p)",
    ),
    of(
        "002",
        "cross-entropy of 5 × 5 logits",
        "doc002_ce_equals_logsoftmax_nll_equals_onehot",
        "losscli cross-entropy - --pred logits --target labels",
        "none",
    ),
    of(
        "002",
        "the same by NLL",
        "doc002_ce_equals_logsoftmax_nll_equals_onehot",
        "losscli nll - --pred logits --target labels",
        "none",
    ),
    of("003", "NLLLoss, 3 × 5", "doc003_nll_NxC_3x5", "losscli nll - --pred log_probs --target labels", "none"),
    of("003", "its mean", "doc003_nll_NxC_3x5", "losscli nll - --pred log_probs --target labels", "mean"),
    of("004", "L1", "doc004_l1_linspace", "losscli l1 - --pred prediction --target target"),
    of("004", "L2", "doc004_l2_linspace", "losscli l2 - --pred prediction --target target"),
    of("004", "MSE", "doc004_mse_linspace", "losscli mse - --pred prediction --target target"),
    of(
        "004",
        "Huber, δ = 0.25",
        "doc004_huber_linspace",
        "losscli huber - --pred prediction --target target --delta 0.25",
    ),
    of(
        "004",
        "pseudo-Huber, δ = 0.25",
        "doc004_pseudo_huber_linspace",
        "losscli pseudo-huber - --pred prediction --target target --delta 0.25",
    ),
    of("004", "hinge", "doc004_hinge_linspace", "losscli hinge - --pred score --target target"),
    of("004", "two-class cross-entropy", "doc004_two_class_ce", "losscli bce - --pred probs --target labels"),
    of(
        "004",
        "sigmoid cross-entropy, as called",
        "doc004_sigmoid_ce_swapped",
        "losscli sigmoid-cross-entropy - --pred logits --target labels --unchecked-targets",
    ),
    of(
        "004",
        "sigmoid cross-entropy, as meant",
        "doc004_sigmoid_ce_intended",
        "losscli sigmoid-cross-entropy - --pred logits --target labels",
    ),
    of(
        "004",
        "weighted cross-entropy, as called",
        "doc004_weighted_ce_swapped",
        "losscli weighted-cross-entropy - --pred logits --target labels --pos-weight 0.5 --unchecked-targets",
    ),
    of(
        "004",
        "weighted cross-entropy, as meant",
        "doc004_weighted_ce_intended",
        "losscli weighted-cross-entropy - --pred logits --target labels --pos-weight 0.5",
    ),
    of(
        "004",
        "softmax cross-entropy, as called",
        "doc004_softmax_ce_swapped",
        "losscli cross-entropy - --kind logits --pred logits --target labels --unchecked-targets",
    ),
    of(
        "004",
        "softmax cross-entropy, as meant",
        "doc004_softmax_ce_intended",
        "losscli cross-entropy - --pred logits --target labels",
    ),
    of(
        "004",
        "sparse cross-entropy",
        "doc004_sparse_ce",
        "losscli cross-entropy - --pred probs --target labels",
    ),
)


def documents(text: str) -> str:
    """The numbers of the documents beside those of the command; an error where they differ."""
    content = json.loads((ROOT / "tests" / "goldens" / "documents.json").read_text(encoding="utf-8"))
    entries = {entry["id"]: entry for part in ("printed", "computed") for entry in content[part]}
    [function] = re.findall(r"^```sh\n(inputs\(\) \{\n.*?^\}\n)```$", text, flags=re.MULTILINE | re.DOTALL)
    reductions = ["mean" if np.ndim(expected(golden, entries)) == 0 else "none" for golden in GOLDENS]
    commands = [
        f"{golden.command} --reduction {reduction} --json 2>/dev/null"
        for golden, reduction in zip(GOLDENS, reductions, strict=True)
    ]
    _, *outputs = run_commands([function, *commands])
    rows = []
    for golden, reduction, output in zip(GOLDENS, reductions, outputs, strict=True):
        entry, value = entries[golden.entry], json.loads(output)["value"]
        wanted, tolerance = expected(golden, entries), entry["tolerance"]
        np.testing.assert_allclose(value, wanted, tolerance["rel"], tolerance["abs"], err_msg=golden.entry)
        command = golden.command + (" --reduction none --json" if reduction == "none" else " --format value")
        stated = entry.get("expected_as_printed", wanted)
        origin = "printed" if "expected_as_printed" in entry else "computed"
        rows.append([golden.document, golden.what, f"`{command}`", f"{ends(stated)} ({origin})", ends(value)])
    rest = ", ".join(f"`{name}`" for name in sorted(set(entries) - {golden.entry for golden in GOLDENS}))
    return (
        table(["document", "what", "command", "golden value", "losscli"], rows) + f"\nWithout a command here: {rest}.\n"
    )


def expected(golden: Golden, entries: dict[str, Any]) -> Any:
    """The golden value of the entry, or the one of its values that is meant."""
    value = entries[golden.entry]["expected"]
    return value if golden.key is None else value[golden.key]


def ends(value: Any) -> str:
    """A number; of several the first and the last."""
    numbers = np.ravel(value).tolist()
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} … {numbers[-1]}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar inside a cell does not end the cell."""
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


PARTS: dict[str, Callable[[str], str]] = {
    "losses": losses,
    "json": json_keys,
    "documents": documents,
    "example": example,
}
"""What may stand in `<!-- generated: NAME -->`."""
