"""Results made by hand: a plain one, and one with every member filled."""

from collections.abc import Callable

import numpy as np
import pytest
from handmade import HOSTILE, read_only, samples_of

from losscli.engine.result import (
    Baseline,
    Check,
    Counts,
    Extreme,
    Group,
    Groups,
    Histogram,
    InputRecord,
    Limit,
    Result,
    Statistics,
)


@pytest.fixture
def make_result() -> Callable[..., Result]:
    def make(**changes) -> Result:
        plain = {
            "loss": "nll",
            "value": 0.1 + 0.2,
            "reduction": "mean",
            "unit": "nats",
            "numerator": 0.9,
            "denominator": 3.0,
            "reductions": {"mean": 0.1 + 0.2, "sum": 0.9},
            "counts": Counts(samples=4, elements=4, scored=3, ignored=1, skipped=0, nonfinite=0),
            "statistics": Statistics(0.5, 0.25, Extreme(1e-300, 2), 1 / 3, Extreme(2.5, 0)),
            "inputs": {
                "predictions": InputRecord(
                    "p.csv", "csv", (4, 2), "float64", ("cat", "dog"), "probs", "detected: 4 of 4 rows"
                ),
                "targets": InputRecord("t.npy", "npy", (4,), "int64"),
            },
            "options": {"ignore_index": -100, "class_weight": None},
            "convention": "exact",
            "signature": "nll|kind:probs|reduction:mean|n:3|losscli:0.1.0",
        }
        return Result(**(plain | changes))

    return make


@pytest.fixture
def full_result(make_result) -> Result:
    """Every member filled, with text that means harm wherever text can come from outside."""
    inf, nan = float("inf"), float("nan")
    return make_result(
        value=inf,
        numerator=inf,
        reductions={"mean": inf, "sum": inf},
        statistics=Statistics(nan, None, Extreme(-inf, 1), None, Extreme(inf, 3)),
        inputs={
            "predictions": InputRecord(HOSTILE, "csv", (4, 2), "float64", (HOSTILE,), "probs", HOSTILE),
            "targets": InputRecord("t\udcff.npy", "npy", (4,), "int64"),
        },
        options={HOSTILE: HOSTILE, "class_weight": read_only([1.0, inf])},
        signature=HOSTILE,
        objective={"cost": 1.0, "value": nan, "parameters": 2, "params": ["w.npy"]},
        check=Check(
            False,
            (
                Limit("expect", 0.3, False, {"rtol": inf, "atol": inf}, {"rtol": 1e-9, "atol": 0.0}),
                Limit("min", 0.0, True, {"min": inf}),
            ),
        ),
        warnings=(HOSTILE,),
        per_sample=samples_of([inf, nan], label=np.array([HOSTILE, "ok"], dtype=object)),
        first=samples_of([inf, -inf], **{HOSTILE: np.array([HOSTILE, "ok"], dtype=object)}),
        top=samples_of([nan], label=np.array([HOSTILE], dtype=object)),
        groups=Groups(
            HOSTILE, [Group(HOSTILE, 1, 1.0, inf, inf, inf, None, None), Group(7, 3, 2.5, 1.0, 0.4, 0.4, 0.2, 0.1)]
        ),
        histogram=Histogram([0.0, 0.5, 1.0], [3, 1], 2),
        baselines={"uniform": Baseline(0.7, -inf, HOSTILE), "temperature": Baseline(None, None, HOSTILE)},
        extra={"perplexity": inf},
    )
