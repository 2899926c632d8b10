"""`losscli gaussian-nll` as a stranger meets it: the spread from everywhere it may come, and bad spreads."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

MEAN, TARGET, STD = [1.0, 2.0, 3.0, 4.0], [1.5, 1.5, 3.25, 2.0], [0.5, 1.0, 0.25, 2.0]


def density(std=STD, *, full=True):
    """The definition, term by term."""
    constant = 0.5 * math.log(2.0 * math.pi) if full else 0.0
    return [math.log(s) + 0.5 * ((x - m) / s) ** 2 + constant for m, x, s in zip(MEAN, TARGET, std, strict=True)]


@pytest.fixture
def folder(shell):
    """Four samples as arrays and as a table."""
    shell.save("mean.npy", MEAN)
    shell.save("target.npy", TARGET)
    shell.save("std.npy", STD)
    shell.save("variance.npy", np.square(STD))
    rows = "".join(f"{m},{x},{s},{s * s}\n" for m, x, s in zip(MEAN, TARGET, STD, strict=True))
    shell.write("table.csv", f"mean,target,std,variance\n{rows}")
    return shell


@pytest.mark.parametrize(
    "command",
    [
        "mean.npy target.npy --std std.npy",
        "mean.npy target.npy --variance variance.npy",
        "mean.npy target.npy --std 0.5,1,0.25,2",
        "mean.npy target.npy --variance table.csv:variance",
        "table.csv --pred mean --target target --std std",
        "table.csv --pred mean --target target --variance variance",
        "table.csv --pred mean --target target --std table.csv:std",
        "mean.npy target.npy --std std.npy --eps 0.01",
    ],
)
def test_the_spread_may_come_from_anywhere(folder, command):
    document = json.loads(folder(f"gaussian-nll {command} --reduction none --json").out)
    np.testing.assert_allclose(document["value"], density(), rtol=1e-15)


def test_one_number_for_all_and_the_constant_dropped(folder):
    for option in ("--std 0.5", "--variance 0.25"):
        got = json.loads(folder(f"gaussian-nll mean.npy target.npy {option} --no-full --json").out)
        assert got["value"] == pytest.approx(math.fsum(density([0.5] * 4, full=False)) / 4, rel=1e-15)
        assert "full:False" in got["signature"]


def test_a_spread_for_each_sample_of_many_outputs(folder):
    folder.save("means.npy", np.stack([MEAN, MEAN], axis=1))
    folder.save("targets.npy", np.stack([TARGET, TARGET], axis=1))
    folder.save("column.npy", np.reshape(STD, (4, 1)))
    folder.save("all.npy", np.stack([STD, STD], axis=1))
    expected = np.stack([density(), density()], axis=1)
    for name in ("std.npy", "column.npy", "all.npy"):
        got = json.loads(folder(f"gaussian-nll means.npy targets.npy --std {name} --reduction none --json").out)
        np.testing.assert_allclose(got["value"], expected, rtol=1e-15)


def test_eps_is_a_floor_under_the_variance(folder):
    floored = density([max(s, 0.5) for s in STD])
    for option in ("--std std.npy", "--variance variance.npy"):
        got = json.loads(folder(f"gaussian-nll mean.npy target.npy {option} --eps 0.25 --reduction none --json").out)
        np.testing.assert_allclose(got["value"], floored, rtol=1e-15)
    for option in ("--std 0", "--variance 0"):
        got = json.loads(folder(f"gaussian-nll mean.npy target.npy {option} --eps 0.25 --reduction none --json").out)
        np.testing.assert_allclose(got["value"], density([0.5] * 4), rtol=1e-15)


def test_a_density_above_one_is_a_negative_loss(folder):
    assert float(folder("gaussian-nll mean.npy mean.npy --std 0.01 --format value").out) < -3.0


def test_a_loss_beyond_float64_is_said_to_be_that(folder):
    folder.save("far.npy", [1e200] * 4)
    outcome = folder("gaussian-nll far.npy target.npy --std 1 --format value")
    assert outcome.out.strip() == "inf"
    assert "it is beyond the largest float64" in outcome.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("mean.npy target.npy --variance negative.npy", "negative.npy: row 2: the value is -1"),
        ("mean.npy target.npy --std zero.npy", "hint: --eps 1e-6"),
        ("mean.npy target.npy --std nan.npy", "nan.npy: row 1: the value is NaN"),
        ("mean.npy target.npy --variance inf.npy", "variances must be finite"),
        ("mean.npy target.npy --std 1,2,3", "--std has 3"),
        ("mean.npy target.npy --std wide.npy", "one value for each prediction, or one for each sample"),
        ("mean.npy target.npy --std nope", "--std is a column of the inputs, a file, FILE:COLUMN"),
        ("table.csv --pred mean --target target --std sdt", "sdt"),
        ("table.csv --pred mean --target target --std table.csv:sdt", "did you mean 'std'?"),
        ("nan.npy target.npy --std 1", "nan.npy: row 1: the value is NaN"),
        ("mean.npy wide.npy --std 1", "nothing broadcasts"),
    ],
)
def test_bad_data_are_one_clear_error(folder, complaint, command, said):
    for name, values in (
        ("negative", [1.0, 2.0, -1.0, 4.0]),
        ("zero", [1.0, 2.0, 0.0, 4.0]),
        ("nan", [1.0, np.nan, 1.0, 1.0]),
        ("inf", [1.0, np.inf, 1.0, 1.0]),
        ("wide", np.ones((4, 3))),
    ):
        folder.save(f"{name}.npy", values)
    assert said in complaint(f"gaussian-nll {command}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "gaussian-nll needs --variance or --std"),
        ("--std 1 --variance 1", "both are given: exactly one is needed"),
        ("--std 0", "--std is 0, but standard deviations must be > 0"),
        ("--variance -1", "--variance is -1, but variances must be > 0"),
        ("--std inf", "must be finite"),
        ("--std nan", "must be finite"),
        ("--std 1 --eps -1", "--eps is -1.0"),
    ],
)
def test_a_wrong_command_is_told_by_the_command_line_alone(folder, complaint, options, said):
    assert said in complaint(f"gaussian-nll mean.npy target.npy {options}", code=2)
