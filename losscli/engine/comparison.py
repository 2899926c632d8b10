"""Models compared on the same samples: how far apart their losses are, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from losscli.engine.observe import Progress
from losscli.engine.pairing import Paired, clusters_of, label_of, score_together
from losscli.engine.plan import Request
from losscli.engine.resampling import (
    Power,
    Units,
    bca_interval,
    bootstrap,
    gathered,
    holm,
    jackknife,
    percentile_interval,
    sign_flips,
    standard_errors,
)
from losscli.engine.result import InputRecord, Samples
from losscli.errors import DataError, UsageError
from losscli.numerics import Array, ExactSum, exact_ratio
from losscli.version import __version__

Method = Literal["bca", "percentile"]
Verdict = Literal["better", "worse", "equivalent", "undecided"]
Unit = Literal["samples", "clusters"]
FailOn = Literal["worse", "undecided", "not-better", "inferior"]

FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)
"""What a check on a comparison can forbid."""

FEW_UNITS = 20
"""Resampled intervals of fewer units are known to be too short."""


MOST_RESAMPLES = 10_000_000
"""Memory and time go with the resamples: without a bound a slip of the finger would take all of both."""


@dataclass(frozen=True)
class Settings:
    """How sure a verdict has to be, and what it is drawn from."""

    confidence: float = 0.95
    margin: float = 0.0
    power: float = 0.8
    resamples: int = 2000
    method: Method = "bca"
    seed: int = 0
    top: int = 5

    def __post_init__(self) -> None:
        for name in ("confidence", "power"):
            share = getattr(self, name)
            if not 0.5 <= share < 1.0:
                raise UsageError(f"--{name} is {share:g}, but must be at least 0.5 and below 1")
        if not (self.margin >= 0.0 and math.isfinite(self.margin)):
            raise UsageError(f"--margin is {self.margin:g}, but must be a finite number ≥ 0")
        for name, least in (("resamples", 100), ("seed", 0), ("top", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"--{name} is {getattr(self, name)}, but must be a whole number ≥ {least}")
        if self.resamples > MOST_RESAMPLES:
            raise UsageError(
                f"--resamples is {self.resamples}, but must be {MOST_RESAMPLES:,} at most",
                why="each of them is kept in memory",
                hint=f"--resamples {MOST_RESAMPLES}",
            )

    @property
    def alpha(self) -> float:
        """How often a difference may be seen where there is none."""
        return 1.0 - self.confidence


@dataclass(frozen=True)
class Contender:
    """A model: its letter, its name and value, and how it was read and scored."""

    label: str
    name: str
    value: float
    input: InputRecord
    signature: str


@dataclass(frozen=True)
class Clusters:
    """Samples that belong together: where that is written, how many clusters there are, and of what sizes."""

    source: str
    count: int
    smallest: int
    largest: int


@dataclass(frozen=True)
class Interval:
    """A confidence interval, and how it was made of the bootstrapped differences."""

    low: float
    high: float
    method: Method


@dataclass(frozen=True)
class Evidence:
    """What resampling says of a difference; `exact` is a p-value that all patterns of signs went into."""

    standard_error: float
    interval: Interval
    p_value: float
    exact: bool


@dataclass(frozen=True)
class Contrast:
    """A candidate against the baseline, by their letters. Below zero, the candidate's loss is the lower one.

    `p_adjusted` is corrected for the number of candidates. `detectable` is the smallest difference
    that so many units find with the power that was asked for, `needed` how many units would decide
    if the difference is what it seems to be. Where a loss is not finite there is no evidence.
    """

    baseline: str
    candidate: str
    difference: float
    evidence: Evidence | None
    p_adjusted: float | None
    wins: int
    losses: int
    ties: int
    verdict: Verdict
    noninferior: bool | None
    detectable: float | None
    needed: int | None
    moved: Samples


@dataclass(frozen=True)
class Gating:
    """A check on the verdicts: what it forbids, and the letters of the candidates that are it."""

    passed: bool
    fail_on: Sequence[FailOn]
    failed: Sequence[str]


@dataclass(frozen=True)
class Comparison:
    """All that a comparison found. The first model is the baseline of every contrast."""

    loss: str
    unit: str
    samples: int
    compared: int
    skipped: int
    weighted: bool
    resampled: Unit
    clusters: Clusters | None
    settings: Settings
    models: Sequence[Contender]
    targets: InputRecord | None
    options: Mapping[str, Any]
    contrasts: Sequence[Contrast]
    signature: str
    warnings: Sequence[str]
    check: Gating | None = None


def gated(found: Comparison, fail_on: Sequence[FailOn]) -> Comparison:
    """The comparison with the check on its verdicts."""
    failed = [contrast.candidate for contrast in found.contrasts if any(fails(contrast, word) for word in fail_on)]
    return replace(found, check=Gating(passed=not failed, fail_on=list(fail_on), failed=failed))


def fails(contrast: Contrast, word: FailOn) -> bool:
    """Whether a candidate is what the check forbids; `inferior`: not shown to be worse by less than the margin."""
    if word == "not-better":
        return contrast.verdict != "better"
    if word == "inferior":
        return not contrast.noninferior
    return contrast.verdict == word


def compare(
    request: Request,
    models: Sequence[str],
    settings: Settings,
    *,
    cluster: str | None = None,
    progress: Progress | None = None,
    keep: Callable[[Paired], None] | None = None,
) -> Comparison:
    """Score every model against the request's targets, and compare the others with the first.

    Args:
        request: The run of one model; its predictions are those of `models`, one after the other.
        models: Paths as in a request, or `FILE:COLUMNS` of a table.
        settings: What the verdicts rest on.
        cluster: A column or a file; the samples that have the same there belong together.
        progress: Is told how far the resampling is, as `request.progress` is of the scoring.
        keep: Takes every sample as each model scored it.

    Raises:
        DataError: If the models were not scored on the same samples with the same weights.
    """
    paired = score_together(request, models, shown=settings.top > 0 or keep is not None)
    if keep:
        keep(paired)
    clusters, of_sample = _clusters(paired, cluster)
    resampled: Unit = "samples" if clusters is None else "clusters"
    count = len(paired.samples) if clusters is None else clusters.count
    if count < 2:
        hint = "without --cluster every sample stands for itself" if clusters else ""
        raise DataError(
            f"there is a single one of the {resampled} to compare", why="chance shows in two or more", hint=hint
        )
    warnings = list(paired.warnings)
    if count < FEW_UNITS:
        warnings.append(f"{count} {resampled} are few: bootstrap intervals of fewer than {FEW_UNITS} are too short")

    values = Values(paired, request.loss.of_mean)
    testable = values.testable
    found: dict[int, Evidence] = {}
    if testable:
        # Beside a loss of 1e300 another may overflow; what is not finite then is no evidence.
        with np.errstate(over="ignore", invalid="ignore"):
            units = _units(paired, testable, request)
            units = units if of_sample is None else gathered(units, of_sample, count)
            evidence = _evidence(units, [values.difference(p) for p in testable], settings, request.threads, progress)
        found = {position: one for position, one in zip(testable, evidence, strict=True) if one is not None}
    if len(found) < len(models) - 1:
        warnings.append("where a loss is not finite there is neither interval nor test, and the verdict is undecided")
    adjusted = dict(zip(found, holm([one.p_value for one in found.values()]), strict=True))
    first = paired.models[0].result
    return Comparison(
        loss=first.loss,
        unit=first.unit,
        samples=paired.read,
        compared=len(paired.samples),
        skipped=paired.skipped,
        weighted=bool((paired.weight != paired.weight[0]).any()),
        resampled=resampled,
        clusters=clusters,
        settings=settings,
        models=[
            Contender(label_of(position), model.name, value, model.result.inputs["predictions"], model.result.signature)
            for position, (value, model) in enumerate(zip(values.values, paired.models, strict=True))
        ],
        targets=first.inputs.get("targets"),
        options=first.options,
        contrasts=[
            _contrast(paired, position, values, found.get(position), adjusted.get(position), count, settings)
            for position in range(1, len(models))
        ],
        signature=_signature(first.signature, settings, resampled, count),
        warnings=warnings,
    )


def _clusters(paired: Paired, column: str | None) -> tuple[Clusters | None, np.ndarray | None]:
    """The clusters that a column or a file makes, and the number of each sample's; None if none are asked for."""
    if column is None:
        return None, None
    numbers = clusters_of(paired.models[0].request, column, paired.read)[paired.samples]
    _, of_sample, sizes = np.unique(numbers, return_inverse=True, return_counts=True)
    return Clusters(column, len(sizes), int(sizes.min()), int(sizes.max())), of_sample


