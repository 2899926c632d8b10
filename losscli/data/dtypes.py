"""Which NumPy dtypes can be scored, and what is said of the others."""

from __future__ import annotations

import numpy as np

from losscli.errors import DataError

_SCORED = ("f2", "f4", "f8")


def check_dtype(dtype: np.dtype, path: str, input_dtype: str | None = None) -> None:
    """Refuse, by name, what is neither a real number nor a boolean."""
    if dtype.kind in "biu" or dtype.str[1:] in _SCORED or is_bfloat16(dtype, input_dtype):
        return
    what, hint = _refusal(dtype)
    raise DataError(f"{path}: an array of {what} cannot be scored", hint=hint)


def is_bfloat16(dtype: np.dtype, input_dtype: str | None) -> bool:
    """Whether 2-byte void is to be read as bfloat16. Other arrays (labels, weights) are what they are."""
    return input_dtype == "bfloat16" and dtype.str[1:] == "V2" and dtype.names is None


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
        "U": ("strings", "save class numbers, or a table with text labels"),
        "M": (f"dates ({dtype})", "save numbers"),
        "m": (f"time spans ({dtype})", "save numbers"),
        "f": (f"extended floats ({dtype})", "save it as float64: values.astype(np.float64)"),
    }
    return kinds.get(dtype.kind, (str(dtype), "save numbers"))
