"""The models: what each says of a single value, of the data, and how it is fitted.

θ is kept as exact rational numbers: an option is one already, and every estimate here is a ratio of
exact sums. Square roots and logarithms come last.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from losscli.errors import UsageError
from losscli.losses.models.arithmetic import INFINITY, LOG_TWO_PI, as_decimal, log, root, times_log
from losscli.losses.models.catalogue import (
    Distribution,
    NonNegative,
    OptionalPositive,
    Positive,
    Probabilities,
    Probability,
    Real,
    Support,
    model,
)
from losscli.losses.models.statistics import CountTotals, MomentTotals, Tally, Totals

AT_THE_EDGE = "lies at the edge of its range, where the standard error of the Fisher information does not hold"


@model(aliases=("gaussian", "gauss"), support=Support("values"), statistics=MomentTotals)
@dataclass(frozen=True)
class Normal(Distribution):
    """Normal (Gaussian) distribution of real numbers.

    Formula:
        p(x) = exp(−(x − μ)² / 2σ²) / (σ √2π)
        ℓ = −n log(σ √2π) − Σ(x − μ)² / 2σ²
        μ̂ = Σx / n, σ̂² = Σ(x − μ̂)² / n
        standard errors: σ̂ / √n of μ̂, σ̂ / √2n of σ̂, σ̂² √(2 / n) of σ̂²
    Domain:
        finite numbers.
    Options:
        mean: The mean μ.
        std: The standard deviation σ.
        variance: The variance σ², instead of --std.
    Conventions:
        The variance of the maximum-likelihood estimate divides by n, not by n − 1.
        torch: GaussianNLLLoss drops ½ log 2π of each value unless full=True, and takes the variance.
    Source:
        Document 001 (log-likelihood of a normal distribution).
    Example:
        >>> losscli.likelihood("normal", [1.2, 0.7, 2.1, 1.5, 0.9], mean=1, std=0.5).log_likelihood
        -4.328956763223638
        >>> losscli.mle("normal", [1.2, 0.7, 2.1, 1.5, 0.9]).parameters["mean"]
        1.28
    Command:
        losscli likelihood normal sample_data/diabetes_target.npy --mean 150 --std 80
        losscli mle normal sample_data/diabetes_target.npy
    """

    mean: Fraction
    variance: Fraction

    @classmethod
    def given(cls, mean: Real, std: OptionalPositive = None, variance: OptionalPositive = None) -> Self:
        """From μ, and either σ or σ²."""
        if (std is None) == (variance is None):
            raise UsageError(
                f"normal needs --std or --variance, and {'neither' if std is None else 'both'} was given",
                why="the variance is the square of the standard deviation",
                hint="--std 1, or --variance 1",
            )
        return cls(Fraction(mean), Fraction(variance) if std is None else Fraction(std) ** 2)  # type: ignore[arg-type]

    @classmethod
    def fitted(cls, data: MomentTotals) -> Self:
        """The mean of the data, and their mean squared deviation from it."""
        mean = data.total / data.count
        return cls(mean, data.squares_about(mean) / data.count)

    def log_likelihood(self, data: MomentTotals) -> Decimal:
        """−n/2 (log 2π + log σ²) − Σ(x − μ)² / 2σ²; +∞ for data that all sit on the mean of a σ of 0."""
        if self.variance == 0:
            return INFINITY
        distance = as_decimal(data.squares_about(self.mean) / self.variance)
        return -(data.count * (LOG_TWO_PI + log(self.variance)) + distance) / 2

    def shown(self) -> dict[str, Any]:
        """μ, σ and σ²."""
        return _floats(mean=as_decimal(self.mean), std=root(self.variance), variance=as_decimal(self.variance))

    def standard_errors(self, count: int) -> dict[str, Any]:
        """Of μ̂, σ̂ and σ̂²."""
        return _floats(
            mean=root(self.variance / count),
            std=root(self.variance / (2 * count)),
            variance=root(2 * self.variance**2 / count),
        )

    def doubts(self) -> list[str]:
        """All values are equal."""
        if self.variance:
            return []
        return ["all values are equal: the standard deviation is 0, and the likelihood grows beyond every bound (+inf)"]


@model(support=Support("outcomes", 0.0, 1.0, whole=True, labels=True), statistics=Totals)
@dataclass(frozen=True)
class Bernoulli(Distribution):
    """Bernoulli distribution of outcomes 0 and 1.

    Formula:
        p(1) = p, p(0) = 1 − p
        ℓ = k log p + (n − k) log(1 − p), k = Σx, with 0 log 0 = 0
        p̂ = k / n
        standard error: √(p̂ (1 − p̂) / n)
    Domain:
        0 and 1, or booleans.
    Options:
        p: The probability of a 1.
    Conventions:
        The order of the outcomes is given, so there is no binomial coefficient.
    Source:
        Document 002 (likelihood of a discrete sample).
    Example:
        >>> losscli.mle("bernoulli", [1, 0, 1, 1]).parameters
        {'p': 0.75}
    Command:
        losscli likelihood bernoulli sample_data/cancer_labels.npy --p 0.5
        losscli mle bernoulli sample_data/cancer_labels.npy
    """

    p: Fraction

    @classmethod
    def given(cls, p: Probability) -> Self:
        """From p."""
        return cls(Fraction(p))

    @classmethod
    def fitted(cls, data: Totals) -> Self:
        """The share of ones."""
        return cls(data.total / data.count)

    def log_likelihood(self, data: Totals) -> Decimal:
        """The ones and the zeros, each times the log of its probability."""
        return times_log(data.total, self.p) + times_log(data.count - data.total, 1 - self.p)

    def shown(self) -> dict[str, Any]:
        """The probability of a 1."""
        return _floats(p=as_decimal(self.p))

    def standard_errors(self, count: int) -> dict[str, Any]:
        """Of p̂."""
        return _floats(p=root(self.p * (1 - self.p) / count))

    def doubts(self) -> list[str]:
        """All outcomes are the same."""
        return [] if 0 < self.p < 1 else [f"all values are {int(self.p)}: the estimate of p {AT_THE_EDGE}"]


@model(aliases=("multinoulli",), support=Support("classes", 0.0, whole=True, labels=True), statistics=Tally)
@dataclass(frozen=True)
class Categorical(Distribution):
    """Categorical distribution of classes 0 to K − 1, or of names.

    Formula:
        p(c) = p_c
        ℓ = Σ n_c log p_c over the classes, with n_c the number of samples of class c and 0 log 0 = 0
        p̂_c = n_c / n
        standard errors: √(p̂_c (1 − p̂_c) / n)
    Domain:
        class indices, or names where `--classes` lists them.
    Options:
        probs: The probabilities of the classes.
    Conventions:
        −ℓ / n is the cross-entropy of the shares of the classes and p: the cross-entropy loss.
        `mle` takes the classes from --classes, else from 0 to the largest index that occurs.
    Source:
        Document 002 (likelihood of K classes, and its negative logarithm).
    Example:
        >>> losscli.mle("categorical", [0, 2, 2, 1]).parameters
        {'probs': [0.25, 0.25, 0.5]}
    Command:
        losscli likelihood categorical sample_data/digits_labels.npy --probs .1,.1,.1,.1,.1,.1,.1,.1,.1,.1
        losscli mle categorical sample_data/digits_labels.npy
    """

    probs: tuple[Fraction, ...]

    @classmethod
    def given(cls, probs: Probabilities) -> Self:
        """From one probability a class."""
        return cls(tuple(map(Fraction, map(float, probs))))

    @classmethod
    def fitted(cls, data: Tally) -> Self:
        """The share of each class."""
        return cls(tuple(Fraction(times, data.count) for times in data.counts.tolist()))

    @property
    def classes(self) -> int:
        """K."""
        return len(self.probs)

    def log_likelihood(self, data: Tally) -> Decimal:
        """Each class's number of samples times the log of its probability."""
        of_classes = zip(data.counts.tolist(), self.probs, strict=True)
        return sum((times_log(Fraction(times), p) for times, p in of_classes), Decimal(0))

    def shown(self) -> dict[str, Any]:
        """The probability of each class."""
        return {"probs": [float(as_decimal(p)) for p in self.probs]}

    def standard_errors(self, count: int) -> dict[str, Any]:
        """Of each p̂_c."""
        return {"probs": [float(root(p * (1 - p) / count)) for p in self.probs]}

    def doubts(self) -> list[str]:
        """Classes that do not occur."""
        empty = [number for number, p in enumerate(self.probs) if p == 0]
        if not empty:
            return [] if len(self.probs) > 1 else [f"there is one class only: its probability {AT_THE_EDGE}"]
        named = ", ".join(map(str, empty[:8])) + (", ..." if len(empty) > 8 else "")
        return [f"{len(empty)} of {len(self.probs)} classes do not occur ({named}): an estimate of 0 {AT_THE_EDGE}"]


