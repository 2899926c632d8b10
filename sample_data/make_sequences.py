"""Train three more small models, of text, of lines of digits and with a spread, and save what they predict.

    pip install scikit-learn mpmath pyarrow numpy
    python sample_data/make_sequences.py              # rewrites the files beside this script
    python sample_data/make_sequences.py some/folder  # writes them elsewhere, to compare

As with `make.py`, the same files come out on every machine: each model is the only optimum of a convex
problem, or a formula, and what it says is stored with fewer decimals than the solver is exact to.
"""

from __future__ import annotations

import codecs
import contextlib
import inspect
import io
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from make import DECIMALS, SEED, log_softmax, write_csv, write_parquet
from sklearn.datasets import load_diabetes, load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.discovery import all_estimators

FLOAT32_DECIMALS = 4  # float32 holds seven digits, and the solver is exact to more than these

# A line begins and ends with the newline, as documents do with the end-of-text token of GPT-2.
ALPHABET = "\n abcdefghijklmnopqrstuvwxyz.,'-"
CONTEXT = 4
LONGEST_LINE = 34
IGNORED = -100

DIGIT_SIZE = 8
WINDOW, STRIDE = 10, 2
LINES = 12
BLANK = 0


def spelled(text: str) -> str:
    """A text in the letters of the alphabet, everything else made one space."""
    letters = re.escape(ALPHABET.strip())
    return " ".join(re.sub(f"[^{letters}]+", " ", text.lower()).split())


def training_lines() -> list[str]:
    """The sentences with which scikit-learn describes its estimators, one a line."""
    lines = []
    for _, estimator in all_estimators():
        introduction = inspect.getdoc(estimator).split("\nParameters\n")[0]
        for paragraph in introduction.split("\n\n"):
            sentences = re.split(r"(?<=[.!?:])\s+", " ".join(paragraph.split()))
            lines += [f"\n{line}\n" for line in map(spelled, sentences) if len(line) >= 20]
    return lines


def test_lines() -> list[str]:
    """The short aphorisms of the Zen of Python, which the module `this` keeps in rot13."""
    with contextlib.redirect_stdout(io.StringIO()):
        import this
    _, _, *aphorisms = codecs.decode(this.s, "rot13").splitlines()
    return [f"\n{spelled(line)}\n" for line in aphorisms if len(line) <= LONGEST_LINE]


def contexts(line: str) -> list[str]:
    """The letters before each letter of a line but the first, as many as the model sees."""
    return [line[max(0, end - CONTEXT) : end] for end in range(1, len(line))]


def endings(context: str) -> list[str]:
    """What the model knows of a context: its last letters, none of them up to all."""
    return [context[start:] for start in range(len(context) + 1)]


