"""Where every error, signal and broken pipe ends: in an exit code, and at most a few lines on stderr."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import signal
import sys
from contextlib import redirect_stdout, suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from losscli.errors import LosscliError
from losscli.exits import Exit

ISSUES = "report it with the command and the output of --debug"

MOST_DIGITS_OF_WIDTHS = 5
"""No terminal has as many columns as one digit more would say."""

ENDINGS = {"SIGTERM": Exit.TERMINATED, "SIGHUP": Exit.HUNG_UP, "SIGXCPU": Exit.OUT_OF_TIME}
"""The signals by which others end a run, beside SIGINT, which is Python's own."""

OBJECTS_OF_IMPORTS = 100_000
"""More than all imports together make. They are no garbage, and none needs to be looked for among them."""


def main() -> NoReturn:
    """The installed command: a process of its own, which neither begins nor ends with housekeeping.

    That would be a fifth of the smallest run: some sixty searches for garbage while modules are imported, and
    taking every module apart at the end, whose memory the system takes back at once.
    """
    gc.set_threshold(OBJECTS_OF_IMPORTS)
    code = command_line()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(code)


def command_line() -> int:
    """Run the command line; the exit code that says how it went."""
    _heed_signals()
    _prepare_streams()
    _forget_odd_widths()
    if sys.stdout is None:
        return _said(_stdout_failed("it is closed"))
    if not sys.stdout.isatty():
        # Typer forces escape sequences on CI services, also into pipes, unless told not to.
        os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
    return _flushed(_without_failed_checks(_guarded(sys.argv[1:]), sys.argv[1:]))


class _Talk(io.TextIOWrapper):
    """Standard error. That nobody can listen is no failure of a run."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()

    def close(self) -> None:
        """Leave the stream below open: it belongs to the interpreter."""
        self.flush()


def _prepare_streams() -> None:
    """Let no missing stream, no odd character and no partial write get in the way of a run."""
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _Talk(sys.stderr.buffer, sys.stderr.encoding, "backslashreplace", line_buffering=True)
    if isinstance(sys.stdout, io.TextIOWrapper):
        if isinstance(sys.stdout.buffer, io.RawIOBase):
            # Under PYTHONUNBUFFERED, Python loses what a partial write to a pipe or a disk leaves over.
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.buffer), sys.stdout.encoding)
        sys.stdout.reconfigure(errors="backslashreplace")


def _forget_odd_widths() -> None:
    """Let no variable that is no width of a terminal reach Typer and rich, which would fail at it."""
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        value = os.environ.get(name, "")
        if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS_OF_WIDTHS):
            os.environ.pop(name, None)


def _heed_signals() -> None:
    """Let what ends the process end the run first, so that no temporary file stays behind.

    A signal that is ignored, as `nohup` has it, or that another handles is left alone.
    """
    for name, code in ENDINGS.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, partial(_ended, code))


def _ended(code: Exit, _signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(code)


def _guarded(arguments: list[str]) -> int:
    try:
        return _run(arguments)
    except LosscliError as error:
        return _said(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.READER_GONE
    except SystemExit as leaving:
        # Typer turns a closed pipe into a plain 1, which is kept for failed checks.
        if isinstance(leaving.__context__, BrokenPipeError):
            return Exit.READER_GONE
        return leaving.code if isinstance(leaving.code, int) else Exit.DONE
    except (MemoryError, ImportError) as error:
        # A library that finds no room for itself says so as an import that failed.
        if isinstance(error, ImportError) and "map segment" not in str(error) and "allocate" not in str(error):
            return _bug(error, arguments)
        from losscli.errors import DataError

        return _said(DataError("there is not enough memory for this input", hint="--threads 1 needs the least"))
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return _said(_too_many_files(error))
        if error.errno == errno.ENOENT and _folder_is_gone():
            return _said(_no_folder())
        if error.filename is not None and "--install-completion" in arguments:
            return _said(_completion_failed(error))
        if error.filename is None and _is_full(error):
            return _said(_stdout_failed(error.strerror or str(error)))
        return _bug(error, arguments)
    except Exception as error:
        return _bug(error, arguments)


def _run(arguments: list[str]) -> int:
    import typer

    from losscli.cli.app import app

    try:
        if not arguments and "_LOSSCLI_COMPLETE" not in os.environ:
            with redirect_stdout(sys.stderr):
                app(["--help"], prog_name="losscli", standalone_mode=False)
            return Exit.USAGE
        code = app(arguments, prog_name="losscli", standalone_mode=False)
    except typer.Abort:
        return Exit.INTERRUPTED
    except _click_exception() as error:
        return _said(_misuse(error, arguments))
    return code if isinstance(code, int) else Exit.DONE


def _without_failed_checks(code: int, arguments: list[str]) -> int:
    """The exit code, where Typer's completion speaks of a shell that it does not know as we do of failed checks."""
    completion = {"--install-completion", "--show-completion"}.intersection(arguments)
    if code == Exit.CHECK_FAILED and (completion or "_LOSSCLI_COMPLETE" in os.environ):
        return Exit.USAGE
    return code


def _completion_failed(error: OSError) -> LosscliError:
    from losscli.errors import OutputError
    from losscli.wording import shown

    return OutputError(
        f"{shown(os.fsdecode(error.filename))}: cannot be written: {(error.strerror or str(error)).lower()}",
        hint="losscli --show-completion prints what belongs there",
    )


def _click_exception() -> type[Exception]:
    """The base of Typer's usage errors, for which it has no public name."""
    import typer

    bases: list[type] = [base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"]
    return bases[0]


def _misuse(error: BaseException, arguments: list[str]) -> LosscliError:
    """What Typer says of a wrong command line, in our words' form."""
    from losscli.cli.misuse import misuse

    return misuse(error, arguments)


def _said(error: LosscliError) -> int:
    from losscli.report import format_error

    print(format_error(error), file=sys.stderr)
    return error.exit_code


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EBADF)


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib would be imported for it
    except FileNotFoundError:
        return True
    return False


def _no_folder() -> LosscliError:
    from losscli.errors import DataError

    return DataError(
        "the current folder was removed, and relative paths begin there", hint="cd into a folder that exists"
    )


def _too_many_files(error: OSError) -> LosscliError:
    from losscli.errors import DataError

    return DataError(
        "the system lets this process open no more files",
        why=(error.strerror or str(error)).lower(),
        hint="ulimit -n 1024 in the same shell allows more",
    )


def _stdout_failed(why: str) -> LosscliError:
    from losscli.errors import OutputError

    return OutputError("the result cannot be written to standard output", why=why.lower())


def _flushed(code: int) -> int:
    """Flush stdout while its failure can still be told by the exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = Exit.READER_GONE
    except OSError as error:
        code = _said(_stdout_failed(error.strerror or str(error)))
    else:
        return code
    # What could not be written must not be tried again by the interpreter's own flush.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _bug(error: BaseException, arguments: list[str]) -> int:
    from losscli.report.printable import printable

    if "--debug" in arguments:
        import traceback

        # What an exception quotes may come from a file, and must not begin a line: CI services obey some.
        for line in "".join(traceback.format_exception(error)).splitlines():
            print(f"| {printable(line)}", file=sys.stderr)
    text = printable(f"{type(error).__name__}: {error}".replace("\n", " "))
    print(f"losscli: a bug of losscli, not of your data: {text}\n  hint: {ISSUES}", file=sys.stderr)
    return Exit.BUG
