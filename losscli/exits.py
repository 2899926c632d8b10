"""The exit codes, and nothing else: what a shell or a CI job may rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """What the process tells its caller; see the README's table."""

    DONE = 0
    CHECK_FAILED = 1
    USAGE = 2
    DATA = 3
    BUG = 70
    HUNG_UP = 129
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143
    OUT_OF_TIME = 152
