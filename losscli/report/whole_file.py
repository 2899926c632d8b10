"""Small files that are written at once: complete or not at all, or appended to what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losscli.errors import OutputError

if TYPE_CHECKING:
    from losscli.report.place import Place


def write_whole(place: Place, content: bytes) -> None:
    """Put the content in its place; on any exception what stood there before still does."""
    try:
        with place.errors():
            place.open().write(content)
            place.commit()
    finally:
        place.abandon()


def append(path: str, content: str) -> None:
    """Add the content to the end of a file that others write to as well."""
    try:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
