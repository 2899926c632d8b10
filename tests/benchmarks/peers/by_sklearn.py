"""What one would write with scikit-learn."""

from __future__ import annotations

import numpy as np
from answering import Work, answer
from sklearn.metrics import mean_squared_error


def mse(predictions: str, targets: str) -> Work:
    prediction, target = np.load(predictions), np.load(targets)
    return lambda: mean_squared_error(target, prediction)


if __name__ == "__main__":
    answer({"mse": mse})
