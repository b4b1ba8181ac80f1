from __future__ import annotations

import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from factory.errors import CorruptBuild
from release import check_release, write_release
from release.parquet_files import leaf_paths
from release.write import release_settings
from schemas.rows.mp16_reason import ROW
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_two_builds_of_one_recipe_release_the_same_bytes(tmp_path: Path) -> None:
    here, there = make_build(tmp_path / "here", 20), make_build(tmp_path / "there" / "deeper", 20, shard_size=7)
    write_release(here)
    write_release(there)
    assert contents(here.paths.release) == contents(there.paths.release)


def test_nothing_tells_where_it_was_made(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    lock = build.paths.recipe_lock.read_text(encoding="utf-8")
    lock = lock.replace(
        "max_hamming: 6", f"max_hamming: 6, table: {tmp_path}/secret/bench.csv, url: 'http://gpu01:8000'"
    )
    build.paths.recipe_lock.write_text(lock, encoding="utf-8")
    write_release(build)
    everything = b"".join(contents(build.paths.release).values())
    assert str(tmp_path).encode() not in everything
    assert b"gpu01" not in everything
    assert b"bench.csv" in everything


def test_what_is_no_part_of_a_builds_identity_is_not_told(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    lock = build.paths.recipe_lock.read_text(encoding="utf-8")
    bench = "{name: bench3k, table: secret-bench.csv, images: null, columns: {id: photo}}"
    lock = lock.replace("select:\n", f"select:\n  - decontaminate: {{benchmarks: [{bench}], radius_km: 1.5}}\n")
    embeddings = "{model: e5-large, base_url: gpu01.example, api_key_env: MY_SECRET_KEY}"
    lock = lock.replace("verify:\n", f"witnesses:\n  - embeddings: {embeddings}\nverify:\n")
    lock = lock.replace("max_side: 1024", "max_side: 1024, cpu_seconds: 7.25, memory_mb: 1077")
    build.paths.recipe_lock.write_text(lock, encoding="utf-8")
    write_release(build)
    everything = b"".join(contents(build.paths.release).values())
    for hidden in (b"secret-bench", b"gpu01", b"MY_SECRET_KEY", b"api_key_env", b"7.25", b"1077"):
        assert hidden not in everything, hidden
    for told in (b"bench3k", b"radius_km: 1.5", b"e5-large", b"max_side: 1024"):
        assert told in everything, told


def test_a_full_shard_starts_the_next(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 9, all_accepted=True)
    summary = write_release(build, settings=ReleaseSettings(shard_size=2))
    names = sorted(contents(build.paths.release))
    assert [name for name in names if "train" in name] == [
        *(f"parquet/train-{n:05d}-of-00004.parquet" for n in range(4)),
        *(f"webdataset/train-{n:06d}.tar{end}" for n in range(4) for end in ("", ".index")),
    ]
    assert summary["splits"] == {"train": 7, "test": 2}
    assert summary["files"] == {"tars": 5, "parquet": 5, "card": 1, "manifest": 1}
    with tarfile.open(build.paths.release / "webdataset" / "train-000001.tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["000002.jpg", "000002.json", "000003.jpg", "000003.json"]
    assert {(m.mtime, m.uid, m.gid, m.mode, m.uname, m.linkname) for m in members} == {(0, 0, 0, 0o644, "", "")}


def test_a_format_that_is_not_asked_for_is_not_written(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    assert "parquet" not in write_release(build, settings=ReleaseSettings(formats=("webdataset",)))["files"]
    assert check_release(build.paths.release) == []


def test_a_build_that_kept_nothing_releases_a_card_that_says_so(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    build.__dict__["selection"] = build.selection.clear()
    assert write_release(build)["rows"] == 0
    assert check_release(build.paths.release) == []
    card = (build.paths.release / "README.md").read_text()
    assert "## Nothing to load" in card and "load_dataset" not in card and "data_files" not in card


def test_a_new_release_replaces_the_old_one_whole(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    (build.paths.release / "stray.txt").write_text("old")
    write_release(build)
    assert sorted(path.name for path in build.paths.root.glob("release*")) == ["release"]
    assert check_release(build.paths.release) == []


def test_a_release_that_fails_its_check_does_not_get_its_name(tmp_path: Path) -> None:
    exif = b"\xff\xe1" + (2 + 6 + 8).to_bytes(2, "big") + b"Exif\0\0" + b"II*\0\x08\0\0\0"
    photo = (Path(__file__).parents[2] / "golden" / "photos" / "0.jpg").read_bytes()
    build = make_build(tmp_path / "b", photos=[photo[:2] + exif + photo[2:]])
    with pytest.raises(CorruptBuild, match=r"image of row 's000': carries"):
        write_release(build)
    assert not build.paths.release.exists()


def test_parquet_pages_carry_checksums_and_images_are_not_compressed_twice(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    file = pq.ParquetFile(build.paths.release / "parquet" / "train-00000-of-00001.parquet")
    columns = [file.metadata.row_group(0).column(i) for i in range(file.metadata.num_columns)]
    assert [column.path_in_schema for column in columns] == list(leaf_paths(ROW.columns))
    codecs = {column.path_in_schema: column.compression for column in columns}
    assert codecs.pop("images.list.element.bytes") == "UNCOMPRESSED"
    assert set(codecs.values()) == {"ZSTD"}
    assert columns[0].has_offset_index


def test_settings_come_from_the_recipe(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    assert release_settings(build) == ReleaseSettings(formats=("webdataset", "parquet"))