@model(support=Support("counts", 0.0, 2.0**53, whole=True), statistics=CountTotals)
@dataclass(frozen=True)
class Poisson(Distribution):
    """Poisson distribution of counts.

    Formula:
        p(k) = λᵏ exp(−λ) / k!
        ℓ = Σk log λ − nλ − Σ log k!, with 0 log 0 = 0
        λ̂ = Σk / n
        standard error: √(λ̂ / n)
    Domain:
        whole numbers from 0 to 2⁵³: beyond, float64 no longer tells them apart.
    Options:
        rate: The mean λ of the counts.
    Conventions:
        torch: PoissonNLLLoss expects log λ and leaves log k! out unless full=True.
    Source:
        Document 001 (likelihood and maximum-likelihood estimate).
    Example:
        >>> losscli.mle("poisson", [2, 0, 3, 1]).parameters
        {'rate': 1.5}
    Command:
        losscli likelihood poisson sample_data/diabetes_target.npy --rate 150
        losscli mle poisson sample_data/diabetes_target.npy
    """

    rate: Fraction

    @classmethod
    def given(cls, rate: NonNegative) -> Self:
        """From λ."""
        return cls(Fraction(rate))

    @classmethod
    def fitted(cls, data: CountTotals) -> Self:
        """The mean count."""
        return cls(data.total / data.count)

    def log_likelihood(self, data: CountTotals) -> Decimal:
        """Σk log λ − nλ − Σ log k!."""
        return times_log(data.total, self.rate) - as_decimal(data.count * self.rate) - data.log_factorials

    def shown(self) -> dict[str, Any]:
        """The mean count."""
        return _floats(rate=as_decimal(self.rate))

    def standard_errors(self, count: int) -> dict[str, Any]:
        """Of λ̂."""
        return _floats(rate=root(self.rate / count))

    def doubts(self) -> list[str]:
        """All counts are 0."""
        return [] if self.rate else [f"all counts are 0: the estimate of the rate {AT_THE_EDGE}"]


