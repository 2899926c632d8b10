"""NPY and NPZ files, and arrays of a program."""

import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from losscli.data import ReadOptions, align, from_array, npy, open_source, read_whole
from losscli.errors import DataError

RNG = np.random.default_rng(20)


def saved(tmp_path, array, name="a.npy"):
    path = tmp_path / name
    np.save(path, array)
    return str(path)


def through_pipe(monkeypatch, data):
    class Stdin:
        buffer = io.BufferedReader(OnceOnly(data))

    monkeypatch.setattr("sys.stdin", Stdin)


class OnceOnly(io.RawIOBase):
    """Like a pipe: no seeking, and short reads."""

    def __init__(self, data):
        self._inner = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._inner.read(min(len(buffer), 1000))
        buffer[: len(data)] = data
        return len(data)


def in_blocks(source, rows):
    return np.concatenate([block.values["x"] for block in align({"x": source.select(None)}, rows)])


@pytest.mark.parametrize("shape", [(1,), (50, 1), (50, 7), (7, 50), (20, 3, 5), (6, 5, 4, 3)], ids=str)
@pytest.mark.parametrize("tile", [1, 100, 1 << 24])
@pytest.mark.parametrize(("near", "far"), [(1, 1 << 14), (200, 1 << 14), (1 << 22, 1 << 14), (1 << 22, 0)])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_fortran_order_is_read_in_any_pieces(tmp_path, monkeypatch, shape, tile, near, far, rows):
    monkeypatch.setattr(npy, "_TILE_BYTES", tile)
    monkeypatch.setattr(npy, "_PASSED_BYTES", near)
    monkeypatch.setattr(npy, "_FAR_BYTES", far)
    array = np.asfortranarray(RNG.normal(size=shape))
    np.testing.assert_array_equal(in_blocks(open_source(saved(tmp_path, array)), rows), array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_block_outlives_its_file(tmp_path, order):
    """Were it a view of a map, adding up what was cut off would kill this process."""
    path = saved(tmp_path, np.asarray(np.ones((300_000, 4)), order=order))
    block = next(align({"x": open_source(path).select(None)}, 200_000))
    os.truncate(path, 0)
    assert block.values["x"].sum() == 800_000


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", "i1", "u1", "i4", ">i8", "u8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1001,), (1001, 3), (40, 3, 5)])
def test_npy_keeps_values_and_dtype(tmp_path, dtype, order, shape):
    array = np.asarray(RNG.integers(0, 100, shape).astype(dtype), order=order)
    source = open_source(saved(tmp_path, array))
    field = source.select(None)
    assert (field.info.format, field.info.shape, field.info.dtype) == ("npy", shape, array.dtype.name)
    read = in_blocks(source, 17)
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("compressed", [False, True])
def test_npy_from_stdin(tmp_path, monkeypatch, order, compressed):
    array = np.asarray(RNG.normal(size=(5000, 60)), order=order)
    with open(saved(tmp_path, array), "rb") as file:
        data = file.read()
    through_pipe(monkeypatch, gzip.compress(data, 1) if compressed else data)
    source = open_source("-")
    assert source.path == "<stdin>"
    assert source.rows == 5000
    np.testing.assert_array_equal(in_blocks(source, 999), array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_slices_of_a_file_cannot_be_written(tmp_path, order):
    source = open_source(saved(tmp_path, np.asarray(np.arange(12.0).reshape(6, 2), order=order)))
    part = source.slice(source.select(None), 2, 4)
    assert not part.flags.writeable
    assert part.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_a_file_is_not_mapped_where_it_can_be_read(tmp_path):
    """A map of a file that another process cuts off kills whoever touches it."""
    path = saved(tmp_path, np.arange(12.0).reshape(6, 2))
    source = open_source(path)
    field = source.select(None)
    assert source.slice(field, 0, 2).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    os.truncate(path, Path(path).stat().st_size - 8)
    assert source.slice(field, 0, 2).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    with pytest.raises(DataError, match="88 of 96 bytes of data are there"):
        source.slice(field, 4, 6)


def test_a_scalar_is_one_sample_of_no_shape(tmp_path):
    field = open_source(saved(tmp_path, np.int64(3))).select(None)
    assert field.info.shape == ()
    assert read_whole(field) == 3


@pytest.mark.parametrize("compressed", [False, True])
def test_bfloat16(tmp_path, compressed):
    values = np.array([1.0, -2.5, 0.15625, np.inf, -np.inf, 3.0e38], np.float32)
    upper = (values.view(np.uint32) >> 16).astype(np.uint16)
    path = saved(tmp_path, upper.view("V2"))
    if compressed:
        with open(path, "rb+") as file:
            packed = gzip.compress(file.read())
            file.seek(0)
            file.truncate()
            file.write(packed)
    source = open_source(path, ReadOptions(input_dtype="bfloat16"))
    field = source.select(None)
    assert field.info.dtype == "float32"
    expected = (upper.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(read_whole(field), expected)


def test_bfloat16_is_not_guessed(tmp_path):
    with pytest.raises(DataError, match="2-byte void") as caught:
        open_source(saved(tmp_path, np.zeros(3, "u2").view("V2")))
    assert "--input-dtype bfloat16" in caught.value.hint
    labels = open_source(saved(tmp_path, np.array([1, 0], "u2")), ReadOptions(input_dtype="bfloat16"))
    assert read_whole(labels.select(None)).tolist() == [1, 0], "labels beside bfloat16 stay what they are"


@pytest.mark.parametrize(
    ("array", "named"),
    [
        (np.array([{}, []], dtype=object), "Python objects"),
        (np.zeros(2, [("a", "f4"), ("b", "i4")]), "records"),
        (np.zeros(2, complex), "complex"),
        (np.array(["a"]), "strings"),
        (np.array([b"a"]), "byte strings"),
        (np.zeros(2, "M8[s]"), "dates"),
        (np.zeros(2, "m8[s]"), "time spans"),
        (np.zeros(2, np.longdouble), "extended floats"),
        (np.zeros(2, "V3"), "V3"),
    ],
)
def test_other_dtypes_are_refused_by_name(tmp_path, array, named):
    path = tmp_path / "a.npy"
    np.save(path, array, allow_pickle=True)
    for opened in (lambda: open_source(str(path)).select(None), lambda: from_array(array, "prediction").select(None)):
        with pytest.raises(DataError, match=named) as caught:
            opened()
        assert caught.value.hint


@pytest.mark.parametrize("shape", [(0,), (0, 3), (0, 0)])
def test_an_array_without_samples(tmp_path, shape):
    for opened in (lambda: open_source(saved(tmp_path, np.zeros(shape))), lambda: from_array(np.zeros(shape), "a")):
        with pytest.raises(DataError, match="has no rows"):
            opened()


@pytest.mark.parametrize(
    ("shape", "ragged"), [((3, 0), False), ((3, 0, 2), False), ((3, 0, 2), True), ((3, 2, 0), True)]
)
def test_samples_that_hold_nothing(tmp_path, shape, ragged):
    for source in (open_source(saved(tmp_path, np.zeros(shape))), from_array(np.zeros(shape), "a")):
        with pytest.raises(DataError, match="rows that hold nothing"):
            source.select(None, ragged=ragged)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_rows_of_varying_length_may_all_be_empty(tmp_path, order, pack):
    path = tmp_path / "a.npy"
    path.write_bytes(pack(Path(saved(tmp_path, np.zeros((3, 0), order=order))).read_bytes()))
    for source in (open_source(str(path)), from_array(np.zeros((3, 0)), "a")):
        [block] = align({"a": source.select(None, ragged=True)}, 8)
        assert (block.size, block.values["a"].shape) == (3, (3, 0))


def test_a_header_of_more_empty_rows_than_there_can_be(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 62, 0)})
    path = tmp_path / "a.npy"
    path.write_bytes(header.getvalue())
    with pytest.raises(DataError, match="header is damaged") as caught:
        open_source(str(path))
    assert caught.value.hint


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("claimed", [(10,), (1 << 50,), (1, 1 << 50)])
def test_truncated_data_is_said_with_both_sizes_and_never_allocated(tmp_path, compressed, claimed):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": claimed})
    data = header.getvalue() + bytes(24)
    path = tmp_path / "a.npy"
    path.write_bytes(gzip.compress(data) if compressed else data)
    vast = compressed and len(claimed) > 1  # a sample that is unpacked into memory, as far as the header goes
    with pytest.raises(DataError, match="one sample takes" if vast else "truncated: 24 of"):
        read_whole(open_source(str(path)).select(None))


