"""What pyarrow says of a damaged file, as an error with the file's name."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from losscli.data.storage import stored_schema
from losscli.errors import DataError
from losscli.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator


def checked_schema(schema: pa.Schema, path: str) -> pa.Schema:
    """The schema as the columns are stored, if there are any; names that are no UTF-8 show here, not later."""
    if not schema.names:
        raise DataError(f"{path}: the table has no columns")
    return stored_schema(schema)


@contextmanager
def damage_named(path: str, kind: str) -> Iterator[None]:
    """Turn pyarrow's complaints about a file of this kind ("Parquet") into an error that names it."""
    try:
        yield
    except pa.ArrowMemoryError as error:  # no fault of the file
        raise MemoryError(str(error)) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if "decrypt" in str(error).lower():
            raise DataError(
                f"{path}: the {kind} file is encrypted in columns that are read",
                why=shown(str(error).partition("\n")[0]),
                hint="decrypt it first",
            ) from error
        raise DataError(
            f"{path}: the {kind} file is truncated or damaged",
            why=shown(str(error).partition("\n")[0]),
            hint="copy or write it again",
        ) from error
