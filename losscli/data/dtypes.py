"""Which NumPy dtypes can be scored, and what is said of the others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

_SCORED = ("f2", "f4", "f8")


def check_dtype(dtype: np.dtype, path: str, input_dtype: str | None = None, *, text: bool = True) -> None:
    """Refuse, by name, what is neither a real number nor a boolean; text, too, where it is not allowed."""
    if dtype.kind in "biu" or dtype.str[1:] in _SCORED or is_bfloat16(dtype, input_dtype):
        return
    if dtype.kind == "U" and text:
        return
    what, hint = _refusal(dtype)
    raise DataError(f"{path}: an array of {what} cannot be scored", hint=hint)


def is_bfloat16(dtype: np.dtype, input_dtype: str | None) -> bool:
    """Whether 2-byte void is to be read as bfloat16. Other arrays (labels, weights) are what they are."""
    return input_dtype == "bfloat16" and dtype.str[1:] == "V2" and dtype.names is None


def decoded(values: np.ndarray, *, bfloat16: bool, start: int, where: Callable[[int], str]) -> np.ndarray:
    """The samples from `start` on as they are scored: bfloat16 as float32, and text as Python has it.

    `where` says in words where a sample stands.
    """
    if bfloat16:
        return decode_bfloat16(values)
    return _decoded_text(values, start, where) if values.dtype.kind == "U" else values


def _decoded_text(values: np.ndarray, start: int, where: Callable[[int], str]) -> np.ndarray:
    letters = np.frombuffer(values.tobytes(), np.dtype(np.uint32).newbyteorder(values.dtype.byteorder))
    # Python ends in a SystemError where it is given a letter that Unicode has no room for.
    wrong = np.flatnonzero(letters > sys.maxunicode)
    if wrong.size:
        raise DataError(
            f"{where(start + int(wrong[0]) * len(values) // letters.size)}: the text is damaged",
            why=f"it holds the number {letters[wrong[0]]:#x}, and letters end at {sys.maxunicode:#x}",
            hint="copy the file again, or save it again with np.save",
        )
    return values.astype(object)


def decode_bfloat16(values: np.ndarray) -> np.ndarray:
    """The float32 values whose upper halves are stored."""
    bits = np.ascontiguousarray(values).reshape(values.shape).view(np.uint16)
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _refusal(dtype: np.dtype) -> tuple[str, str]:
    if dtype.hasobject:
        return "Python objects", "save numbers: np.save(path, np.asarray(values, dtype=np.float64))"
    if dtype.names is not None:
        return f"records (fields {', '.join(map(repr, dtype.names))})", "save one array for each field"
    if dtype.kind == "V" and dtype.itemsize == 2:
        return "2-byte void", "--input-dtype bfloat16 reads bfloat16 stored so"
    kinds = {
        "c": (f"complex numbers ({dtype})", "save the real part, or the magnitude"),
        "S": ("byte strings", "save class numbers, or a table with text labels"),
        "U": ("strings", "text may be labels of classes, and nothing else"),
        "M": (f"dates ({dtype})", "save numbers"),
        "m": (f"time spans ({dtype})", "save numbers"),
        "f": (f"extended floats ({dtype})", "save it as float64: values.astype(np.float64)"),
    }
    return kinds.get(dtype.kind, (str(dtype), "save numbers"))
