"""Parquet and Arrow tables: which columns are taken, and what they become."""

import base64
import decimal
import io
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from losscli.data import align, conversion, join_targets, open_field, open_source, read_vector, read_whole
from losscli.data.columns import choose_columns
from losscli.data.model import Ragged
from losscli.errors import DataError

RNG = np.random.default_rng(21)


def write_parquet(table, path):
    pq.write_table(table, path, row_group_size=400)


def write_feather(table, path):
    feather.write_feather(table, path, chunksize=300)


def write_stream(table, path):
    with ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=300)


WRITERS = {"parquet": write_parquet, "feather": write_feather, "arrows": write_stream}


@pytest.fixture(params=list(WRITERS))
def opened(request, tmp_path):
    def open_table(table):
        if isinstance(table, dict):
            table = pa.table(table)
        path = tmp_path / f"t.{request.param}"
        WRITERS[request.param](table, str(path))
        return open_source(str(path))

    return open_table


def values(source, *args, **options):
    field = source.select(*(args or (None,)), **options)
    blocks = [block.values["x"] for block in align({"x": field}, 171)]
    assert all(len(block) == 171 for block in blocks[:-1])
    return np.concatenate(blocks)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u1", "i4", "i8", "u8"])
def test_uniform_columns_keep_their_dtype(opened, dtype):
    array = RNG.integers(0, 100, (1001, 3)).astype(dtype)
    source = opened({name: array[:, i] for i, name in enumerate("abc")})
    read = values(source)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)
    one = values(source, ["b"])
    assert one.dtype == array.dtype
    np.testing.assert_array_equal(one, array[:, 1])


@pytest.mark.parametrize(
    ("dtypes", "combined"),
    [
        (("i4", "i8"), "int64"),
        (("i8", "f8"), "float64"),
        (("f4", "f8"), "float64"),
        (("f2", "f4"), "float64"),
        (("u1", "f4"), "float64"),
    ],
)
def test_mixed_columns_become_what_holds_them(opened, dtypes, combined):
    columns = [RNG.integers(0, 100, 700).astype(dtype) for dtype in dtypes]
    read = values(opened(dict(zip("ab", columns, strict=True))))
    assert read.dtype == combined
    np.testing.assert_array_equal(read, np.stack(columns, axis=1))


def test_decimals_are_correctly_rounded(opened):
    texts = ["0.3", "1.1", "123456789.123456789", "-0.7", "0.000000000000000001"]
    column = pa.array([decimal.Decimal(text) for text in texts], pa.decimal128(38, 18))
    assert values(opened({"a": column})).tolist() == [float(text) for text in texts]


def test_columns_are_named_and_globbed_in_their_order(opened):
    source = opened({name: np.full(5, i) for i, name in enumerate(["l_0", "l_1", "l_10", "label", "l_*"])})
    assert source.select(["label", "l_1*", "label"]).info.columns == ("label", "l_1", "l_10")
    assert source.select(["l_*"]).info.columns == ("l_*",), "a literal name wins"
    assert source.select(["l_?"]).info.columns == ("l_0", "l_1", "l_*")
    assert source.select(None, exclude=["label"]).info.columns == ("l_0", "l_1", "l_10", "l_*")
    with pytest.raises(DataError, match="no column is named 'lable'") as caught:
        source.select(["lable"])
    assert "'label'" in caught.value.hint
    with pytest.raises(DataError, match=r"no column matches 'p_\*'"):
        source.select(["p_*"])


@pytest.mark.parametrize("count", [2, 9, 21])
def test_columns_come_in_the_order_asked_for(opened, count):
    table = RNG.standard_normal((1000, count))
    source = opened({f"c{number}": table[:, number] for number in range(count)})
    order = RNG.permutation(count)
    assert np.array_equal(values(source, [f"c{number}" for number in order]), table[:, order])


def test_globs_leave_out_what_is_otherwise_named():
    assert choose_columns(["a", "b", "c"], ["*"], "t", exclude=["b"]) == ["a", "c"]
    assert choose_columns(["a", "b", "c"], ["b"], "t", exclude=["b"]) == ["b"]
    with pytest.raises(DataError, match="2 columns are named 'a'"):
        choose_columns(["a", "b", "a"], ["a"], "t")


