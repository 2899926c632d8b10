"""Which NumPy dtypes can be scored, and what is said of the others."""

from __future__ import annotations

import numpy as np

from losscli.errors import DataError

_SCORED = ("f2", "f4", "f8")


def check_dtype(dtype: np.dtype, path: str, input_dtype: str | None = None) -> None:
    """Refuse, by name, what is neither a real number nor a boolean."""
    if input_dtype == "bfloat16":
        if dtype.itemsize == 2 and (dtype.kind == "u" or (dtype.kind == "V" and dtype.names is None)):
            return
        raise DataError(
            f"{path}: --input-dtype bfloat16 does not fit an array of {dtype}",
            why="bfloat16 is stored as 2-byte void or uint16",
            hint="leave the option out",
        )
    if dtype.kind in "biu" or dtype.str[1:] in _SCORED:
        return
    what, hint = _refusal(dtype)
    raise DataError(f"{path}: an array of {what} cannot be scored", hint=hint)


def decode_bfloat16(values: np.ndarray) -> np.ndarray:
    """The float32 values whose upper halves are stored."""
    halves = np.ascontiguousarray(values)
    bits = halves.view(halves.dtype.str[:1].replace("|", "=") + "u2") if halves.dtype.kind == "V" else halves
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