@model(support=Support("values", 0.0), statistics=Totals)
@dataclass(frozen=True)
class Exponential(Distribution):
    """Exponential distribution of numbers ≥ 0.

    Formula:
        p(x) = λ exp(−λx)
        ℓ = n log λ − λ Σx
        λ̂ = n / Σx
        standard error: λ̂ / √n
    Domain:
        finite numbers ≥ 0.
    Options:
        rate: The rate λ, the inverse of the mean.
    Conventions:
        scipy: expon takes the scale 1 / λ.
    Source:
        Document 001 (likelihood and maximum-likelihood estimate).
    Example:
        >>> losscli.mle("exponential", [0.5, 1.0, 2.5, 4.0]).parameters
        {'rate': 0.5}
    Command:
        losscli likelihood exponential sample_data/diabetes_target.npy --rate 0.01
        losscli mle exponential sample_data/diabetes_target.npy
    """

    mean: Fraction  # 1 / λ, which stays finite where all values are 0

    @classmethod
    def given(cls, rate: Positive) -> Self:
        """From λ."""
        return cls(1 / Fraction(rate))

    @classmethod
    def fitted(cls, data: Totals) -> Self:
        """The mean of the data."""
        return cls(data.total / data.count)

    def log_likelihood(self, data: Totals) -> Decimal:
        """−n log 1/λ − λ Σx; +∞ for data that are all 0 under an infinite rate."""
        if self.mean == 0:
            return INFINITY
        return -data.count * log(self.mean) - as_decimal(data.total / self.mean)

    def shown(self) -> dict[str, Any]:
        """The rate."""
        return _floats(rate=self._rate())

    def standard_errors(self, count: int) -> dict[str, Any]:
        """Of λ̂."""
        return _floats(rate=self._rate() / Decimal(count).sqrt())

    def doubts(self) -> list[str]:
        """All values are 0."""
        return [] if self.mean else ["all values are 0: the rate and the likelihood grow beyond every bound (+inf)"]

    def _rate(self) -> Decimal:
        return as_decimal(1 / self.mean) if self.mean else INFINITY


def _floats(**numbers: Decimal) -> dict[str, Any]:
    return {name: float(number) for name, number in numbers.items()}