def test_text_dates_and_booleans_are_left_out_and_named(opened):
    source = opened(
        {
            "name": ["x", "y"],
            "day": pa.array([1, 2], pa.date32()),
            "good": [True, False],
            "score": [0.25, 0.5],
        }
    )
    field = source.select(None)
    assert field.info.columns == ("score",)
    (note,) = field.notes
    assert all(part in note for part in ("'name' (string)", "'day' (date32[day])", "'good' (bool)"))
    assert values(source, ["good"]).tolist() == [True, False]
    assert values(source, ["good", "score"]).tolist() == [[1.0, 0.25], [0.0, 0.5]]
    for name, what in (("name", "text"), ("day", "date32")):
        with pytest.raises(DataError, match=f"column '{name}' holds {what}.*not numbers"):
            source.select([name])
    with pytest.raises(DataError, match="no column holds numbers") as caught:
        source.select(None, exclude=["score"])
    assert "'good' (bool)" in caught.value.why


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "__index_level_0__"])
def test_row_numbers_are_left_out(opened, name):
    source = opened({name: np.arange(900), "a": np.arange(900) * 2.0})
    field = source.select(None)
    assert field.info.columns == ("a",)
    assert "counts the rows" in field.notes[0]
    np.testing.assert_array_equal(values(source), np.arange(900) * 2.0)
    assert source.select([name]).info.columns == (name,)
    alone = opened({name: np.arange(5)})
    assert alone.select(None).info.columns == (name,)
    beside_text = opened({name: np.arange(5), "label": list("abcde")})
    assert beside_text.select(None, text=True).info.columns == ("label",)
    with pytest.raises(DataError, match="no column holds numbers"):
        beside_text.select(None)


def test_a_column_that_does_not_count_is_data(opened):
    source = opened({"index": np.arange(900) + 1, "a": np.arange(900)})
    assert source.select(None).info.columns == ("index", "a")
    named_later = opened({"a": np.arange(900), "index": np.arange(900)})
    assert named_later.select(None).info.columns == ("a", "index")


def test_row_numbers_that_stop_counting_are_an_error(opened):
    numbers = np.arange(90_000)
    numbers[-10] = 7
    source = opened({"index": numbers, "a": np.zeros(90_000)})
    field = source.select(None)
    with pytest.raises(DataError, match=r"row 89990, column 'index': 7 where 89990 would come next") as caught:
        read_whole(field)
    assert "--pred" in caught.value.hint


@pytest.mark.parametrize("others", [1, 11])
def test_null_cells_are_errors_with_row_and_column(opened, others):
    cells = [0.5] * 1000
    cells[777] = None
    with pytest.raises(DataError, match=r"row 777, column 'b': the cell is empty"):
        read_whole(opened({**{f"a{i}": [1.0] * 1000 for i in range(others)}, "b": cells}).select(None))
    with pytest.raises(DataError, match=r"row 1, column 'l': the cell is empty"):
        read_whole(opened({"l": [[1.0, 2.0], [3.0, None]]}).select(None))
    with pytest.raises(DataError, match=r"row 1, column 'l': the cell is empty"):
        read_whole(opened({"l": [[1.0, 2.0], None]}).select(None))


LISTS = RNG.normal(size=(900, 3, 4)).astype("f4")


@pytest.mark.parametrize(
    "column",
    [
        pa.array(LISTS.tolist(), pa.list_(pa.list_(pa.float32()))),
        pa.array(LISTS.tolist(), pa.large_list(pa.list_(pa.float32(), 4))),
        pa.array(LISTS.tolist(), pa.list_(pa.list_(pa.float32(), 4), 3)),
        pa.FixedShapeTensorArray.from_numpy_ndarray(LISTS),
    ],
    ids=["lists", "large", "fixed", "tensor"],
)
def test_list_columns_are_rows_of_an_array(opened, column):
    source = opened({"x": column, "name": ["t"] * 900})
    field = source.select(None)
    assert field.info.shape[1:] == (3, 4)
    assert (field.info.dtype, field.info.columns) == ("float32", ("x",))
    np.testing.assert_array_equal(values(source), LISTS)


def test_lists_of_other_lengths(opened):
    lists = [[float(i)] * 3 for i in range(950)]
    lists[901] = [1.0, 2.0]
    source = opened({"x": lists})
    with pytest.raises(DataError, match=r"row 901, column 'x': a list of 2 values .* have 3"):
        read_whole(source.select(None))
    with pytest.raises(DataError, match=r"row 1, column 'x': a list of 1 values"):
        read_whole(opened({"x": [[[1.0, 2.0]], [[3.0]]]}).select(None))
    with pytest.raises(DataError, match="list is empty"):
        opened({"x": [[], [1.0]]}).select(None)


