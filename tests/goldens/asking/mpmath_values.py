"""The true values where float64 formulas, also those of the frameworks, lose digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath

if TYPE_CHECKING:
    from writing import Book

mpmath.mp.dps = 60

MPMATH = f"mpmath {mpmath.__version__}"


def mpmath_extremes(book: Book) -> None:
    """Where float64 formulas lose digits: the true value of the stored numbers, rounded once."""
    m = mpmath.mpf

    def softplus(x: Any) -> Any:
        return mpmath.log1p(mpmath.exp(x))

    def add(name: str, loss: str, call: str, x: Any, y: Any, elements: list[Any], **options: Any) -> None:
        for reduction in ("none", "sum"):
            total = [float(value) for value in elements]
            book.add(
                f"mpmath-{name}-{reduction}",
                loss,
                source=MPMATH,
                call=call,
                predictions=x,
                targets=y,
                options=options,
                reduction=reduction,
                expected=total if reduction == "none" else float(mpmath.fsum(elements)),
                rtol=1e-15,
            )

    rows = [
        [50.0, 0.0, 0.0],
        [800.0, -800.0, 0.0],
        [-745.0, 0.0, 0.0],
        [1e-9, -1e-9, 0.0],
        [1e308, 1e308, 0.0],
        [30.0, 29.0, -1e300],
        [37.0, 0.0, -1.0],
    ]
    chosen = [0, 1, 1, 2, 0, 0, 0]
    answers = [
        mpmath.log(mpmath.fsum(mpmath.exp(m(value) - m(row[label])) for value in row))
        for row, label in zip(rows, chosen, strict=True)
    ]
    add(
        "ce-extremes",
        "cross_entropy",
        "log(sum(exp(x - x[target])))",
        rows,
        chosen,
        answers,
        kind="logits",
    )
    logits = [800.0, -800.0, 40.0, -40.0, 40.0, 1e-300, 36.7, -700.0, 5e-324]
    bits = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    answers = [m(y) * softplus(-m(x)) + (1 - m(y)) * softplus(m(x)) for x, y in zip(logits, bits, strict=True)]
    call = "target * log1p(exp(-x)) + (1 - target) * log1p(exp(x))"
    add("sigmoid-ce-extremes", "sigmoid_cross_entropy", call, logits, bits, answers)
    answers = [m(2.5) * m(y) * softplus(-m(x)) + (1 - m(y)) * softplus(m(x)) for x, y in zip(logits, bits, strict=True)]
    call = "2.5 * target * log1p(exp(-x)) + (1 - target) * log1p(exp(x))"
    add("weighted-ce-extremes", "weighted_cross_entropy", call, logits, bits, answers, pos_weight=2.5)
    probs = [1e-300, 5e-324, 1e-20, 1 - 2**-53, 2**-53, 0.5, 1.0, 0.0]
    bits = [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    answers = [-mpmath.log(m(p)) if y else -mpmath.log1p(-m(p)) for p, y in zip(probs, bits, strict=True)]
    add("bce-extremes", "bce", "-log(p) or -log1p(-p)", probs, bits, answers)
    for delta in (1e-3, 1.0, 1e6):
        residuals = [1e-9, 1e-3, 0.5, 1.0, 3.0, 1e5, 1e12]
        answers = [m(delta) ** 2 * (mpmath.sqrt(1 + (m(r) / m(delta)) ** 2) - 1) for r in residuals]
        add(
            f"pseudo-huber-{delta:g}",
            "pseudo_huber",
            "delta^2 * (sqrt(1 + (r / delta)^2) - 1)",
            residuals,
            [0.0] * len(residuals),
            answers,
            delta=delta,
        )
