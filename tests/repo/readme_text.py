"""What stands in the README: its fenced blocks and the parts that are made from the package."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from readme_shell import ROOT

README = ROOT / "README.md"
BLOCK = re.compile(r"^(<!-- not run: [^\n]+ -->\n)?```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
PART = re.compile(r"^(<!-- generated: (\w+) -->\n)(.*?)^(<!-- end of generated -->)$", flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of the README: where it is, its language, its text, and whether it may be run."""

    line: int
    language: str
    text: str
    runs: bool

    @property
    def missing(self) -> list[str]:
        """The programs it needs beside losscli that this machine lacks."""
        return [name for name in ("jq",) if f"{name} " in self.text and not shutil.which(name)]


def blocks(text: str, *languages: str) -> list[Block]:
    """The blocks in these languages."""
    found = [
        Block(text.count("\n", 0, match.start()) + 1, match[2], match[3], match[1] is None)
        for match in BLOCK.finditer(text)
    ]
    return [block for block in found if block.language in languages]
