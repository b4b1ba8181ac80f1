"""Released Parquet as its footer says: what the Hub's viewer, streaming readers and uploads of differences want."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from release import write_release
from release.parquet_files import ParquetFile
from schemas.rows.schema import RowSchema
from tests.build_fixture import make_build
from tests.unit.release.families import schema_of, talk

ROW = schema_of("quiz", note=pa.string())


def written(rows: list[str], schema: RowSchema = ROW, jpeg: bytes = b"") -> bytes:
    file = io.BytesIO()
    writer = ParquetFile(file, schema)
    for number, text in enumerate(rows):
        values: dict[str, Any] = {"id": f"{number}", "messages": talk("Where?", "Here."), "saw_truth": "none"}
        writer.write(number, {**values, "split": "train", "note": text}, [jpeg] if jpeg else [])
    writer.close()
    return file.getvalue()


def test_every_column_has_a_page_index_and_every_page_a_checksum(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    path = build.paths.release / "parquet" / "train-00000-of-00001.parquet"
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert all(column.has_offset_index for column in columns)
    assert all(column.has_column_index for column in columns if column.statistics is not None)
    data = path.read_bytes()
    for column in columns:  # a byte in the middle of each column's pages
        start = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        place = start + column.total_compressed_size - 2
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(OSError, match=r"(?i)crc"):
            pq.read_table(path, page_checksum_verification=True)


def test_pictures_are_the_hubs_image_feature(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    schema = pq.read_schema(build.paths.release / "parquet" / "train-00000-of-00001.parquet")
    features = orjson.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["images"] == [{"_type": "Image"}]
    assert schema.field("images").type == pa.list_(pa.struct({"bytes": pa.binary(), "path": pa.string()}))


def test_row_groups_end_by_rows_and_by_bytes_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def groups(data: bytes) -> list[int]:
        metadata = pq.read_metadata(io.BytesIO(data))
        return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]

    assert groups(written(["x"] * 2500)) == [1000, 1000, 500]
    monkeypatch.setattr("release.parquet_files.GROUP_BYTES", 10_000)
    assert groups(written(["x"] * 50, jpeg=b"j" * 1000)) == [10] * 5


def test_an_added_row_leaves_most_bytes_of_the_file_as_they_were() -> None:
    """Pages end where their content says, so that an upload of differences sends little."""
    draw = random.Random(7)
    rows = [draw.randbytes(3000).hex() for _ in range(900)]
    before, after = written(rows), written([draw.randbytes(3000).hex(), *rows])
    pieces = [after[at : at + 64] for at in range(0, len(after), 50_000)]
    assert sum(piece in before for piece in pieces) >= 0.7 * len(pieces)
