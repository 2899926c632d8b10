"""Which NumPy dtypes can be scored, and what is said of the others."""

from __future__ import annotations

import numpy as np

from losscli.errors import DataError

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


def decoded(values: np.ndarray, *, bfloat16: bool) -> np.ndarray:
    """The values as they are scored: bfloat16 as float32, and text as Python has it."""
    if bfloat16:
        return decode_bfloat16(values)
    return values.astype(object) if values.dtype.kind == "U" else values


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
