"""The rate at which NumPy reads memory: the least that any loss of two arrays can take on one core."""

from __future__ import annotations

import numpy as np
from answering import Work, answer


def add_reduce(*files: str) -> Work:
    arrays = [np.load(file).reshape(-1) for file in files]
    return lambda: sum(float(np.add.reduce(array)) for array in arrays)


if __name__ == "__main__":
    answer({"add-reduce": add_reduce})
