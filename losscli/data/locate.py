"""From what the user typed to inputs that can be opened.

A spec is a path, a folder, a glob, a URI, `-` for stdin, or any file of these with `:member` at its
end. What exists literally wins.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

from losscli.errors import DataError
from losscli.wording import did_you_mean, listed, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

HEAD_BYTES = 1 << 16
_PIECE_BYTES = 1 << 24
_SMALL_COPY_BYTES = 1 << 26
_SPARE_SHARE = 0.05
"""The share of a disk that a temporary copy leaves free, unless the copy is small."""
_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class _Version(NamedTuple):
    """What tells that a file is still the same."""

    file: tuple[int, int]
    size: int
    modified: int


class Input:
    """One located input: its name, its first bytes, and ways to read it.

    Attributes:
        label: The path as the user gave it, "<stdin>" for `-`.
        local_path: Where the bytes lie on this machine uncompressed, so that they can be mapped.
        member: What followed the path after a colon: an array of an archive, a column of a table.
    """

    def __init__(
        self,
        label: str,
        opener: Callable[[], BinaryIO],
        *,
        path: str | None = None,
        once: bool = False,
        member: str | None = None,
    ) -> None:
        self.label = label
        self.member = member
        self._opener = opener
        self._path = path
        self._once = once
        self._spooled: str | None = None
        self._pending: BinaryIO | None = None
        self._version: _Version | None = None

    def __str__(self) -> str:
        return shown(self.label)

    @property
    def local_path(self) -> str | None:
        """The path of a local regular file that holds the uncompressed bytes, if there is one."""
        if self._spooled is not None:
            return self._spooled
        return self._path if self.compression is None else None

    @property
    def compression(self) -> str | None:
        """What the input is compressed with ("gzip", "zstd"), told by its content."""
        return self._start[1]

    @property
    def head(self) -> bytes:
        """The first 64 KiB, decompressed."""
        return self._start[0]

    @cached_property
    def _start(self) -> tuple[bytes, str | None]:
        self._version = self._version_now()
        raw = self._open_raw()
        try:
            magic = raw.read(4)
            compression = next((name for mark, name in _COMPRESSIONS.items() if magic.startswith(mark)), None)
            stream = _decompressed(_replayed(magic, raw), compression, str(self))
            head = stream.read(HEAD_BYTES)
        except BaseException as error:
            raw.close()
            if isinstance(error, OSError):
                raise _unreadable(self.label, error) from error
            raise
        if not head:
            stream.close()
            what = "holds 0 bytes" if compression is None else f"holds 0 bytes after {compression}"
            raise DataError(f"{self}: the input is empty", why=f"it {what}")
        if self._once:
            self._pending = _replayed(head, stream)
        else:
            stream.close()
        return head, compression

    def open(self) -> BinaryIO:
        """The decompressed bytes from the first one on. A pipe can be opened once."""
        if self._spooled is not None:
            return open(self._spooled, "rb")
        compression = self.compression
        if not self._once:
            return _decompressed(self._open_raw(), compression, str(self))
        if self._pending is None:
            raise DataError(f"{self}: a pipe can be read only once", hint="save it to a file first")
        stream, self._pending = self._pending, None
        return stream

    def spooled(self) -> str:
        """The path of a real file with the decompressed bytes; a copy is deleted at exit."""
        if self.local_path is not None:
            return self.local_path
        import atexit
        import tempfile

        with self.open() as source, tempfile.NamedTemporaryFile(prefix="losscli-", delete=False) as copy:
            atexit.register(Path(copy.name).unlink, missing_ok=True)
            try:
                self._copy(source, copy)
            except OSError as error:
                raise self._no_copy(copy.name, error.strerror or str(error)) from error
        self._spooled = copy.name
        return copy.name

    def _copy(self, source: BinaryIO, copy: IO[bytes]) -> None:
        """All of the source, unless it is a bomb: a few bytes, compressed, can unpack to more than a disk holds."""
        import shutil

        size = 0
        while piece := source.read(_PIECE_BYTES):
            size += len(piece)
            disk = shutil.disk_usage(os.path.dirname(copy.name))
            if size > _SMALL_COPY_BYTES and disk.free - len(piece) < disk.total * _SPARE_SHARE:
                copy.truncate(0)
                raise self._no_copy(copy.name, f"after {size - len(piece):,} bytes the disk would be all but full")
            copy.write(piece)

    def _no_copy(self, name: str, why: str) -> DataError:
        return DataError(f"{self}: cannot be copied to {name}", why=why, hint="set TMPDIR to a folder with room")

    def reread(self) -> None:
        """Make sure that the input can be opened more than once."""
        if self._once:
            self.spooled()

    def refuse_change(self) -> None:
        """A DataError if the file is no longer the one that was opened first."""
        if self._version is None:
            return
        now = self._version_now()
        if now == self._version:
            return
        if now is None:
            why = "it is gone"
        elif now.file != self._version.file:
            why = "another file took its place"
        elif now.size != self._version.size:
            why = f"it had {self._version.size:,} bytes, and has {now.size:,} now"
        else:
            why = "it was written to"
        raise DataError(f"{self}: the file changed while it was read", why=why, hint="run again when it is complete")

    def _version_now(self) -> _Version | None:
        if self._path is None:
            return None
        try:
            status = Path(self._path).stat()
        except OSError:
            return None
        return _Version((status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)

    def _open_raw(self) -> BinaryIO:
        try:
            return self._opener()
        except OSError as error:
            raise _unreadable(self.label, error) from error


def locate(spec: str) -> list[Input]:
    """The inputs that `spec` names: one, or the parts of a folder or glob in sorted order."""
    if spec == "-":
        return [Input("<stdin>", _stdin, once=True)]
    if os.path.lexists(spec):
        return _local(spec, None)
    if "://" in spec:
        return _remote(spec)
    if matches := _globbed(spec):
        return [part for match in matches for part in _local(match, None)]
    path, member = split_member(spec)
    if member is not None:
        if path == "-":
            return [Input("<stdin>", _stdin, once=True, member=member)]
        if os.path.lexists(path):
            return _local(path, member)
        if matches := _globbed(path):
            return [part for match in matches for part in _local(match, member)]
    raise _missing(path if member is not None else spec)


def split_member(spec: str) -> tuple[str, str | None]:
    """`file:member` in two; the member is None where `spec` is a path, a URI or has no colon."""
    if os.path.lexists(spec):
        return spec, None
    # Names of arrays and columns may hold slashes and colons: what exists tells where the path ends.
    for position in reversed(range(1, len(spec) - 1)):
        path, member = spec[:position], spec[position + 1 :]
        if spec[position] == ":" and (path == "-" or is_file(path)):
            return path, member
    path, _, member = spec.rpartition(":")
    return (path, member) if path and member and "/" not in member else (spec, None)


def is_file(path: str) -> bool:
    """Whether it is the path of a regular file; pathlib fails at names that are too long for the system."""
    return os.path.isfile(path)  # noqa: PTH113


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise DataError("<stdin>: it is closed", hint="pipe the data in: losscli LOSS - TARGETS < preds.npy")
    return sys.stdin.buffer


def _local(path: str, member: str | None) -> list[Input]:
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        parts = sorted(_files_below(path))
        if not parts:
            raise DataError(
                f"{shown(path)}: the folder holds no data files",
                why="names that begin with '_' or '.' are skipped",
                hint="name a file, or a glob such as 'folder/*.parquet'",
            )
        return [part for name in parts for part in _local(name, member)]
    regular = stat.S_ISREG(mode)
    return [
        Input(
            path,
            lambda: open(path, "rb"),
            path=path if regular else None,
            once=not regular,
            member=member,
        )
    ]


def _files_below(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(("_", ".")):
                    continue
                if entry.is_dir():
                    yield from _files_below(entry.path)
                else:
                    yield entry.path
    except OSError as error:
        raise _unreadable(folder, error) from error


def _globbed(pattern: str) -> list[str]:
    if not any(sign in pattern for sign in "*?["):
        return []
    from glob import glob

    wants_hidden = os.path.basename(pattern).startswith(("_", "."))
    found = sorted(glob(pattern, recursive=True))  # noqa: PTH207 - absolute patterns too
    return [path for path in found if wants_hidden or not os.path.basename(path).startswith("_")]


def _remote(uri: str) -> list[Input]:
    import pyarrow
    from pyarrow import fs

    def located(address: str) -> tuple[fs.FileSystem, fs.FileInfo]:
        system, path = fs.FileSystem.from_uri(address)
        return system, system.get_file_info(path)

    address, member = uri, None
    try:
        system, info = located(uri)
        scheme_end = uri.index("://") + 3
        if info.type == fs.FileType.NotFound and ":" in uri[scheme_end:]:
            address, _, member = uri.rpartition(":")
            system, info = located(address)
        if info.type == fs.FileType.NotFound:
            raise DataError(f"{shown(uri)}: no such file")
        if info.type == fs.FileType.Directory:
            inside = system.get_file_info(fs.FileSelector(info.path, recursive=True))
            paths = sorted(
                entry.path
                for entry in inside
                if entry.type == fs.FileType.File and not _hidden(entry.path[len(info.path) :])
            )
        else:
            paths = [info.path]
    except (pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{shown(uri)}: cannot be reached",
            why=_first_line(error),
            hint="download it first, or pipe it: curl ADDRESS | losscli LOSS - TARGETS",
        ) from error
    if not paths:
        raise DataError(f"{shown(uri)}: the folder holds no data files")
    if isinstance(system, fs.LocalFileSystem):
        return [part for path in paths for part in _local(path, member)]
    scheme = uri[: uri.index("://") + 3]

    def opener(path: str) -> Callable[[], BinaryIO]:
        def opened() -> BinaryIO:
            return cast("BinaryIO", io.BufferedReader(system.open_input_stream(path, compression=None)))

        return opened

    labels = [address] if len(paths) == 1 else [scheme + path for path in paths]
    return [Input(label, opener(path), member=member) for label, path in zip(labels, paths, strict=True)]


def _hidden(path: str) -> bool:
    return any(name.startswith(("_", ".")) for name in path.split("/"))


def _missing(path: str) -> DataError:
    folder = os.path.dirname(path) or "."
    if any(sign in path for sign in "*?["):
        return DataError(f"{shown(path)}: no file matches", hint=f"ls {folder!r} shows what is there")
    missing, why = path, ""
    while not os.path.isdir(folder):  # noqa: PTH112 - also where the name is too long
        missing, folder = folder, os.path.dirname(folder) or "."
        why = f"there is no folder {missing!r}"
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir() if not entry.name.startswith("."))
    except OSError:
        names = []
    hint = did_you_mean(os.path.basename(missing), names)
    if not hint and names:
        hint = f"{folder!r} holds {listed(names)}"
    return DataError(f"{shown(path)}: no such file or folder", why=why, hint=hint)


def _unreadable(label: str, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        if Path(label).is_symlink():
            return DataError(f"{shown(label)}: the symbolic link leads nowhere")
        return _missing(label)
    if isinstance(error, PermissionError):
        return DataError(f"{shown(label)}: no permission to read it", hint=f"ls -l {label!r}")
    return DataError(f"{shown(label)}: cannot be read", why=error.strerror or _first_line(error))


def _first_line(error: BaseException) -> str:
    return shown(str(error).partition("\n")[0])


def _replayed(start: bytes, stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Replayed(start, stream), 1 << 16))


def _decompressed(stream: BinaryIO, compression: str | None, label: str) -> BinaryIO:
    if compression is None:
        return stream
    damage: tuple[type[Exception], ...]
    if compression == "gzip":
        import gzip
        import zlib

        plain = cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
        damage = (EOFError, zlib.error, gzip.BadGzipFile)
    else:
        import pyarrow

        plain, damage = pyarrow.CompressedInputStream(stream, compression), (OSError,)
    return guarded(plain, damage, label, f"{compression} stream", packed=stream)


def guarded(
    stream: BinaryIO,
    damage: tuple[type[Exception], ...],
    label: str,
    what: str,
    *,
    packed: BinaryIO | None = None,
) -> BinaryIO:
    """A stream whose errors of the classes `damage` become errors that name the input.

    `packed` is the stream below it, which is closed with it.
    """
    return cast("BinaryIO", io.BufferedReader(_Guarded(stream, damage, label, what, packed), 1 << 20))


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes or what there is, without an allocation that only a header's claim supports."""
    if size <= _PIECE_BYTES:
        return stream.read(size)
    pieces = []
    while size > 0 and (piece := stream.read(min(size, _PIECE_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _read_once(stream: BinaryIO, size: int) -> bytes:
    """What is there, up to `size` bytes; it waits for the first one alone.

    To fill a buffer, Python's own streams read again and again without looking for signals in between: one that
    came while a pipe was emptied would be heard only when the pipe is filled again.
    """
    return cast("io.BufferedReader", stream).read1(size)


class _Replayed(io.RawIOBase):
    """A stream whose first bytes were already taken, put back together. It ends once: a terminal could go on."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start = memoryview(start)
        self._stream = stream
        self._ended = not start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        if self._start:
            count = min(len(target), len(self._start))
            target[:count] = self._start[:count]
            self._start = self._start[count:]
            return count
        data = b"" if self._ended else _read_once(self._stream, len(target))
        self._ended = not data
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Guarded(io.RawIOBase):
    def __init__(
        self,
        stream: BinaryIO,
        damage: tuple[type[Exception], ...],
        label: str,
        what: str,
        packed: BinaryIO | None,
    ) -> None:
        self._stream = stream
        self._damage = damage
        self._label = label
        self._what = what
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        try:
            data = _read_once(self._stream, len(target))
        except self._damage as error:
            hint = "copy or download it again"
            if isinstance(error, EOFError) or "runcated" in str(error):
                raise DataError(
                    f"{self._label}: the {self._what} is truncated",
                    why="it ends before its end mark: an interrupted copy or download",
                    hint=hint,
                ) from error
            raise DataError(f"{self._label}: the {self._what} is damaged", why=_first_line(error), hint=hint) from error
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        if self._packed is not None:
            self._packed.close()
        super().close()
