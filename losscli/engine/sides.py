"""Side inputs that hold one whole number for each sample: lengths, prompts, bytes."""

from __future__ import annotations

import numpy as np

from losscli.data.model import Field
from losscli.engine.scoring import as_float64
from losscli.errors import DataError
from losscli.records import record


@record
class WholeNumbers:
    """One of them; errors say `what` it is of which `sample`, as in "the length" of a "sequence"."""

    field: Field
    what: str
    sample: str

    def read(self, values: np.ndarray, start: int) -> np.ndarray:
        """The numbers of the samples from `start` on, each one whole and ≥ 0."""
        numbers = as_float64(values)
        if numbers.size != len(numbers):
            raise DataError(
                f"{self.field.info.path} has shape {self.field.info.shape}",
                why=f"{self.what} is one whole number for each {self.sample}",
                hint="FILE:COLUMN picks a column",
            )
        numbers = numbers.reshape(-1)
        bad = np.flatnonzero(~((numbers >= 0.0) & (np.floor(numbers) == numbers) & np.isfinite(numbers)))
        if bad.size:
            row = int(bad[0])
            raise DataError(f"{self._named(start + row)} is {numbers[row]:g}", why="it is a whole number ≥ 0")
        return numbers.astype(np.int64)

    def read_lengths(self, values: np.ndarray, start: int, sizes: np.ndarray, parts: str) -> np.ndarray:
        """The same where they count the `parts` of a sample, of which it has `sizes`."""
        lengths = self.read(values, start)
        beyond = np.flatnonzero(lengths > sizes)
        if beyond.size:
            row = int(beyond[0])
            raise DataError(
                f"{self._named(start + row)} is {lengths[row]}, more than its {parts} ({sizes[row]})",
                why=f"it says how many of the {parts} that are stored count, from the start",
            )
        return lengths

    def _named(self, sample: int) -> str:
        return f"{self.field.where(sample)}: {self.what} of {self.sample} {sample}"
