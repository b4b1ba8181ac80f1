from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import CorruptBuild
from factory.store.tables import read_arrow, read_rows, write_table

NESTED = pa.schema(
    [
        ("id", pa.string()),
        ("told", pa.list_(pa.struct([("who", pa.string()), ("place", pa.struct([("n", pa.int8())]))]))),
    ]
)


def written(path: Path) -> Path:
    rows = [{"id": f"s{n}", "told": [{"who": "x", "place": None if n % 2 else {"n": n}}]} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows, schema=NESTED), path, row_group_size=3, write_page_checksum=True)
    return path


def test_rows_of_some_samples_are_read_from_any_row_group(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path / "t.parquet"), ["id", "told"], ["s8", "s1", "absent"])
    assert found == {
        "s1": {"id": "s1", "told": [{"who": "x", "place": None}]},
        "s8": {"id": "s8", "told": [{"who": "x", "place": {"n": 8}}]},
    }, "a struct within a struct that is null stays null"


def test_members_of_a_struct_are_read_alone(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path / "t.parquet"), ["id", "told.list.element.who"], ["s1"])
    assert found == {"s1": {"id": "s1", "told": [{"who": "x"}]}}
    assert read_rows(written(tmp_path / "t.parquet"), ["id"], []) == {}


def test_a_ledger_in_which_one_word_is_said_again_and_again_stays_readable(tmp_path: Path) -> None:
    said = pa.table({"said": ["no " * 200_000] * 500})
    write_table(said, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 100_000
    assert read_arrow(tmp_path / "t.parquet", said.schema).num_rows == 500


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 gone")
    with pytest.raises(CorruptBuild, match=r"t\.parquet"):
        read_rows(path, ["id"], ["s1"])
