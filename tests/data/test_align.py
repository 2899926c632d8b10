"""Fields walked through together, and tables joined by id."""

import gzip
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.data import align, from_array, join_targets, open_source, read_whole
from losscli.data.model import Field, FieldInfo, Ragged
from losscli.errors import DataError


class Batched:
    """A source that yields the batches it was given."""

    path = "batched"
    format = "test"
    columns = None
    origins = ()

    def __init__(self, *batches, rows=None):
        self.given = batches
        self.rows = rows

    def field(self):
        return Field(FieldInfo(self.path, self.format, (self.rows,), "float64"), self)

    def slice(self, field, start, stop):
        return None

    def batches(self, fields):
        for batch in self.given:
            yield (batch,) * len(fields)


def as_ragged(rows):
    offsets = np.cumsum([0, *map(len, rows)])
    return Ragged(np.array([value for row in rows for value in row], float), offsets)


def as_rows(ragged):
    return [ragged.values[a:b].tolist() for a, b in zip(ragged.offsets, ragged.offsets[1:], strict=False)]


@given(st.lists(st.integers(0, 7), max_size=12).filter(sum), st.integers(1, 9))
def test_any_batches_become_blocks_of_the_asked_size(sizes, rows):
    total = sum(sizes)
    cuts = np.cumsum([0, *sizes])
    values = np.arange(total * 2.0).reshape(total, 2)
    lists = [[float(i)] * (i % 4) for i in range(total)]
    fields = {
        "array": from_array(values, "array").select(None),
        "stream": Batched(*(values[a:b] for a, b in itertools.pairwise(cuts))).field(),
        "ragged": Batched(*(as_ragged(lists[a:b]) for a, b in itertools.pairwise(cuts))).field(),
    }
    blocks = list(align(fields, rows))
    assert [block.start for block in blocks] == list(range(0, total, rows))
    assert all(block.size == rows for block in blocks[:-1])
    assert sum(block.size for block in blocks) == total
    assert all(list(block.values) == list(fields) for block in blocks)
    for name in ("array", "stream"):
        np.testing.assert_array_equal(np.concatenate([block.values[name] for block in blocks]), values)
    assert [row for block in blocks for row in as_rows(block.values["ragged"])] == lists


def test_blocks_of_arrays_are_views():
    array = np.zeros((10, 2))
    (first, *_) = align({"x": from_array(array, "x").select(None)}, 4)
    assert np.shares_memory(first.values["x"], array)
    batch = np.zeros(10)
    (first, *_) = align({"x": Batched(batch).field()}, 4)
    assert np.shares_memory(first.values["x"], batch)


def test_a_source_is_read_once():
    source = Batched(np.arange(5.0))
    reads = []
    batches = source.batches
    source.batches = lambda fields: reads.append(len(fields)) or batches(fields)
    list(align({"a": source.field(), "b": source.field()}, 2))
    assert reads == [2]


def test_known_lengths_are_compared_before_anything_is_read():
    fields = {
        "p": from_array(np.zeros((10, 3)), "preds").select(None),
        "t": from_array(np.zeros(3), "labels").select(None),
    }
    with pytest.raises(DataError, match="preds has 10 samples, labels has 3") as caught:
        next(align(fields, 4))
    assert "preds has shape (10, 3): it looks transposed" in caught.value.why
    fields["t"] = from_array(np.zeros(4), "labels").select(None)
    with pytest.raises(DataError) as caught:
        next(align(fields, 4))
    assert "transposed" not in str(caught.value)


@pytest.mark.parametrize("ends", [4, 5, 8, 9])
@pytest.mark.parametrize("rows", [2, 4, 100])
def test_a_stream_that_ends_early(ends, rows):
    fields = {"p": Batched(np.zeros(ends)).field(), "t": from_array(np.zeros(10), "labels").select(None)}
    with pytest.raises(DataError, match=f"batched has {ends} samples, labels has 10"):
        list(align(fields, rows))
    fields = {"p": Batched(np.zeros(ends)).field(), "t": Batched(np.zeros(6), np.zeros(4)).field()}
    with pytest.raises(DataError, match=rf"batched has {ends} samples, batched has more \(at least"):
        list(align(fields, rows))


@pytest.mark.parametrize("rows", [5, 10])
def test_lengths_that_differ_after_a_full_last_block(rows):
    fields = {"p": Batched(np.zeros(10)).field(), "t": Batched(np.zeros(10), np.zeros(1)).field()}
    with pytest.raises(DataError, match="has 10 samples"):
        list(align(fields, rows))