def test_ragged_lists(opened):
    lists = [RNG.integers(0, 9, length).tolist() for length in RNG.integers(0, 6, 1000)]
    source = opened({"x": lists})
    field = source.select(None, ragged=True)
    assert (field.info.dtype, field.info.shape[1:]) == ("ragged[int64]", (None,))
    start = 0
    for block in align({"x": field}, 137):
        part = block.values["x"]
        assert isinstance(part, Ragged)
        rows = [part.values[a:b].tolist() for a, b in zip(part.offsets, part.offsets[1:], strict=False)]
        assert rows == lists[start : start + 137]
        start += block.size
    assert start == 1000


def test_ragged_matrices(opened):
    rows = [RNG.normal(size=(length, 2)) for length in RNG.integers(1, 6, 500)]
    source = opened({"x": [row.tolist() for row in rows]})
    field = source.select(["x"], ragged=True)
    assert field.info.shape[1:] == (None, 2)
    whole = read_whole(field)
    assert whole.offsets.tolist() == [0, *np.cumsum([len(row) for row in rows])]
    np.testing.assert_array_equal(whole.values, np.concatenate(rows))


def test_ragged_matrices_that_begin_empty(opened):
    column = pa.array([[], [[1.0, 2.0]]], pa.list_(pa.list_(pa.float64())))
    assert opened({"x": column}).select(["x"], ragged=True).info.shape[1:] == (None, 2)
    with pytest.raises(DataError, match="the list is empty"):
        opened({"x": column[:1]}).select(["x"], ragged=True)


def test_row_numbers_may_be_decimals_or_encoded(opened):
    for column in (pa.array([0, 1, 2]).cast(pa.decimal128(20)), pa.array([0, 1, 2]).dictionary_encode()):
        assert opened({"index": column, "a": [5, 6, 7]}).select(None).info.columns == ("a",)


def test_several_meanings_are_not_guessed(opened):
    source = opened({"x": [[1.0], [2.0]], "y": [[1.0], [2.0]], "n": [1, 2]})
    with pytest.raises(DataError, match="which columns are meant") as caught:
        source.select(None)
    assert "--pred x" in caught.value.hint
    assert source.select(None, exclude=["n", "y"]).info.columns == ("x",)
    with pytest.raises(DataError, match="cannot stand beside others"):
        source.select(["x", "n"])


@pytest.mark.parametrize("encoded", [False, True])
def test_text_labels(opened, encoded):
    column = pa.array(["cat", "dög", "cat"] * 300)
    source = opened({"label": column.dictionary_encode() if encoded else column, "n": np.arange(900) + 5})
    field = source.select(["label"], text=True)
    assert field.info.dtype == "text"
    whole = read_whole(field)
    assert whole.dtype == object
    assert whole.tolist() == ["cat", "dög", "cat"] * 300
    assert source.select(None, text=True).info.columns == ("n",)
    assert source.select(None, text=True, exclude=["n"]).info.columns == ("label",)
    with pytest.raises(DataError, match="holds text"):
        source.select(["label", "n"], text=True)


def test_dictionary_encoded_numbers(opened):
    column = pa.array([3, 1, 3]).dictionary_encode()
    assert values(opened({"a": column})).tolist() == [3, 1, 3]


def test_dictionary_encoded_lists_are_refused(tmp_path):
    """Only Arrow's own files hold them; the lists were taken for numbers."""
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array([[1.0, 2.0], [3.0, 4.0]]))
    write_feather(pa.table({"p": column, "y": [1.0, 2.0, 3.0]}), tmp_path / "t.feather")
    table = open_source(str(tmp_path / "t.feather"))
    with pytest.raises(DataError, match="column 'p' holds dictionary"):
        table.select(["p"])
    assert table.select(None).info.columns == ("y",)


class Grams(pa.ExtensionType):
    """A type of a user's own, registered as a library would register it on being imported."""

    def __init__(self, storage_type):
        super().__init__(storage_type, "losscli.grams")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls(storage_type)


@pytest.fixture
def grams():
    pa.register_extension_type(Grams(pa.float64()))
    yield
    pa.unregister_extension_type("losscli.grams")


