from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from release import check_release, write_release
from release.manifest import file_entry, manifest_bytes, read_manifest
from tests.build_fixture import make_build


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("check") / "b", 8)
    write_release(build)
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def recorded_again(release: Path) -> None:
    """Writes a manifest that agrees with the changed files, so that only their contents can be at fault."""
    fields = read_manifest(release)
    files = [file_entry(release, release / entry["path"], entry.get("rows")) for entry in fields["files"]]
    (release / "manifest.json").write_bytes(manifest_bytes({**fields, "files": files}))


def rewrite_tar(path: Path, change: dict[str, bytes | None]) -> None:
    """Replaces (bytes) or removes (None) members of a tar."""
    with tarfile.open(path) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in {**members, **change}.items():
            if data is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def test_a_sound_release_has_no_faults(sound: Path) -> None:
    assert check_release(sound) == []


def test_one_flipped_byte_in_any_file_is_named(release: Path) -> None:
    files = sorted(path for path in release.rglob("*") if path.is_file())
    assert len(files) == 8
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
