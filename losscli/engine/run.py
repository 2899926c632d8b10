"""The run: ranges of samples through a scorer, on a few threads, into one total.

Scoring a range is a pure function from arrays to a `Partial`; partials merge in order. Who executes
the ranges changes no digit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from losscli.data import align
from losscli.data.model import Block, Field
from losscli.data.rows import cut_rows, join_rows, take_rows
from losscli.engine.memory import KEPT, LARGEST_TEMPORARY, keep_freed_memory
from losscli.engine.observe import Observer, Seen
from losscli.engine.reduce import Partial, by_sample
from losscli.engine.result import Samples, Scored, Sink
from losscli.engine.scoring import Elements, NanPolicy, Scorer, Values, array, as_float64, either
from losscli.errors import DataError
from losscli.numerics import Array, times
from losscli.records import record

STEP_NUMBERS = 1 << 18
"""How many numbers are scored at a time: two megabytes of float64."""

RANGE_NUMBERS = 1 << 20
"""How many numbers make a range, the unit of work of a thread."""

TABLE_NUMBERS = 1 << 18
"""How many do where ranges are put together from the rows of a table, still in a cache when they are scored."""

DECIDING_NUMBERS = 1 << 20
"""By how many of a table, in its first ranges, is decided what is decided once."""

LONG_RANGE = 2
"""How many ranges of a scorer that keeps to pieces by itself are one: fewer calls, fewer waits for the interpreter."""

PIECED_SAMPLES = 1 << 19
"""How many samples a range of such a scorer has at most: what it makes of each it holds until all are scored."""

MEMORY_RANGE = 4
"""How many ranges of arrays that are in memory as a whole are one, for the same reason: they wait in no buffer."""

RANGE_SAMPLES = 1 << 17
"""How many samples a range has at most where something is kept of each until its turn comes."""


@record
class RunOptions:
    """How to run, and what to keep of the samples beside the totals."""

    threads: int | None = None
    unit_in_nats: float = 1.0
    first: int = 0
    top: int = 0
    statistics: bool = True
    quickly: bool = False
    sinks: Sequence[Sink] = ()
    observers: Sequence[Observer] = ()
    keep_elements: bool = False
    progress: Callable[[int], None] | None = None
    look: Callable[[Values], None] | None = None
    """Is shown the first block before anything is made of it."""

    @property
    def needs_every_sample(self) -> bool:
        """Whether the scored blocks leave the worker."""
        return bool(self.sinks) or self.keep_elements


def run(fields: Mapping[str, Field], scorer: Scorer, nan: NanPolicy, options: RunOptions) -> Partial:
    """Score every sample of the fields.

    Arrays are added up quickly; should that ever leave a digit of a total in doubt, they are scored
    again, without hurry and without writing anything twice.

    Returns:
        The total of all ranges; its `scored` holds the blocks if the elements are kept.
    """
    total = _run(fields, scorer, nan, replace(options, quickly=_random_access(fields)))
    if total.decided:
        return total
    return _run(fields, scorer, nan, replace(options, sinks=(), observers=(), progress=None))


def _random_access(fields: Mapping[str, Field]) -> bool:
    """Whether any range of samples can be had at any time, and again."""
    return all(field.source.slice(field, 0, 0) is not None for field in fields.values())


def _run(fields: Mapping[str, Field], scorer: Scorer, nan: NanPolicy, options: RunOptions) -> Partial:
    random_access = _random_access(fields)
    numbers = RANGE_NUMBERS if random_access else TABLE_NUMBERS
    if not any(field.source.origins for field in fields.values()):
        numbers *= MEMORY_RANGE
    elif scorer.scores_in_pieces and random_access:
        numbers *= LONG_RANGE
    rows = max(1, numbers // max(1, scorer.numbers_per_sample))
    if scorer.scores_in_pieces:
        rows = min(rows, PIECED_SAMPLES)
    if options.statistics or options.needs_every_sample:
        rows = min(rows, RANGE_SAMPLES)
    if any(field.source.rows is None or field.source.rows > rows for field in fields.values()):
        keep_freed_memory(KEPT if random_access else LARGEST_TEMPORARY)
    deciding = 1 if random_access else max(1, DECIDING_NUMBERS // numbers)
    blocks = _prepared(align(fields, rows), scorer, options.look, deciding)
    total = Partial()
    first: list[Samples] = []

    def work(block: Block) -> Partial:
        # Ignored rows may hold anything, and an infinite loss is a result: no warning is news here.
        with np.errstate(all="ignore"):
            return score_range(block, fields, scorer, nan, options)

    threads = scorer.take_threads(options.threads or min(os.cpu_count() or 1, 8))
    for partial in _in_order(work, blocks, threads):
        shown = sum(map(len, first))
        if shown < options.first:
            first.append(_head(partial.scored, options.first - shown))
        total.merge(partial)
        total.facts = scorer.merge_facts(total.facts, partial.facts)
        total.top = _worst([s for s in (total.top, partial.top) if s is not None], options.top)
        for scored in partial.scored:
            for sink in options.sinks:
                sink.write(scored)
        for noted in partial.noted:
            for observer, what in zip(options.observers, noted, strict=True):
                observer.take(what)
        if options.keep_elements:
            total.scored += partial.scored
        if options.progress:
            options.progress(total.samples)
    total.first = stacked(first) if first else None
    return total


def score_range(
    block: Block, fields: Mapping[str, Field], scorer: Scorer, nan: NanPolicy, options: RunOptions
) -> Partial:
    """What the samples of one block come to: a pure function of the block."""
    partial = Partial()
    step = block.size if scorer.scores_in_pieces else max(1, STEP_NUMBERS // max(1, scorer.numbers_per_sample))
    keep = options.needs_every_sample or block.start < options.first
    for low in range(0, block.size, step):
        values = {name: cut_rows(value, low, min(low + step, block.size)) for name, value in block.values.items()}
        # In a call of its own, so that the arrays of a step are freed before the next one makes its own.
        _score_step(partial, block.start + low, values, fields, scorer, nan, options, keep=keep)
    return partial


def _score_step(
    partial: Partial,
    start: int,
    values: Values,
    fields: Mapping[str, Field],
    scorer: Scorer,
    nan: NanPolicy,
    options: RunOptions,
    *,
    keep: bool,
) -> None:
    """Add what the samples from `start` on come to."""
    elements = scorer.score(start, values)
    if options.unit_in_nats != 1.0:
        elements = _in_unit(elements, options.unit_in_nats)
    factor = None
    if "sample_weight" in values:
        factor = as_float64(array(values, "sample_weight")).reshape(len(elements.loss))
        factor = _of_counted(factor, elements.ignored)
        elements = _weighted(elements, factor, start, fields["sample_weight"], nan)
    if elements.skipped is not None:
        elements = _without(elements.skipped, elements, partial)
    loss, weight, mean_loss = elements.loss, elements.weight, elements.mean_loss
    if elements.ignored is not None:
        partial.ignored += int(elements.ignored.sum())
    if elements.lengths is not None:
        filled_up = loss.size - int(elements.lengths.sum())
        partial.elements -= filled_up
        partial.ignored -= filled_up
    partial.add(start, loss, weight, mean_loss, largest=elements.largest, quickly=options.quickly)
    partial.facts = scorer.merge_facts(partial.facts, elements.facts)
    if not (keep or options.top or options.statistics or options.observers):
        return
    of_sample, weight_of_sample = by_sample(loss, weight)
    if options.observers:
        seen = Seen(start, values, of_sample, weight_of_sample, mean_loss, factor, elements.ignored, elements.skipped)
        partial.noted.append([observer.look(seen) for observer in options.observers])
    if options.statistics:
        partial.add_samples(start, of_sample, weight_of_sample)
    if not (keep or options.top):
        return
    several = loss.ndim > 1 and (elements.lengths is not None or math.prod(loss.shape[1:]) != 1)
    rows = _columns(start, of_sample, weight_of_sample, several=several)
    if options.top:
        worst = _order(of_sample)[: options.top]
        chosen = {name: take_rows(value, worst) for name, value in values.items()}
        details = {**scorer.details(chosen), **scorer.closer(chosen)}
        top = Samples({**{name: column[worst] for name, column in rows.items()}, **details})
        partial.top = _worst([s for s in (partial.top, top) if s is not None], options.top)
    if keep:
        rows.update(scorer.details(values))
        ones = np.ones_like(loss) if weight is None else weight
        partial.scored.append(Scored(start, loss, ones, Samples(rows), elements.lengths))


def _in_unit(elements: Elements, unit_in_nats: float) -> Elements:
    mean_loss = None if elements.mean_loss is None else elements.mean_loss / unit_in_nats
    return replace(elements, loss=elements.loss / unit_in_nats, mean_loss=mean_loss, largest=None)


def _of_counted(factor: Array, ignored: np.ndarray | None) -> Array:
    """The samples' weights, without a NaN where all of a sample is ignored: there it is no error."""
    if ignored is None or not np.isnan(factor).any():
        return factor
    return np.where(np.isnan(factor) & ignored.reshape(len(factor), -1).all(axis=1), 0.0, factor)


