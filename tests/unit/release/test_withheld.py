"""Photos that may not be passed on as they would be: their rows stay with id, address and hash, and no picture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import CorruptBuild
from release import check_release, write_release
from release.manifest import read_manifest
from release.read import open_release
from release.withheld import Origin, read_withheld, reason_to_withhold, withheld_faults, write_withheld
from schemas import Photo
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, draw_jpeg, make_build

ND = pl.when(pl.col("source_row") == 1).then(pl.lit("CC BY-NC-ND 4.0")).otherwise("licence")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release in which s001 may not be changed, and was."""
    build = change_plan(make_build(tmp_path_factory.mktemp("withheld") / "b", 20), licence=ND)
    write_release(build)
    return build.paths.release


def test_a_changed_photo_that_may_not_be_changed_is_not_passed_on(release: Path) -> None:
    for format_ in ("parquet", "webdataset"):
        shown: Any = open_release(release, format=format_)  # type: ignore[arg-type]
        by_id: Any = open_release(release, format=format_, config="ids")  # type: ignore[arg-type]
        assert "s001" not in {row["id"] for split in shown.splits for row in shown.rows(split)}
        assert (len(shown), by_id.splits) == (9, {"train": 1})
        (row,) = by_id.rows("train")
        assert (row["id"], row["images"], row["licence"]) == ("s001", [], "CC BY-NC-ND 4.0")
        assert by_id.find("s001") == by_id.row("train", 0) == row
    assert check_release(release) == []


def test_it_stays_with_id_address_and_hash_and_the_reason(release: Path) -> None:
    assert pl.read_parquet(release / "withheld.parquet").to_dicts() == [
        {
            "id": "s001",
            "number": 0,
            "role": "photo",
            "source_url": "https://photos.example/1",
            "sha256": (digest := hashlib.sha256(b"source of " + draw_jpeg(1)).hexdigest()),
            "phash": int(digest[:16], 16),
            "width": 160,
            "height": 120,
            "private": [],
            "licence": "CC BY-NC-ND 4.0",
            "author": "author <b>1</b>",
            "split": "train",
            "reason": "no_derivatives",
        }
    ]
    manifest = read_manifest(release)
    assert manifest["withheld"] == {"no_derivatives": 1}
    assert [(one["name"], one["splits"]) for one in manifest["configs"]] == [
        ("default", {"train": 6, "test": 3}),
        ("ids", {"train": 1}),
    ]
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "1 because the licence allows no changed copies" in card
    assert draw_jpeg(1) not in b"".join(path.read_bytes() for path in release.rglob("*") if path.is_file())


def test_rows_that_are_shown_lie_as_they_did(release: Path, tmp_path: Path) -> None:
    rows = list(open_release(release).rows("train"))
    assert [row["images"][0]["path"] for row in rows] == [f"{number:06d}.jpg" for number in range(6)]
    assert sorted(path.name for path in (release / "webdataset").iterdir()) == [
        "ids",
        "test-000000.tar",
        "test-000000.tar.index",
        "train-000000.tar",
        "train-000000.tar.index",
    ]


def origin(jpeg: bytes, licence: str | None, author: str | None = "Ada", url: str | None = None) -> Origin:
    return Origin(licence, author, url, (Photo(sha256=hashlib.sha256(jpeg).hexdigest()),))


def test_an_unchanged_photo_may_be_passed_on_under_any_licence() -> None:
    jpeg = draw_jpeg(0)
    assert reason_to_withhold(origin(jpeg, "CC BY-ND 4.0"), ["photo"], [jpeg]) is None
    assert reason_to_withhold(origin(jpeg + b"x", "CC BY-ND 4.0"), ["photo"], [jpeg]) == "no_derivatives"
    assert reason_to_withhold(Origin("CC BY-ND 4.0", "Ada"), ["photo"], [jpeg]) == "no_derivatives", "unknown: changed"
    assert reason_to_withhold(origin(jpeg + b"x", "CC BY-SA 4.0"), ["photo"], [jpeg]) is None
    assert reason_to_withhold(origin(jpeg + b"x", "CC BY-ND 4.0"), [], []) is None
    unchanged = origin(jpeg, "CC BY-ND 4.0")
    assert reason_to_withhold(unchanged, ["photo"], [jpeg], told_by_row=False) == "no_derivatives", (
        "nobody could see it"
    )


