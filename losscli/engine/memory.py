"""How freed memory is kept, so that the temporary arrays of a run cost no page faults."""

from __future__ import annotations

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

KEPT = 64 << 20
"""Up to so many bytes of freed memory stay with the process."""


def keep_freed_memory() -> None:
    """Tell glibc's allocator to keep what is freed instead of returning it to the system.

    A block of samples makes a handful of arrays of about a megabyte, freed before the next block makes
    them anew. By default each is unmapped and mapped again, and its pages are zeroed and faulted in
    again, which took as long as the arithmetic. Other allocators are left as they are.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(M_MMAP_THRESHOLD, KEPT)
    mallopt(M_TRIM_THRESHOLD, KEPT)