def language_model(folder: Path) -> None:
    """Letters of text: the logits of a maximum-entropy model, and the log-probabilities of the letters."""
    counts = Counter(
        (context, letter) for line in training_lines() for context, letter in zip(contexts(line), line[1:], strict=True)
    )
    pairs = sorted(counts)
    vectorizer = CountVectorizer(analyzer=endings, dtype=np.float64)
    features = vectorizer.fit_transform([context for context, _ in pairs])
    letters = np.array([ALPHABET.index(letter) for _, letter in pairs])
    if np.unique(letters).size != len(ALPHABET):
        raise ValueError("a letter of the alphabet never occurs in the training text")
    model = LogisticRegression(C=3, solver="newton-cg", tol=1e-12, fit_intercept=False)
    model.fit(features, letters, sample_weight=[counts[pair] for pair in pairs])

    lines = test_lines()
    lengths = np.array([len(line) for line in lines])
    tokens = np.full((len(lines), lengths.max()), IGNORED)
    logits = np.empty((*tokens.shape, len(ALPHABET)), np.float32)
    for row, line in enumerate(lines):
        tokens[row, : len(line)] = [ALPHABET.index(letter) for letter in line]
        # The decoder runs on over the padding; the logits at a token are of the token after it.
        padded = line + "\n" * (tokens.shape[1] + 1 - len(line))
        logits[row] = model.decision_function(vectorizer.transform(contexts(padded))).round(FLOAT32_DECIMALS)
    # The first word is the prompt, with the newline before it and the space behind it.
    prompts = np.array([line.index(" ") + 1 for line in lines])

    chosen = []
    for row, length in enumerate(lengths):
        _, log_probs = log_softmax(logits[row, : length - 1].astype(np.float64))
        chosen.append(log_probs[np.arange(length - 1), tokens[row, 1:length]])
    padded_choice = np.zeros((len(lines), tokens.shape[1] - 1))
    for row, values in enumerate(chosen):
        padded_choice[row, : values.size] = values
    nats = np.concatenate(chosen)
    print(f"lm: {len(lines)} lines, {nats.size} scored tokens, perplexity {np.exp(-nats.mean()):.4f}")

    np.save(folder / "lm_logits.npy", logits)
    np.save(folder / "lm_tokens.npy", tokens)
    np.save(folder / "lm_lengths.npy", lengths)
    np.save(folder / "lm_prompt_lengths.npy", prompts)
    np.save(folder / "lm_bytes.npy", np.array([len(line[1:].encode()) for line in lines]))
    np.save(folder / "lm_token_log_probs.npy", padded_choice)
    write_parquet(
        folder / "lm_token_log_probs.parquet",
        {
            "text": [line[1:] for line in lines],
            "tokens": [tokens[row, 1:length].tolist() for row, length in enumerate(lengths)],
            "token_log_probs": [values.tolist() for values in chosen],
            "length": lengths - 1,
            "prompt_length": prompts - 1,
            "bytes": [len(line[1:].encode()) for line in lines],
        },
    )


