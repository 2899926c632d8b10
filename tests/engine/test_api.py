"""The Python API as a caller meets it: paths, options that are checked, errors in its own spelling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import losscli

PREDICTIONS = np.array([[0.2, 0.8], [0.6, 0.4]])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table without a header, as a path object."""
    path = tmp_path / "t.csv"
    path.write_text("1,0.5\n2,2.5\n")
    return path


def test_path_objects_are_paths(table):
    without = losscli.compute("mse", table, header=False, pred="0", target="1").value
    assert without == losscli.compute("mse", str(table), header="no", pred="0", target="1").value == 0.25


def test_the_header_is_what_the_caller_says(table):
    table.write_text("7,8\n1,0.5\n2,2.5\n")
    assert losscli.compute("mse", table, header=True, pred="7", target="8").value == 0.25
    assert losscli.compute("mse", table, header=False, pred="0", target="1").value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"header": "maybe"}, "header is 'maybe', but must be one of auto, yes, no"),
        ({"input_format": "xls"}, "input_format is 'xls', but must be one of npy, npz, csv"),
        ({"delimiter": 5}, "must be text"),
        ({"threads": 0}, "threads=0"),
        ({"threads": "2"}, "threads is '2', but must be a whole number ≥ 1"),
        ({"top": "x"}, "top is 'x', but must be a whole number ≥ 0"),
        ({"top": -3}, "top is -3"),
        ({"per_sample": "no"}, "per_sample is 'no', but must be True or False"),
    ],
)
def test_options_that_mean_nothing(table, options, problem):
    with pytest.raises(losscli.UsageError) as caught:
        losscli.compute("mse", table, **options)
    assert problem.replace("threads=0", "threads is 0, but must be") in str(caught.value)


def test_errors_are_spelt_in_python():
    with pytest.raises(losscli.DataError) as caught:
        losscli.nll([[0.2, 0.8]], [1])
    assert caught.value.hint == "kind='probs' takes the values as probabilities, which they look like"
    with pytest.raises(losscli.DataError) as caught:
        losscli.compute("nll", PREDICTIONS / 2, [1, 0])
    assert caught.value.hint.startswith("kind='probs' normalize=True divides each row by its sum; kind='logits'")
    with pytest.raises(losscli.DataError, match="2 classes") as caught:
        losscli.nll(np.log(PREDICTIONS), [1, -100])
    assert caught.value.hint == "ignore_index=-100 leaves them out"
    assert "--" not in str(caught.value)


def test_what_the_package_has():
    assert "Result" in losscli.__all__
    assert "nll" in losscli.__all__
    assert all(hasattr(losscli, name) for name in losscli.__all__)
    assert isinstance(losscli.compute("nll", PREDICTIONS, [1, 0]), losscli.Result)
