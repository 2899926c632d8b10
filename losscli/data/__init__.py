"""A path or `-` in, aligned blocks of samples out. One module a format, imported when it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losscli.data.align import align, read_whole
from losscli.data.memory import from_array
from losscli.data.model import ReadOptions
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from losscli.data.locate import Input
    from losscli.data.model import Field, Source

__all__ = [
    "ReadOptions",
    "align",
    "from_array",
    "join_targets",
    "open_field",
    "open_source",
    "read_vector",
    "read_whole",
]


def open_source(spec: str, options: ReadOptions | None = None, *, reread: bool = False) -> Source:
    """The one source that `spec` names: a file, `-`, or the parts of a folder or glob in order.

    Args:
        spec: A path, a folder, a glob, a URI, `-` for stdin, or `archive.npz:name`.
        options: What the content does not say.
        reread: Keep a pipe in a temporary file, as a source that is read twice needs.
    """
    source, column = _open(spec, options or ReadOptions(), reread=reread)
    if column is not None:
        source.select([column])
        raise DataError(
            f"{spec}: a table is named without its column here",
            hint=f"{spec.removesuffix(':' + column)} with --pred {column} (or --target)",
        )
    return source


def open_field(
    spec: str,
    options: ReadOptions | None = None,
    *,
    opened: Mapping[str, Source] | None = None,
    ragged: bool = False,
    text: bool = False,
) -> Field:
    """One array over the samples, for side inputs: `file`, or `file:column`.

    Args:
        spec: As for `open_source`, and a table's column (or glob) after a colon.
        options: What the content does not say.
        opened: Sources by the spec they were opened with: a column of one of them is read along.
        ragged: Allow lists of varying length.
        text: Allow text cells.
    """
    from losscli.data.locate import split_member

    path, column = split_member(spec)
    source = (opened or {}).get(path)
    if source is None:
        source, column = _open(spec, options or ReadOptions(), reread=False)
    return source.select(None if column is None else [column], ragged=ragged, text=text)


def read_vector(spec: str, options: ReadOptions | None = None) -> np.ndarray:
    """A short vector of float64: a comma list of numbers, `file` or `file:column`."""
    import os

    import numpy as np

    from losscli.wording import shown

    if not os.path.lexists(spec):
        numbers = _comma_list(spec)
        if numbers is not None:
            return np.array(numbers, np.float64)
    values = read_whole(open_field(spec, options))
    assert isinstance(values, np.ndarray)  # noqa: S101 - ragged rows were not allowed
    if values.ndim > 1 and values.size != max(values.shape):
        raise DataError(
            f"{shown(spec)}: a vector is meant, and this is an array of shape {values.shape}",
            hint="file:column picks a column of a table",
        )
    return values.astype(np.float64).reshape(-1)


def join_targets(left: Source, right: Source, id_column: str) -> Source:
    """The table `right` with its rows in the order of `left`, matched by a column of ids."""
    from losscli.data.join import join_targets as joined

    return joined(left, right, id_column)


def _comma_list(text: str) -> list[float] | None:
    try:
        return [float(cell) for cell in text.split(",")] if "_" not in text else None
    except ValueError:
        return None


def _open(spec: str, options: ReadOptions, *, reread: bool) -> tuple[Source, str | None]:
    """The source, and the column of it that `spec` names."""
    from losscli.data.locate import locate

    inputs = locate(spec)
    if reread:
        from losscli.data.sniff import detect_format

        for located in inputs:
            detect_format(located, options)  # what is no data is not copied: a device may have no end
            located.reread()
    parts = [_open_part(located, inputs, spec, options) for located in inputs]
    if len(parts) == 1:
        source = parts[0]
    else:
        from losscli.data.concat import concatenated

        source = concatenated(spec, parts)
    source.origins = inputs
    return source, None if source.format == "npz" else inputs[0].member


def _open_part(located: Input, inputs: Sequence[Input], spec: str, options: ReadOptions) -> Source:
    """One of the inputs; where a folder's file is of another sort than the others, the pattern that leaves it out."""
    try:
        return _open_input(located, options)
    except DataError as error:
        import os
        from collections import Counter

        endings = Counter(os.path.splitext(part.label)[1] for part in inputs)  # noqa: PTH122 - also of URIs
        usual = endings.most_common(1)[0][0]
        if len(inputs) == 1 or located.label.endswith(usual):
            raise
        raise DataError.of(
            error,
            why=f"it is one of the {len(inputs)} files of {spec}",
            hint=f"a pattern names the others: '{spec.rstrip('/')}/**/*{usual}'",
        ) from error


def _open_input(located: Input, options: ReadOptions) -> Source:
    from losscli.data.sniff import detect_format

    found = detect_format(located, options)
    if found == "npy":
        from losscli.data.npy import open_npy

        return open_npy(located, options)
    if found == "npz":
        from losscli.data.npz import open_npz

        return open_npz(located, options)
    if found == "parquet":
        from losscli.data.parquet import ParquetTable

        return ParquetTable(located)
    if found == "arrow":
        from losscli.data.arrow import open_arrow

        return open_arrow(located)
    if found == "jsonl":
        from losscli.data.jsonl import open_json_lines

        return open_json_lines(located, options)
    from losscli.data.delimited import open_delimited

    return open_delimited(located, options, found)
