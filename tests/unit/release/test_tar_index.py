"""The index beside a tar: one row is reached by its place or its id, checked, and without reading the tar."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from release import check_release
from release.manifest import manifest_bytes, read_manifest
from release.read import DamagedRelease, open_release
from release.tar_index import index_path, read_index
from release.write import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.released import recorded_again

FORMATS = ("parquet", "webdataset")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("index") / "b", 20)
    write_release(build, settings=ReleaseSettings(shard_size=3))
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def test_it_says_where_every_member_lies_and_how_many_there_are(sound: Path) -> None:
    tar = sound / "webdataset" / "train-000001.tar"
    head, *lines = [orjson.loads(line) for line in index_path(tar).read_bytes().splitlines()]
    assert head == {"index": 2, "tar": tar.name, "bytes": tar.stat().st_size, "rows": 3}
    assert [(line["key"], line["id"]) for line in lines] == [
        ("000003", "s007"),
        ("000004", "s012"),
        ("000005", "s013"),
    ]
    with tarfile.open(tar) as opened:
        there = {member.name: [member.offset_data, member.size] for member in opened}
    assert {f"{line['key']}.{end}": place for line in lines for end, place in line["members"].items()} == there


def test_no_glob_for_tars_takes_it(sound: Path) -> None:
    assert {path.suffix for path in (sound / "webdataset").glob("*.tar")} == {".tar"}
    assert {path.suffix for path in (sound / "webdataset").iterdir()} == {".tar", ".index"}


@pytest.mark.parametrize("format", FORMATS)
def test_a_row_is_reached_by_its_number_or_its_id(sound: Path, format: Any) -> None:  # noqa: A002
    opened = open_release(sound, format=format)
    for split in opened.splits:
        for number, row in enumerate(opened.rows(split)):
            assert opened.row(split, number) == opened.find(row["id"]) == row
    with pytest.raises(IndexError, match="no row 7 in train, which has 7"):
        opened.row("train", 7)
    with pytest.raises(IndexError, match="no row -1"):
        opened.row("train", -1)
    with pytest.raises(KeyError, match="no row 's999'"):
        opened.find("s999")
    with pytest.raises(KeyError, match="no split 'dev'"):
        opened.row("dev", 0)


def test_nothing_else_of_the_tar_is_read(release: Path) -> None:
    """Every other byte of the tar is damaged, headers too."""
    whole = open_release(release, format="webdataset").row("train", 4)
    tar = release / "webdataset" / "train-000001.tar"
    (first, *_, last) = read_index(tar, 3)[1].members
    data = tar.read_bytes()
    kept = data[first.offset : first.offset + first.size], data[last.offset : last.offset + last.size]
    between = bytes(last.offset - first.offset - first.size)
    rest = bytes(len(data) - last.offset - last.size)
    tar.write_bytes(b"\xff" * first.offset + kept[0] + between + kept[1] + rest)
    assert open_release(release, format="webdataset").row("train", 4) == whole
    with pytest.raises(DamagedRelease, match=r"train-000001\.tar: row 3 cannot be read"):
        open_release(release, format="webdataset").row("train", 3)


def test_a_stream_of_tars_reads_its_rows_by_the_index_and_goes_on_where_it_stopped(release: Path) -> None:
    """What was given is not read again: the pictures of these rows are damaged meanwhile, and nobody notices."""
    stream = open_release(release, format="webdataset").stream("train", seed=5, window=3)
    rows = list(stream)
    stream = open_release(release, format="webdataset").stream("train", seed=5, window=3)
    given = [row for row, _ in zip(stream, range(4), strict=False)]
    state = {**stream.state_dict(), "given": 4}
    for tar in sorted((release / "webdataset").glob("train-*.tar")):
        data = bytearray(tar.read_bytes())
        for sample in read_index(tar, 3 * int(tar.stem[-6:])):
            if sample.id in {row["id"] for row in given}:
                data[sample.members[0].offset + 50] ^= 0xFF
        tar.write_bytes(data)
    again = open_release(release, format="webdataset").stream("train", seed=5, window=3)
    again.load_state_dict(state)
    assert list(again) == rows[4:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"crc32": 0}, "sample 000003 is another than in train-000001.tar"),
        ({"id": "s008"}, "sample 000003 is another than in"),
        ({"key": "000004"}, "has another line than that of sample 000003"),
        ({"members": {"jpg": [513, 10], "json": [5120, 20]}}, "says other places than where the members"),
        ({"members": {"jpg": [-1, 10], "json": [5120, 20]}}, "outside of the tar"),
        ({"members": {"jpg": [512, 1 << 60], "json": [5120, 20]}}, "outside of the tar"),
        ({"members": {"jpg": [512, True], "json": [5120, 20]}}, "has no place of 000003.jpg"),
        ({"members": {"../x": [512, 10], "json": [5120, 20]}}, "other members of sample 000003"),
        ({"members": []}, "has no place of sample 000003"),
    ],
)
def test_an_index_that_says_something_else_than_its_tar_is_named(
    release: Path, change: dict[str, Any], said: str
) -> None:
    index = release / "webdataset" / "train-000001.tar.index"
    head, first, *others = index.read_bytes().splitlines()
    index.write_bytes(b"\n".join((head, orjson.dumps({**orjson.loads(first), **change}), *others, b"")))
    recorded_again(release)
    (fault,) = check_release(release)[:1]
    assert fault.startswith(f"{index}: ") and said in fault


def test_a_changed_index_is_not_read(release: Path) -> None:
    index = release / "webdataset" / "train-000000.tar.index"
    index.write_bytes(index.read_bytes().replace(b'"s000"', b'"s001"'))
    for read in (lambda opened: opened.row("train", 0), lambda opened: list(opened.stream("train"))):
        with pytest.raises(DamagedRelease, match="its index differs from what was written"):
            read(open_release(release, format="webdataset"))
    assert len(list(open_release(release, format="webdataset").rows("train"))) == 7, "the tars themselves are sound"


def test_a_release_without_indices_is_read_as_before_and_one_that_was_slipped_in_is_refused(release: Path) -> None:
    rows = list(open_release(release, format="webdataset").rows("train"))
    fields = read_manifest(release)
    files = [entry for entry in fields["files"] if not entry["path"].endswith(".index")]
    (release / "manifest.json").write_bytes(manifest_bytes({**fields, "files": files}))
    with pytest.raises(DamagedRelease, match="has an index that the manifest does not list"):
        open_release(release, format="webdataset").row("train", 0)
    for index in (release / "webdataset").glob("*.index"):
        index.unlink()
    opened = open_release(release, format="webdataset")
    assert [opened.row("train", number) for number in range(7)] == rows
    assert opened.find("s013") == rows[5]
    assert sorted(row["id"] for row in opened.stream("train")) == [row["id"] for row in rows]
    assert check_release(release) == []


@given(st.binary(max_size=400))
def test_no_bytes_make_more_than_a_value_error(
    sound: Path, tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    tar = tmp_path_factory.mktemp("bytes") / "train-000000.tar"
    tar.write_bytes(bytes(1024))
    good = orjson.dumps({"index": 2, "tar": tar.name, "bytes": 1024, "rows": 1}) + b"\n"
    for text in (data, good + data, good + data + b"\n"):
        index_path(tar).write_bytes(text)
        with pytest.raises(ValueError):
            read_index(tar, 0)
