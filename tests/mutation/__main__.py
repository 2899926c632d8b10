"""Change the core in small ways, and count what the tests notice: python -m tests.mutation [MODULE ...] [--jobs 2]."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections import Counter
from pathlib import Path

from .equivalent import reason_of
from .mutants import Mutant, mutants_of
from .trying import measure, survives

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/losses",
    "tests/laws",
    "tests/engine/test_groups.py",
    "tests/engine/test_statistics.py",
    "tests/cli/test_bad_options.py",
    "tests/cli/test_bad_values.py",
    "tests/cli/test_commands.py",
    "tests/cli/test_likelihood.py",
)


def main() -> int:
    """Print each mutant that neither a test notices nor a reason explains, and a table of the modules."""
    options = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    options.add_argument("modules", nargs="*", default=core())
    options.add_argument("--jobs", type=int, default=2, help="how many mutants are tried at a time")
    options.add_argument("--tests", nargs="+", default=TESTS, help="the tests that are to notice them")
    options.add_argument("--function", default="", help="only functions whose names begin so")
    given = options.parse_args()
    mutants = [m for name in given.modules for m in mutants_of(name) if m.function.startswith(given.function)]
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        sys.pycache_prefix = folder  # the tests are compiled once, and leave nothing behind
        tests = measure(given.modules, given.tests)
        with multiprocessing.get_context("fork").Pool(given.jobs) as pool:
            tried = pool.imap(_survives, ((mutant, *tests.of(mutant)) for mutant in mutants))
            for mutant, alive in zip(mutants, tried, strict=True):
                if alive:
                    survivors.append(mutant)
                    if not reason_of(mutant):
                        print(f"{mutant.place}\n- {mutant.before}\n+ {mutant.after}\n", flush=True)
    return _report(mutants, survivors)


def core() -> list[str]:
    """The modules of the losses and of what they are made of."""
    files = [ROOT / "losscli/numerics.py", *sorted((ROOT / "losscli/losses").rglob("*.py"))]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.name != "__init__.py"]


def _survives(task: tuple[Mutant, list[str], float]) -> bool:
    return survives(*task)


def _report(mutants: list[Mutant], survivors: list[Mutant]) -> int:
    made, alive = Counter(m.module for m in mutants), Counter(m.module for m in survivors)
    explained = Counter(m.module for m in survivors if reason_of(m))
    print("| module | mutants | killed | equivalent | survived |\n| --- | ---: | ---: | ---: | ---: |")
    for name, number in made.items():
        rest = alive[name] - explained[name]
        print(f"| {name} | {number} | {number - alive[name]} | {explained[name]} | {rest} |")
    for m in mutants:
        if reason_of(m) and m not in survivors:
            print(f"{m.place}: no longer equivalent, since a test notices it: {m.after}")
    return 1 if alive != explained else 0


if __name__ == "__main__":
    sys.exit(main())
