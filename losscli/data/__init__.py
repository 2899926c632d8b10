"""A path or `-` in, aligned blocks of samples out. One module a format, imported when it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losscli.data.align import align, read_whole
from losscli.data.memory import from_array
from losscli.data.model import ReadOptions

if TYPE_CHECKING:
    from losscli.data.locate import Input
    from losscli.data.model import Source

__all__ = ["ReadOptions", "align", "from_array", "open_source", "read_whole"]


def open_source(spec: str, options: ReadOptions | None = None) -> Source:
    """The one source that `spec` names: a file, `-`, or the parts of a folder or glob in order."""
    from losscli.data.locate import locate

    options = options or ReadOptions()
    sources = [_open_input(located, options) for located in locate(spec)]
    return sources[0]


def _open_input(located: Input, options: ReadOptions) -> Source:
    from losscli.data.sniff import detect_format

    found = detect_format(located, options)
    if found == "npy":
        from losscli.data.npy import open_npy

        return open_npy(located, options)
    raise NotImplementedError(found)
