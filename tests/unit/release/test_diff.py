"""What changed between two releases, and why."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from factory.cli.main import app
from factory.errors import CorruptBuild
from release import check_release, write_release
from release.diff import release_diff, render_changes
from release.files import sample_of
from release.manifest import DamagedRelease
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, make_build


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s000, s001, s002, s006, ... s018; s019, the last accepted, is a near-duplicate."""
    build = make_build(tmp_path_factory.mktemp("before") / "b", 20)
    write_release(build)
    return build.paths.release


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with more samples, s001 under another licence and scene, and s006 withdrawn."""
    root = tmp_path_factory.mktemp("after")
    (root / "errata.csv").write_text("id,reason,since\ns006,the author asked,2026-05-01\n")
    one = pl.col("source_row") == 1
    build = change_plan(
        make_build(root / "b", 26),
        licence=pl.when(one).then(pl.lit("CC BY 4.0")).otherwise("licence"),
        scene=pl.when(one).then(pl.lit("indoor")).otherwise("scene"),
    )
    write_release(build, settings=ReleaseSettings(withdrawn="errata.csv"), root=root)
    return build.paths.release


def test_rows_that_came_went_and_changed_are_named(before: Path, after: Path) -> None:
    found = release_diff(before, after)
    assert found["changed"] == [{"id": "s001", "columns": ["scene", "licence"]}]
    assert found["removed"] == [{"id": "s006", "reason": "withdrawn: the author asked (2026-05-01)"}]
    assert sorted(found["added"]) == ["s019", "s020", "s024"]
    rows = found["rows"]
    assert rows == {"before": 10, "after": 12, "added": 3, "removed": 1, "changed": 1}
    assert found["columns"] == {"licence": 1, "scene": 1}
    assert release_diff(before, before)["rows"] | {"before": 0, "after": 0} == dict.fromkeys(rows, 0)


def test_why_a_row_went_is_what_the_build_decided(before: Path, tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 14)
    write_release(build)
    reasons = {row["id"]: row["reason"] for row in release_diff(before, build.paths.release)["removed"]}
    assert reasons["s013"] == "near_duplicates:perceptual_duplicate"
    assert reasons["s018"] is None, "this build has never heard of it"
    shutil.copytree(build.paths.release, tmp_path / "alone" / "release")
    alone = release_diff(before, tmp_path / "alone" / "release")
    assert {row["reason"] for row in alone["removed"]} == {None}


def test_a_sample_that_is_called_as_a_further_row_is_none() -> None:
    samples = {"s1", "town/12"}
    assert [sample_of(name, samples) for name in ("s1", "s1/2", "town/12", "town/12/2", "a/b")] == [
        "s1",
        "s1",
        "town/12",
        "town/12",
        "a/b",
    ]


def test_reasons_that_cannot_be_read_are_named(before: Path, after: Path, tmp_path: Path) -> None:
    shutil.copytree(after, tmp_path / "release")
    (tmp_path / "release" / "withdrawn.parquet").write_bytes(b"PAR1PAR1")
    with pytest.raises(CorruptBuild, match=r"withdrawn\.parquet: cannot be read"):
        release_diff(before, tmp_path / "release")


def test_a_picture_that_changed_is_a_column(before: Path, tmp_path: Path) -> None:
    photos = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "golden" / "photos").glob("*.jpg"))]
    build = make_build(tmp_path / "b", 20, photos=photos)
    write_release(build)
    assert release_diff(before, build.paths.release)["columns"]["images"] == 10


def test_the_page_escapes_what_it_names(before: Path, after: Path) -> None:
    found = release_diff(before, after)
    found = {**found, "added": ["<b>[x](http://evil.example)", *(f"r{number}" for number in range(200))]}
    text = render_changes(found)
    assert "<b>" not in text and "[x](" not in text and "://evil" not in text
    assert "- and 101 more" in text
    assert "| licence | 1 |" in text and r"s006: withdrawn: the author asked (2026-05-01)" in text


def test_a_release_says_what_changed_since_the_one_before(before: Path, tmp_path: Path) -> None:
    shutil.copytree(before, tmp_path / "old")
    build = make_build(tmp_path / "b", 26)
    write_release(build, settings=ReleaseSettings(before="old"), root=tmp_path)
    text = (build.paths.release / "CHANGES.md").read_text(encoding="utf-8")
    assert text.startswith("# Changes since mp16\\_reason `")
    assert text == render_changes(release_diff(before, build.paths.release))
    assert check_release(build.paths.release) == []
    with pytest.raises(DamagedRelease, match="nowhere"):
        write_release(build, settings=ReleaseSettings(before="nowhere"), root=tmp_path)


def test_the_command_says_it_as_a_page_or_as_json(before: Path, after: Path) -> None:
    runner = CliRunner()
    page = runner.invoke(app, ["diff", str(before), str(after)])
    assert page.exit_code == 0 and page.output.startswith("# Changes since")
    told = runner.invoke(app, ["diff", str(before), str(after.parent), "--json"])
    assert told.exit_code == 0 and '"manifest_sha256"' in told.output
