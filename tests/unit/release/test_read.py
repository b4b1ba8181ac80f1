"""Reading a release with nothing but its folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release.manifest import file_entry, manifest_bytes, read_manifest
from release.read import DamagedRelease, open_release
from release.write import write_release
from schemas.rows.mp16_reason import ROW
from schemas.settings import ReleaseSettings
from tests.build_fixture import draw_jpeg, make_build

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("read") / "b", 20)
    write_release(build, settings=ReleaseSettings(shard_size=3))
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def rewrite(release: Path, **changes: object) -> None:
    """A manifest with these fields that agrees with itself."""
    fields = {**read_manifest(release), **changes}
    (release / "manifest.json").write_bytes(manifest_bytes(fields))


def test_rows_come_by_split_in_order_with_their_pictures(sound: Path) -> None:
    opened = open_release(sound)
    assert (len(opened), opened.splits) == (10, {"train": 7, "test": 3})
    rows = list(opened.rows("train"))
    assert [row["id"] for row in rows] == ["s000", "s001", "s006", "s007", "s012", "s013", "s018"]
    assert tuple(rows[0]) == tuple(ROW.columns.names)
    assert rows[2]["images"] == [{"bytes": draw_jpeg(6), "path": "000002.jpg"}]
    assert rows[0]["messages"][1]["content"][0] == {"type": "image", "text": None}


def test_both_formats_give_the_same_rows(sound: Path) -> None:
    parquet, tars = open_release(sound), open_release(sound, format="webdataset")
    for split in parquet.splits:
        assert list(parquet.rows(split)) == list(tars.rows(split))
    assert {row["author"] for row in tars.rows("test")} == {None}


def test_what_is_not_there_is_named(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"no split 'validation' in .*; there are train, test"):
        open_release(sound).rows("validation")
    build = make_build(tmp_path / "b")
    write_release(build, settings=ReleaseSettings(formats=("webdataset",)))
    assert open_release(build.paths.release).format == "webdataset"
    with pytest.raises(ValueError, match="has no parquet files, only webdataset") as told:
        open_release(build.paths.release, format="parquet")
    assert not isinstance(told.value, DamagedRelease)
    with pytest.raises(ValueError, match=r"no format 'parqet' \(did you mean 'parquet'\?\)") as told:
        open_release(sound, format="parqet")  # type: ignore[arg-type]
    assert not isinstance(told.value, DamagedRelease)
    with pytest.raises(KeyError, match=r"no configuration 'defualt' in .* \(did you mean 'default'\?\)"):
        open_release(sound, config="defualt")


def test_reading_loads_nothing_of_the_factory(sound: Path, tmp_path: Path) -> None:
    """Two of our packages and the released folder, in a directory where there is no factory to be found."""
    for package in ("schemas", "release"):
        shutil.copytree(REPOSITORY / package, tmp_path / package)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
sys.modules["factory"] = None  # an import of it fails
import release.read
assert release.__file__.startswith({str(tmp_path)!r}), release.__file__
opened = release.read.open_release({str(sound)!r})
print(sum(len(row["images"]) for split in opened.splits for row in opened.rows(split)))
tars = release.open_release({str(sound)!r}, format="webdataset")
print(sum(len(row["images"]) for split in tars.splits for row in tars.rows(split)))
print([name for name in sys.modules if name.partition(".")[0] in ("factory", "polars", "PIL", "jinja2")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["10", "10", "['factory']"]


@pytest.mark.parametrize("name", ["../outside.parquet", "/etc/hostname", "a/../../b", "a\\b", "c:x", "", "a\0b", 7])
def test_a_manifest_cannot_point_outside(release: Path, name: object) -> None:
    (first, *others) = read_manifest(release)["files"]
    rewrite(release, files=[{**first, "path": name}, *others])
    with pytest.raises(DamagedRelease, match=r"manifest\.json: "):
        open_release(release)


@pytest.mark.parametrize(
    "change",
    [
        {"row": None},
        {"row": {}},
        {"row": {**ROW.plain(), "columns": "none"}},
        {"formats": None},
        {"files": [{"path": "parquet/train-00000-of-00001.parquet", "rows": -1, "bytes": 1}]},
        {"files": [{"path": "parquet/train-00000-of-00001.parquet", "rows": True, "bytes": 1}]},
        {"files": [{"path": "parquet/train-00000-of-00001.parquet", "rows": 1}]},
    ],
)
def test_a_manifest_of_something_else_is_refused(release: Path, change: dict[str, object]) -> None:
    rewrite(release, **change)
    with pytest.raises(DamagedRelease, match="does not describe a release"):
        open_release(release)


def test_a_manifest_is_not_read_where_it_is_larger_than_any(release: Path) -> None:
    with (release / "manifest.json").open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(DamagedRelease, match=r"manifest\.json: cannot be read .of more than 64,000,000 bytes"):
        open_release(release)


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(DamagedRelease, match="a release ends with its manifest"):
        open_release(tmp_path)


@pytest.mark.parametrize("format", ["parquet", "webdataset"])
def test_one_flipped_byte_is_found_before_its_row_is_given(release: Path, format: str) -> None:  # noqa: A002
    file = sorted((release / format).glob("train-*[!x]"))[0]
    good = file.read_bytes()
    sound_rows = list(open_release(release).rows("train"))
    for place in range(10, len(good) - 10, len(good) // 40):
        file.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        given = []
        try:
            given.extend(open_release(release, format=format).rows("train"))  # type: ignore[arg-type]
        except DamagedRelease as error:
            assert str(file) in str(error)
        assert given == sound_rows[: len(given)], place


def test_a_missing_cut_or_longer_file_is_found(release: Path) -> None:
    for format in ("parquet", "webdataset"):  # noqa: A001
        file = sorted((release / format).glob("train-*[!x]"))[1]
        data = file.read_bytes()
        for other in (data[:-1], data + b"\0", None):
            file.unlink(missing_ok=True)
            if other is not None:
                file.write_bytes(other)
            rows = open_release(release, format=format).rows("train")  # type: ignore[arg-type]
            assert [next(rows)["id"] for _ in range(3)] == ["s000", "s001", "s006"]
            with pytest.raises(DamagedRelease, match="another size than the manifest says"):
                next(rows)
        file.write_bytes(data)


def test_a_file_of_other_rows_is_refused(release: Path) -> None:
    first, second = sorted((release / "parquet").glob("train-*[!x]"))[::2]
    second.write_bytes(first.read_bytes())
    fields = read_manifest(release)
    paths = [entry["path"] for entry in fields["files"]]
    rows = [entry.get("rows") for entry in fields["files"]]
    rewrite(release, files=[file_entry(release, release / path, n) for path, n in zip(paths, rows, strict=True)])
    with pytest.raises(DamagedRelease, match="3 rows, the manifest says 1"):
        list(open_release(release).rows("train"))
    rewrite(release, row={**ROW.plain(), "columns": [*ROW.plain()["columns"], {"name": "x", "dtype": "string"}]})
    with pytest.raises(DamagedRelease):
        list(open_release(release).rows("train"))


def test_the_hubs_cache_of_symbolic_links_is_read(sound: Path, tmp_path: Path) -> None:
    for path in (path for path in sound.rglob("*") if path.is_file()):
        link = tmp_path / path.relative_to(sound)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    assert sum(1 for _ in open_release(tmp_path).rows("train")) == 7