def _weighted(elements: Elements, factor: Array, start: int, field: Field, nan: NanPolicy) -> Elements:
    """The elements with the samples' weights, which multiply the loss and its share in the denominator."""
    skipped = either(elements.skipped, nan.rows(factor, start, field))
    spread = _spread(factor, elements.loss, start, field)
    return replace(
        elements,
        loss=times(spread, elements.loss),
        weight=spread if elements.weight is None else spread * elements.weight,
        mean_loss=None if elements.mean_loss is None else times(spread, elements.mean_loss),
        skipped=skipped,
        largest=None,
    )


def _without(skipped: np.ndarray, elements: Elements, partial: Partial) -> Elements:
    """The elements with nothing of the skipped samples in them, which the partial counts."""
    loss, mean_loss = elements.loss, elements.mean_loss
    kept = np.broadcast_to(~skipped.reshape(-1, *[1] * (loss.ndim - 1)), loss.shape)
    lost = ~kept if elements.ignored is None else ~kept & ~elements.ignored
    partial.skipped += int(skipped.sum())
    partial.skipped_elements += int(lost.sum())
    return replace(
        elements,
        loss=np.where(kept, loss, 0.0),
        weight=np.where(kept, 1.0 if elements.weight is None else elements.weight, 0.0),
        mean_loss=None if mean_loss is None else np.where(kept, mean_loss, 0.0),
        largest=None,
    )


