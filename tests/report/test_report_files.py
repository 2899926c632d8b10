"""`-o FILE`: what is in it, and that it is complete or untouched."""

import csv
import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from handmade import HOSTILE, block_of, read_only

from losscli.errors import OutputError, UsageError
from losscli.exits import Exit
from losscli.report import open_output

LOSSES = np.array([0.1 + 0.2, np.inf, 5e-324, np.nan, 1 / 3])
ALL = [".npy", ".csv", ".parquet", ".jsonl"]


def blocks(labels=()):
    more = {"label": read_only(labels[:2], object)} if labels else {}
    yield block_of(LOSSES[:2], **more)
    more = {"label": read_only(labels[2:], object)} if labels else {}
    yield block_of(LOSSES[2:], start=2, **more)


def write(path, scored=None, *, reduction="mean", inputs=()):
    with open_output(str(path), reduction=reduction, inputs=inputs) as sink:
        for block in blocks() if scored is None else scored:
            sink.write(block)


@pytest.fixture
def old(tmp_path):
    """A folder with one old output of each format."""
    for extension in ALL:
        (tmp_path / f"out{extension}").write_bytes(b"old")
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestContent:
    def test_npy(self, tmp_path):
        write(tmp_path / "a.npy")
        losses = np.load(tmp_path / "a.npy", allow_pickle=False)
        assert losses.dtype == np.float64
        np.testing.assert_array_equal(losses, LOSSES)

    def test_npy_of_elements_has_their_shape(self, tmp_path):
        array = np.arange(1200.0 * 6).reshape(1200, 3, 2)
        scored = [block_of(part, start=0) for part in np.split(array, [1, 100])]
        write(tmp_path / "a.npy", scored, reduction="none")
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)

    def test_npy_refuses_elements_of_two_shapes(self, tmp_path):
        scored = [block_of(np.ones((2, 3))), block_of(np.ones((2, 4)), start=2)]
        with pytest.raises(OutputError, match=r"sample 2: .*\(4,\), those before \(3,\)"):
            write(tmp_path / "a.npy", scored, reduction="none")
        assert names(tmp_path) == []

    def test_csv(self, tmp_path):
        write(tmp_path / "a.csv", blocks(["a", "é", "b,c", '"', ""]))
        with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        np.testing.assert_array_equal([float(row["loss"]) for row in rows], LOSSES)
        assert [row["sample"] for row in rows] == ["0", "1", "2", "3", "4"]
        assert [row["label"] for row in rows] == ["a", "é", "b,c", '"', ""]

    def test_jsonl(self, tmp_path):
        write(tmp_path / "a.jsonl")
        rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
        assert [row["loss"] for row in rows] == [0.1 + 0.2, "Infinity", 5e-324, "NaN", 1 / 3]

    def test_parquet(self, tmp_path):
        labels = ["a", None, HOSTILE, "é", ""]
        write(tmp_path / "a.parquet", blocks(labels))
        table = pq.read_table(tmp_path / "a.parquet")
        assert table.column_names == ["sample", "loss", "weight", "label"]
        np.testing.assert_array_equal(table["loss"].to_numpy(), LOSSES)
        assert table["label"].to_pylist() == labels

    def test_parquet_writes_out_what_is_no_utf_8(self, tmp_path):
        write(tmp_path / "a.parquet", [block_of([1.0] * 3, label=read_only(["caf\udce9", "café\x1b", None], object))])
        assert pq.read_table(tmp_path / "a.parquet")["label"].to_pylist() == [r"caf\udce9", "café\x1b", None]

    @pytest.mark.parametrize("groups", [1, 2])
    def test_parquet_rows_that_end_with_a_row_group(self, tmp_path, groups):
        """A table without rows was then added, which lacked the columns that the loss adds."""
        labels = read_only(["x"] * 65_536, object)
        ones, starts = np.ones(65_536), range(0, 65_536 * groups, 65_536)
        write(tmp_path / "a.parquet", [block_of(ones, start=start, label=labels) for start in starts])
        assert pq.read_table(tmp_path / "a.parquet").num_rows == 65_536 * groups
        assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == groups

    def test_parquet_row_groups_are_bounded(self, tmp_path):
        sizes = [10_000] * 20 + [150_000]
        starts = np.cumsum([0, *sizes])
        scored = (block_of(np.ones(size), start=start) for start, size in zip(starts, sizes, strict=False))
        write(tmp_path / "a.parquet", scored)
        metadata = pq.read_metadata(tmp_path / "a.parquet")
        groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert sum(groups) == 350_000
        assert max(groups) <= 65_536
        assert len(groups) <= 10
        samples = pq.read_table(tmp_path / "a.parquet")["sample"].to_numpy()
        np.testing.assert_array_equal(samples, np.arange(350_000))

    @pytest.mark.parametrize("extension", [".csv", ".parquet", ".jsonl"])
    def test_elements_are_rows_with_indices(self, tmp_path, extension):
        path = tmp_path / f"a{extension}"
        write(path, [block_of([[1.0, 2.0], [3.0, 4.0]])], reduction="none")
        if extension == ".parquet":
            rows = pq.read_table(path).to_pylist()
        elif extension == ".jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
        else:
            lines = path.read_text().splitlines()
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]
        assert rows[2] == {"sample": 1, "i1": 0, "loss": 3.0, "weight": 1.0}
        assert len(rows) == 4

    def test_no_samples(self, tmp_path):
        for extension in ALL:
            write(tmp_path / f"a{extension}", [])
        assert np.load(tmp_path / "a.npy").shape == (0,)
        assert pq.read_table(tmp_path / "a.parquet").num_rows == 0
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "a.jsonl").read_bytes() == b""

    def test_extension_in_capitals(self, tmp_path):
        write(tmp_path / "A.NPY")
        np.testing.assert_array_equal(np.load(tmp_path / "A.NPY"), LOSSES)


