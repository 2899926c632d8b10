"""The rows of the table: what is promised of speed and memory, one function a group."""

from __future__ import annotations

from collections.abc import Iterator

from files import File, Files
from measuring import Row, at_least, at_most
from processes import CORES, Command, losscli, python

THREADS = ("--threads", str(CORES))
BARE = ("--format", "value", *THREADS)


def rows(files: Files) -> list[Row]:
    """All rows, in the order of the table."""
    groups = (startup, cross_entropy, cross_entropy_process, ctc, elementwise, tables, growth, memory)
    return [row for group in groups for row in group(files)]


def startup(files: Files) -> Iterator[Row]:
    """A small job, whole process."""
    pair = files.normal("a", 1000), files.normal("b", 1000)
    ours = losscli("mse", *pair, "--json")
    for peer, theirs, bar, runs in (
        ("bare Typer script", python("bare_typer", *pair), at_most(1.25), 31),
        ("import numpy", python("import_numpy"), at_most(3), 31),
        ("torch script", python("by_torch", "elementwise", "mse", *pair), at_least(5), 9),
        ("scikit-learn script", python("by_sklearn", "mse", *pair), at_least(4.5), 9),
    ):
        same = peer != "import numpy"
        yield Row("start-up", "mse a.npy b.npy --json", "process", ours, bar, peer, theirs, same_value=same, runs=runs)


SHAPES = ((200_000, 1_000), (2_000, 100_000), (20_000_000, 10))


def _classes(files: Files, rows: int, classes: int) -> tuple[str, tuple[File, File]]:
    pair = files.logits(rows, classes), files.labels(rows, classes=classes)
    return f"{files.rows(rows):,} × {classes:,}", pair


def cross_entropy(files: Files) -> Iterator[Row]:
    """float32 logits in memory."""
    for shape, limit in zip(SHAPES, (1.8, 1.7, 5), strict=True):
        what, pair = _classes(files, *shape)
        ours = python("by_losscli", "score", "cross_entropy", *pair)
        torch = python("by_torch", "cross-entropy", *pair)
        yield Row("cross-entropy", what, "in process", ours, at_least(limit), "torch float32", torch, runs=7)
    optax = python("by_optax", "cross-entropy", *pair)
    yield Row("cross-entropy", what, "in process", ours, at_most(1.05), "optax jit", optax, runs=7)


def cross_entropy_process(files: Files) -> Iterator[Row]:
    """The same from files."""
    for shape, limit in zip(SHAPES, (3, 3, 5), strict=True):
        what, pair = _classes(files, *shape)
        ours = losscli("cross-entropy", *pair, *BARE)
        for peer, script, bar in (("torch", "by_torch", limit), ("optax", "by_optax", 2.3)):
            theirs = python(script, "cross-entropy", *pair)
            yield Row("cross-entropy", what, "process", ours, at_least(bar), f"{peer} script", theirs)


def ctc(files: Files) -> Iterator[Row]:
    """float32 log-probabilities in memory."""
    shapes = ((500, 64, 32, 100), (1000, 128, 128, 200), (1500, 32, 5000, 200))
    for shape, limit in zip(shapes, (2.5, 4, 3), strict=True):
        inputs = files.ctc(*shape)
        what = "T, N, C, S = {}, {}, {}, {}".format(*shape)
        ours = python("by_losscli", "ctc", *inputs)
        for peer, script, bar in (("torch float32", "by_torch", limit), ("optax jit", "by_optax", 2.5)):
            yield Row("ctc", what, "in process", ours, at_least(bar), peer, python(script, "ctc", *inputs))


GIGABYTE = 250_000_000
"""Numbers of float32."""


def elementwise(files: Files) -> Iterator[Row]:
    """Two arrays of 1 GB, against the rate at which they can be read."""
    predictions, targets, shares = (
        files.normal("predictions", GIGABYTE),
        files.normal("targets", GIGABYTE),
        files.uniform("shares", GIGABYTE),
    )
    losses = (("mse", targets, 0.35), ("l1", targets, 0.35), ("huber", targets, 0.24))
    for loss, target, limit in (*losses, ("sigmoid-cross-entropy", shares, 0.16)):
        what = f"{loss}, 2 × 1 GB"
        ours = python("by_losscli", "score", loss.replace("-", "_"), predictions, target)
        reading = python("by_numpy", "add-reduce", predictions, target)
        bar = at_least(limit)
        yield Row("elementwise", what, "in process", ours, bar, "np.add.reduce", reading, same_value=False)
        ours = losscli(loss, predictions, target, *BARE)
        torch = python("by_torch", "elementwise", loss, predictions, target)
        yield Row("elementwise", what, "process", ours, at_least(2.5), "torch script", torch)


