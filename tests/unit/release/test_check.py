from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from release import check_release, write_release
from release.manifest import manifest_bytes, read_manifest
from schemas.settings import ReleaseSettings
from tests.build_fixture import draw_jpeg, make_build
from tests.released import change_rows, recorded_again, rewrite_tar
from tests.unit.release.families import PAIRS


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("check") / "b", 8)
    write_release(build)
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def test_a_sound_release_has_no_faults(sound: Path) -> None:
    assert check_release(sound) == []


def test_one_flipped_byte_in_any_file_is_named(release: Path) -> None:
    files = sorted(path for path in release.rglob("*") if path.is_file())
    assert len(files) == 17
    for path in files:
        good = path.read_bytes()
        for place in (0, len(good) // 2, len(good) - 1):
            path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
            (first, *_) = check_release(release)
            assert first.startswith(f"{path}: "), (path, place)
        path.write_bytes(good)
    assert check_release(release) == []


def test_missing_and_foreign_files_are_named(release: Path) -> None:
    (release / "map.svg").rename(release / "card.svg")
    faults = check_release(release)
    assert f"{release / 'map.svg'}: missing; the manifest lists it" in faults
    assert f"{release / 'card.svg'}: not in the manifest" in faults


def test_a_tar_cut_between_members_is_named(release: Path) -> None:
    rewrite_tar(release / "webdataset" / "train-000000.tar", {"000002.jpg": None, "000002.json": None})
    recorded_again(release)
    assert any("train-000000.tar: 2 rows, the manifest says 3" in fault for fault in check_release(release))


def test_a_sample_with_another_key_is_named(release: Path) -> None:
    rewrite_tar(release / "webdataset" / "train-000000.tar", {"000001.json": b'{"id": "x", "extra": 1}'})
    recorded_again(release)
    assert any("000001.json has other keys than the schema: __#solution" in fault for fault in check_release(release))


def test_a_picture_that_does_not_open_is_named(release: Path) -> None:
    tar = release / "webdataset" / "train-000000.tar"
    with tarfile.open(tar) as opened:
        jpeg = opened.extractfile("000001.jpg").read()  # type: ignore[union-attr]
    rewrite_tar(tar, {"000001.jpg": jpeg[: len(jpeg) // 2]})
    recorded_again(release)
    assert any("image of row 's001': does not open" in fault for fault in check_release(release))


def test_a_card_with_other_counts_is_named(release: Path) -> None:
    card = release / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace("| train | 3 |", "| train | 4 |"), encoding="utf-8")
    recorded_again(release)
    assert any(fault.startswith(f"{card}: says rows") for fault in check_release(release))


@pytest.mark.parametrize("data", [b"", b"[]", b'{"files": [{"path": "../../x"}]}', b"\xff"])
def test_a_manifest_that_is_none_is_one_fault(release: Path, data: bytes) -> None:
    (release / "manifest.json").write_bytes(data)
    (fault,) = check_release(release)
    assert fault.startswith(f"{release / 'manifest.json'}: ")


def test_a_manifest_cannot_point_outside(release: Path) -> None:
    fields = read_manifest(release)
    fields["files"][0]["path"] = "../outside"
    (release / "manifest.json").write_bytes(manifest_bytes(fields))
    (fault,) = check_release(release)
    assert "outside the release" in fault


def test_a_manifest_without_counts_is_a_fault_and_no_traceback(release: Path) -> None:
    fields = read_manifest(release)
    del fields["counts"]
    (release / "manifest.json").write_bytes(manifest_bytes(fields))
    (fault,) = check_release(release)
    assert "does not describe a release" in fault


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row.update(split="test"), "row 's001' says split test"),
        (lambda row: row.update(lat=None), "row 's001' has no lat"),
        (lambda row: row.update(saw_truth="all"), "row 's001' says saw_truth 'all'"),
        (lambda row: row.update(width=161), "image of row 's001': is 160 x 120, the row says 161 x 120"),
        (lambda row: row["messages"].pop(), "row 's001' has messages of system, user, not"),
        (lambda row: row["messages"][1]["content"].pop(0), "row 's001' shows 0 pictures in its messages and has 1"),
        (lambda row: row["messages"][2]["content"][0].update(text=" "), "row 's001' has an empty text in message 2"),
    ],
)
def test_a_row_that_is_none_is_named_in_both_formats(
    release: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    change_rows(release, change)
    faults = check_release(release)
    assert all(said in fault for fault in faults)
    assert len(faults) == (1 if "image of" in said else 2)  # every picture is opened once


@pytest.mark.parametrize(
    "change",
    [
        {"response": "other"},
        {"lat": 1.5},
        {"captured_at": "2020"},
        {"clues": []},
        {"checks": [{"check": "a", "outcome": "pass", "score": None, "threshold": 1.0, "reason": "b"}]},
        {"requests": ["0"]},
    ],
)
def test_formats_that_differ_in_any_value_are_named(release: Path, change: dict[str, Any]) -> None:
    tar = release / "webdataset" / "train-000000.tar"
    with tarfile.open(tar) as opened:
        values = orjson.loads(opened.extractfile("000001.json").read())  # type: ignore[union-attr]
    rewrite_tar(tar, {"000001.json": orjson.dumps({**values, **change})})
    recorded_again(release)
    assert check_release(release) == [f"{release}: the formats hold different rows, or the same in another order"]


def test_formats_that_differ_in_a_picture_are_named(release: Path) -> None:
    rewrite_tar(release / "webdataset" / "train-000000.tar", {"000001.jpg": draw_jpeg(99)})
    recorded_again(release)
    assert check_release(release) == [f"{release}: the formats hold different rows, or the same in another order"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lat": "51"}, "lat: expected float, found '51'"),
        ({"author": None}, "is not as the schema writes it: author"),
        ({"answer": {"country": "x"}}, "is not as the schema writes it: answer"),
        ({"uncertainty_km": 0}, "is not as the schema writes it: its spelling"),
        ({"answer": "x"}, "answer: expected mapping, found 'x'"),
        ({"messages": [None]}, "cannot be read after"),
        ({"messages": [[]]}, "messages: expected mapping"),
    ],
)
def test_json_of_other_types_is_named(release: Path, change: dict[str, Any], said: str) -> None:
    tar = release / "webdataset" / "train-000000.tar"
    with tarfile.open(tar) as opened:
        values = orjson.loads(opened.extractfile("000001.json").read())  # type: ignore[union-attr]
    rewrite_tar(tar, {"000001.json": orjson.dumps({**values, **change})})
    recorded_again(release)
    assert any(str(tar) in fault and said in fault for fault in check_release(release))


