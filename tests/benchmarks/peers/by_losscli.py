"""losscli in process, on arrays in memory, with a thread for every core it may use."""

from __future__ import annotations

import os

import numpy as np
from answering import Work, answer

import losscli

THREADS = len(os.sched_getaffinity(0))


def scored(loss: str, *files: str) -> Work:
    function = getattr(losscli, loss)
    arrays = [np.load(file) for file in files]
    return lambda: function(*arrays, threads=THREADS)


def ctc(log_probs: str, targets: str, input_lengths: str, target_lengths: str) -> Work:
    predictions, labels = np.load(log_probs), np.load(targets)
    lengths = {"input_lengths": np.load(input_lengths), "target_lengths": np.load(target_lengths)}
    return lambda: losscli.ctc(predictions, labels, **lengths, threads=THREADS)


if __name__ == "__main__":
    answer({"score": scored, "ctc": ctc})
