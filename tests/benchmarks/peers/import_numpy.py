"""The import that any tool on NumPy begins with, and nothing else."""

import numpy  # noqa: F401 - the import is what is timed