def tables(files: Files) -> Iterator[Row]:
    """A table of labels and scores, against reading it."""
    table, small = files.csv(200_000, 50), files.csv(10, 50)
    yield Row(
        "tables",
        "CSV, 200,000 × 50",
        "net of start-up",
        _scored(table),
        at_most(1.15),
        "pyarrow read_csv",
        python("by_pyarrow", "csv", table),
        idle=(_scored(small), python("by_pyarrow", "csv", small)),
        same_value=False,
        runs=9,
    )
    table = files.parquet(200_000, 50)
    yield Row(
        "tables",
        "Parquet, 200,000 × 50",
        "process",
        _scored(table),
        at_most(1.3),
        "pyarrow read_table",
        python("by_pyarrow", "parquet", table),
        same_value=False,
        runs=9,
    )


def growth(files: Files) -> Iterator[Row]:
    """Three and ten times the rows."""
    for name, count, table in (
        ("NPY", 200_000, lambda rows: _classes(files, rows, 1000)[1]),
        ("CSV", 200_000, lambda rows: (files.csv(rows, 50), "--target", "label")),
        ("Parquet", 320_000, lambda rows: (files.parquet(rows, 100), "--target", "label")),
    ):
        one, none = (losscli("cross-entropy", *table(rows), *BARE) for rows in (count, 10))
        for times, bar in ((3, None), (10, at_most(11))):
            yield Row(
                "growth",
                f"{name}, {files.rows(count * times):,} rows",
                "net of start-up",
                losscli("cross-entropy", *table(count * times), *BARE),
                bar,
                f"{files.rows(count):,} rows",
                one,
                idle=(none, none),
                same_value=False,
                runs=3,
            )


def memory(files: Files) -> Iterator[Row]:
    """The most that is held beyond the page cache."""
    output = files.folder / "every-sample.npy"
    logits, labels = _classes(files, 2_000_000, 1000)[1]
    halves = files.normal("halves", 2_000_000, 1000, dtype="float16")
    log_probs, targets, frames, lengths = files.ctc(1000, 400, 5000, 200)
    speech = (log_probs, targets, "--input-lengths", frames, "--target-lengths", lengths)
    csv, parquet = files.csv(2_000_000, 50), files.parquet(3_200_000, 100)
    side_by_side = ("--pred", "a_*", "--target", "b_*")
    for what, limit, command in (
        ("cross-entropy, 8 GB NPY", 120, ("cross-entropy", logits, labels)),
        ("cross-entropy -o, 8 GB NPY", 120, ("cross-entropy", logits, labels, "-o", output)),
        ("mse, 8 GB NPY", 120, ("mse", logits, halves)),
        ("sequence-nll (128,000 classes), 8 GB NPY", 120, ("sequence-nll", *files.sequences(125, 128, 128_000))),
        ("ctc, 8 GB NPY", 120, ("ctc", *speech)),
        ("cross-entropy, 1 GB CSV", 200, ("cross-entropy", csv, "--target", "label")),
        ("cross-entropy -o, 1 GB CSV", 200, ("cross-entropy", csv, "--target", "label", "-o", output)),
        ("mse, 1 GB CSV", 200, ("mse", csv, *side_by_side)),
        ("cross-entropy, 2 GB Parquet", 250, ("cross-entropy", parquet, "--target", "label")),
        ("cross-entropy -o, 2 GB Parquet", 250, ("cross-entropy", parquet, "--target", "label", "-o", output)),
        ("mse, 2 GB Parquet", 250, ("mse", parquet, *side_by_side)),
    ):
        yield Row("memory", what, "memory", losscli(*command, *BARE), at_most(limit), runs=1)


def _scored(table: File) -> Command:
    return losscli("cross-entropy", table, "--target", "label", *BARE)