def test_an_array_without_axes_is_one_block():
    (block,) = align({"x": from_array(2.5, "x").select(None)}, 4)
    assert (block.start, block.size, block.values["x"].shape) == (0, 1, (1,))


def test_no_rows():
    with pytest.raises(DataError, match="batched: there are no rows"):
        list(align({"p": Batched().field()}, 4))
    with pytest.raises(DataError, match="batched: there are no rows"):
        read_whole(Batched().field())


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(left, right):
        pq.write_table(pa.table(left), "left.parquet")
        pq.write_table(pa.table(right), "right.parquet")
        return open_source("left.parquet"), open_source("right.parquet")

    return write


IDS = np.random.default_rng(22).permutation(5000)


@pytest.mark.parametrize("kind", ["int32", "int64", "uint64", "string", "large_string", "dictionary"])
def test_join_follows_the_left_table(tables, kind):
    shuffled = np.random.default_rng(23).permutation(IDS)
    ids = pa.array(shuffled)
    left_ids = pa.array(IDS)
    if kind == "dictionary":
        left_ids = left_ids.cast(pa.string())
        ids = ids.cast(pa.string()).dictionary_encode()
    else:
        ids = ids.cast(kind)
        left_ids = left_ids.cast(pa.string() if "string" in kind else pa.int64())
    left, right = tables(
        {"id": left_ids, "x": IDS * 0.5},
        {"id": ids, "y": shuffled * 10, "n": [["t"] * 0 + [float(i)] * (i % 3) for i in shuffled.tolist()]},
    )
    joined = join_targets(left, right, "id")
    fields = {
        "x": left.select(["x"]),
        "y": joined.select(["y"]),
        "n": joined.select(["n"], ragged=True),
    }
    row = 0
    for block in align(fields, 999):
        numbers = IDS[row : row + block.size]
        np.testing.assert_array_equal(block.values["x"], numbers * 0.5)
        np.testing.assert_array_equal(block.values["y"], numbers * 10)
        assert as_rows(block.values["n"]) == [[float(i)] * (i % 3) for i in numbers.tolist()]
        row += block.size
    assert row == 5000


def test_join_says_where_a_row_stands_in_its_own_table(tables):
    left, right = tables({"id": [7, 8, 9]}, {"id": [9, 7, 8], "y": [0, 1, 2]})
    joined = join_targets(left, right, "id")
    field = joined.select(None)
    assert field.info.columns == ("y",), "ids are no targets"
    assert field.where(0, 0) == "right.parquet: row 1, column 'y'"


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([1, 2, 3, 4], [1, 2], r"2 ids of left.parquet are missing in right.parquet: 3, 4"),
        ([1], [1, 5], r"1 id of right.parquet is not in left.parquet: 5"),
        (["a", "b"], ["b", "c"], r"left.parquet is missing in right.parquet: 'a'; .* not in left.parquet: 'c'"),
        ([1, 1, 2], [1, 2], r"left.parquet: 1 id stands more than once in column 'id': 1"),
        ([1, 2], [1, 2, 2, 1], r"right.parquet: 2 ids stand more than once in column 'id': 1, 2"),
        (list(range(20)), [50], r"20 ids .*: 0, 1, 2, 3, 4, \.\.\.;"),
        ([1, 2], ["1", "2"], r"left.parquet has numbers as ids in column 'id', right.parquet has text"),
        ([1, None], [1, 2], r"left.parquet: row 1, column 'id': the id is empty"),
        ([1.5], [1.5], r"column 'id' holds numbers with a fraction"),
        ([], [1], r"left.parquet: the table has no rows"),
    ],
)
def test_ids_without_exactly_one_partner(tables, left, right, message):
    with pytest.raises(DataError, match=message):
        join_targets(*tables({"id": left}, {"id": right}), "id")


def test_join_of_an_unknown_column_and_of_arrays(tables):
    left, right = tables({"id": [1]}, {"idx": [1]})
    with pytest.raises(DataError, match=r"right.parquet: no column is named 'id'") as caught:
        join_targets(left, right, "id")
    assert "'idx'" in caught.value.hint
    with pytest.raises(DataError, match="only in tables"):
        join_targets(left, from_array(np.zeros(1), "labels"), "id")


def test_a_compressed_table_joins_too(tables, tmp_path):
    left, _ = tables({"id": [1, 2]}, {"id": [2, 1], "y": [20, 10]})
    packed = gzip.compress((tmp_path / "right.parquet").read_bytes())
    (tmp_path / "right.gz").write_bytes(packed)
    joined = join_targets(left, open_source("right.gz"), "id")
    assert read_whole(joined.select(["y"])).tolist() == [10, 20]
