"""Wikimedia Commons: HTML in values, whose place it is, dates with templates, licences and attribution."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.sources.commons import _plain, commons
from schemas.licences import licence_class


def page(name: str = "File:A.jpg", coordinates: Any = None, **told: Any) -> dict[str, Any]:
    values = {"GPSLatitude": "49.411580", "GPSLongitude": "8.705512", "LicenseShortName": "CC BY-SA 3.0 de", **told}
    info = {
        "url": "https://upload.example/a/b/A.jpg?utm_source=commons",
        "descriptionurl": f"https://commons.example/wiki/{name}",
        "extmetadata": {key: {"value": value, "source": "x"} for key, value in values.items()},
    }
    return {
        "pageid": 1,
        "title": name,
        "imageinfo": [info],
        **({} if coordinates is None else {"coordinates": coordinates}),
    }


CAMERA = [{"lat": 49.4, "lon": 8.7, "primary": True, "type": "camera"}]


def source(root: Path, *pages: Any, **settings: Any) -> Source:
    (root / "answer.json").write_text(json.dumps({"query": {"pages": pages}}))
    return commons(root, path="answer.json", **settings)


def row(root: Path, one: Any, **settings: Any) -> dict[str, Any]:
    return source(root, one, **settings).table().row(0, named=True)


def test_a_file_has_the_place_of_its_camera_its_licence_and_whom_to_name(tmp_path: Path) -> None:
    found = row(
        tmp_path,
        page(
            coordinates=CAMERA,
            Artist='<a href="//commons.example/User:E" title="User:E">Eckhard Henkel</a>',
            Attribution="Photo: E. Henkel / <a rel='nofollow' href='http://x'>Wikimedia Commons</a>",
            DateTimeOriginal="2002-04-02",
        ),
    )
    assert (found["id"], found["image"]) == ("File:A.jpg", "https://upload.example/a/b/A.jpg")
    assert (found["lat"], found["lon"], found["uncertainty_km"]) == ("49.4", "8.7", "0.05")
    assert (found["author"], found["licence"]) == ("Eckhard Henkel", "CC BY-SA 3.0 de")
    assert found["captured_at"] == "2002-04-02" and found["problem"] is None
    assert {"name": "attribution", "text": "Photo: E. Henkel / Wikimedia Commons"} in found["texts"]


@pytest.mark.parametrize(
    ("coordinates", "problem", "km"),
    [
        (CAMERA, None, "0.05"),
        ([{"lat": 1.0, "lon": 2.0, "type": "object"}, *CAMERA], None, "0.05"),
        ([{"lat": 1.0, "lon": 2.0, "type": "object"}], "object_position", "1.0"),
        ([{"lat": 1.0, "lon": 2.0, "primary": True}], "unknown_position", "1.0"),
        (None, "unknown_position", "1.0"),
    ],
)
def test_a_place_is_the_cameras_or_says_that_it_is_not(
    tmp_path: Path, coordinates: Any, problem: str | None, km: str
) -> None:
    found = row(tmp_path, page(coordinates=coordinates))
    assert (found["problem"], found["uncertainty_km"]) == (problem, km)
    assert row(tmp_path, page(coordinates=coordinates), positions="any")["problem"] is None


def test_a_file_without_a_place_is_a_row(tmp_path: Path) -> None:
    found = row(tmp_path, page(GPSLatitude=None, GPSLongitude=None))
    assert (found["lat"], found["problem"]) == (None, None)


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("plain", "plain"),
        ("<b>a</b>  b<br>c", "a b c"),
        ('circa 1617 <div style="display: none;">date QS:P,+1617-00-00T00:00:00Z/9</div>', "circa 1617"),
        ("<script>alert(1)</script>x", "x"),
        ("&lt;b&gt; &amp; &#39;", "<b> & '"),
        ('<span style="display:none">a<span>b</span>c</span>d', "d"),
        ("", None),
        (1.2, None),
        ("x" * 30_000, None),
    ],
)
def test_html_becomes_what_a_person_reads(html: Any, words: str | None) -> None:
    assert _plain({"Artist": {"value": html}}, "Artist") == words


@given(st.text(alphabet="<>/=\"' abdivstylepn:;&#", max_size=200))
def test_any_html_is_read(html: str) -> None:
    found = _plain({"Artist": {"value": html}}, "Artist")
    assert found is None or found.strip() == found


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("2002-04-02", "2002-04-02"),
        ("2015-09-06 12:51:27", "2015-09-06 12:51:27"),
        ("1905", "1905"),
        ('circa 1617 <div style="display: none;">date QS:P,+1617</div>', None),
        ("summer 1905", None),
        ("", None),
    ],
)
def test_a_date_is_taken_only_where_it_is_one(tmp_path: Path, written: str, taken: str | None) -> None:
    assert row(tmp_path, page(coordinates=CAMERA, DateTimeOriginal=written))["captured_at"] == taken


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("Public domain", "cc0"),
        ("CC0", "cc0"),
        ("CC BY 4.0", "cc-by"),
        ("CC BY-SA 3.0 es", "cc-by-sa"),
        ("FAL", "other"),
    ],
)
def test_licences_are_of_known_classes(tmp_path: Path, written: str, kind: str) -> None:
    assert licence_class(row(tmp_path, page(coordinates=CAMERA, LicenseShortName=written))["licence"]) == kind


def test_answers_come_in_several_forms(tmp_path: Path) -> None:
    one = page(coordinates=CAMERA)
    for text in ({"query": {"pages": {"1": one}}}, {"query": {"pages": [one]}}, {"pages": [one]}, one):
        (tmp_path / "answer.json").write_text(json.dumps(text))
        assert commons(tmp_path, path="answer.json").table()["id"].to_list() == ["File:A.jpg"]


@pytest.mark.parametrize(
    "odd", [None, 7, {}, {"imageinfo": []}, {"imageinfo": [7]}, {"imageinfo": [{"url": "file:///x"}]}]
)
def test_what_is_no_file_is_a_row_with_a_problem(tmp_path: Path, odd: Any) -> None:
    assert source(tmp_path, odd).table()["problem"].to_list() == ["no_picture"]


@pytest.mark.parametrize("text", ["[]", '{"query": {}}', "{"])
def test_a_file_that_is_no_answer_says_what_is_needed(tmp_path: Path, text: str) -> None:
    (tmp_path / "answer.json").write_text(text)
    with pytest.raises(SourceError, match=r"answer\.json: .*it needs answers of Commons' API"):
        commons(tmp_path, path="answer.json").table()
