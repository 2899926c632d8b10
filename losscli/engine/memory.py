"""How freed memory is kept, so that the temporary arrays of a run cost no page faults."""

from __future__ import annotations

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

KEPT = 64 << 20
"""Up to so many bytes of freed memory stay with the process."""

LARGEST_TEMPORARY = 3 << 20
"""No array that a step of the run makes on its way takes as many bytes as this."""


def keep_freed_memory(largest: int = KEPT) -> None:
    """Tell glibc's allocator to keep what is freed instead of returning it to the system.

    A block of samples makes a handful of arrays of about a megabyte, freed before the next block makes
    them anew. By default each is unmapped and mapped again, and its pages are zeroed and faulted in
    again, which took as long as the arithmetic. Other allocators are left as they are.

    Arrays of more than `largest` bytes are unmapped all the same: where they come and go in varying
    sizes, as the columns of a table do, the gaps that they leave would fill up with small ones.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(M_MMAP_THRESHOLD, largest)
    mallopt(M_TRIM_THRESHOLD, KEPT)
