"""iNaturalist: what is no position, whose licence it is, and what is never read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import SourceError
from factory.phases.plan import compile_plan
from factory.sources.inaturalist import RESERVED, inaturalist
from schemas.settings import PlanSettings

SECRET = "12.3456"
HEADER = (
    "id,observed_on,time_observed_at,license,url,image_url,user_login,latitude,longitude,positional_accuracy,"
    "public_positional_accuracy,geoprivacy,taxon_geoprivacy,coordinates_obscured,private_latitude,private_longitude,"
    "private_place_guess"
)
PHOTO = "https://inaturalist-open-data.s3.amazonaws.com/photos/48124507/medium.jpeg?1565748927"


def line(
    name: str = "1", accuracy: str = "77", public: str = "77", privacy: str = ",,false", lat: str = "41.62"
) -> str:
    where = f"{lat},-93.73,{accuracy},{public},{privacy},{SECRET},{SECRET},home"
    return f"{name},2019-08-13,2019-08-14 00:02:39 UTC,CC-BY-NC,https://www.inaturalist.org/observations/{name},{PHOTO},me,{where}"


def export(root: Path, *lines: str, header: str = HEADER, **settings: Any) -> list[dict[str, Any]]:
    (root / "observations-1.csv").write_text("\n".join((header, *lines)))
    return inaturalist(root, path="observations-1.csv", **settings).table().to_dicts()


def test_an_export_has_place_accuracy_licence_and_the_photo_in_another_size(tmp_path: Path) -> None:
    (found,) = export(tmp_path, line())
    assert (found["id"], found["lat"], found["lon"], found["uncertainty_km"]) == ("1", "41.62", "-93.73", "0.077")
    assert found["image"] == "https://inaturalist-open-data.s3.amazonaws.com/photos/48124507/large.jpeg"
    assert (found["licence"], found["author"]) == ("CC-BY-NC", "me")
    assert found["captured_at"] == "2019-08-14 00:02:39 UTC"
    assert export(tmp_path, line(), size="original")[0]["image"].endswith("/original.jpeg")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"privacy": ",,true"}, "obscured"),
        ({"privacy": ",obscured,true"}, "obscured"),
        ({"privacy": "obscured,,false"}, "obscured"),
        ({"privacy": "private,,false", "lat": ""}, "private"),
        ({"privacy": ",open,false"}, None),
        ({"accuracy": "100", "public": "27754"}, "coarse"),
        ({"accuracy": "27754", "public": ""}, "coarse"),
        ({"accuracy": "", "public": ""}, None),
    ],
)
def test_a_place_that_was_moved_or_is_coarse_is_none(
    tmp_path: Path, given: dict[str, str], problem: str | None
) -> None:
    (found,) = export(tmp_path, line(**given))
    assert found["problem"] == problem
    assert (found["lat"] is None) == (problem is not None), "it is no position, so none is kept"


def test_an_accuracy_that_nobody_states_is_the_recipes(tmp_path: Path) -> None:
    assert export(tmp_path, line(accuracy="", public=""), uncertainty_km=2.5)[0]["uncertainty_km"] == "2.5"
    assert export(tmp_path, line(accuracy="9000", public=""), max_accuracy_km=10)[0]["uncertainty_km"] == "9.0"


def test_what_was_to_be_kept_secret_is_never_read(tmp_path: Path) -> None:
    rows = export(tmp_path, line(privacy="private,,true", lat=""), line("2"))
    assert SECRET not in repr(rows) and "home" not in repr(rows)


def test_columns_are_addressed_by_name(tmp_path: Path) -> None:
    header = "longitude,latitude,image_url,id"
    (found,) = export(tmp_path, f"-93.73,41.62,{PHOTO},1", header=header)
    assert (found["lat"], found["lon"], found["licence"]) == ("41.62", "-93.73", RESERVED)


def observation(**more: Any) -> dict[str, Any]:
    photo = {
        "id": 5,
        "license_code": "cc-by",
        "url": "https://p.example/photos/5/square.JPG?1",
        "attribution": "(c) me",
    }
    return {
        "id": 9, "uri": "https://www.inaturalist.org/observations/9", "location": "41.62,-93.73", "obscured": False,
        "positional_accuracy": 10, "public_positional_accuracy": 10, "user": {"login": "me"}, "license_code": "cc0",
        "private_location": f"{SECRET},{SECRET}", "private_geojson": {"coordinates": [12.3456, 12.3456]},
        "photos": [photo, {**photo, "id": 6, "license_code": None}], "observed_on": "2021-10-25", **more,
    }  # fmt: skip


def answer(root: Path, *observations: Any, **settings: Any) -> list[dict[str, Any]]:
    (root / "answer.json").write_text(json.dumps({"results": observations}))
    return inaturalist(root, path="answer.json", **settings).table().to_dicts()


def test_an_answer_of_the_api_has_a_licence_a_photo(tmp_path: Path) -> None:
    one, two = answer(tmp_path, observation(), photos=2)
    assert (one["id"], one["licence"], two["id"], two["licence"]) == ("9/5", "cc-by", "9/6", RESERVED)
    assert (one["lat"], one["lon"], one["image"]) == ("41.62", "-93.73", "https://p.example/photos/5/large.JPG")
    assert one["texts"] == [{"name": "attribution", "text": "(c) me"}]
    assert SECRET not in repr((one, two))
    assert len(answer(tmp_path, observation())) == 1


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"location": [41.62, -93.73]}, ("41.62", "-93.73")),
        ({"location": None, "geojson": {"type": "Point", "coordinates": ["-93.73", "41.62"]}}, ("41.62", "-93.73")),
        ({"location": None, "geojson": None}, (None, None)),
        ({"location": "nowhere", "geojson": 7}, (None, None)),
        ({"obscured": True}, (None, None)),
        ({"taxon_geoprivacy": "obscured"}, (None, None)),
        ({"geoprivacy": "private"}, (None, None)),
        ({"public_positional_accuracy": 28_000}, (None, None)),
    ],
)
def test_places_of_the_api_in_their_forms(tmp_path: Path, more: dict[str, Any], place: tuple[Any, Any]) -> None:
    (found,) = answer(tmp_path, observation(**more))
    assert (found["lat"], found["lon"]) == place


@pytest.mark.parametrize("odd", [None, 7, [], {}, {"photos": [7]}, {"photos": "x"}])
def test_what_is_no_observation_is_a_row_with_a_problem(tmp_path: Path, odd: Any) -> None:
    assert [row["problem"] for row in answer(tmp_path, odd)] == ["no_picture"]


def dump(root: Path) -> Path:
    tables = {
        "observations": "observation_uuid observer_id latitude longitude positional_accuracy taxon_id observed_on",
        "photos": "photo_uuid photo_id observation_uuid observer_id extension license width height position",
        "observers": "observer_id login name",
    }
    rows = {
        "observations": [
            "u1 505 38.61 -122.76 - 1 2011-05-30",
            "u2 505 38.61 -122.76 28200 1 2011-05-30",
        ],
        "photos": ["x 35927 u1 505 jpg CC-BY 1 1 0", "x 35926 u1 505 jpg CC-BY 1 1 1", "x 35928 u2 505 jpeg CC0 1 1 0"],
        "observers": ["505 kueda None"],
    }
    (root / "dump").mkdir()
    for name, header in tables.items():
        lines = [header, *rows[name]]
        text = "\n".join("\t".join("" if cell == "-" else cell for cell in line.split()) for line in lines)
        (root / "dump" / f"{name}.csv").write_text(text)
    return root / "dump"


def test_a_dump_is_tab_separated_and_its_photos_are_joined(tmp_path: Path) -> None:
    dump(tmp_path)
    found = inaturalist(tmp_path, path="dump").table()
    assert found.select("id", "licence", "author", "problem").rows() == [
        ("u1/35927", "CC-BY", "kueda", None),
        ("u2/35928", "CC0", "kueda", "coarse"),
    ]
    assert found["image"][1] == "https://inaturalist-open-data.s3.amazonaws.com/photos/35928/large.jpeg"
    assert inaturalist(tmp_path, path="dump", photos=2).table().height == 3
    plan = compile_plan(found, PlanSettings())
    assert plan.samples["id"].to_list() == ["u1/35927"]


def test_another_file_is_another_source(tmp_path: Path) -> None:
    folder = dump(tmp_path)
    first = inaturalist(tmp_path, path="dump").digest()
    (folder / "observers.csv").write_text("observer_id\tlogin\tname\n")
    assert inaturalist(tmp_path, path="dump").digest() != first


@pytest.mark.parametrize(("name", "text"), [("a.csv", "id,lat\n1,2\n"), ("a.json", "{}"), ("a.json", "{")])
def test_a_file_of_another_kind_says_what_is_needed(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=rf"{name}: .*it needs an export"):
        inaturalist(tmp_path, path=name).table()
    with pytest.raises(SourceError, match=r"there is no nothing\.csv; it needs an export"):
        inaturalist(tmp_path, path="nothing.csv")