def test_a_parquet_file_of_another_schema_is_named(release: Path) -> None:
    file = release / "parquet" / "train-00000-of-00001.parquet"
    pq.write_table(pq.read_table(file).drop_columns("city"), file, write_page_checksum=True)
    recorded_again(release)
    assert any("its schema is not that of mp16_reason rows, version 5" in fault for fault in check_release(release))


def test_a_row_that_lacks_one_of_two_pictures_is_named(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8, roles=("ground", "satellite"))
    write_release(build, PAIRS)
    release = build.paths.release
    tar = release / "webdataset" / "train-000000.tar"
    with tarfile.open(tar) as opened:
        names = opened.getnames()
    rewrite_tar(tar, {names[1]: None})
    recorded_again(release)
    assert any("000000.0.jpg and 000000.json are not one sample" in fault for fault in check_release(release))


def test_a_second_picture_that_does_not_open_is_named(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8, roles=("ground", "satellite"))
    write_release(build, PAIRS)
    tar = build.paths.release / "webdataset" / "train-000000.tar"
    rewrite_tar(tar, {"000000.1.jpg": b"no picture"})
    recorded_again(build.paths.release)
    assert any("image 1 of row 's000': does not open" in fault for fault in check_release(build.paths.release))


def test_a_manifest_that_describes_other_rows_is_a_fault_and_no_traceback(release: Path) -> None:
    for row in (None, {}, {"family": 1}, {**read_manifest(release)["row"], "columns": [{"name": "id"}]}):
        (release / "manifest.json").write_bytes(manifest_bytes({**read_manifest(release), "row": row}))
        (fault,) = check_release(release)
        assert "does not describe a release" in fault


def undecodable(jpeg: bytes) -> bytes:
    """The JPEG with a Huffman table that no decoder takes, as long as before: more codes of a bit than there are."""
    at = jpeg.index(b"\xff\xc4") + 5
    counts = jpeg[at : at + 16]
    return jpeg[:at] + bytes((sum(counts), *[0] * 15)) + jpeg[at + 16 :]


@pytest.mark.parametrize("undecoded", [True, False])
def test_pictures_that_passed_undecoded_are_read_to_their_end(tmp_path: Path, undecoded: bool) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build, settings=ReleaseSettings(formats=("webdataset",)))
    release, jpeg = build.paths.release, draw_jpeg(0)
    tar, first, whole = release / "webdataset" / "train-000000.tar", "000000.jpg", jpeg[2:]

    def faults(picture: bytes) -> str:
        rewrite_tar(tar, {first: picture})
        fields = read_manifest(release)
        fields["recipe"]["images"]["pass_through"] = undecoded
        (release / "manifest.json").write_bytes(manifest_bytes(fields))
        recorded_again(release)
        return "\n".join(check_release(release))

    assert faults(jpeg) == ""
    assert ("does not open" in faults(undecodable(jpeg))) is not undecoded
    if undecoded:
        assert faults(undecodable(jpeg)) == ""
        assert "is no whole JPEG (the file ends inside a JPEG scan)" in faults(jpeg[:-40])
        assert "has segments that are longer than what they say" in faults(b"\xff\xd8\xff\xdd\0\x05abc" + whole)
        assert "is no whole JPEG" in faults(b"no picture")
        assert "is 80 x 60, the row says 160 x 120" in faults(draw_jpeg(1, width=80, height=60))
    assert "carries comment" in faults(b"\xff\xd8\xff\xfe\0\x05abc" + whole)
    assert "bytes behind the picture" in faults(jpeg + b"more")
