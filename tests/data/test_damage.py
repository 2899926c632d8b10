"""What Arrow complains of, told apart: a damaged file and too little memory."""

import pyarrow as pa
import pytest

from losscli.data.damage import damage_named
from losscli.errors import DataError


def test_too_little_memory_is_not_blamed_on_the_file():
    with pytest.raises(MemoryError, match="malloc of size 64 failed"), damage_named("t.parquet", "Parquet"):
        raise pa.ArrowMemoryError("malloc of size 64 failed")


def test_damage_is_named_with_the_file():
    with pytest.raises(DataError, match=r"t\.parquet: the Parquet file is truncated or damaged"):  # noqa: SIM117
        with damage_named("t.parquet", "Parquet"):
            raise pa.ArrowInvalid("no magic")
