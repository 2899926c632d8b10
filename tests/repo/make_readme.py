"""Writes into the README what its commands print and what the package says of itself: `make docs`.

In a `console` block each line after `$ ` is a command and what follows is its output. A command goes on after a
backslash, and up to `END` where it writes a file with `<<'END'`. What is read off the package stands between
`<!-- generated: NAME -->` and `<!-- end of generated -->`.
"""

from __future__ import annotations

import re
import sys

from readme_parts import PARTS
from readme_shell import run_commands
from readme_text import BLOCK, PART, README, Block

COMMAND = re.compile(r"^\$ (.*<<'END'\n(?:.*\n)*?END$|(?:.*\\\n)*.*)$", flags=re.MULTILINE)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")

A_FEW_ULP = 4e-15


def transcript(console: str) -> str:
    """The console block with what its commands print now."""
    commands = COMMAND.findall(console)
    shown = zip(commands, run_commands(commands), strict=True)
    return "".join(f"$ {command}\n{output}" for command, output in shown)


def rewritten(text: str) -> str:
    """The README with every output and every generated part as they are now."""

    def fresh_part(match: re.Match[str]) -> str:
        return match[1] + PARTS[match[2]](text) + match[4]

    def fresh_block(match: re.Match[str]) -> str:
        block = Block(0, match[2], match[3], match[1] is None)
        if block.language != "console" or not block.runs or block.missing:
            return match[0]
        return f"```console\n{transcript(block.text)}```"

    return BLOCK.sub(fresh_block, PART.sub(fresh_part, text))


def alike(one: str, other: str) -> bool:
    """Whether two texts say the same: the last digits, which differ between processors, and the padding aside."""
    words = [re.sub(r"[ ─]+", " ", NUMBER.sub("#", text)) for text in (one, other)]
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (one, other)]
    return words[0] == words[1] and all(
        abs(a - b) <= 1e-15 + A_FEW_ULP * abs(a) for a, b in zip(numbers[0], numbers[1], strict=True)
    )


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    after = rewritten(before)
    if README.read_text(encoding="utf-8") != before:
        sys.exit("README.md was edited while its commands ran: run this again")
    if after != before:
        README.write_text(after, encoding="utf-8")
    sys.stdout.write("README.md is as it was\n" if after == before else "README.md was brought up to date\n")
