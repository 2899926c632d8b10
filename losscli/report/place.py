"""Where an output file goes: it appears complete, or what stood there stays."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import IO, TYPE_CHECKING

from losscli.errors import LosscliError, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Place:
    """Where the bytes go: a temporary file that replaces the target, or straight into a device.

    Nothing is touched before `open`; `commit` completes the file, `abandon` leaves no trace of it.

    Attributes:
        path: The path as it was given.
        target: What the path stands for, symbolic links followed.
        straight: Whether it is a device or a pipe, which is written without a temporary file.

    Raises:
        OutputError: If what stands at `path` cannot be written.
    """

    def __init__(self, path: str, *, option: str = "-o") -> None:
        self.path = path
        self.target = Path(os.path.realpath(path))
        self._option = option
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
            raise OutputError(f"{self.path}: is a folder", hint=f"{self._option} with a file in it")
        self.straight = not stat.S_ISREG(mode)
        self._mode = stat.S_IMODE(mode)
        if not os.access(self.target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def refuse_inputs(self, inputs: Sequence[str]) -> None:
        """A UsageError if writing here would change what reading one of `inputs` yields."""
        for given in inputs:
            if _is_input(self.target, given):
                raise UsageError(
                    f"{self.path}: the output is also an input ({given})",
                    why="it would be replaced by its own result",
                    hint=f"{self._option} with another name",
                )

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
            why, hint = _explanation(error, self.target, self._option)
            raise OutputError(f"{self.path}: cannot be written: {reason}", why=why, hint=hint) from error


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
    if os.path.isdir(given):  # noqa: PTH112 - pathlib fails at names that are too long
        return target.is_relative_to(Path(given).resolve())
    if os.path.exists(given):  # noqa: PTH110
        return target.exists() and target.samefile(given)
    if any(character in given for character in "*?["):
        return target.match(os.path.realpath(given))
    file, colon, _ = given.rpartition(":")
    return bool(colon) and _is_input(target, file)


def _explanation(error: OSError, target: Path, option: str) -> tuple[str, str]:
    """Why the system refused to write `target`, and what would help."""
    folder = target.parent
    match error.errno:
        case errno.ENOTDIR:
            file = next((above for above in target.parents if above.is_file()), folder)
            return f"{file} is no folder", f"{option} another path"
        case errno.ENOENT if not folder.is_dir():
            return f"there is no folder {folder}", f"mkdir -p {quote(str(folder))}"
        case errno.ENOSPC | errno.EDQUOT:
            return "the device is full", f"free some space, or {option} a path on another device"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"this user may not write the file, or not in {folder}", f"{option} a path that you may write"
        case _:
            return "", f"{option} another path"
