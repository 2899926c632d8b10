"""What format an input has: told by its content first, then by its name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from losscli.data.model import DELIMITED, FORMATS
from losscli.errors import DataError

if TYPE_CHECKING:
    from losscli.data.locate import Input
    from losscli.data.model import Format, ReadOptions

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
)
_EXCEL_MEMBERS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_EXTENSIONS: dict[str, Format] = {
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".ipc": "arrow",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_UNTOLD_EXTENSIONS = ("", ".txt", ".dat", ".data", ".out")
_TEXT_FORMATS = (*DELIMITED, "jsonl")
_COMPRESSION_EXTENSIONS = (".gz", ".gzip", ".zst", ".zstd")
_NUMPY_HINT = "save the array with np.save('preds.npy', values)"
_FOREIGN = (
    (b"version https://git-lfs.github.com/spec/", "a git-LFS pointer, not the data itself", "git lfs pull"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _NUMPY_HINT),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", _NUMPY_HINT),
    (b"FEA1", "a Feather file of the old version 1", "write it again with a current pyarrow"),
    (b"PARE", "an encrypted Parquet file", "decrypt it first"),
    (b"BZh", "compressed with bzip2", "decompress it: bzip2 -dc FILE | losscli LOSS - TARGETS"),
    (b"\xfd7zXZ\x00", "compressed with xz", "decompress it: xz -dc FILE | losscli LOSS - TARGETS"),
    (b"\x1f\x8b", "compressed twice", "decompress it once: gzip -dc FILE | losscli LOSS - TARGETS"),
    (b"\x28\xb5\x2f\xfd", "compressed twice", "decompress it once: zstd -dc FILE | losscli LOSS - TARGETS"),
    (b"%PDF-", "a PDF document", ""),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", "export the sheet as CSV"),
    (b"\x89PNG\r\n", "a picture (PNG)", ""),
)
_TORCH_HINT = "np.save('preds.npy', torch.load(path).numpy()) makes a file that is read"


def detect_format(located: Input, options: ReadOptions) -> Format:
    """The format that the content tells, or else the name.

    Files that are certainly something else are refused by name. `options.input_format` forces a
    format, but makes no text of binary files, and no table of a git-LFS pointer.
    """
    head = located.head
    if foreign := _foreign(head):
        what, hint = foreign
        raise DataError(f"{located}: this is {what}", hint=hint)
    told, forced = _told_by_magic(located, head), options.input_format
    # A format is forced on all inputs: a text format leaves those alone that certainly are no text.
    if forced is None or forced in _TEXT_FORMATS:
        return told or forced or _text_format(located, head)
    if told != forced:
        raise DataError(
            f"{located}: this is not {_article(forced)} file, which --input-format says it is",
            why=f"it begins with {head[:16]!r}",
            hint="leave out --input-format: the content tells the format",
        )
    return forced


def _told_by_magic(located: Input, head: bytes) -> Format | None:
    if head.startswith(_ZIP_MAGIC):
        return _zip_format(located)
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _foreign(head: bytes) -> tuple[str, str] | None:
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            return what, hint
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle, which is never opened: it could run any program", _NUMPY_HINT
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 1 << 32:
        return "a safetensors file", _NUMPY_HINT
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page: most likely a log-in or error page saved as data", "download the file again"
    if start.startswith(b"<?xml"):
        return "an XML document", "export it as CSV"
    return None


def _zip_format(located: Input) -> Format:
    first = _first_member(located.head)
    if first.endswith(b"data.pkl"):
        raise DataError(
            f"{located}: this is a PyTorch file, which holds pickled objects and is never opened",
            hint=_TORCH_HINT,
        )
    if first.startswith(_EXCEL_MEMBERS):
        raise DataError(f"{located}: this is an Excel workbook", hint="export the sheet as CSV")
    if b".npy" in located.head[:4096] or _extension(located) == ".npz":
        return "npz"
    raise DataError(
        f"{located}: this is a zip archive without arrays", hint="unzip it, and name the file that is meant"
    )


def _first_member(head: bytes) -> bytes:
    """The name in a zip archive's first header; no other can be told from packed bytes that happen to look so."""
    size = int.from_bytes(head[26:28], "little")
    return head[30 : 30 + size]


def _text_format(located: Input, head: bytes) -> Format:
    extension = _extension(located)
    named = _EXTENSIONS.get(extension)
    if named in _TEXT_FORMATS:
        return named
    is_text = _is_text(head)
    if named is not None:
        raise DataError(
            f"{located}: this is not {_article(named)} file, though its name ends in {extension!r}",
            why=f"it holds {'text' if is_text else 'other binary data'}: it begins with {head[:16]!r}",
            hint="--input-format csv reads it as CSV" if is_text else "save it again, or name another file",
        )
    if not is_text or extension not in _UNTOLD_EXTENSIONS:
        raise DataError(
            f"{located}: its format cannot be told",
            why=f"it begins with {head[:16]!r}, and {extension!r} is the ending of no known format",
            hint=f"--input-format {'|'.join(FORMATS)} says what it is",
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return "jsonl"
    first_line = head.partition(b"\n")[0]
    return "tsv" if b"\t" in first_line and b"," not in first_line else "csv"


def _extension(located: Input) -> str:
    if located.label.startswith(("<", "/dev/", "/proc/")):
        return ""
    stem, extension = os.path.splitext(located.label.lower())  # noqa: PTH122 - also for URIs
    if extension in _COMPRESSION_EXTENSIONS:
        extension = os.path.splitext(stem)[1]  # noqa: PTH122
    return extension


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return b"\x00" not in head


def _article(name: str) -> str:
    return f"an {name.upper()}" if name in ("npy", "npz", "arrow") else f"a {name.capitalize()}"
