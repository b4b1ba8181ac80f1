"""What a Parquet file unpacks to, by its pages: any writer's file passes, and what swells is refused by its numbers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.parquet_bounds import MAX_COLUMNS, refuse_bomb, unpacked

ROWS = 3_000
TABLE = pa.table(
    {
        "id": [str(number) for number in range(ROWS)],
        "text": ["a" * (number % 7) for number in range(ROWS)],
        "number": [number / 7 for number in range(ROWS)],
        "nothing": pa.nulls(ROWS, pa.string()),
        "objects": [[{"x": str(number), "y": None}] * (number % 3) for number in range(ROWS)],
        "fixed": pa.array([b"12345678"] * ROWS, pa.binary(8)),
        "picture": [{"bytes": bytes(number % 200), "path": "x"} for number in range(ROWS)],
    }
)
PACKINGS = ("none", "snappy", "zstd", "gzip", "brotli", "lz4")


@pytest.mark.parametrize("packing", PACKINGS)
def test_files_of_any_writer_pass(tmp_path: Path, packing: Any) -> None:
    path = tmp_path / "t.parquet"
    for pages, dictionary, checksum in itertools.product(("1.0", "2.0"), (True, False), (True, False)):
        pq.write_table(
            TABLE,
            path,
            compression=packing,
            data_page_version=pages,
            use_dictionary=dictionary,
            write_page_checksum=checksum,
            data_page_size=5_000,
            row_group_size=1_000,
        )
        refuse_bomb(path)
    pl.DataFrame(TABLE).write_parquet(path, compression="uncompressed" if packing == "none" else packing)
    refuse_bomb(path)


@pytest.mark.parametrize("table", [TABLE.slice(0, 0), pa.table({}), pa.table({"a": pa.nulls(5)})])
def test_a_file_without_values_passes(tmp_path: Path, table: pa.Table) -> None:
    pq.write_table(table, tmp_path / "t.parquet")
    refuse_bomb(tmp_path / "t.parquet")


def write_pointing(path: Path, values: list[Any], rows: int, **options: Any) -> None:
    indices = pa.array([number % len(values) for number in range(rows)], pa.int32())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(values))
    table = pa.table({"a": column, "b": ["x"] * rows})
    pq.write_table(table, path, store_schema=False, dictionary_pagesize_limit=1 << 30, **options)


@pytest.mark.parametrize("packing", PACKINGS)
def test_rows_that_point_to_a_large_value_count_each(tmp_path: Path, packing: str) -> None:
    write_pointing(tmp_path / "t.parquet", ["x" * 1_000_000, "y"], 1_000, compression=packing)
    if packing != "none":
        with pytest.raises(ValueError, match=r"it unpacks to 5\d\d,\d{3},\d{3} bytes"):
            refuse_bomb(tmp_path / "t.parquet")
    refuse_bomb(tmp_path / "t.parquet", ["b"])
    write_pointing(tmp_path / "t.parquet", ["x" * 1_000_000, *map(str, range(99))], 1_000, compression=packing)
    refuse_bomb(tmp_path / "t.parquet")


def test_what_lists_and_structs_point_to_counts_too(tmp_path: Path) -> None:
    pointing = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000, pa.int32()), pa.array(["x" * 1_000_000]))
    structs = pa.StructArray.from_arrays([pointing], ["a"])
    lists = pa.ListArray.from_arrays(pa.array([0, 400, 1_000], pa.int32()), structs)
    pq.write_table(
        pa.table({"l": lists}), tmp_path / "t.parquet", store_schema=False, dictionary_pagesize_limit=1 << 30
    )
    with pytest.raises(ValueError, match=r"it unpacks to 1,000,000,000 bytes"):
        refuse_bomb(tmp_path / "t.parquet")


@pytest.mark.parametrize("distinct", [3, 200_000], ids=["few values", "more than a dictionary holds"])
def test_lists_of_texts_over_several_row_groups_pass(tmp_path: Path, distinct: int) -> None:
    """One text is so long that the others are looked at, too."""
    said = [[{"text": f"{number % distinct:012d}"}] for number in range(200_000)]
    said[1][0]["text"] = "a" * 100_000
    pq.write_table(pa.table({"said": said}), tmp_path / "t.parquet", compression="zstd", row_group_size=90_000)
    refuse_bomb(tmp_path / "t.parquet")


def test_pages_of_zeros_count_as_they_unpack(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"a": [bytes(30_000_000)] * 10}), tmp_path / "t.parquet", use_dictionary=False, compression="zstd"
    )
    with pytest.raises(ValueError, match=r"it unpacks to 300,\d{3},\d{3} bytes; of a file of its size at most 25\d"):
        refuse_bomb(tmp_path / "t.parquet")
    chunk = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0)
    assert unpacked(chunk, tmp_path / "t.parquet")[0] > 300_000_000


def test_cells_count_whatever_they_take(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.nulls(25_000_000, pa.int8())}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"it unpacks to 25,000,000 cells"):
        refuse_bomb(tmp_path / "t.parquet")


def test_many_columns_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({f"c{number}": [1] for number in range(MAX_COLUMNS + 1)}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"it has 10,001 columns; at most 10,000 are read"):
        refuse_bomb(tmp_path / "t.parquet", ["c1"])


def test_pages_that_say_nothing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": list(range(1_000))}), path, use_dictionary=False)
    whole = path.read_bytes()
    for damage in (b"\x00" * 20, b"\xff" * 20, b"\x1c" * 20, b"\x19" * 20):
        path.write_bytes(whole[:4] + damage + whole[24:])
        with pytest.raises(ValueError, match="page"):
            refuse_bomb(path)