def test_one_changed_picture_of_several_holds_all_back() -> None:
    one, two = draw_jpeg(0), draw_jpeg(1)
    whose = Origin(
        "by-nd",
        "Ada",
        None,
        (Photo(role="ground", sha256=hashlib.sha256(one).hexdigest()), Photo(role="satellite", sha256="0" * 64)),
    )
    assert reason_to_withhold(whose, ["ground"], [one]) is None
    assert reason_to_withhold(whose, ["ground", "satellite"], [one, two]) == "no_derivatives"


def test_a_photo_that_must_be_attributed_and_cannot_be_is_not_passed_on(tmp_path: Path) -> None:
    nowhere = pl.when(pl.col("source_row") == 1).then(None).otherwise(pl.lit("x"))
    nobody, licence = pl.lit(None, pl.String), pl.lit("CC BY 4.0")
    build = change_plan(make_build(tmp_path / "b", 8), author=nobody, source_url=nowhere, licence=licence)
    write_release(build)
    assert read_manifest(build.paths.release)["withheld"] == {"no_attribution": 1}
    assert [row["id"] for row in open_release(build.paths.release, config="ids").rows("train")] == ["s001"]


def test_a_release_of_nothing_but_withheld_photos_is_its_ids(tmp_path: Path) -> None:
    build = change_plan(make_build(tmp_path / "b", 8), licence=pl.lit("CC BY-ND 2.0"))
    write_release(build, settings=ReleaseSettings(formats=("parquet",)))
    opened = open_release(build.paths.release)
    assert opened.splits == {"train": 3, "test": 1}
    assert all(row["images"] == [] for row in opened.rows("train"))
    assert check_release(build.paths.release) == []


@pytest.mark.parametrize("name", ["key", "API_KEY", "access_token", "sig"])
def test_an_address_with_a_key_does_not_leave(tmp_path: Path, name: str) -> None:
    url = pl.concat_str(pl.lit(f"https://maps.example/view?at=1,2&{name}=AIzaCanary&n="), "source_row")
    build = change_plan(make_build(tmp_path / "b", 6), source_url=url)
    with pytest.raises(CorruptBuild, match=rf"the address of 's00\d' carries a key \({name}=\)"):
        write_release(build, settings=ReleaseSettings(images="none"))


def test_a_secret_in_the_table_of_withheld_pictures_is_found(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "author <b>1</b>")
    assert any(
        "withheld.parquet: 's001' holds the value of the environment" in fault for fault in check_release(release)
    )


def test_the_tables_beside_the_rows_are_given_away_as_the_rows_are(tmp_path: Path) -> None:
    (tmp_path / "errata.csv").write_text("id,reason,since\ns001,the author asked,2026-05-01\n")
    build = make_build(tmp_path / "b", 4, all_accepted=True)
    write_release(build, settings=ReleaseSettings(images="none", withdrawn="errata.csv"), root=tmp_path)
    modes = {file.name: file.stat().st_mode for file in build.paths.release.iterdir() if file.is_file()}
    assert {"withheld.parquet", "withdrawn.parquet"} <= modes.keys() and len({*modes.values()}) == 1


def test_the_table_of_withheld_pictures_names_each_once(release: Path, tmp_path: Path) -> None:
    lines = read_withheld(release / "withheld.parquet")
    write_withheld(tmp_path / "withheld.parquet", [*lines, *lines])
    assert list(withheld_faults(tmp_path / "withheld.parquet", {})) == [
        f"{tmp_path}/withheld.parquet: names a picture twice"
    ]
    (tmp_path / "withheld.parquet").write_bytes(b"PAR1")
    (fault,) = withheld_faults(tmp_path / "withheld.parquet", {})
    assert "withheld.parquet" in fault


def test_a_recipe_that_embeds_nothing_releases_rows_with_what_identifies_their_pictures(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 6)
    write_release(build, settings=ReleaseSettings(images="none"))
    assert check_release(build.paths.release) == []
    lines = read_withheld(build.paths.release / "withheld.parquet")
    assert {line["reason"] for line in lines} == {"not_embedded"}
    kept = build.selection.filter("kept")["id"].to_list()
    assert sorted(line["id"] for line in lines) == sorted(kept)
    card = (build.paths.release / "README.md").read_text()
    assert "factory hydrate" in card
