"""The golden files can be read, and the sample data say the same in every format."""

import csv
import json
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from reading import FRAMEWORKS, ROOT, SEQUENCES, load_cases

SAMPLES = ROOT / "sample_data"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def csv_columns(name):
    with (SAMPLES / name).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def parquet_columns(name):
    table = pq.read_table(SAMPLES / name, use_threads=False, pre_buffer=False)
    return {column: table[column].to_numpy() for column in table.column_names}


@pytest.mark.parametrize("path", [FRAMEWORKS, SEQUENCES], ids=lambda path: path.stem)
def test_cases_are_complete_and_named_once(path):
    cases = load_cases(path)
    assert max(Counter(case.id for case in cases).values()) == 1
    for case in cases:
        assert case.reduction in {"mean", "sum", "none"}
        assert case.expected.dtype.kind in "fi", case.id
        assert case.reduction == "none" or case.expected.shape == ()
        assert case.rtol > 0


@pytest.mark.parametrize("path", [FRAMEWORKS, SEQUENCES], ids=lambda path: path.stem)
def test_every_stored_array_is_used(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    used = json.dumps(content["cases"])
    assert [name for name in content["arrays"] if f'{{"array": "{name}"}}' not in used] == []


def test_names_of_nonfinite_numbers_become_numbers():
    impossible = next(case for case in load_cases(SEQUENCES) if case.id == "torch-ctc-impossible-sum")
    masked = next(case for case in load_cases(FRAMEWORKS) if case.id == "optax-ce-safe-soft")
    assert impossible.expected == np.inf
    assert np.isneginf(masked.predictions).any()
    assert np.isfinite(masked.expected).all()


@pytest.mark.parametrize(("kind", "prefix"), [("logits", ""), ("probs", "p_"), ("log_probs", "")])
def test_digits_are_the_same_numbers_in_every_format(kind, prefix):
    array = np.load(SAMPLES / f"digits_{kind}.npy")
    labels = np.load(SAMPLES / "digits_labels.npy")
    text, table = csv_columns(f"digits_{kind}.csv"), parquet_columns(f"digits_{kind}.parquet")
    assert list(text) == list(table) == [*(prefix + name for name in DIGITS), "label"]
    for index, name in enumerate(DIGITS):
        np.testing.assert_array_equal(np.array(text[prefix + name], float), array[:, index])
        np.testing.assert_array_equal(table[prefix + name], array[:, index])
    assert [DIGITS.index(word) for word in text["label"]] == labels.tolist()
    np.testing.assert_array_equal(table["label"], labels)


def test_digits_list_column_and_labels():
    labels = np.load(SAMPLES / "digits_labels.npy")
    table = parquet_columns("digits_logits_list.parquet")
    np.testing.assert_array_equal(np.stack(table["logits"]), np.load(SAMPLES / "digits_logits.npy"))
    np.testing.assert_array_equal(table["label"], labels)
    np.testing.assert_array_equal(parquet_columns("digits_labels.parquet")["label"], labels)
    np.testing.assert_array_equal(np.array(csv_columns("digits_labels.csv")["label"], int), labels)


@pytest.mark.parametrize(
    ("table", "arrays"),
    [
        (
            "cancer",
            {
                "score": "cancer_scores",
                "prob": "cancer_probs",
                "label": "cancer_labels",
                "label_pm1": "cancer_labels_pm1",
            },
        ),
        ("diabetes", {"pred": "diabetes_pred", "target": "diabetes_target"}),
    ],
)
def test_tables_hold_the_arrays(table, arrays):
    text, columns = csv_columns(f"{table}.csv"), parquet_columns(f"{table}.parquet")
    assert list(text) == list(columns) == list(arrays)
    for column, name in arrays.items():
        array = np.load(SAMPLES / f"{name}.npy")
        np.testing.assert_array_equal(np.array(text[column], float), array)
        np.testing.assert_array_equal(columns[column], array)


def test_kinds_of_the_same_predictions_agree():
    logits, probs, log_probs = (np.load(SAMPLES / f"digits_{kind}.npy") for kind in ("logits", "probs", "log_probs"))
    np.testing.assert_allclose(np.exp(log_probs), probs, rtol=4e-15)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(logits - log_probs, (logits - log_probs)[:, :1] + np.zeros(10), rtol=1e-13)
    scores, binary = np.load(SAMPLES / "cancer_scores.npy"), np.load(SAMPLES / "cancer_probs.npy")
    np.testing.assert_allclose(np.log(binary) - np.log1p(-binary), scores, rtol=1e-9)


def test_sample_data_stay_small():
    assert sum(path.stat().st_size for path in SAMPLES.iterdir() if path.is_file()) < 2_000_000
