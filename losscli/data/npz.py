"""Archives of NPY files: a member is read as a stream, stored or deflated, and never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, cast

from losscli.data.locate import Input, guarded
from losscli.data.model import OtherwiseReadableError
from losscli.data.npy import open_npy
from losscli.errors import DataError
from losscli.wording import did_you_mean, listed

if TYPE_CHECKING:
    from losscli.data.memory import ArrayFields
    from losscli.data.model import ReadOptions

try:
    from lzma import LZMAError
except ImportError:  # a Python that was built without it, whose zipfile says so
    LZMAError = zlib.error  # type: ignore[assignment, misc]

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeDecodeError)
_DAMAGE_WITHIN = (*_DAMAGE, LZMAError, OSError)
"""What is said of a member while it is read: bzip2 has no error of its own."""


def open_npz(located: Input, options: ReadOptions) -> ArrayFields:
    """The array of an archive that is named after the colon, or its only one."""
    path = located.spooled()
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except _DAMAGE as error:
        raise DataError(
            f"{located}: the archive is truncated or damaged", why=str(error), hint="copy or save it again"
        ) from error
    member = _choose_member(located, names)

    def opened() -> BinaryIO:
        try:
            with zipfile.ZipFile(path) as archive:
                stream = archive.open(f"{member}.npy")
        except _DAMAGE_WITHIN as error:
            raise DataError(
                f"{located}: its array {member!r} cannot be read", why=str(error), hint="copy or save it again"
            ) from error
        return guarded(cast("BinaryIO", stream), _DAMAGE_WITHIN, f"{located}: its array {member!r}", "archive")

    return open_npy(Input(f"{located.label}:{member}", opened), options, format="npz")


def _choose_member(located: Input, names: list[str]) -> str:
    wanted = located.member
    if not names:
        raise DataError(
            f"{located}: the archive holds no arrays", hint="save them with np.savez('preds.npz', preds=values)"
        )
    for name, count in Counter(names).items():
        if count > 1 and wanted in (None, name):
            raise DataError(
                f"{located}: {count} arrays are named {name!r}",
                why="the archive was added to, and which one is meant cannot be said",
                hint="save it again, or unzip it and name the file that is meant",
            )
    if wanted is None:
        if len(names) == 1:
            return names[0]
        raise OtherwiseReadableError(
            f"{located}: the archive holds {len(names)} arrays",
            why=f"they are {listed(names, 20)}",
            hint=f"a colon picks one: losscli LOSS {_after_colon(located, names)}",
            members=names,
        )
    if wanted not in names:
        raise DataError(
            f"{located}: the archive holds no array {wanted!r}",
            why=f"it holds {listed(names, 20)}",
            hint=did_you_mean(wanted, names),
        )
    return wanted


def _after_colon(located: Input, names: list[str]) -> str:
    if located.label == "<stdin>":
        return f"-- -:{names[0]} TARGETS"
    return f"{located}:{names[0]} {located}:{names[1]}"