@pytest.mark.parametrize("columns", [1, 3, 11])
@pytest.mark.usefixtures("grams")
def test_extension_types_are_read_as_what_they_are_stored_as(opened, columns):
    array = RNG.normal(size=(1001, columns))
    table = {f"p{c}": pa.ExtensionArray.from_storage(Grams(pa.float64()), pa.array(array[:, c]))
             for c in range(columns)}  # fmt: skip
    assert np.array_equal(values(opened(table)).reshape(1001, columns), array)


@pytest.mark.usefixtures("grams")
def test_text_and_lists_of_extension_types(opened):
    words, lists = pa.array(["a", "b"]), pa.array([[1.0, 2.0], [3.0, 4.0]])
    source = opened({name: pa.ExtensionArray.from_storage(Grams(column.type), column)
                     for name, column in {"words": words, "lists": lists}.items()})  # fmt: skip
    assert values(source, ["words"], text=True).tolist() == ["a", "b"]
    assert values(source, ["lists"]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.usefixtures("grams")
def test_a_null_of_an_extension_type_is_a_null(opened):
    column = pa.ExtensionArray.from_storage(Grams(pa.float64()), pa.array([1.0, None, 2.0]))
    with pytest.raises(DataError, match=r"row 1, column 'x': the cell is empty"):
        values(opened({"x": column}))


def test_two_fields_of_one_table_are_read_together(opened):
    source = opened({"a": np.arange(1000.0), "b": np.arange(1000) % 7})
    calls = []
    read = source.record_batches
    source.record_batches = lambda columns: calls.append(columns) or read(columns)
    blocks = list(align({"p": source.select(["a"]), "t": source.select(["b"])}, 64))
    assert len(calls) == 1
    assert sorted(calls[0]) == ["a", "b"]
    np.testing.assert_array_equal(np.concatenate([b.values["t"] for b in blocks]), np.arange(1000) % 7)


def test_a_table_without_rows(opened):
    with pytest.raises(DataError, match="no rows"):
        read_whole(opened({"a": pa.array([], pa.float64())}).select(None))


@pytest.mark.parametrize("kind", list(WRITERS))
@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_truncated_tables(tmp_path, kind, keep):
    path = tmp_path / f"t.{kind}"
    WRITERS[kind](pa.table({"a": RNG.normal(size=5000)}), str(path))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DataError, match="truncated or damaged"):
        read_whole(open_source(str(path)).select(None))


def test_a_table_without_columns(opened):
    with pytest.raises(DataError, match="the table has no columns"):
        opened(pa.table({}))


@pytest.mark.parametrize("kind", list(WRITERS))
def test_any_damaged_byte_is_an_error_or_another_value(tmp_path, kind):
    table = pa.table({"a": RNG.normal(size=100), "l": [[1.0, 2.0]] * 100, "s": ["abc"] * 100})
    WRITERS[kind](table, str(tmp_path / "good"))
    good = (tmp_path / "good").read_bytes()
    path = tmp_path / f"bad.{kind}"
    errors = 0
    for position in RNG.integers(0, len(good), 60):
        damaged = bytearray(good)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        for name in "als":
            try:
                read_whole(open_source(str(path)).select([name], text=True))
            except (DataError, MemoryError):  # a damaged length may ask for more memory than there is
                errors += 1
    assert errors


def test_damaged_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": RNG.normal(size=50_000)}), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"t.parquet: the Parquet file is truncated or damaged"):
        read_whole(open_source(str(path)).select(None))


@pytest.mark.parametrize("kind", list(WRITERS))
def test_tables_from_stdin(tmp_path, monkeypatch, kind):
    path = tmp_path / "t"
    WRITERS[kind](pa.table({"index": np.arange(900), "x": np.arange(900) * 0.5}), str(path))

    class Stdin:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin)
    source = open_source("-")
    assert source.path == "<stdin>"
    assert source.select(None).info.columns == ("x",)
    np.testing.assert_array_equal(values(source), np.arange(900) * 0.5)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    return tmp_path


def test_parts_of_a_folder_are_one_table(folder):
    array = np.arange(3000.0)
    for i in range(3):
        pq.write_table(pa.table({"a": array[i * 1000 : (i + 1) * 1000]}), f"d/part-{i}.parquet")
    for spec in ("d", "d/*.parquet", "d/part-?.parquet"):
        source = open_source(spec)
        assert (source.path, source.rows) == (spec, 3000)
        np.testing.assert_array_equal(values(source), array)
    assert source.where(2001, "a") == "d/part-2.parquet: row 1, column 'a' (row 2001 of d/part-?.parquet)"


