"""`-o FILE`: rows in a file that is either complete or not there."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from losscli.errors import UsageError
from losscli.report.file_formats import LinesWriter, NpyWriter, ParquetWriter, Writer
from losscli.report.lines import CsvLines, JsonLines
from losscli.report.place import Place
from losscli.report.rows import ScoredRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.engine.result import Scored
    from losscli.report.rows import Rows

EXTENSIONS = (".npy", ".csv", ".parquet", ".jsonl")


def open_output(path: str, *, reduction: str, inputs: Sequence[str]) -> OutputSink:
    """The sink that writes the losses of a run to `path`; see `open_file`.

    Args:
        path: Where to write.
        reduction: The reduction of the run: with "none" a row is an element with its indices, else a sample.
        inputs: The paths that the run reads, none of which may be written.
    """
    return OutputSink(open_file(path, inputs=inputs), elements=reduction == "none")


def open_file(path: str, *, inputs: Sequence[str]) -> OutputFile:
    """The file that `path` names; it touches nothing before it is entered.

    The extension names the format; a device or a pipe without one gets CSV.

    Raises:
        UsageError: If no format has this extension, or the output is an input.
        OutputError: If what stands at `path` cannot be written.
    """
    place = Place(path)
    extension = Path(path).suffix.lower()
    if place.straight and not extension:
        extension = ".csv"
    if extension not in EXTENSIONS:
        raise UsageError(
            f"{path}: the extension names no output format",
            why=f"an output file ends in {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}",
            hint=_likely_output(path),
        )
    if extension == ".npy" and place.straight:
        raise UsageError(
            f"{path}: NPY cannot be written to a device or a pipe",
            why="its header holds the number of rows, which is known only at the end",
            hint="write .csv, .jsonl or .parquet, or a regular file",
        )
    place.refuse_inputs(inputs)
    return OutputFile(place, extension)


def _likely_output(path: str) -> str:
    """What may have been meant by an output of no known format."""
    if path == "-":
        return "--format jsonl and --format csv print every sample"
    stem = Path(path).with_suffix("")
    return f"-o {stem if stem.suffix in EXTENSIONS else stem.with_suffix('.csv')}"


class OutputFile:
    """Rows on their way into a file: leaving it without an exception completes the file.

    On any exception, also `KeyboardInterrupt` and `SystemExit`, what stood there before still does.
    """

    def __init__(self, place: Place, extension: str) -> None:
        self._place = place
        self._extension = extension
        self._writer: Writer

    def __enter__(self) -> Self:
        with self._place.errors():
            stream = self._place.open()
        self._writer = _writer(self._extension, stream)
        return self

    def write(self, rows: Rows) -> None:
        """Write one block of rows."""
        with self._place.errors():
            self._writer.write(rows)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with self._place.errors():
                    self._writer.finish()
                    self._place.commit()
        finally:
            self._writer.abandon()
            self._place.abandon()


class OutputSink:
    """A sink of scored blocks, and a context manager as its file is."""

    def __init__(self, file: OutputFile, *, elements: bool) -> None:
        self._file = file
        self._elements = elements

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def write(self, scored: Scored) -> None:
        """Write the rows of one block."""
        self._file.write(ScoredRows(scored, elements=self._elements))

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._file.__exit__(kind, *rest)


def _writer(extension: str, stream: IO[bytes]) -> Writer:
    if extension == ".npy":
        return NpyWriter(stream)
    if extension == ".parquet":
        return ParquetWriter(stream)
    text = codecs.getwriter("utf-8")(stream)
    return LinesWriter(CsvLines(text) if extension == ".csv" else JsonLines(text))
