"""Errors that an option, a command or a line of code gets around say which."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest


@pytest.fixture
def folder(shell):
    shell.save("x.npy", [1.0, 2.0, 4.0])
    shell.save("y.npy", [1.0, 2.5, 3.0])
    shell.save("w.npy", [1.0])
    shell.save("two.npy", [1.0, 2.0])
    shell.save("p.npy", [[0.9, 0.1], [0.4, 0.6]])
    shell.save("labels.npy", [0, 1])
    shell.save("scores.npy", np.zeros((2, 3, 4)))
    shell.save("tokens.npy", np.zeros((2, 3), np.int64))
    shell.save("one.npy", [7, 7, 7])
    shell.save("first.npy", [np.nan, 1.0])
    shell.save("second.npy", [1.0, np.nan])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("notes.txt", "nothing")
    (shell.folder / "empty.npz").write_bytes(archive.getvalue())
    return shell


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("mse x.npy y.npy --l2 1 --params w.npy --reduction none", "drop --reduction none"),
        ("mse x.npy y.npy --baselines --reduction none --json", "drop --reduction none"),
        ("perplexity scores.npy tokens.npy --reduction sum", "drop --reduction sum"),
        ("compare mse x.npy y.npy y.npy --base 2", "drop --base 2"),
        ("compare mse x.npy y.npy y.npy --fail-on inferior", "--margin 0.01"),
        ("compare mse x.npy y.npy y.npy --cluster one.npy", "without --cluster"),
        ("compare mse first.npy second.npy two.npy --on-nan skip", "--on-nan skip and the weights"),
        ("sequence-nll scores.npy --kind token-probs", "need TARGETS"),
        ("sequence-nll scores.npy tokens.npy --lengths p.npy", "FILE:COLUMN picks a column"),
        ("mse empty.npz y.npy", "np.savez('preds.npz', preds=values)"),
    ],
)
def test_the_hint_says_what_would_work(folder, command, hint):
    outcome = folder(command)
    assert (outcome.out, outcome.code in (2, 3)) == ("", True)
    told = [line for line in outcome.err.splitlines() if line.startswith("  hint: ")]
    assert hint in "".join(told), outcome.err
