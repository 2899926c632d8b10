"""The table of `make accuracy` without the peers: losscli keeps its bars, and what is kept is of this corpus."""

from __future__ import annotations

import sys
from pathlib import Path

import mpmath
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "losses"))  # the references of its tests

from accuracy_table import as_page, kept
from answers import BAR_OF_A_SUM, BAR_OF_ONE_NUMBER, error_of, ours, rounding, rows_of
from corpus import corpus

from losscli.losses.catalogue import catalogue


@pytest.fixture(scope="module")
def calls():
    return list(corpus())


def test_every_loss_of_the_catalogue_has_its_points(calls):
    assert {call.loss for call in calls} == set(catalogue())


def test_losscli_is_within_its_bars(calls):
    rows = rows_of(calls, {"losscli": ours(calls)})
    assert [(row.what, row.cells) for row in rows if not row.met] == []
    assert {row.bar for row in rows} == {BAR_OF_ONE_NUMBER, BAR_OF_A_SUM}
    told = [(row.what, row.points, row.bar) for row in kept().rows]
    assert told == [(row.what, row.points, row.bar) for row in rows], "`make accuracy` measures the table anew"


def test_every_sum_and_every_mean_is_correctly_rounded(calls):
    right, every = rounding(calls)
    assert right == every > 500


def test_what_is_kept_was_met_and_names_the_peers():
    table = kept()
    assert table.met
    assert set(table.rows[0].cells) == {"losscli", *table.versions}
    assert f"losscli keeps {len(table.rows)} of {len(table.rows)} bars" in as_page(table)


@pytest.mark.parametrize(("got", "true", "error"), [
    (1.0, "1", 0.0),
    (1.0 + 2**-51, "1", 2.0),
    (float("inf"), "inf", 0.0),
    (float("inf"), "1e400", 0.0),
    (1e308, "inf", float("inf")),
    (float("nan"), "1", float("inf")),
    (0.0, "4.9406564584124654e-324", 1.0),
])  # fmt: skip
def test_errors_are_counted_in_units_of_the_last_place(got, true, error):
    true = mpmath.mpf(true)
    assert error_of(got, true, true) == pytest.approx(error, abs=1e-3)
