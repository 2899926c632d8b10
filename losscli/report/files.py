"""`-o FILE`: every sample, or every element, in a file that is either complete or not there."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import IO, TYPE_CHECKING, Self

from losscli.errors import LosscliError, OutputError, UsageError
from losscli.report.file_formats import LinesWriter, NpyWriter, ParquetWriter, Writer
from losscli.report.lines import CsvSink, JsonLinesSink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.engine.result import Scored

EXTENSIONS = (".npy", ".csv", ".parquet", ".jsonl")


def open_output(path: str, *, reduction: str, inputs: Sequence[str]) -> OutputSink:
    """The sink that writes `path`; it touches nothing before it is entered.

    The extension names the format; a device or a pipe without one gets CSV. With `reduction`
    "none" a row is an element with its indices, else a sample.

    Args:
        path: Where to write.
        reduction: The reduction of the run.
        inputs: The paths that the run reads, none of which may be written.

    Raises:
        UsageError: If no format has this extension, or the output is an input.
        OutputError: If what stands at `path` cannot be written.
    """
    place = _Place(path)
    extension = Path(path).suffix.lower()
    if place.straight and not extension:
        extension = ".csv"
    if extension not in EXTENSIONS:
        raise UsageError(
            f"{path}: the extension names no output format",
            why=f"an output file ends in {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}",
            hint=f"-o {Path(path).stem or 'losses'}.csv",
        )
    if extension == ".npy" and place.straight:
        raise UsageError(
            f"{path}: NPY cannot be written to a device or a pipe",
            why="its header holds the number of rows, which is known only at the end",
            hint="write .csv, .jsonl or .parquet, or a regular file",
        )
    for given in inputs:
        if _is_input(place.target, given):
            raise UsageError(
                f"{path}: the output is also an input ({given})",
                why="it would be replaced by its own result",
                hint="-o with another name",
            )
    return OutputSink(place, extension, elements=reduction == "none")


class OutputSink:
    """A sink and a context manager: leaving it without an exception completes the file.

    On any exception, also `KeyboardInterrupt` and `SystemExit`, what stood there before still does.
    """

    def __init__(self, place: _Place, extension: str, *, elements: bool) -> None:
        self._place = place
        self._extension = extension
        self._elements = elements
        self._writer: Writer

    def __enter__(self) -> Self:
        with self._place.errors():
            stream = self._place.open()
        self._writer = _writer(self._extension, stream, elements=self._elements)
        return self

    def write(self, scored: Scored) -> None:
        """Write the rows of one block."""
        with self._place.errors():
            self._writer.write(scored)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with self._place.errors():
                    self._writer.finish()
                    self._place.commit()
        finally:
            self._writer.abandon()
            self._place.abandon()


class _Place:
    """Where the bytes go: a temporary file that replaces the target, or straight into a device."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.target = Path(os.path.realpath(path))
        self._stream: IO[bytes] | None = None
        self._temporary: Path | None = None
        self._mode: int | None = None
        self._descriptor = _descriptor(path)
        with self.errors():
            self._examine()

    def _examine(self) -> None:
        self.straight = self._descriptor is not None
        if self.straight:
            return
        try:
            mode = self.target.stat().st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            raise OutputError(f"{self.path}: is a folder", hint=f"-o {Path(self.path) / 'losses.csv'}")
        self.straight = not stat.S_ISREG(mode)
        self._mode = stat.S_IMODE(mode)
        if not os.access(self.target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def open(self) -> IO[bytes]:
        """The stream to write to."""
        if self._descriptor is not None:
            number = os.dup(self._descriptor)
        elif self.straight:
            number = os.open(self.target, os.O_WRONLY)
        else:
            temporary = self.target.with_name(f".{self.target.name[:50]}.{os.urandom(6).hex()}.tmp")
            number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            self._temporary = temporary
        self._stream = os.fdopen(number, "wb")
        return self._stream

    def commit(self) -> None:
        """Make what was written stay, and take the target's place."""
        stream = self._stream
        if stream is None:
            return
        stream.flush()
        if self._temporary is not None:
            if self._mode is not None:
                os.fchmod(stream.fileno(), self._mode)
            os.fsync(stream.fileno())
        stream.close()
        if self._temporary is not None:
            self._temporary.replace(self.target)
            self._temporary = None

    def abandon(self) -> None:
        """Close what is open and delete what was not committed."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()
            self._temporary = None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the system refuses, in our words. A reader that went away is no error of the output."""
        try:
            yield
        except (LosscliError, BrokenPipeError):
            raise
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            why, hint = _explanation(error, self.target)
            raise OutputError(f"{self.path}: cannot be written: {reason}", why=why, hint=hint) from error


def _writer(extension: str, stream: IO[bytes], *, elements: bool) -> Writer:
    if extension == ".npy":
        return NpyWriter(stream, elements=elements)
    if extension == ".parquet":
        return ParquetWriter(stream, elements=elements)
    text = codecs.getwriter("utf-8")(stream)
    sink = CsvSink if extension == ".csv" else JsonLinesSink
    return LinesWriter(sink(text, elements=elements))


def _descriptor(path: str) -> int | None:
    """The number of the open stream that a path like `/dev/stdout` stands for.

    Opening such a path anew could begin at the start of a file that our stdout already writes to.
    """
    number = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", path)
    if number is not None:
        return int(number[1])
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)


def _is_input(target: Path, given: str) -> bool:
    """Whether writing `target` would change what reading `given` yields: a file, a folder, a glob."""
    source = Path(given)
    if source.is_dir():
        return target.is_relative_to(source.resolve())
    if source.exists():
        return target.exists() and target.samefile(source)
    if any(character in given for character in "*?["):
        return target.match(os.path.realpath(given))
    file, colon, _ = given.rpartition(":")
    return bool(colon) and _is_input(target, file)


def _explanation(error: OSError, target: Path) -> tuple[str, str]:
    """Why the system refused to write `target`, and what would help."""
    folder = target.parent
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR if not folder.is_dir():
            return f"there is no folder {folder}", f"mkdir -p {quote(str(folder))}"
        case errno.ENOSPC | errno.EDQUOT:
            return "the device is full", "free some space, or -o a path on another device"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"this user may not write the file, or not in {folder}", "-o a path that you may write"
        case _:
            return "", "-o another path"
