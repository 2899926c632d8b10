"""Run many cases, and go on after a crash: python -m tests.fuzz --cases 1000 --seed 1 [--first 0] [--seconds 480]."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from .running import work


def main() -> int:
    """Run the cases in a child, so that one that kills the process is a finding like any other."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seconds", type=float, default=float("inf"))
    given = options.parse_args()
    os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
    context = multiprocessing.get_context("spawn")
    current, compared, failures = (context.Value("q", start) for start in (given.first, 0, 0))
    codes = context.Array("q", 4)
    stop, until = given.first + given.cases, time.monotonic() + given.seconds
    while current.value < stop and time.monotonic() < until:
        child = context.Process(target=work, args=(given.seed, stop, until, current, compared, failures, codes))
        child.start()
        child.join()
        if child.exitcode:
            print(f"case {given.seed}:{current.value}: the process ended with {child.exitcode}", flush=True)
            failures.value += 1
            current.value += 1
    done = current.value - given.first
    print(
        f"{done} cases, exit codes {dict(Counter(dict(enumerate(codes))))}, "
        f"{compared.value} values compared, {failures.value} failures"
    )
    return 1 if failures.value else 0


if __name__ == "__main__":
    sys.exit(main())
