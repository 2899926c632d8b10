"""Runs losscli under Python's audit events, and prints those that matter: watched.py < COMMANDS.

The commands are a JSON list of [arguments, the file that standard input is, or null]. What is printed is a JSON object:
`codes`, the exit codes, and `found`, a list of [the command's number, event, what].

An audit hook hears of every socket, process and unpickled class, and of all source that is compiled and code that is
run, whoever asks for it. Imports compile and run code as well; that is told apart by where the code comes from:

- code with a file of its own is a module: it has to lie in the standard library, in site-packages or in losscli;
- code without one (`<string>`) is generated at import, by `dataclasses` or `collections.namedtuple`: it has to be asked
  for by a module of the standard library or of site-packages, and no text of an input may stand in its source;
- `compile` to a syntax tree alone is parsing, and runs nothing: NumPy reads NPY headers so, by `ast.literal_eval`.
"""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import sysconfig
from pathlib import Path
from types import CodeType
from typing import Any

MARK = "0xL055"
"""What every name, label, key and value of the inputs holds."""

FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "pickle.",
             "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "cpython.run_", "code.__new__", "pty.",
             "shutil.unpack", "os.startfile", "sqlite3.")  # fmt: skip


class Watcher:
    """Listens, and keeps what should not have happened."""

    def __init__(self, package: str) -> None:
        paths = sysconfig.get_paths()
        libraries = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        self._libraries = tuple(os.path.realpath(path) + os.sep for path in libraries)
        self._trusted = (*self._libraries, os.path.realpath(package) + os.sep)
        self._inside = False
        self.command = -1
        self.found: list[tuple[int, str, str]] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.command < 0 or self._inside:
            return
        self._inside = True
        try:
            if event.startswith(FORBIDDEN):
                self._keep(event, arguments)
            elif event == "exec":
                self._look_at(event, arguments[0])
            elif event == "compile":
                self._look_at_source(event, *arguments)
        finally:
            self._inside = False

    def _keep(self, event: str, what: object) -> None:
        self.found.append((self.command, event, repr(what)[:300]))

    def _look_at(self, event: str, code: object) -> None:
        if not isinstance(code, CodeType):
            self._keep(event, code)
        elif code.co_filename.startswith("<"):
            frozen = code.co_filename.startswith("<frozen ")
            if not frozen and (MARK in repr(code.co_consts + code.co_names) or not self._asked_by_a_library()):
                self._keep(event, (code.co_filename, code.co_names))
        elif not os.path.realpath(code.co_filename).startswith(self._trusted):
            self._keep(event, code.co_filename)

    def _look_at_source(self, event: str, source: object, filename: object) -> None:
        if source is None:  # a syntax tree, or the pieces of an import
            return
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else str(source)
        if self._parses_only():
            return
        if MARK in text or not self._asked_by_a_library():
            self._keep(event, (filename, text))

    def _asked_by_a_library(self) -> bool:
        """Whether who compiles or runs this is a module of the standard library or of site-packages."""
        frame = sys._getframe(3)
        name = frame.f_code.co_filename
        return name.startswith("<frozen ") or os.path.realpath(name).startswith(self._libraries)

    def _parses_only(self) -> bool:
        """Whether it is `ast.parse` that asks: it gives a tree and no code."""
        code = sys._getframe(3).f_code
        return code is ast.parse.__code__


def main() -> None:
    """Run all commands in this process."""
    import losscli.cli

    watcher = Watcher(os.path.dirname(os.path.dirname(losscli.cli.__file__)))
    streams, commands, codes = (sys.stdin, sys.stdout, sys.stderr), json.load(sys.stdin), []
    sys.addaudithook(watcher)
    for number, (arguments, given) in enumerate(commands):
        content = Path(given).read_bytes() if given else b""
        ours = [io.TextIOWrapper(io.BytesIO(data)) for data in (content, b"", b"")]
        sys.argv = ["losscli", *arguments]
        sys.stdin, sys.stdout, sys.stderr = ours
        watcher.command = number
        try:
            codes.append(losscli.cli.command_line())
        finally:
            watcher.command = -1
            sys.stdin, sys.stdout, sys.stderr = streams
    print(json.dumps({"found": watcher.found, "codes": codes}))


if __name__ == "__main__":
    main()