class TestAtomicity:
    @pytest.mark.parametrize("extension", ALL)
    def test_old_file_stands_until_the_new_one_is_complete(self, old, extension):
        path = old / f"out{extension}"
        with open_output(str(path), reduction="mean", inputs=()) as sink:
            for block in blocks():
                sink.write(block)
                assert path.read_bytes() == b"old"
        assert path.read_bytes() != b"old"
        assert names(old) == sorted(f"out{name}" for name in ALL)

    @pytest.mark.parametrize("extension", ALL)
    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_a_failure_midway_leaves_no_trace(self, old, extension, failure):
        def broken():
            yield block_of(np.ones(70_000))
            raise failure

        with pytest.raises(failure):
            write(old / f"out{extension}", broken())
        with pytest.raises(failure):
            write(old / f"new{extension}", broken())
        assert names(old) == sorted(f"out{name}" for name in ALL)
        assert (old / f"out{extension}").read_bytes() == b"old"

    @pytest.mark.parametrize("extension", ALL)
    def test_a_failing_rename_leaves_no_trace(self, old, extension, monkeypatch):
        def fail(*_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("pathlib.Path.replace", fail)
        with pytest.raises(OutputError, match="cannot be written: input/output error"):
            write(old / f"out{extension}")
        assert names(old) == sorted(f"out{name}" for name in ALL)
        assert (old / f"out{extension}").read_bytes() == b"old"

    def test_a_device_that_is_full_only_when_synced(self, old, monkeypatch):
        def fail(_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(OutputError, match="no space left"):
            write(old / "out.npy")
        assert names(old) == sorted(f"out{name}" for name in ALL)
        assert (old / "out.npy").read_bytes() == b"old"

    def test_nothing_is_touched_before_it_is_entered(self, tmp_path):
        open_output(str(tmp_path / "a.csv"), reduction="mean", inputs=())
        assert names(tmp_path) == []

    def test_mode_of_an_old_file_is_kept(self, old):
        path = old / "out.csv"
        path.chmod(0o640)
        write(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_mode_of_a_new_file_follows_the_umask(self, tmp_path):
        before = os.umask(0o027)
        try:
            write(tmp_path / "a.csv")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o640

    @pytest.mark.parametrize("there", [True, False])
    def test_a_link_keeps_being_one(self, tmp_path, there):
        (tmp_path / "real").mkdir()
        target = tmp_path / "real" / "target.csv"
        if there:
            target.write_text("old")
        link = tmp_path / "link.csv"
        link.symlink_to(target)
        write(link)
        assert link.is_symlink()
        assert target.read_text().startswith("sample,loss,weight\n")
        assert names(tmp_path / "real") == ["target.csv"]

    def test_a_very_long_name_leaves_room_for_the_temporary_one(self, tmp_path):
        write(tmp_path / ("é" * 120 + ".csv"))
        assert len(names(tmp_path)) == 1


class TestDevices:
    def test_a_pipe_without_extension_gets_csv(self, tmp_path):
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        heard = []
        reader = threading.Thread(target=lambda: heard.append(fifo.read_text()))
        reader.start()
        write(fifo)
        reader.join(10)
        assert heard[0].splitlines()[1] == "0,0.30000000000000004,1.0"
        assert stat.S_ISFIFO(fifo.stat().st_mode)

    def test_parquet_through_a_pipe(self, tmp_path):
        fifo = tmp_path / "fifo.parquet"
        os.mkfifo(fifo)
        heard = []
        reader = threading.Thread(target=lambda: heard.append(fifo.read_bytes()))
        reader.start()
        write(fifo)
        reader.join(10)
        (tmp_path / "copy.parquet").write_bytes(heard[0])
        np.testing.assert_array_equal(pq.read_table(tmp_path / "copy.parquet")["loss"], LOSSES)

    def test_npy_through_a_pipe_is_refused_at_once(self, tmp_path):
        os.mkfifo(tmp_path / "fifo.npy")
        with pytest.raises(UsageError, match="device or a pipe"):
            write(tmp_path / "fifo.npy")

    def test_null_device_stays_a_device(self):
        write("/dev/null")
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)

    @pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    def test_stdout_in_a_file_is_added_to(self, tmp_path, path):
        code = (
            "import numpy as np; from losscli.engine.result import Samples, Scored;"
            "from losscli.report import open_output;"
            "one = np.ones(1); print('before', flush=True)\n"
            f"with open_output({path!r}, reduction='mean', inputs=()) as sink:\n"
            " sink.write(Scored(0, one, one, Samples({'sample': np.arange(1), 'loss': one, 'weight': one})))\n"
            "print('after')"
        )
        with (tmp_path / "all.txt").open("wb") as file:
            subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        assert (tmp_path / "all.txt").read_text() == "before\nsample,loss,weight\n0,1.0,1.0\nafter\n"

    @pytest.mark.parametrize("extension", [".csv", ".parquet", ".jsonl"])
    @pytest.mark.parametrize("rows", [3, 200_000])
    def test_a_full_device_is_an_error(self, tmp_path, extension, rows):
        link = tmp_path / f"full{extension}"
        link.symlink_to("/dev/full")
        with pytest.raises(OutputError, match="no space left on device") as caught:
            write(link, [block_of(np.arange(float(rows)))])
        assert caught.value.why == "the device is full"
        assert link.is_symlink()

    def test_a_reader_that_goes_away_is_no_output_error(self, tmp_path):
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        reader = threading.Thread(target=lambda: fifo.open("rb").close())
        reader.start()
        with pytest.raises(BrokenPipeError):
            write(fifo, (block_of(np.ones(20_000)) for _ in range(20)))
        reader.join(10)


class TestRefusals:
    @pytest.mark.parametrize("name", ["a.txt", "a", "a.csv.gz", ".csv"])
    def test_unknown_extension(self, tmp_path, name):
        with pytest.raises(UsageError) as caught:
            write(tmp_path / name)
        assert all(extension in caught.value.why for extension in ALL)
        assert caught.value.exit_code == Exit.USAGE
        assert names(tmp_path) == []

    def test_an_input(self, old, monkeypatch):
        monkeypatch.chdir(old)
        (old / "link.csv").symlink_to("out.csv")
        (old / "hard.csv").hardlink_to("out.csv")
        inputs = ["-", "gs://bucket/x.npy", "missing.npy", str(old / "out.csv")]
        for name in ("out.csv", "./out.csv", "link.csv", "hard.csv"):
            with pytest.raises(UsageError, match="also an input"):
                write(name, inputs=inputs)
        assert (old / "out.csv").read_bytes() == b"old"
        write("fresh.csv", inputs=inputs)

    def test_a_part_of_an_input(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "parts").mkdir()
        (tmp_path / "weights.csv").write_text("w\n1\n")
        for name, given in [
            ("parts/1.parquet", "parts"),
            ("parts/1.parquet", "parts/*.parquet"),
            ("weights.csv", "weights.csv:w"),
        ]:
            with pytest.raises(UsageError, match="also an input"):
                write(name, inputs=[given])
        write("losses.csv", inputs=["parts", "parts/*.parquet", "weights.csv:w"])

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(OutputError, match="no such file or directory") as caught:
            write(tmp_path / "no such" / "a.csv")
        assert caught.value.why == f"there is no folder {tmp_path}/no such"
        assert caught.value.hint == f"mkdir -p '{tmp_path}/no such'"
        assert caught.value.exit_code == Exit.DATA

    def test_a_file_in_place_of_the_folder(self, old):
        with pytest.raises(OutputError, match="not a directory"):
            write(old / "out.csv" / "a.csv")

    def test_a_folder(self, tmp_path):
        (tmp_path / "a.csv").mkdir()
        with pytest.raises(OutputError, match="is a folder"):
            write(tmp_path / "a.csv")

    def test_a_loop_of_links(self, tmp_path):
        (tmp_path / "a.csv").symlink_to("b.csv")
        (tmp_path / "b.csv").symlink_to("a.csv")
        with pytest.raises(OutputError, match="symbolic links"):
            write(tmp_path / "a.csv")
        assert names(tmp_path) == ["a.csv", "b.csv"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
    def test_no_permission(self, old):
        (old / "out.csv").chmod(0o444)
        with pytest.raises(OutputError, match="permission denied"):
            write(old / "out.csv")
        old.chmod(0o555)
        try:
            with pytest.raises(OutputError, match="permission denied"):
                write(old / "new.csv")
        finally:
            old.chmod(0o755)

    def test_no_permission_as_the_system_tells_it(self, old, monkeypatch):
        monkeypatch.setattr("os.access", lambda *_: False)
        with pytest.raises(OutputError, match="permission denied") as caught:
            write(old / "out.csv")
        assert caught.value.why.startswith("this user may not write")
