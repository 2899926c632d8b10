"""Runs the commands of the README as a reader would: in a copy of the clone, on a terminal of 100 columns."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
NEXT = "\x1e"
"""Stands between the outputs of two commands."""


@contextmanager
def clone() -> Iterator[Path]:
    """A folder with what the commands read; `preds.npy` and `labels.npy` stand for the reader's own files."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "sample_data", folder / "sample_data", ignore=shutil.ignore_patterns("__pycache__"))
        goldens = folder / "tests" / "goldens"
        goldens.mkdir(parents=True)
        shutil.copy(ROOT / "tests" / "goldens" / "documents.json", goldens)
        shutil.copy(ROOT / "sample_data" / "digits_log_probs.npy", folder / "preds.npy")
        shutil.copy(ROOT / "sample_data" / "digits_labels.npy", folder / "labels.npy")
        yield folder


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's but the path to the programs, those of this Python first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "100", "NO_COLOR": "1", "TERM": "xterm"}


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script that must not fail, as a CI job would."""
    with clone() as folder:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def run_commands(commands: list[str]) -> list[str]:
    """What each command shows on a terminal. All run in one shell: functions, files and `$?` live on."""
    # Only stdout is a terminal: on stderr, a slow machine would show a progress bar.
    wrapped = [
        f"{{ {command}\n}} 2>.stderr; code=$?; cat .stderr; printf '\\036'; (exit $code)" for command in commands
    ]
    with clone() as folder:
        terminal, stdout = pty.openpty()
        with subprocess.Popen(
            ["bash", "-c", "\n".join(wrapped)],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
        ) as process:
            os.close(stdout)
            text = b"".join(_read(terminal)).decode().replace("\r\n", "\n")
        os.close(terminal)
    outputs = re.sub(r"\x1b\[[0-9;]*m", "", text).split(NEXT)  # jq 1.6 does not know NO_COLOR
    if process.wait() not in range(128) or len(outputs) != len(commands) + 1:
        raise RuntimeError(f"the shell gave up:\n{text}")
    return outputs[:-1]


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:  # how Linux says that the last writer has closed the terminal
            return
        if not piece:
            return
        yield piece
