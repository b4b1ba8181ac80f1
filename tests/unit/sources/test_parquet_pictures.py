from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import SourceError
from factory.sources import parquet_pictures
from factory.sources.table import table

PICTURES = [b"first", None, b"third!", b"", b"x" * 5000]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(folder: Path, images: Any, *, group: int = 2, statistics: bool = True, **more: Any) -> Path:
    count = len(images)
    columns = {"image": images, "lat": [60.0] * count, "lon": [25.0] * count, **more}
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=group, write_statistics=statistics)
    return folder / "t.parquet"


def structs() -> pa.Array:
    rows = [{"bytes": data, "path": f"{n}.jpg"} for n, data in enumerate(PICTURES)]
    return pa.array([*rows, None, {"bytes": None, "path": None}], IMAGE)


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("group", [1, 3, 100])
def test_pictures_inside_a_table_are_planned_and_read(tmp_path: Path, statistics: bool, group: int) -> None:
    write(tmp_path, structs(), group=group, statistics=statistics)
    source = table(tmp_path, path="t.parquet")
    images = source.table()["image"].to_list()
    inside = [f"t.parquet::{row}/image" for row in range(7)]
    assert images == [inside[0], "1.jpg", *inside[2:5], None, None]
    for order in ([0, 2, 3, 4], [4, 0, 3, 2]):
        assert [source.read(inside[row]) for row in order] == [PICTURES[row] for row in order]


def test_a_column_of_bytes_is_pictures_too(tmp_path: Path) -> None:
    write(tmp_path, pa.array(PICTURES), id=[f"p{n}" for n in range(5)])
    source = table(tmp_path, path="t.parquet")
    found = source.table()
    assert found["id"].to_list() == ["p0", "p1", "p2", "p3", "p4"]
    assert source.read(found["image"][4]) == b"x" * 5000


def test_several_columns_of_pictures_are_mapped_by_role(tmp_path: Path) -> None:
    write(tmp_path, structs(), tile=structs())
    source = table(tmp_path, path="t.parquet", pictures={"ground": "image", "satellite": "tile"})
    found = source.table()
    assert [one["locator"] for one in found["images"][0]] == ["t.parquet::0/image", "t.parquet::0/tile"]
    assert found["id"][0] == "t.parquet::0/image"
    assert source.read("t.parquet::2/tile") == b"third!"


def test_a_row_that_holds_a_path_alone_is_read_from_the_folder(tmp_path: Path) -> None:
    write(tmp_path, structs())
    (tmp_path / "1.jpg").write_bytes(b"beside")
    assert table(tmp_path, path="t.parquet").read("1.jpg") == tmp_path / "1.jpg"


def test_a_stamp_is_the_mean_of_the_row_group_and_the_tables_time(tmp_path: Path) -> None:
    os.utime(write(tmp_path, structs(), group=100), ns=(1, 2_000_000_007))
    stamp = table(tmp_path, path="t.parquet").stamp("t.parquet::2/image")
    assert stamp is not None and stamp[1] == 2_000_000_007 and stamp[0] > 0


@pytest.mark.parametrize("locator", ["t.parquet::1/image", "t.parquet::99/image", "t.parquet::0/other", "t.parquet::x"])
def test_a_locator_of_nothing_is_refused(tmp_path: Path, locator: str) -> None:
    write(tmp_path, structs())
    source = table(tmp_path, path="t.parquet")
    with pytest.raises(SourceError):
        source.read(locator)


def test_another_table_under_the_same_name_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path, structs())
    source = table(tmp_path, path="t.parquet")
    assert source.read("t.parquet::0/image") == b"first"
    os.utime(write(tmp_path, pa.array([b"another"])), ns=(1, 2))
    assert source.read("t.parquet::0/image") == b"another"


def test_pictures_of_impossible_size_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, structs())
    monkeypatch.setattr(parquet_pictures, "MAX_PICTURE_BYTES", 4999)
    source = table(tmp_path, path="t.parquet")
    assert source.read("t.parquet::2/image") == b"third!"
    with pytest.raises(SourceError, match="row 4: a picture of 5000 bytes, at most 4999"):
        source.read("t.parquet::4/image")


def test_a_row_group_too_large_for_memory_is_refused_by_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, structs(), group=100)
    monkeypatch.setattr(parquet_pictures, "MAX_GROUP_BYTES", 4000)
    with pytest.raises(SourceError, match=r"t\.parquet: row group 0 holds .* MB in `image\.bytes`.*row_group_size=100"):
        table(tmp_path, path="t.parquet").table()


def test_planning_reads_no_picture(tmp_path: Path) -> None:
    path = write(tmp_path, pa.array([os.urandom(5_000) for _ in range(10)]), group=5)
    facts = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[4 : 4 + facts.total_compressed_size] = bytes(facts.total_compressed_size)
    path.write_bytes(data)
    source = table(tmp_path, path="t.parquet")
    assert source.table()["image"].null_count() == 0
    with pytest.raises(SourceError, match=r"t\.parquet, row 3: the picture in `image` cannot be read"):
        source.read("t.parquet::3/image")
    assert len(source.read("t.parquet::7/image")) == 5_000  # type: ignore[arg-type]
