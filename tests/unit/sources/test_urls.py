"""A table of addresses: what is a locator, what is none, and that no picture is needed to plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.errors import ImageMissing, SourceError
from factory.phases.plan import compile_plan
from factory.plugins.contracts import Source
from factory.plugins.fetching import Fetching
from factory.sources import fetches, look_for_pictures
from factory.sources.folder import folder
from factory.sources.urls import urls
from schemas.settings import PlanSettings

DIGEST = "ab" * 32


def source(root: Path, *lines: str, name: str = "photos.csv", **more: Any) -> Source:
    (root / name).write_text("\n".join(lines))
    return urls(root, path=name, **more)


def test_an_address_is_a_locator_and_where_the_row_comes_from(tmp_path: Path) -> None:
    opened = source(tmp_path, "id,url,lat,lon", "a, https://photos.example/1.jpg?x=1 ,48.85,2.35")
    row = opened.table().row(0, named=True)
    assert (row["id"], row["image"], row["source_url"]) == ("a", *["https://photos.example/1.jpg?x=1"] * 2)
    assert opened.stamp(row["image"]) is None
    with pytest.raises(ImageMissing, match="was not fetched yet"):
        opened.read(row["image"])


def test_without_an_id_the_address_is_one_and_the_digest_no_part_of_it(tmp_path: Path) -> None:
    opened = source(tmp_path, "url,lat,lon,sum", f"https://a.example/1,1,2,{DIGEST.upper()}", sha256="sum")
    row = opened.table().row(0, named=True)
    assert (row["id"], row["image"]) == ("https://a.example/1", f"https://a.example/1#sha256={DIGEST}")
    assert row["source_url"] == "https://a.example/1" and row["texts"] == []


def test_texts_of_the_recipe_stay_beside_the_digest(tmp_path: Path) -> None:
    lines = ("url,lat,lon,sum,note", f"https://a.example/1,1,2,{DIGEST},hello", "https://a.example/2,1,2,,")
    found = source(tmp_path, *lines, sha256="sum", texts={"note": "note"}).table()
    assert found["texts"].to_list() == [[{"name": "note", "text": "hello"}], []]
    assert found["image"].to_list() == [f"https://a.example/1#sha256={DIGEST}", "https://a.example/2"]


@pytest.mark.parametrize(
    ("address", "digest", "problem"),
    [
        ("file:///etc/passwd", "", "no_address"),
        ("//a.example/1", "", "no_address"),
        ("images/1.jpg", "", "no_address"),
        ("", "", "no_address"),
        ("http://a.example/a b", "", "no_address"),
        (f"http://a.example/{'x' * 2_000}", "", "no_address"),
        ("http://a.example/1", "abc", "bad_sha256"),
        ("HTTPS://a.example/1", "", None),
        ("http://a.example", "", None),
    ],
)
def test_what_is_no_address_is_dropped_by_name(tmp_path: Path, address: str, digest: str, problem: str | None) -> None:
    found = source(tmp_path, "id,url,lat,lon,sum", f"a,{address},48.85,2.35,{digest}", sha256="sum").table()
    assert found["problem"].to_list() == [problem]
    plan = compile_plan(found, PlanSettings())
    assert plan.reasons == ({problem: 1} if problem else {})


def test_a_column_that_is_missing_is_named_by_the_key_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column `url` for image.*the file has: link, lat, lon.*`address: NAME`"):
        source(tmp_path, "link,lat,lon", "https://a.example/1,1,2").table()
    with pytest.raises(SourceError, match=r"no column `sum` for _sha256.*Map it with `sha256: NAME`"):
        source(tmp_path, "url,lat,lon", "https://a.example/1,1,2", sha256="sum").table()
    with pytest.raises(SourceError, match=r"source.columns: `image` would do nothing; write `address: link`"):
        source(tmp_path, "link,lat,lon", "https://a.example/1,1,2", columns={"image": "link"})


def test_columns_may_be_called_otherwise(tmp_path: Path) -> None:
    found = source(
        tmp_path,
        "key;TARGET;y;x;page",
        "1;http://a.example/1;48.85;2.35;https://a.example/page",
        address="TARGET",
        columns={"lat": "y", "lon": "x", "source_url": "page"},
        licence="CC0-1.0",
    ).table()
    assert found.select("id", "lat", "lon", "source_url", "licence").row(0) == (
        "1", "48.85", "2.35", "https://a.example/page", "CC0-1.0",
    )  # fmt: skip


def test_a_plan_needs_no_picture_of_a_source_that_fetches(tmp_path: Path) -> None:
    opened = source(tmp_path, "url,lat,lon", "http://a.example/1,48.85,2.35")
    look_for_pictures(opened, opened.table()["image"])
    assert isinstance(opened, Fetching) and fetches(opened)
    assert not fetches(folder(tmp_path, path="."))
    assert not (tmp_path / "fetched").exists()


def test_another_table_is_another_source(tmp_path: Path) -> None:
    first = source(tmp_path, "url,lat,lon", "http://a.example/1,48.85,2.35").digest()
    assert source(tmp_path, "url,lat,lon", "http://a.example/1,48.85,2.36").digest() != first


def test_what_is_missing_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source\.path: there is no nothing\.csv; it needs a CSV"):
        urls(tmp_path, path="nothing.csv")
