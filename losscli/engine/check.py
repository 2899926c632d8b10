"""The verdict of a check: whether the value is where it should be, and how close it was."""

from __future__ import annotations

import math

from losscli.engine.result import Check, Limit
from losscli.errors import UsageError

DEFAULT_RTOL = 1e-6


def refuse_bad_limits(**limits: float | None) -> None:
    """A UsageError for a limit that nothing could be compared with."""
    for name, limit in limits.items():
        if limit is None:
            continue
        if math.isnan(limit):
            raise UsageError(f"--{name} is nan, and nothing compares with nan")
        if name in {"rtol", "atol"} and limit < 0:
            raise UsageError(f"--{name} is {limit:g}, but a tolerance is ≥ 0")
    if limits.get("expect") is None and (limits.get("rtol") is not None or limits.get("atol") is not None):
        raise UsageError("--rtol and --atol are tolerances of --expect, which is missing", hint="add --expect VALUE")


def judge(
    value: float,
    *,
    expect: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    maximum: float | None = None,
    minimum: float | None = None,
) -> Check | None:
    """The verdict on `value`; None where nothing was asked.

    `expect` passes where |value − expect| ≤ atol + rtol · |expect|; with neither tolerance given,
    rtol is 1e-6. A NaN passes nothing, and nothing but itself passes for an infinite `expect`.
    """
    gates = []
    if expect is not None:
        if rtol is None and atol is None:
            rtol = DEFAULT_RTOL
        gates.append(_expectation(value, expect, rtol or 0.0, atol or 0.0))
    if maximum is not None:
        gates.append(Limit("max", maximum, value <= maximum, _needed(max=value)))
    if minimum is not None:
        gates.append(Limit("min", minimum, value >= minimum, _needed(min=value)))
    return Check(all(gate.passed for gate in gates), tuple(gates)) if gates else None


def _expectation(value: float, expect: float, rtol: float, atol: float) -> Limit:
    distance = 0.0 if value == expect else abs(value - expect)
    if math.isinf(expect):
        return Limit("expect", expect, not distance, {}, {"rtol": rtol, "atol": atol})
    passed = distance <= atol + rtol * abs(expect)
    relative = distance / abs(expect) if expect else math.nan
    if relative * abs(expect) < distance:  # rounded down: the next one up is the one that passes
        relative = math.nextafter(relative, math.inf)
    return Limit("expect", expect, passed, _needed(rtol=relative, atol=distance), {"rtol": rtol, "atol": atol})


def _needed(**limits: float) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if not math.isnan(limit)}