def _spread(factor: Array, loss: Array, start: int, field: Field) -> Array:
    """Sample weights, one for each element: they multiply the loss and its share in the denominator."""
    bad = np.flatnonzero((factor < 0.0) | np.isinf(factor))
    if bad.size:
        raise DataError(
            f"{field.where(start + int(bad[0]), 0)}: the sample weight is {factor[bad[0]]:g}",
            why="weights are finite numbers ≥ 0",
        )
    return np.broadcast_to(factor.reshape(-1, *[1] * (loss.ndim - 1)), loss.shape)


def _columns(start: int, loss: Array, weight: Array | None, *, several: bool) -> dict[str, np.ndarray]:
    """What is known of each sample; its mean too where there may be `several` elements."""
    columns: dict[str, np.ndarray] = {
        "sample": np.arange(start, start + len(loss)),
        "loss": loss,
        "weight": np.ones(len(loss)) if weight is None else weight,
    }
    if several:
        with np.errstate(all="ignore"):
            columns["mean"] = columns["loss"] / columns["weight"]
    return columns


def _prepared(
    blocks: Iterator[Block], scorer: Scorer, look: Callable[[Values], None] | None, deciding: int
) -> Iterator[Block]:
    """The same blocks, of which the first, `deciding`, are looked at and shown to the scorer before it scores any."""
    head = list(islice(blocks, deciding))
    values = {name: join_rows([block.values[name] for block in head]) for name in head[0].values}
    if look is not None:
        look(values)
    with np.errstate(all="ignore"):
        scorer.prepare(values)
    return chain(head, blocks)


def _in_order(work: Callable[[Block], Partial], blocks: Iterable[Block], threads: int) -> Iterator[Partial]:
    """The partials of the blocks in their order, a few of them worked on at the same time."""
    blocks = iter(blocks)
    waiting = [block for _, block in zip(range(2), blocks, strict=False)]
    if len(waiting) < 2:
        yield from map(work, waiting)
        return
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    pending: deque[Future[Partial]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for block in chain(waiting, blocks):
                pending.append(pool.submit(work, block))
                if len(pending) > threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _order(loss: Array) -> np.ndarray:
    """Positions from the worst loss down, NaN first, ties by position."""
    return np.argsort(np.where(np.isnan(loss), -np.inf, -loss), kind="stable")


def _worst(parts: Sequence[Samples], count: int) -> Samples | None:
    if not parts or not count:
        return None
    both = stacked(parts)
    keep = _order(both.columns["loss"])[:count]
    return Samples({name: column[keep] for name, column in both.columns.items()})


def stacked(parts: Sequence[Samples]) -> Samples:
    """The rows of all parts, one after the other."""
    names = parts[0].columns
    return Samples({name: np.concatenate([part.columns[name] for part in parts]) for name in names})


def _head(scored: Sequence[Scored], count: int) -> Samples:
    rows = stacked([block.samples for block in scored])
    return Samples({name: column[:count] for name, column in rows.columns.items()})
