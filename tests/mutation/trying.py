"""Whether a test notices a mutant: forks of a process that knows the libraries, and nothing of losscli yet."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType

import pytest

from .mutants import Mutant, path_of

for library in ("hypothesis", "jsonschema", "mpmath", "numpy", "pyarrow.parquet"):
    importlib.import_module(library)  # what the tests import, once for all forks

BUDGET = 20.0
"""A mutant is tried on the quickest tests that call what it changes, for so many seconds of processor time."""

TICK, TICKS = 0.01, 30_000
"""How often a fork is looked after, and when it hangs: ticks do not pile up while the machine is held."""

MEMORY = 4 << 30

QUIETLY = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=line", "--assert=plain")


@dataclass(frozen=True)
class Tests:
    """What each test takes, in seconds of processor time, and the tests that call each function of a module."""

    seconds: dict[str, float]
    callers: dict[str, dict[str, set[str]]]

    def of(self, mutant: Mutant) -> tuple[list[str], float]:
        """The tests that may notice a mutant, the quickest first, and what they take together."""
        functions = self.callers[mutant.module]
        # What runs on import, or once while the tests are collected, is called by none of them.
        callers = functions.get(mutant.function) or set().union(*functions.values())
        chosen, total = [], 0.0
        for test in sorted(callers, key=self.seconds.__getitem__):
            if total + self.seconds[test] > BUDGET and chosen:
                break
            chosen.append(test)
            total += self.seconds[test]
        return chosen, total


def measure(modules: Sequence[str], tests: Sequence[str]) -> Tests:
    """Run tests that must pass, and see what they call; in a fork, so that this process stays as it is."""
    read, write = os.pipe()

    def run() -> None:
        observer = _Observer({str(path_of(module)): module for module in modules})
        if pytest.main([*QUIETLY, *tests], plugins=[observer]):
            sys.exit("the tests fail before anything is changed")
        with os.fdopen(write, "wb") as stream:
            pickle.dump(Tests(observer.seconds, {m: dict(found) for m, found in observer.callers.items()}), stream)

    child = _fork(run)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        sent = stream.read()
    if os.waitpid(child, 0)[1]:
        sys.exit(1)
    return pickle.loads(sent)


def survives(mutant: Mutant, tests: Sequence[str], seconds: float) -> bool:
    """Whether a mutant passes tests that take so many seconds; one that needs far more time or memory fails."""
    if not tests:
        return True

    def run() -> None:
        limit = 10 + int(5 * seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 2))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.meta_path.insert(0, _InPlaceOf(mutant))
        sys.exit(pytest.main(["-x", *QUIETLY, *tests]))

    child = _fork(run)
    for _ in range(TICKS):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(TICK)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _fork(work: Callable[[], None]) -> int:
    """The number of a child process that works and ends."""
    sys.stdout.flush()
    if child := os.fork():
        return child
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else print(end.code, file=sys.stderr) or 1
    finally:
        sys.stdout.flush()
        os._exit(code)


@dataclass
class _Observer:
    """Sees, test by test, which functions of the modules in `names` (by their files) are called."""

    names: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    callers: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        met: set[CodeType] = set()

        def trace(frame, _event, _argument) -> None:
            if frame.f_code.co_filename in self.names:
                met.add(frame.f_code)

        start = time.process_time()
        threading.settrace(trace)
        sys.settrace(trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds[item.nodeid] = time.process_time() - start
            for code in met:
                function = code.co_qualname.partition(".<")[0]
                self.callers[self.names[code.co_filename]][function].add(item.nodeid)


class _InPlaceOf(importlib.abc.MetaPathFinder):
    """Imports a mutant where its module is asked for."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name, path, target=None):
        if name != self._mutant.module:
            return None
        loader = _Changed(name, str(path_of(name)))
        loader.source = self._mutant.source
        return importlib.util.spec_from_file_location(name, loader.path, loader=loader)


class _Changed(importlib.machinery.SourceFileLoader):
    source: str

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)