def glued(digits: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """Images of digits side by side on a strip of paper, and the columns where their middles are."""
    parts = [np.zeros((DIGIT_SIZE, rng.integers(6, 13)))]
    middles = []
    for digit in digits:
        middles.append(sum(part.shape[1] for part in parts) + DIGIT_SIZE // 2)
        parts += [digit.reshape(DIGIT_SIZE, DIGIT_SIZE), np.zeros((DIGIT_SIZE, rng.integers(0, 4)))]
    parts.append(np.zeros((DIGIT_SIZE, rng.integers(6, 13))))
    return np.concatenate(parts, axis=1), middles


def frames(strip: np.ndarray) -> np.ndarray:
    """What a window sees that slides along a strip, a row for each place."""
    windows = np.lib.stride_tricks.sliding_window_view(strip, WINDOW, axis=1)[:, ::STRIDE]
    return windows.swapaxes(0, 1).reshape(-1, DIGIT_SIZE * WINDOW)


def frame_labels(count: int, middles: list[int], labels: np.ndarray) -> np.ndarray:
    """The digit (as class 1 to 10) in the middle of each window, or blank."""
    places = np.arange(count) * STRIDE + WINDOW // 2
    classes = np.full(count, BLANK)
    for middle, label in zip(middles, labels, strict=True):
        classes[np.abs(places - middle) <= STRIDE // 2] = label + 1
    return classes


def best_path(log_probs: np.ndarray) -> list[int]:
    """What the likeliest class of each frame spells: repeats merged, then blanks left out."""
    classes = log_probs.argmax(axis=1)
    new = np.append(True, classes[1:] != classes[:-1])
    return classes[new & (classes != BLANK)].tolist()


def recogniser(folder: Path) -> None:
    """Lines of digits read frame by frame: what a classifier of frames says of each, and the digits."""
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16, labels, test_size=360, random_state=SEED, stratify=labels
    )
    rng = np.random.default_rng(SEED)
    seen, classes = [], []
    for _ in range(2):
        for chosen in np.array_split(rng.permutation(len(train_x)), len(train_x) // 8):
            strip, middles = glued(train_x[chosen], rng)
            seen.append(frames(strip))
            classes.append(frame_labels(len(seen[-1]), middles, train_y[chosen]))
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    model.fit(np.concatenate(seen), np.concatenate(classes))

    # One line holds no digit: blank paper, whose target is empty.
    sizes = [*rng.integers(1, 9, LINES - 1), 0]
    places = np.split(rng.permutation(len(test_x))[: sum(sizes)], np.cumsum(sizes)[:-1])
    strips = [glued(test_x[chosen], rng)[0] for chosen in places]
    targets = [test_y[chosen] + 1 for chosen in places]
    input_lengths = np.array([len(frames(strip)) for strip in strips])
    target_lengths = np.array(sizes)

    # Paper without end follows each strip, so the frames of the padding are blank ones.
    paper = (input_lengths.max() - 1) * STRIDE + WINDOW
    padded = [np.pad(strip, ((0, 0), (0, paper)))[:, :paper] for strip in strips]
    logits = np.stack([model.decision_function(frames(strip)) for strip in padded], axis=1).round(DECIMALS)
    _, log_probs = log_softmax(logits.reshape(-1, logits.shape[-1]))
    log_probs = log_probs.reshape(logits.shape).astype(np.float32)

    marked = np.full((LINES, max(sizes)), -1)
    for row, target in enumerate(targets):
        marked[row, : len(target)] = target
    lines = [log_probs[:length, row] for row, length in enumerate(input_lengths)]
    right = sum(best_path(line) == target.tolist() for line, target in zip(lines, targets, strict=True))
    print(f"ctc: {LINES} lines, {input_lengths.sum()} frames, {sum(sizes)} digits, {right} lines read right")

    np.save(folder / "ctc_log_probs.npy", log_probs)
    np.save(folder / "ctc_input_lengths.npy", input_lengths)
    np.save(folder / "ctc_targets.npy", marked)
    np.save(folder / "ctc_target_lengths.npy", target_lengths)
    np.save(folder / "ctc_targets_concatenated.npy", np.concatenate(targets))
    np.save(folder / "ctc_line_log_probs.npy", lines[0])
    np.save(folder / "ctc_line_target.npy", targets[0])
    frame = pa.list_(pa.float32(), log_probs.shape[-1])
    write_parquet(
        folder / "ctc.parquet",
        {
            "frames": pa.array([line.tolist() for line in lines], pa.list_(frame)),
            "target": pa.array([target.tolist() for target in targets], pa.list_(pa.int64())),
        },
    )


def gaussian(folder: Path) -> None:
    """Regression with a spread: the mean and standard deviation that a Gaussian process predicts."""
    features, progression = load_diabetes(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(features, progression, test_size=111, random_state=SEED)
    scaler = StandardScaler().fit(train_x)
    # The kernel is the one of highest marginal likelihood, to two digits.
    kernel = ConstantKernel(0.89) * RBF(4.8) + WhiteKernel(0.42)
    model = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
    model.fit(scaler.transform(train_x), train_y)
    mean, std = (values.round(DECIMALS) for values in model.predict(scaler.transform(test_x), return_std=True))
    inside = np.mean(np.abs(test_y - mean) <= 1.96 * std)
    print(f"gaussian: {len(test_y)} test samples, {inside:.4f} of them within 1.96 standard deviations")

    columns = {"mean": mean, "std": std, "variance": std * std, "target": test_y}
    for name, values in columns.items():
        np.save(folder / f"gaussian_{name}.npy", values)
    write_csv(folder / "gaussian.csv", {name: values.tolist() for name, values in columns.items()})
    write_parquet(folder / "gaussian.parquet", columns)


def main() -> None:
    """Write every file to the folder named on the command line, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    language_model(folder)
    recogniser(folder)
    gaussian(folder)


if __name__ == "__main__":
    main()
