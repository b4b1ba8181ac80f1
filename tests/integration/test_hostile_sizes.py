"""Small files that are large when they are opened: memory of all processes together stays that of a usual command.

Every attack is run by the real command and measured with its processes (`tests/measured.py`). The bounds are generous:
a build takes 0.5 GB, and each attack took 2 to 14 GB, or minutes, when it was found.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hostile import encode, picture
from tests.measured import Measured, measured
from tests.tars import write_sparse_tar

MEMORY_MB = 1_500
CPU_S = 120.0

RECIPE = """\
name: t
generator: mp16_reason
source: {source}
teachers: [{{name: a, backend: replay, path: {answers}}}]
verify: {{checks: [{{near_truth: {{tier: region}}}}], decide: {{reject: [near_truth], review: []}}}}
"""


def write(folder: Path, source: str, *, answers: str = "answers.jsonl") -> Path:
    if answers == "answers.jsonl":
        (folder / answers).write_text('{"id": "0", "response": {"localizable": true, "country": "France"}}\n')
    (folder / "r.yaml").write_text(RECIPE.format(source=source, answers=answers))
    return folder / "r.yaml"


def within_bounds(found: Measured, *codes: int) -> str:
    """What the command said; it ended with one of these exit codes, without a traceback, and took little."""
    said = found.done.stdout + found.done.stderr
    assert found.done.returncode in codes and "Traceback" not in said, found.done
    assert found.peak_mb < MEMORY_MB and found.cpu_s < CPU_S, (found.peak_mb, found.cpu_s)
    return said


@pytest.mark.parametrize("megabytes", [30, 250, 4_000])
def test_members_of_a_tar_that_are_mostly_holes(tmp_path: Path, megabytes: int) -> None:
    jpeg, members = encode(picture()), []
    for number in range(60):
        record = json.dumps({"id": str(number), "lat": 48.85, "lon": 2.35}).encode()
        members += [(f"{number:03d}.jpg", jpeg, megabytes * 1_000_000), (f"{number:03d}.json", record, len(record))]
    write_sparse_tar(tmp_path / "photos.tar", members)
    assert (tmp_path / "photos.tar").stat().st_blocks * 512 < 2_000_000
    recipe = write(tmp_path, "{kind: webdataset, path: photos.tar}")
    said = within_bounds(measured("build", recipe, "--workers", "1", cwd=tmp_path), 0, 1)
    assert ("file_too_large 60" in said) is (megabytes > 64), said


def pointing(value: bytes | str, rows: int) -> pa.Array:
    """A column whose rows all point to one value."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


def write_table(path: Path, rows: int, **more: pa.Array) -> None:
    columns = {
        "id": [str(number) for number in range(rows)],
        "image": ["a.jpg"] * rows,
        "lat": [48.85] * rows,
        "lon": [2.35] * rows,
    }
    table = pa.table({**columns, **more})
    pq.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30, store_schema=False)


def test_pictures_that_all_point_to_one_large_picture(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", 20, image=pointing(encode(picture()) + bytes(97_000_000), 20))
    assert (tmp_path / "t.parquet").stat().st_size < 30_000
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    said = within_bounds(measured("build", recipe, "--workers", "1", cwd=tmp_path), 0, 1)
    assert "file_too_large 20" in said, said


def test_pictures_of_zeros(tmp_path: Path) -> None:
    zeros = encode(picture()) + bytes(12_000_000)
    schema = pa.schema([("id", pa.string()), ("image", pa.binary()), ("lat", pa.float64()), ("lon", pa.float64())])
    with pq.ParquetWriter(tmp_path / "t.parquet", schema, compression="zstd", use_dictionary=False) as writer:
        for number in range(60):
            row = [[str(number)], [zeros], [48.85], [2.35]]
            writer.write_table(pa.table(row, schema=schema))
    assert (tmp_path / "t.parquet").stat().st_size < 1_000_000
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    within_bounds(measured("build", recipe, "--workers", "1", cwd=tmp_path), 0, 1)


@pytest.mark.parametrize("column", ["author", "id", "lat"])
def test_texts_that_all_point_to_one_large_text(tmp_path: Path, column: str) -> None:
    write_table(tmp_path / "t.parquet", 2_000, **{column: pointing("x" * 50_000_000, 2_000)})
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    said = within_bounds(measured("build", recipe, cwd=tmp_path), 2)
    assert "t.parquet: cannot be read as parquet (it unpacks to 100,0" in said, said


def test_a_column_of_a_billion_equal_cells(tmp_path: Path) -> None:
    rows = 30_000_000
    ones = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array(["1"]))
    table = pa.table(dict.fromkeys(("id", "image", "lat", "lon"), ones))
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "t.parquet").stat().st_size < 1_000_000
    recipe = write(tmp_path, "{kind: table, path: t.parquet}")
    said = within_bounds(measured("build", recipe, cwd=tmp_path), 2)
    assert "it unpacks to 120,000,000 cells" in said, said


def test_a_recording_that_points_to_one_large_answer(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(picture()))
    (tmp_path / "t.csv").write_text("id,image,lat,lon\n0,a.jpg,48.85,2.35\n")
    answers = {"id": [str(number) for number in range(1_000)], "response": pointing("x" * 90_000_000, 1_000)}
    pq.write_table(pa.table(answers), tmp_path / "said.parquet", dictionary_pagesize_limit=1 << 30, store_schema=False)
    recipe = write(tmp_path, "{kind: table, path: t.csv}", answers="said.parquet")
    said = within_bounds(measured("build", recipe, cwd=tmp_path), 2)
    assert "said.parquet: not a readable Parquet file (it unpacks to 90,000,0" in said, said
