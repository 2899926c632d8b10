"""A comparison as a table, and as JSON in the layout of `comparison_schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from losscli.report.json_report import portable
from losscli.report.page import Column
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from losscli.engine.comparison import Comparison, Contrast
    from losscli.engine.result import InputRecord
    from losscli.report.page import Page

COMPARISON_SCHEMA_ID = "losscli/comparison/1"

_STYLES = {"better": "bold green", "worse": "bold red", "equivalent": "bold green", "undecided": "bold yellow"}
_DIGITS = 6


def comparison_to_json(found: Comparison) -> dict[str, Any]:
    """The record as plain dicts, lists, strings and finite numbers, in the order of the schema."""
    document = {"schema": COMPARISON_SCHEMA_ID, **vars(found)}
    document["contrasts"] = [{**vars(contrast), "moved": contrast.moved.records()} for contrast in found.contrasts]
    return {name: portable(value) for name, value in document.items()}


def draw_comparison(page: Page, found: Comparison) -> None:
    """Everything that a page tells of a comparison."""
    page.line(f"{found.loss}: {len(found.models)} models on the same {found.compared:,} samples", "bold")
    page.pairs([(printable(label), printable(content)) for label, content in _summary(found)])
    for contrast in found.contrasts:
        _draw_contrast(page, contrast, found)
    if found.check is not None:
        _draw_check(page, found)
    page.line()
    page.line(printable(found.signature), "dim")


def _draw_contrast(page: Page, contrast: Contrast, found: Comparison) -> None:
    page.line()
    page.spans(
        [(f"{contrast.candidate} against {contrast.baseline}: ", "bold"), (contrast.verdict, _STYLES[contrast.verdict])]
    )
    page.pairs(list(_evidence(contrast, found)))
    if not len(contrast.moved):
        return
    rows = {_heading(name, contrast): values for name, values in contrast.moved.columns.items()}
    columns = _columns(rows)
    title = f"the {len(contrast.moved)} samples that moved most"
    if not page.fits(columns):
        columns = _columns(rows, _DIGITS)
        title += f", to {_DIGITS} digits (all digits: --json)"
    page.line()
    page.line(title, "bold")
    page.table(columns)


def _draw_check(page: Page, found: Comparison) -> None:
    check = found.check
    if check is None:
        return
    verdict, style = ("passed", "bold green") if check.passed else ("FAILED", "bold red")
    page.line()
    page.line(f"check {verdict}", style)
    failed = f": {', '.join(check.failed)}" if check.failed else ""
    page.line(f"  fail on {', '.join(check.fail_on)}{failed}", "" if check.passed else "red")


def _summary(found: Comparison) -> Iterator[tuple[str, str]]:
    """What was compared: label and content of every line, in order."""
    unit = f" {found.unit}" if found.unit else ""
    for model in found.models:
        yield f"{model.label} = {model.value!r}{unit}", f"{model.name} ({_read(model.input)})"
    if found.targets is not None:
        yield "targets", f"{found.targets.path} ({_read(found.targets)})"
    yield "samples", _samples(found)
    if found.clusters is not None:
        clusters = found.clusters
        sizes = f"{clusters.smallest:,}"
        if clusters.largest > clusters.smallest:
            sizes += f" to {clusters.largest:,}"
        yield "clusters", f"{clusters.count:,} by {clusters.source}, of {sizes} samples"


def _read(record: InputRecord) -> str:
    kind = "" if record.kind is None else f", {record.kind}"
    return f"{record.format}, shape {record.shape}, {record.dtype}{kind}"


def _samples(found: Comparison) -> str:
    parts = [f"{found.samples:,} read", f"{found.compared:,} compared"]
    if found.skipped:
        parts.append(f"{found.skipped:,} skipped")
    weightless = found.samples - found.compared - found.skipped
    if weightless:
        parts.append(f"{weightless:,} of weight 0")
    weights = "they weigh differently: mean = Σ loss / Σ weight" if found.weighted else "all of the same weight"
    return f"{', '.join(parts)}; {weights}"


def _evidence(contrast: Contrast, found: Comparison) -> Iterator[tuple[str, str]]:
    """What is known of a difference: label and content of every line, in order."""
    settings = found.settings
    one, other = contrast.candidate, contrast.baseline
    unit = f" {found.unit}" if found.unit else ""
    yield "difference", f"{contrast.difference!r}{unit} ({one} − {other}: below 0, {one} is better)"
    evidence = contrast.evidence
    if evidence is not None:
        interval = evidence.interval
        method = {"bca": "BCa bootstrap", "percentile": "percentile bootstrap"}[interval.method]
        draws = f"{settings.resamples:,} resamples"
        yield "standard error", f"{_short(evidence.standard_error)} (jackknife over {found.resampled})"
        yield (
            f"{100.0 * settings.confidence:g} % interval",
            f"{_short(interval.low)} to {_short(interval.high)} ({method}, {draws} of {found.resampled})",
        )
        flips = "all sign flips" if evidence.exact else f"{settings.resamples:,} sign flips"
        yield "p-value", f"{_short(evidence.p_value)} ({flips} of {found.resampled})"
    if contrast.p_adjusted is not None and len(found.contrasts) > 1:
        yield "corrected p", f"{_short(contrast.p_adjusted)} (Holm, for {len(found.contrasts)} candidates)"
    yield "samples", f"{contrast.wins:,} better, {contrast.losses:,} worse, {contrast.ties:,} the same"
    if contrast.noninferior is not None:
        shown, ends = ("yes", "ends below") if contrast.noninferior else ("not shown", "reaches")
        yield "non-inferior", f"{shown}: the interval {ends} the margin {_short(settings.margin)}"
    if contrast.detectable:
        share = f"{100.0 * settings.power:g} %"
        yield (
            "detectable",
            f"{_short(contrast.detectable)} or more: seen with so many {found.resampled} in {share} of cases",
        )
    if contrast.needed is not None:
        yield "needed", f"about {contrast.needed:,} {found.resampled} to decide, if the difference is what it seems"


def _heading(name: str, contrast: Contrast) -> str:
    """The name of a column, with the letter of the model that it is of."""
    return name.replace("_baseline", f" {contrast.baseline}").replace("_candidate", f" {contrast.candidate}")


def _short(number: float) -> str:
    """A number that chance has a part in."""
    return f"{number:.{_DIGITS}g}"


def _columns(rows: Mapping[str, np.ndarray], digits: int | None = None) -> list[Column]:
    return [
        Column(printable(name), [_cell(value, digits) for value in values.tolist()], right=values.dtype.kind in "iuf")
        for name, values in rows.items()
    ]


def _cell(value: Any, digits: int | None) -> str:
    if isinstance(value, float):
        return repr(value) if digits is None else f"{value:.{digits}g}"
    return printable(str(value))
