"""A case in this process, through the same entry as the installed script, and what must hold of it."""

from __future__ import annotations

import io
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import losscli.cli

from . import cases, oracle

SECONDS = 10
MEGABYTES = 400
LIMIT = 3 << 30


class Hang(BaseException):
    """The case took too long."""


class Failed(AssertionError):  # noqa: N818
    """A case that shows a bug."""


def run(seed: int, number: int) -> tuple[int, bool]:
    """Run a case: its exit code, and whether its value was compared with the reference.

    Raises:
        Failed: Something that must not happen did.
    """
    folder = Path(tempfile.mkdtemp(prefix="losscli-fuzz-"))
    here = Path.cwd()
    try:
        os.chdir(folder)
        case = cases.make(folder, seed, number)
        return _judged(case, folder)
    except Failed as failure:
        raise Failed(f"case {seed}:{number}: losscli {' '.join(map(repr, case.arguments))}\n{failure}") from failure
    finally:
        os.chdir(here)
        shutil.rmtree(folder)


def work(
    seed: int,
    stop: int,
    until: float,
    current: Synchronized,
    compared: Synchronized,
    failures: Synchronized,
    codes: Any,
) -> None:
    """Run the cases from `current` on, with little memory, and keep count."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    while current.value < stop and time.monotonic() < until:
        try:
            code, was_compared = run(seed, current.value)
        except Failed as failure:
            print(failure, flush=True)
            failures.value += 1
        else:
            codes[code] += 1
            compared.value += was_compared
        current.value += 1


def _judged(case: cases.Case, folder: Path) -> tuple[int, bool]:
    before = {path.name for path in folder.iterdir()}
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, out, err = _captured(case.arguments)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) >> 10
    said = f"exit code {code}\n--- stdout\n{out[:500]}\n--- stderr\n{err[:1000]}"
    if code not in ((0, 1, 2, 3) if case.gated else (0, 2, 3)):
        raise Failed(said)
    if "Traceback" in out + err or "\x1b" in out + err:
        raise Failed(f"a traceback or an escape\n{said}")
    if code > 1 and (out or not err.startswith("losscli: error: ")):
        raise Failed(f"not one error and nothing else\n{said}")
    if grown > MEGABYTES or "not enough memory" in err:
        raise Failed(f"{grown} MB more memory\n{said}")
    left = {path.name for path in folder.iterdir()} - before
    if any(not name.startswith("out.") or code > 1 for name in left):
        raise Failed(f"left behind: {left}\n{said}")
    return code, code == 0 and _compared(case, out, said)


def _compared(case: cases.Case, out: str, said: str) -> bool:
    try:
        expected = case.expected()
    except oracle.UnreadableError:
        return False
    try:
        got = float(out)
    except ValueError:
        raise Failed(f"{expected!r} was expected, and no number came\n{said}") from None
    if not oracle.agree(got, expected):
        raise Failed(f"{expected!r} was expected\n{said}")
    return True


def _captured(arguments: list[str]) -> tuple[int, str, str]:
    def hang(*_: object) -> None:
        raise Hang

    streams, argv = (sys.stdin, sys.stdout, sys.stderr), sys.argv
    terminate, alarm = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGALRM, hang)
    out, err = io.BytesIO(), io.BytesIO()
    given = [io.TextIOWrapper(stream, encoding="utf-8") for stream in (out, err)]
    sys.argv = ["losscli", *arguments]
    sys.stdin, (sys.stdout, sys.stderr) = io.TextIOWrapper(io.BytesIO()), given
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        code = losscli.cli.command_line()
    except Hang:
        code = -1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        signal.signal(signal.SIGTERM, terminate)
        sys.argv = argv
        sys.stdin, sys.stdout, sys.stderr = streams
    return code, out.getvalue().decode(errors="replace"), err.getvalue().decode(errors="replace")
