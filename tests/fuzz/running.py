"""A case in this process, through the same entry as the installed script, and what must hold of it."""

from __future__ import annotations

import csv
import io
import json
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

import numpy as np
import pyarrow.parquet as pq

import losscli.cli

from . import cases, oracle

SECONDS = 20
"""Of waking: the ticks of a timer do not pile up while the machine or a debugger holds the process."""

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
    parent = os.getppid()
    while current.value < stop and time.monotonic() < until and os.getppid() == parent:
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
    code, out, err = _captured(case)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) >> 10
    said = f"exit code {code}\n--- stdout\n{out[:500]}\n--- stderr\n{err[:1000]}"
    if code not in ((0, 1, 2, 3) if case.gated else (0, 2, 3)):
        raise Failed(said)
    if case.sound and code:
        raise Failed(f"nothing is wrong with it\n{said}")
    if "Traceback" in out + err or "\x1b" in out + err:
        raise Failed(f"a traceback or an escape\n{said}")
    streamed = case.after("--format") in ("jsonl", "csv") or case.arguments[0] == "check"
    if code > 1 and ((out and not streamed) or not (err.startswith("losscli: ") or streamed)):
        raise Failed(f"not one error and nothing else\n{said}")
    if grown > MEGABYTES or "not enough memory" in err:
        raise Failed(f"{grown} MB more memory\n{said}")
    left = {path.name for path in folder.iterdir()} - before
    if any(not name.startswith("out.") or code > 1 for name in left):
        raise Failed(f"left behind: {left}\n{said}")
    return code, code == 0 and _compared(case, folder, out, said)


def _compared(case: cases.Case, folder: Path, out: str, said: str) -> bool:
    """Whether there is a reference, which must then be met by what was printed and by what was written."""
    document = _strict(out) if "--json" in case.arguments or case.after("--format") == "json" else None
    try:
        value, samples = case.answer()
    except oracle.UnreadableError:
        return False
    found = _printed_value(case, document, out)
    if found is not None and not oracle.agree(found, value):
        raise Failed(f"{value!r} was expected\n{said}")
    if samples is None:
        return found is not None
    lists = [_printed_samples(case, out), _written_samples(folder, case.after("-o"))]
    for got in (each for each in lists if each is not None):
        if got.shape != samples.shape or not all(map(oracle.agree, got.reshape(-1), samples.reshape(-1))):
            raise Failed(f"{samples!r} was expected, not {got!r}\n{said}")
    return found is not None or any(each is not None for each in lists)


def _strict(out: str) -> Any:
    def refuse(word: str) -> None:
        raise Failed(f"{word} is no JSON\n{out[:500]}")

    try:
        return json.loads(out, parse_constant=refuse)
    except ValueError as error:
        raise Failed(f"{error}\n{out[:500]}") from error


def _printed_value(case: cases.Case, document: Any, out: str) -> float | None:
    if document is not None:
        return float(document["value"])
    if case.after("--format") != "value":
        return None
    try:
        return float(out)
    except ValueError:
        raise Failed(f"no number came\n{out[:500]}") from None


def _printed_samples(case: cases.Case, out: str) -> np.ndarray | None:
    if case.after("--format") == "csv":
        return np.array([float(row["loss"]) for row in csv.DictReader(io.StringIO(out))])
    if case.after("--format") == "jsonl":
        return np.array([float(json.loads(line)["loss"]) for line in out.splitlines()])
    return None


def _written_samples(folder: Path, name: str | None) -> np.ndarray | None:
    """The losses in a file of samples, or all columns of a converted one."""
    if name is None:
        return None
    path = folder / name
    if name.endswith(".npy"):
        return np.load(path)
    rows: list[dict[str, Any]]
    if name.endswith(".csv"):
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    elif name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
    if "loss" in rows[0]:
        return np.array([float(row["loss"]) for row in rows])
    return np.array([[float(cell) for cell in row.values()] for row in rows])


def _captured(case: cases.Case) -> tuple[int, str, str]:
    ticks = 0

    def tick(*_: object) -> None:
        nonlocal ticks
        ticks += 1
        if ticks == SECONDS:
            raise Hang

    streams, argv = (sys.stdin, sys.stdout, sys.stderr), sys.argv
    terminate = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGALRM, tick)
    out, err = io.BytesIO(), io.BytesIO()
    given = [io.TextIOWrapper(stream, encoding="utf-8") for stream in (out, err)]
    sys.argv = ["losscli", *case.arguments]
    sys.stdin, (sys.stdout, sys.stderr) = io.TextIOWrapper(io.BytesIO(case.stdin)), given
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    try:
        code = losscli.cli.command_line()
    except Hang:
        code = -1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, lambda *_: None)  # for a last tick on its way, which must find a handler
        signal.signal(signal.SIGTERM, terminate)
        sys.argv = argv
        sys.stdin, sys.stdout, sys.stderr = streams
    return code, out.getvalue().decode(errors="replace"), err.getvalue().decode(errors="replace")
