"""Train three small models on data that ships with scikit-learn and save what they predict.

    pip install scikit-learn mpmath pyarrow numpy
    python sample_data/make.py              # rewrites the files beside this script
    python sample_data/make.py some/folder  # writes them elsewhere, to compare

The same files come out on every machine. What a model says (logits, scores, values) is stored
rounded to six decimals, far above the last bits in which two machines' linear algebra differs;
the solvers are exact or converge quadratically. What follows from it (probabilities and their
logarithms) is computed from the stored numbers by mpmath and rounded once.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import mpmath
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DECIMALS = 6
SEED = 0

mpmath.mp.dps = 50


def log_softmax(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of every row of logits and their logarithms, each correctly rounded."""
    probs, log_probs = np.empty_like(logits), np.empty_like(logits)
    for row, values in enumerate(logits.tolist()):
        log_total = mpmath.log(mpmath.fsum(mpmath.exp(value) for value in values))
        probs[row] = [float(mpmath.exp(value - log_total)) for value in values]
        log_probs[row] = [float(value - log_total) for value in values]
    return probs, log_probs


def sigmoid(scores: np.ndarray) -> np.ndarray:
    """The probability of every score, correctly rounded."""
    return np.array([float(1 / (1 + mpmath.exp(-mpmath.mpf(score)))) for score in scores.tolist()])


def write_csv(path: Path, columns: dict[str, list]) -> None:
    """Write a table with the shortest digits that read back to the same float64."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_parquet(path: Path, columns: dict[str, list | pa.Array]) -> None:
    """Write a table as Parquet in two row groups, so that reading by row group has something to do."""
    table = pa.table(columns)
    pq.write_table(table, path, compression="zstd", row_group_size=-(-table.num_rows // 2))


def digits(folder: Path) -> None:
    """Ten classes: logits, probabilities and log-probabilities of a logistic regression."""
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16, labels, test_size=360, random_state=SEED, stratify=labels
    )
    # C = 0.3 leaves the model honest: a few mistakes, and no probability so small that it is noise.
    model = LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-12).fit(train_x, train_y)
    logits = model.decision_function(test_x).round(DECIMALS)
    probs, log_probs = log_softmax(logits)
    test_y = test_y.astype(np.int64)
    print(f"digits: {len(test_y)} test samples, accuracy {np.mean(logits.argmax(1) == test_y):.4f}")

    names = [DIGIT_NAMES[label] for label in test_y]
    for kind, prefix, values in (
        ("logits", "", logits),
        ("probs", "p_", probs),
        ("log_probs", "", log_probs),
    ):
        np.save(folder / f"digits_{kind}.npy", values)
        columns = {prefix + name: values[:, index].tolist() for index, name in enumerate(DIGIT_NAMES)}
        write_csv(folder / f"digits_{kind}.csv", columns | {"label": names})
        write_parquet(folder / f"digits_{kind}.parquet", columns | {"label": test_y})
    np.save(folder / "digits_labels.npy", test_y)
    write_csv(folder / "digits_labels.csv", {"label": test_y.tolist()})
    write_parquet(folder / "digits_labels.parquet", {"label": test_y})
    rows = pa.FixedSizeListArray.from_arrays(pa.array(logits.ravel()), len(DIGIT_NAMES))
    write_parquet(folder / "digits_logits_list.parquet", {"logits": rows, "label": test_y})


def cancer(folder: Path) -> None:
    """Two classes: the decision scores of a logistic regression and the probabilities they mean."""
    features, labels = load_breast_cancer(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        features, labels, test_size=190, random_state=SEED, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky", tol=1e-12))
    scores = model.fit(train_x, train_y).decision_function(test_x).round(DECIMALS)
    probs = sigmoid(scores)
    test_y = test_y.astype(np.int64)
    signs = 2 * test_y - 1
    print(f"cancer: {len(test_y)} test samples, accuracy {np.mean((scores > 0) == test_y):.4f}")

    np.save(folder / "cancer_scores.npy", scores)
    np.save(folder / "cancer_probs.npy", probs)
    np.save(folder / "cancer_labels.npy", test_y)
    np.save(folder / "cancer_labels_pm1.npy", signs)
    columns = {"score": scores, "prob": probs, "label": test_y, "label_pm1": signs}
    write_csv(folder / "cancer.csv", {name: values.tolist() for name, values in columns.items()})
    write_parquet(folder / "cancer.parquet", columns)


def diabetes(folder: Path) -> None:
    """Regression: what a ridge regression predicts, and what was measured a year later."""
    features, progression = load_diabetes(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(features, progression, test_size=111, random_state=SEED)
    model = make_pipeline(StandardScaler(), Ridge(alpha=1.0, solver="cholesky")).fit(train_x, train_y)
    predictions = model.predict(test_x).round(DECIMALS)
    r2 = 1 - np.sum((test_y - predictions) ** 2) / np.sum((test_y - test_y.mean()) ** 2)
    print(f"diabetes: {len(test_y)} test samples, R2 {r2:.4f}")

    np.save(folder / "diabetes_pred.npy", predictions)
    np.save(folder / "diabetes_target.npy", test_y)
    columns = {"pred": predictions, "target": test_y}
    write_csv(folder / "diabetes.csv", {name: values.tolist() for name, values in columns.items()})
    write_parquet(folder / "diabetes.parquet", columns)


def main() -> None:
    """Write every file to the folder named on the command line, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    digits(folder)
    cancer(folder)
    diabetes(folder)


if __name__ == "__main__":
    main()