class Values:
    """The mean of every model, and the exact sums that it is made of."""

    def __init__(self, paired: Paired, of_mean: Callable[[float], float] | None) -> None:
        self.totals = [_total(model.loss) for model in paired.models]
        self._weight = _total(paired.weight)
        self._of_mean = of_mean
        means = [total.over(self._weight) for total in self.totals]
        self.values = means if of_mean is None else [of_mean(mean) for mean in means]

    @property
    def testable(self) -> list[int]:
        """The positions of the candidates that differ from the first model by a finite number."""
        finite = [position for position, value in enumerate(self.values) if math.isfinite(value)]
        return finite[1:] if 0 in finite else []

    def difference(self, position: int) -> float:
        """A model's value minus the first one's, rounded once where both are means."""
        one, other = self.totals[position], self.totals[0]
        if self._of_mean is None and one.finite and other.finite:
            return exact_ratio(one.units - other.units, self._weight.units)
        return self.values[position] - self.values[0]


def _total(numbers: Array) -> ExactSum:
    total = ExactSum()
    total.add(numbers)
    return total


def _units(paired: Paired, positions: Sequence[int], request: Request) -> Units:
    """The samples as units, with the losses of the models at these positions."""
    baseline = paired.models[0].loss
    differences = np.stack([paired.models[position].loss - baseline for position in positions])
    return Units(paired.weight, baseline, differences, request.loss.of_mean)


