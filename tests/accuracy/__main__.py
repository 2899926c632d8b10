"""The worst error of each loss over the corpus, beside its peers: `make accuracy`.

The error is in units in the last place of the true value, which mpmath knows to fifty digits; of the largest term
where terms cancel (gaussian-nll). It is infinite where the answer is finite and the truth is not, or the reverse.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import mpmath
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "losses"))  # the corpus and the references of its tests

from corpus import Call, corpus  # noqa: E402
from ulps import LARGEST  # noqa: E402

import losscli  # noqa: E402

PEERS = {"torch": "PyTorch", "tensorflow": "TensorFlow", "optax": "optax", "sklearn": "scikit-learn"}
MARKED = re.compile(r"(<!-- accuracy -->\n).*?(<!-- end of accuracy -->)", flags=re.DOTALL)
BAR = 4
INTEGERS = ("nll of probabilities", "cross_entropy", "ctc")


def main() -> int:
    """Print the table, and put it where it is asked for; 1 if losscli misses its bar."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("--peers", help="the Python that has the peers; without it, losscli stands alone")
    parser.add_argument("--into", type=Path, help="a file with the markers <!-- accuracy --> and its end")
    asked = parser.parse_args()
    calls = list(corpus())
    columns = {"losscli": [_ours(call) for call in calls]}
    if asked.peers:
        columns |= {title: _theirs(asked.peers, name, calls) for name, title in PEERS.items()}
    table = {title: _worst(calls, answers) for title, answers in columns.items()}
    page = _page(calls, table)
    print(page)
    if asked.into:
        text, places = MARKED.subn(lambda m: f"{m[1]}\n{page}\n{m[2]}", asked.into.read_text(encoding="utf-8"))
        if places != 1:
            parser.error(f"{asked.into} has {places} places for the table, not one")
        asked.into.write_text(text, encoding="utf-8")
    return 0 if max(table["losscli"].values()) <= BAR else 1


def _ours(call: Call) -> np.ndarray:
    function = getattr(losscli, call.loss.partition(" ")[0])
    with warnings.catch_warnings(action="ignore", category=losscli.LossWarning):
        each = function(np.array(call.predictions, np.float64), call.targets, reduction="none", **call.options)
    return np.asarray(each).reshape(-1)


def _theirs(python: str, peer: str, calls: Sequence[Call]) -> list[np.ndarray | None]:
    arrays = {"losses": np.array(json.dumps([call.loss for call in calls]))}
    for number, call in enumerate(calls):
        arrays[f"p{number}"] = np.array(call.predictions, np.float64)
        arrays[f"y{number}"] = np.array(call.targets, np.int64 if call.loss in INTEGERS else np.float64)
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder, "calls.npz"), Path(folder, "answers.npz")
        np.savez(given, **arrays)
        subprocess.run(
            [python, "-W", "ignore", HERE / "peers.py", peer, given, answered], check=True, stderr=subprocess.DEVNULL
        )
        with np.load(answered) as found:
            return [found.get(str(number)) for number in range(len(calls))]


def _worst(calls: Sequence[Call], answers: Sequence[np.ndarray | None]) -> dict[str, float]:
    """The largest error of each loss that was answered."""
    worst: dict[str, float] = {}
    for call, answer in zip(calls, answers, strict=True):
        if answer is None:
            continue
        scales = call.scale or call.true
        errors = [_ulps(*point) for point in zip(answer.tolist(), call.true, scales, strict=True)]
        worst[call.loss] = max(worst.get(call.loss, 0.0), *errors)
    return worst


def _ulps(got: float, true: mpmath.mpf, scale: mpmath.mpf) -> float:
    if not mpmath.isfinite(true) or abs(true) > LARGEST:
        return 0.0 if got == math.inf else math.inf
    if not math.isfinite(got):
        return math.inf
    unit = mpmath.mpf(float(np.spacing(abs(float(scale)))))
    return float(abs(mpmath.mpf(got) - true) / unit)


def _page(calls: Sequence[Call], table: Mapping[str, Mapping[str, float]]) -> str:
    points: dict[str, int] = {}
    for call in calls:
        points[call.loss] = points.get(call.loss, 0) + len(call.true)
    lines = [f"| loss | points | {' | '.join(table)} |", f"| --- | --: |{' --: |' * len(table)}"]
    for loss, number in points.items():
        cells = " | ".join(_cell(column.get(loss)) for column in table.values())
        lines.append(f"| {loss.replace('_', '-')} | {number} | {cells} |")
    return "\n".join(lines)


def _cell(error: float | None) -> str:
    if error is None:
        return "–"
    if error == math.inf:
        return "∞"
    return f"{error:.1f}" if error < 1000 else f"{error:.0e}".replace("e+0", "e").replace("e+", "e")


if __name__ == "__main__":
    sys.exit(main())
