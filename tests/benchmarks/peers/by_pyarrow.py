"""Reading a table, and nothing else; the module of the other format is not imported."""

from __future__ import annotations

from answering import Work, answer


def read_csv(file: str) -> Work:
    from pyarrow import csv

    return lambda: csv.read_csv(file).num_rows


def read_parquet(file: str) -> Work:
    from pyarrow import parquet

    return lambda: parquet.read_table(file).num_rows


if __name__ == "__main__":
    answer({"csv": read_csv, "parquet": read_parquet})