@pytest.mark.parametrize("keep", [7, 9, 40])
def test_a_truncated_header(tmp_path, keep):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(4))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="header cannot be read"):
        open_source(str(path))


def test_any_damaged_byte_of_a_header_is_an_error_or_another_array(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 2)))
    good = path.read_bytes()
    errors = 0
    for position in range(100):
        for flip in (0x01, 0x0F, 0xFF):
            damaged = bytearray(good)
            damaged[position] ^= flip
            path.write_bytes(damaged)
            try:
                read_whole(open_source(str(path)).select(None))
            except DataError:
                errors += 1
    assert errors > 100


def test_a_header_with_a_negative_length(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(4))
    path.write_bytes(path.read_bytes().replace(b"(4,),", b"(-4,)"))
    with pytest.raises(DataError, match="header"):
        open_source(str(path))


@pytest.mark.parametrize("compressed", [False, True])
def test_bytes_after_the_array_are_noted(tmp_path, compressed):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(4))
    data = path.read_bytes() + b"more"
    path.write_bytes(gzip.compress(data) if compressed else data)
    field = open_source(str(path)).select(None)
    read_whole(field)
    assert field.notes == [f"{path}: bytes after the array are not read"]


def test_an_array_has_no_columns(tmp_path):
    source = open_source(saved(tmp_path, np.zeros((3, 2))))
    assert source.columns is None
    with pytest.raises(DataError, match="no columns, so '0' names nothing"):
        source.select(["0"])


