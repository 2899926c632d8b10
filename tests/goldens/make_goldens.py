"""Asks the frameworks for golden values and writes `frameworks.json`.

Made with torch 2.13.0, tensorflow 2.21.0, keras 3.15.1, optax 0.2.8 on jax 0.10.2,
scikit-learn 1.9.1, scipy 1.17.1 and mpmath 1.3.0. To make it again, in an environment of its own:

    pip install torch tensorflow-cpu keras optax scikit-learn mpmath
    python tests/goldens/make_goldens.py

Inputs are seeded and short; everything is computed in float64, so `rtol` is 1e-12 unless a
framework itself is less exact. mpmath answers what no framework gets right in float64. Options
carry losscli's names; `call` says what was called, with `predictions` and `targets` as inputs.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from asking.mpmath_values import MPMATH, mpmath_extremes
from asking.optax_losses import JAX, OPTAX, optax_cases
from asking.real_data import real_data
from asking.sklearn_losses import SCIPY, SKLEARN, scipy_pseudo_huber, sklearn_cases
from asking.tensorflow_losses import KERAS, tensorflow_and_keras
from asking.torch_losses import (
    TORCH,
    torch_binary,
    torch_class_edges,
    torch_index_labels,
    torch_regression,
    torch_sample_weights,
    torch_soft_labels,
)
from writing import Book

HERE = Path(__file__).parent


def main() -> None:
    """Ask everybody and write the file."""
    book = Book(
        {
            "what": "losses computed by the frameworks in float64, for losscli to reproduce",
            "made_by": "tests/goldens/make_goldens.py",
            "versions": [TORCH, KERAS, f"{OPTAX} on {JAX}", SKLEARN, SCIPY, MPMATH],
            "rule": "pass when |got - expected| <= atol + rtol * |expected|; atol is 0 where not given",
        }
    )
    for part in (
        torch_index_labels,
        torch_soft_labels,
        torch_class_edges,
        torch_binary,
        torch_regression,
        torch_sample_weights,
        tensorflow_and_keras,
        optax_cases,
        sklearn_cases,
        scipy_pseudo_huber,
        mpmath_extremes,
        real_data,
    ):
        part(book)
    book.write(HERE / "frameworks.json")


if __name__ == "__main__":
    main()
