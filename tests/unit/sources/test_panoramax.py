"""Panoramax: longitude first, local times that say UTC, producers in two spellings, and pages at an address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import EnvironmentFault, SourceError
from factory.phases.plan import compile_plan
from factory.sources.pages import PagedSource
from factory.sources.panoramax import panoramax
from schemas.settings import PlanSettings
from tests.picture_host import picture_host


def feature(name: str = "a", lon: float = 7.73, lat: float = 48.5, **properties: Any) -> dict[str, Any]:
    return {
        "id": name,
        "type": "Feature",
        "collection": "sequence-1",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "links": [{"rel": "next", "href": "https://x.example/n"}, {"rel": "self", "href": f"https://x.example/{name}"}],
        "assets": {"sd": {"href": f"https://p.example/{name}.jpg"}, "hd": {"href": f"https://p.example/{name}.hd.jpg"}},
        "providers": [{"name": "ville de strasbourg"}, {"name": "Ville de Strasbourg"}],
        "properties": {"license": "etalab-2.0", "datetime": "2022-05-30T17:23:19.423000+00:00", **properties},
    }


def source(root: Path, *features: Any, **settings: Any) -> PagedSource:
    (root / "page.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    opened = panoramax(root, path="page.json", **settings)
    assert isinstance(opened, PagedSource)
    return opened


def test_a_record_has_its_place_licence_direction_and_view(tmp_path: Path) -> None:
    properties = {
        "view:azimuth": 3,
        "pers:interior_orientation": {"field_of_view": 360},
        "quality:horizontal_accuracy": 4.5,
    }
    found = source(tmp_path, feature(**properties)).table().row(0, named=True)
    assert (found["id"], found["image"]) == ("a", "https://p.example/a.jpg")
    assert (found["lat"], found["lon"], found["uncertainty_km"]) == ("48.5", "7.73", "0.0045"), "longitude comes first"
    assert (found["licence"], found["author"]) == ("etalab-2.0", "Ville de Strasbourg")
    assert found["captured_at"] == "2022-05-30T17:23:19.423000", "local time that is labelled UTC"
    assert found["source_url"] == "https://x.example/a"
    texts = {one["name"]: one["text"] for one in found["texts"]}
    assert texts == {"azimuth": "3.0", "field_of_view": "360.0", "sequence": "sequence-1"}


def test_the_recipe_chooses_size_and_view(tmp_path: Path) -> None:
    views = [{"pers:interior_orientation": {"field_of_view": degrees}} for degrees in (360, 70)]
    features = [feature(str(number), **view) for number, view in enumerate([*views, {}])]
    problems = {
        kept: source(tmp_path, *features, keep=kept).table()["problem"].to_list()
        for kept in ("all", "panoramas", "single_views")
    }
    assert problems == {
        "all": [None, None, None],
        "panoramas": [None, "other_view", "unknown_view"],
        "single_views": ["other_view", None, "unknown_view"],
    }
    assert source(tmp_path, feature(), asset="hd").table()["image"][0] == "https://p.example/a.hd.jpg"
    assert source(tmp_path, feature(), asset="thumb").table()["problem"][0] == "no_picture"


@pytest.mark.parametrize(
    "odd",
    [
        {"geometry": None},
        {"geometry": {"type": "Polygon", "coordinates": [[[7, 48], [8, 48], [8, 49], [7, 48]]]}},
        {"geometry": {"type": "Point", "coordinates": ["x", None]}},
        {"geometry": {"type": "Point", "coordinates": []}},
    ],
)
def test_what_is_no_point_is_no_place(tmp_path: Path, odd: dict[str, Any]) -> None:
    plan = compile_plan(source(tmp_path, feature() | odd, feature("b")).table(), PlanSettings())
    assert plan.samples["id"].to_list() == ["b"] and plan.reasons == {"no_coordinates": 1}


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"properties": 7, "assets": [], "links": 3, "providers": "x"}])
def test_what_is_no_feature_is_a_row_with_a_problem(tmp_path: Path, odd: Any) -> None:
    assert source(tmp_path, odd, feature()).table()["problem"].to_list() == ["no_picture", None]


def test_a_picture_that_is_not_ready_or_leads_elsewhere_is_dropped_by_name(tmp_path: Path) -> None:
    broken = feature("b", **{"geovisio:status": "broken"})
    inner = feature("c") | {"assets": {"sd": {"href": "file:///etc/passwd"}}}
    found = source(tmp_path, feature(), broken, inner).table()
    assert found["problem"].to_list() == [None, "not_ready", "no_picture"]


def test_a_folder_of_pages_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    for name in ("b", "a"):
        page = {"type": "FeatureCollection", "features": [feature(name)]}
        (tmp_path / "pages" / f"{name}.geojson").write_text(json.dumps(page))
    opened = panoramax(tmp_path, path="pages")
    first = opened.digest()
    assert opened.table()["id"].to_list() == ["a", "b"]
    assert opened.table().select(pl.col("source_row")).to_series().to_list() == [0, 1]
    (tmp_path / "pages" / "c.json").write_text(json.dumps(feature("c")))
    assert panoramax(tmp_path, path="pages").table()["id"].to_list() == ["a", "b", "c"]
    assert panoramax(tmp_path, path="pages").digest() != first


@pytest.mark.parametrize("text", ["[]", '{"features": 7}', "{", "7", '{"a":' * 200])
def test_a_file_that_is_no_page_says_what_is_needed(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.json").write_text(text)
    with pytest.raises(SourceError, match=r"page\.json: .*it needs FeatureCollections of Panoramax"):
        panoramax(tmp_path, path="page.json").table()
    with pytest.raises(SourceError, match=r"there is no nothing\.json; it needs FeatureCollections"):
        panoramax(tmp_path, path="nothing.json")


def test_an_address_is_asked_once_page_by_page_and_no_further_than_is_said(tmp_path: Path) -> None:
    with picture_host() as host:
        for number in range(4):
            links = [{"rel": "next", "href": f"/search?page={number + 1}"}]
            page = {"type": "FeatureCollection", "features": [feature(str(number))], "links": links}
            host.give(f"/search?page={number}", json.dumps(page).encode())
        address = f"{host.url}/search?page=0"
        opened = panoramax(tmp_path, path=address, pages=3)
        digest = opened.digest()
        assert opened.table()["id"].to_list() == ["0", "1", "2"]
        asked = len(host.asked)
        assert asked == 3
        again = panoramax(tmp_path, path=address, pages=3)
        assert again.digest() == digest and again.table().height == 3
        assert len(host.asked) == asked, "the same recipe stays the same build"


def test_a_page_leads_to_no_address_that_is_not_public(tmp_path: Path) -> None:
    with picture_host() as host:
        links = [{"rel": "next", "href": "http://127.0.0.2/admin"}]
        page = {"type": "FeatureCollection", "features": [feature()], "links": links}
        host.give("/search", json.dumps(page).encode())
        with pytest.raises(SourceError, match=r"not_public \(127\.0\.0\.2"):
            panoramax(tmp_path, path=f"{host.url}/search").table()
        host.give("/search", b"", 302, Location="http://127.0.0.3/admin")
        with pytest.raises(SourceError, match=r"not_public \(127\.0\.0\.3"):
            panoramax(tmp_path, path=f"{host.url}/search", images="others").table()
        host.give("/search", b"", 404)
        with pytest.raises(EnvironmentFault, match=r"not_found \(404\)"):
            panoramax(tmp_path, path=f"{host.url}/search", images="others").table()


def test_a_page_that_leads_to_itself_is_read_once(tmp_path: Path) -> None:
    with picture_host() as host:
        page = {"features": [feature()], "links": [{"rel": "next", "href": f"{host.url}/search"}]}
        host.give("/search", json.dumps(page).encode())
        assert panoramax(tmp_path, path=f"{host.url}/search").table().height == 1
