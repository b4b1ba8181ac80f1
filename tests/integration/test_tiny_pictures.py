"""Pictures of a few pixels a side: refused by name before anybody is asked, and no end of a build or of its check."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from factory.errors import EXIT_OK, EXIT_ROWS_FAILED
from factory.images import ImageSettings
from factory.store.layout import open_build
from release.manifest import file_entry
from tests.fake_endpoint import running_endpoint
from tests.hostile import encode, picture, png_of_zeros
from tests.real_build import factory, make_photos, only_build, write_recipe
from tests.tars import member


@pytest.mark.parametrize("side", [1, 6, 7, 15])
def test_a_thin_picture_is_refused_by_name_and_the_others_are_released(tmp_path: Path, side: int) -> None:
    """2000 pixels become 1024, so 15 of the other side become 8."""
    make_photos(tmp_path, 3)
    (tmp_path / "images" / "00001.jpg").write_bytes(png_of_zeros(2000, side))
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url)
        done = factory("build", recipe, cwd=tmp_path)
        asked = endpoint.stats()["requests"]
    assert done.returncode in (EXIT_OK, EXIT_ROWS_FAILED) and "Traceback" not in done.stderr, done
    build = only_build(tmp_path / "builds")
    thin = side < ImageSettings().min_side
    assert asked == 3 - thin
    explained = factory("explain", build, "p00001", cwd=tmp_path)
    assert ("too_small" in explained.stdout) is thin, explained
    assert open_build(build).verdicts.filter(pl.col("id") == "p00001")["decision"].item() == (
        "quarantine" if thin else "reject"
    )
    for command in ("check", "report", "check"):
        assert factory(command, build, cwd=tmp_path).returncode == 0, command


@pytest.mark.parametrize("size", [(1, 1), (300, 7), (7, 300)])
def test_a_foreign_release_with_a_tiny_picture_has_a_fault_of_that_row(tmp_path: Path, size: tuple[int, int]) -> None:
    make_photos(tmp_path, 1)
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url)
        done = factory("build", recipe, "-s", "release.formats=[webdataset]", cwd=tmp_path)
        assert done.returncode == EXIT_OK, done
    release = only_build(tmp_path / "builds") / "release"
    (tar,) = release.rglob("*.tar")
    _put_picture(release, tar, encode(picture(*size)))
    checked = factory("check", release, cwd=tmp_path)
    assert checked.returncode == 1 and "Traceback" not in checked.stderr, checked
    assert f"row 'p00000': is {size[0]} x {size[1]}, the row says 48 x 48" in checked.stdout


def _put_picture(release: Path, tar: Path, jpeg: bytes) -> None:
    """Another picture in a release of one row, with digests that fit."""
    from factory.store.ustar import END
    from release.files import read_rows
    from release.manifest import MANIFEST, manifest_bytes, read_manifest
    from schemas.rows.schema import RowSchema

    manifest = read_manifest(release)
    (row,) = read_rows(tar, RowSchema.from_plain(manifest["row"]))
    assert row.json is not None
    tar.write_bytes(member("000000.jpg", jpeg) + member("000000.json", row.json) + END)
    name = str(tar.relative_to(release))
    manifest["files"] = [file_entry(release, tar, 1) if entry["path"] == name else entry for entry in manifest["files"]]
    (release / MANIFEST).write_bytes(manifest_bytes(manifest))