def _evidence(
    units: Units, differences: Sequence[float], settings: Settings, threads: int | None, progress: Progress | None
) -> list[Evidence | None]:
    """What resampling says of the difference of each candidate; None where it leaves the finite numbers."""
    left_out = jackknife(units)
    errors = standard_errors(left_out).tolist()
    estimates = bootstrap(units, settings.resamples, settings.seed, threads=threads, progress=progress)
    flips = sign_flips(units, settings.resamples, settings.seed, threads=threads)
    found: list[Evidence | None] = []
    for position, (error, difference) in enumerate(zip(errors, differences, strict=True)):
        if not (math.isfinite(error) and np.isfinite(estimates[position]).all()):
            found.append(None)
            continue
        interval = _interval(estimates[position], difference, left_out[position], settings)
        found.append(Evidence(error, interval, flips.p_values[position], flips.exact[position]))
    return found


def _interval(estimates: Array, difference: float, left_out: Array, settings: Settings) -> Interval:
    """The interval that was asked for; the plain one where the correction does not exist."""
    corrected = bca_interval(estimates, difference, left_out, settings.confidence) if settings.method == "bca" else None
    if corrected is not None:
        return Interval(*corrected, method="bca")
    return Interval(*percentile_interval(estimates, settings.confidence), method="percentile")


def _contrast(
    paired: Paired,
    position: int,
    values: Values,
    evidence: Evidence | None,
    p_adjusted: float | None,
    units: int,
    settings: Settings,
) -> Contrast:
    baseline, candidate = paired.models[0], paired.models[position]
    difference = values.difference(position)
    wins, losses = int((candidate.loss < baseline.loss).sum()), int((candidate.loss > baseline.loss).sum())
    verdict: Verdict = "undecided"
    noninferior, detectable, needed = None, None, None
    if evidence is not None and p_adjusted is not None:
        verdict = _verdict(evidence.interval, p_adjusted, settings, same=not (wins or losses))
        noninferior = evidence.interval.high < settings.margin if settings.margin else None
        power = Power(settings.alpha / (len(paired.models) - 1), settings.power)
        detectable = power.detectable(evidence.standard_error)
        if verdict == "undecided":
            # Either far enough from 0 to be seen, or far enough inside the margin.
            distance = max(abs(difference), settings.margin - abs(difference))
            needed = power.needed(units, evidence.standard_error, distance)
    return Contrast(
        baseline=label_of(0),
        candidate=label_of(position),
        difference=difference,
        evidence=evidence,
        p_adjusted=p_adjusted,
        wins=wins,
        losses=losses,
        ties=len(paired.samples) - wins - losses,
        verdict=verdict,
        noninferior=noninferior,
        detectable=detectable,
        needed=needed,
        moved=_moved(paired, position, settings.top),
    )


def _verdict(interval: Interval, p_value: float, settings: Settings, *, same: bool) -> Verdict:
    """What the interval and the corrected p-value allow to say, both at the level that was asked for."""
    if same or (-settings.margin < interval.low and interval.high < settings.margin):
        return "equivalent"
    if p_value < settings.alpha and interval.high < 0.0:
        return "better"
    if p_value < settings.alpha and interval.low > 0.0:
        return "worse"
    return "undecided"


def _moved(paired: Paired, position: int, count: int) -> Samples:
    """The samples whose loss differs most between the models, the largest difference first."""
    baseline, candidate = paired.models[0], paired.models[position]
    with np.errstate(invalid="ignore"):
        difference = candidate.loss - baseline.loss
    size = np.where(np.isnan(difference), 0.0, np.abs(difference))
    rows = np.argsort(-size, kind="stable")[:count]
    rows = rows[size[rows] > 0.0]
    columns = {"sample": paired.samples[rows]}
    if "target" in baseline.shown:
        columns["target"] = baseline.shown["target"][rows]
    both = (("baseline", baseline), ("candidate", candidate))
    for role, model in both:
        columns |= {f"{name}_{role}": values[rows] for name, values in model.shown.items() if name != "target"}
    columns |= {f"loss_{role}": model.loss[rows] for role, model in both}
    return Samples({**columns, "difference": difference[rows]})


def _signature(of_run: str, settings: Settings, resampled: Unit, count: int) -> str:
    """A line to cite: what every model was scored by, and what the verdicts rest on."""
    parts = [part for part in of_run.split("|") if not part.startswith(("kind:", "losscli:"))]
    return "|".join(
        [
            "compare",
            *parts,
            f"resampled:{count} {resampled}",
            f"bootstrap:{settings.method}",
            f"resamples:{settings.resamples}",
            f"confidence:{settings.confidence:g}",
            f"margin:{settings.margin:g}",
            f"seed:{settings.seed}",
            f"losscli:{__version__}",
        ]
    )
