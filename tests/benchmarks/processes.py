"""Sides of a comparison as processes: run and timed from outside, asked again and again, or watched for memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from files import File

CORES = 2
PEERS = Path(__file__).parent / "peers"
LOSSCLI = Path(sys.executable).with_name("losscli")
WATCH_SECONDS = 0.002
MEMORY_LINES = (b"RssAnon:", b"RssShmem:")
"""What /proc says a process holds beyond the page cache."""


class FailedError(Exception):
    """A side did not answer; the message is what it said last."""


@dataclass(frozen=True)
class Command:
    """A command line, with the files that it reads."""

    arguments: tuple[str | File | Path, ...]

    @property
    def files(self) -> set[File]:
        """The files among its arguments."""
        return {argument for argument in self.arguments if isinstance(argument, File)}


def losscli(*arguments: str | File | Path) -> Command:
    """The installed command."""
    return Command((LOSSCLI, *arguments))


def python(script: str, *arguments: str | File | Path) -> Command:
    """A script of `peers`."""
    return Command((sys.executable, PEERS / f"{script}.py", *arguments))


def pin_to_cores() -> None:
    """Give this process and all that it starts the same two cores, and pools of two threads."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    os.environ["OMP_NUM_THREADS"] = str(CORES)


def run(command: Command) -> tuple[float, float]:
    """The seconds that a whole process takes, and the value that it prints."""
    start = time.perf_counter()
    done = subprocess.run(command.arguments, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise FailedError(_last_line(done.stderr))
    return seconds, _value(done.stdout)


def peak_megabytes(command: Command) -> float:
    """The most memory beyond the page cache that a process held at any time, in 10**6 bytes."""
    most = 0
    with subprocess.Popen(command.arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            with suppress(OSError):
                most = max(most, _kilobytes_held(process.pid))
            time.sleep(WATCH_SECONDS)
        said = process.stderr.read() if process.stderr else b""
    if process.returncode:
        raise FailedError(_last_line(said))
    return most * 1024 / 1e6


@dataclass(frozen=True)
class Server:
    """A process that has loaded its files and answers with seconds and value."""

    process: subprocess.Popen[bytes]

    def ask(self) -> tuple[float, float]:
        """Let it work once."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.write(b"\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            assert self.process.stderr
            raise FailedError(_last_line(self.process.stderr.read()))
        return float(answer[0]), float(answer[1])


@contextmanager
def served(command: Command) -> Iterator[Server]:
    """A server that ends with the block."""
    interpreter, script, *rest = command.arguments
    pipe = subprocess.PIPE
    with subprocess.Popen([interpreter, script, "--serve", *rest], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield Server(process)
        finally:
            with suppress(BrokenPipeError):
                process.communicate()


def _kilobytes_held(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_bytes().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(MEMORY_LINES))


def _value(printed: bytes) -> float:
    """A bare number, or the value of a JSON object; 0 where nothing is printed."""
    if printed.lstrip().startswith(b"{"):
        return float(json.loads(printed)["value"])
    return float(printed or 0)


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