def test_from_array_does_not_copy():
    array = np.zeros((5, 2))
    source = from_array(array, "prediction")
    assert np.shares_memory(source.slice(source.select(None), 1, 3), array)
    assert source.where(3) == "prediction: row 3"


def test_from_array_takes_what_numpy_takes():
    assert read_whole(from_array([[1, 2], [3, 4]], "x").select(None)).tolist() == [[1, 2], [3, 4]]
    assert read_whole(from_array(2.5, "x").select(None)) == 2.5
    with pytest.raises(DataError, match="x: makes no array"):
        from_array([[1, 2], [3]], "x")
    with pytest.raises(DataError, match="masked"):
        from_array(np.ma.masked_array([1.0, 2.0], [True, False]), "x")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_members(tmp_path, save):
    path = tmp_path / "two.npz"
    logits, labels = RNG.normal(size=(700, 3)), np.arange(700)
    save(path, logits=np.asfortranarray(logits), labels=labels)
    np.testing.assert_array_equal(in_blocks(open_source(f"{path}:logits"), 64), logits)
    source = open_source(f"{path}:labels")
    assert (source.format, source.path, source.rows) == ("npz", f"{path}:labels", 700)
    np.testing.assert_array_equal(in_blocks(source, 64), labels)
    with pytest.raises(DataError, match="holds 2 arrays") as caught:
        open_source(str(path))
    assert "'logits', 'labels'" in caught.value.why
    with pytest.raises(DataError, match="no array 'logit'") as caught:
        open_source(f"{path}:logit")
    assert "'logits'" in caught.value.hint


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_npz_with_two_arrays_of_one_name(tmp_path):
    """The last of them was taken."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a", "b", "a"):
            with archive.open(f"{name}.npy", "w") as member:
                np.save(member, np.zeros(3))
    for spec in (f"{path}:a", str(path)):
        with pytest.raises(DataError, match="2 arrays are named 'a'"):
            open_source(spec)
    assert open_source(f"{path}:b").rows == 3


def test_npz_names_that_its_own_hint_names(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **{"dense/kernel": np.zeros(2), "a:b": np.zeros(3)})
    with pytest.raises(DataError, match="holds 2 arrays") as caught:
        open_source(str(path))
    assert [open_source(spec).rows for spec in caught.value.hint.split()[-2:]] == [2, 3]


def test_npz_of_one_array_needs_no_name(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    np.savez(path, np.arange(5))
    assert read_whole(open_source(str(path)).select(None)).tolist() == [0, 1, 2, 3, 4]
    through_pipe(monkeypatch, path.read_bytes())
    source = open_source("-")
    assert source.path == "<stdin>:arr_0"
    assert read_whole(source.select(None)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("looks_like", [b"xl/", b"_rels/", b"[Content_Types].xml", b"archive/data.pkl"])
def test_npz_whose_bytes_look_like_another_archive(tmp_path, looks_like):
    path = tmp_path / "a.npz"
    array = np.frombuffer(looks_like.ljust(24, b"\0"), np.uint8)
    np.savez(path, a=array)
    assert looks_like in path.read_bytes()
    np.testing.assert_array_equal(read_whole(open_source(str(path)).select(None)), array)


def test_npz_with_objects_is_never_unpickled(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, np.array([Exploding()], dtype=object))
    with pytest.raises(DataError, match="Python objects"):
        open_source(str(path))


class Exploding:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_damaged_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, np.zeros(10000))
    data = path.read_bytes()
    path.write_bytes(data[:-500])
    with pytest.raises(DataError, match="truncated or damaged"):
        open_source(str(path))
    middle = len(data) // 2
    path.write_bytes(data[:middle] + b"\xff" + data[middle + 1 :])
    with pytest.raises(DataError, match="'arr_0': the archive is damaged"):
        read_whole(open_source(str(path)).select(None))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_damage_to_members_of_every_compression(tmp_path, method, share):
    """LZMA has an error of its own, and bzip2 none: both ended as bugs of ours."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("a.npy", "w") as member:
        np.save(member, RNG.normal(size=300_000))
    data = bytearray(path.read_bytes())
    data[100 + int(share * (len(data) - 400))] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"'a': the archive is (damaged|truncated)") as caught:
        read_whole(open_source(str(path)).select(None))
    assert caught.value.hint == "copy or download it again"


def test_npz_with_a_name_that_is_no_utf_8(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.zeros(3))
    content = bytearray(path.read_bytes())
    content[6:8] = (0x800).to_bytes(2, "little")  # the flag of a UTF-8 name, in the header before the data
    content[content.index(b"a.npy") + 2] = 0xB9
    path.write_bytes(content)
    with pytest.raises(DataError, match="its array 'a' cannot be read"):
        open_source(str(path))


def test_npz_without_arrays(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match="holds no arrays"):
        open_source(str(path))


def test_a_pickle_named_npy_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="pickle"):
        open_source(str(path))