def test_a_null_in_a_part_is_named_by_part_and_row(folder):
    pq.write_table(pa.table({"a": [1.0, 2.0]}), "d/0.parquet")
    pq.write_table(pa.table({"a": [1.0, None]}), "d/1.parquet")
    with pytest.raises(DataError, match=r"d/1.parquet: row 1, column 'a' \(row 3 of d\): the cell is empty"):
        read_whole(open_source("d").select(None))


@pytest.mark.parametrize(
    ("second", "how"),
    [
        ({"b": [1.0]}, "lacks 'a' and has 'b' besides"),
        ({"a": [1.0], "b": [1.0]}, "has 'b' besides"),
        ({"a": ["x"]}, "holds string in column 'a', the parts before it double"),
        ({"a": [1]}, "holds int64 in column 'a', the parts before it double"),
    ],
)
def test_a_part_with_another_schema_is_named(folder, second, how):
    pq.write_table(pa.table({"a": [1.0]}), "d/0.parquet")
    pq.write_table(pa.table(second), "d/1.parquet")
    with pytest.raises(DataError, match=f"d/1.parquet: the part {how}"):
        open_source("d")


def test_a_broken_part_is_named(folder):
    pq.write_table(pa.table({"a": [1.0]}), "d/0.parquet")
    (folder / "d/1.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"d/1.parquet: the Parquet file is truncated"):
        open_source("d")


def test_parts_of_two_formats(folder):
    pq.write_table(pa.table({"a": [1.0]}), "d/0.parquet")
    np.save("d/1.npy", np.zeros(2))
    with pytest.raises(DataError, match=r"d/1.npy: the part is npy, but d/0.parquet is parquet"):
        open_source("d")


def test_arrays_of_a_folder_are_one_array(folder):
    array = RNG.normal(size=(700, 3))
    np.save("d/0.npy", array[:300])
    np.save("d/1.npy", array[300:])
    source = open_source("d")
    assert (source.rows, source.select(None).info.shape) == (700, (700, 3))
    np.testing.assert_array_equal(values(source), array)
    assert source.where(300) == "d/1.npy: row 0 (row 300 of d)"
    np.save("d/2.npy", array.astype("f4"))
    with pytest.raises(DataError, match=r"d/2.npy: the part has shape \(700, 3\) and dtype float32"):
        open_source("d")


def test_open_field(folder):
    pq.write_table(pa.table({"w": [1.0, 2.0], "n": ["a", "b"], "l_0": [1, 2], "l_1": [3, 4]}), "t.parquet")
    assert read_whole(open_field("t.parquet:w")).tolist() == [1.0, 2.0]
    assert read_whole(open_field("t.parquet:l_*")).tolist() == [[1, 3], [2, 4]]
    assert open_field("t.parquet:n", text=True).info.dtype == "text"
    source = open_source("t.parquet")
    assert open_field("t.parquet:w", opened={"t.parquet": source}).source is source
    with pytest.raises(DataError, match="without its column") as caught:
        open_source("t.parquet:w")
    assert "t.parquet with --pred w" in caught.value.hint


def test_open_source_takes_no_column(folder):
    np.save("a.npy", np.zeros(3))
    with pytest.raises(DataError, match="an array has no columns, so 'x' names nothing"):
        open_source("a.npy:x")


def test_parts_without_types_are_widened(folder):
    (folder / "d/0.csv").write_text("a,b\n1,2\n3,4\n")
    (folder / "d/1.csv").write_text("b,a\n5,0.5\n")
    source = open_source("d")
    np.testing.assert_array_equal(values(source), [[1, 2], [3, 4], [0.5, 5]])
    assert "d/1.csv: row 0 (line 2), column 'a'" in source.where(2, "a")
    (folder / "d/2.csv").write_text("b,a\n5,x\n")
    with pytest.raises(DataError, match=r"d/2.csv: the part holds string in column 'a'"):
        open_source("d")


def test_tables_of_two_forms_join(folder):
    (folder / "p.csv").write_text("id,score\nb,0.5\na,0.25\n")
    (folder / "t.jsonl").write_text('{"id": "a", "y": 1}\n{"id": "b", "y": 2}\n')
    left, right = open_source("p.csv"), open_source("t.jsonl")
    assert read_whole(join_targets(left, right, "id").select(None)).tolist() == [2, 1]


def test_read_vector(folder):
    assert read_vector("0.5,1,-2e3").tolist() == [0.5, 1.0, -2000.0]
    assert read_vector("3").tolist() == [3.0]
    np.save("v.npy", np.array([[1], [2]], "f4"))
    vector = read_vector("v.npy")
    assert (vector.dtype, vector.tolist()) == (np.float64, [1.0, 2.0])
    pq.write_table(pa.table({"w": [1, 2], "x": [3, 4]}), "t.parquet")
    assert read_vector("t.parquet:x").tolist() == [3.0, 4.0]
    with pytest.raises(DataError, match=r"a vector is meant, .* shape \(2, 2\)"):
        read_vector("t.parquet")
    with pytest.raises(DataError, match="no such file"):
        read_vector("1,2,x")


def test_slices_of_columns_convert_like_whole_ones():
    def where(row):
        return f"row {row}"

    lists = np.arange(24.0).reshape(6, 4)
    for column in (
        pa.array(lists.tolist()),
        pa.array(lists.tolist(), pa.list_(pa.float64(), 4)),
        pa.FixedShapeTensorArray.from_numpy_ndarray(lists),
    ):
        np.testing.assert_array_equal(conversion.stacked(column[2:5], (4,), where), lists[2:5])
    part = conversion.ragged(pa.array([[1], [2, 3], [], [4]])[1:], (), where)
    assert (part.values.tolist(), part.offsets.tolist()) == ([2, 3, 4], [0, 2, 2, 3])
    with pytest.raises(DataError, match="row 2: the cell is empty"):
        conversion.ragged(pa.array([[1], [2, 3], [], [None]])[1:], (), where)


def test_a_null_in_a_dictionary_is_a_null():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([1.5, None]))
    with pytest.raises(DataError, match="row 1: the cell is empty"):
        conversion.scalars(column, lambda row: f"row {row}")


def test_text_that_is_not_utf8(tmp_path):
    binary = pa.array([b"ok", b"\xff\xfe"])
    text = pa.Array.from_buffers(pa.string(), 2, binary.buffers())
    pq.write_table(pa.table({"t": text}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"row 1, column 't': the text is not UTF-8"):
        read_whole(open_source(str(tmp_path / "t.parquet")).select(None, text=True))


def test_columns_of_one_name_hurt_only_where_they_are_meant(tmp_path):
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"]), pa.array([1])], ["t", "t", "n"])
    pq.write_table(table, tmp_path / "t.parquet")
    source = open_source(str(tmp_path / "t.parquet"))
    assert read_whole(source.select(None)).tolist() == [1]
    table = pa.Table.from_arrays([pa.array([2]), pa.array([3])], ["n", "n"])
    pq.write_table(table, tmp_path / "n.parquet")
    with pytest.raises(DataError, match="2 columns are named 'n'"):
        open_source(str(tmp_path / "n.parquet")).select(None)


def test_arrays_alone_do_not_load_pyarrow(folder):
    np.save("a.npy", np.zeros((3, 2)))
    program = (
        "import sys; from losscli.data import align, open_source\n"
        "list(align({'x': open_source('a.npy').select(None)}, 2))\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'pyarrow', 'rich', 'typer', 'tempfile'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_page_that_its_checksum_belies(tmp_path):
    """It is for the reader to ask for the check: the changed number was scored."""
    path = tmp_path / "t.parquet"
    numbers = np.arange(1000.0)
    pq.write_table(pa.table({"p": numbers}), path, compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(500.0).tobytes()) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="the Parquet file is truncated or damaged") as caught:
        read_whole(open_source(str(path)).select(["p"]))
    assert "CRC" in caught.value.why


def test_an_encrypted_column_is_no_damage(tmp_path):
    encryption = pytest.importorskip("pyarrow.parquet.encryption")

    class Keys(encryption.KmsClient):
        def wrap_key(self, key, _name):
            return base64.b64encode(key)

    factory = encryption.CryptoFactory(lambda _config: Keys())
    config = encryption.EncryptionConfiguration(footer_key="k", column_keys={"k": ["p"]}, plaintext_footer=True)
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), config)
    table = pa.table({"p": [1.0, 2.0], "y": [3.0, 4.0]})
    path = tmp_path / "t.parquet"
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match="is encrypted in columns that are read"):
        read_whole(open_source(str(path)).select(["p"]))
    assert read_whole(open_source(str(path)).select(["y"])).tolist() == [3.0, 4.0]
