from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from release import ReleaseSettings, write_release
from release.card import escape, hub_licence, scrubbed
from tests.build_fixture import make_build


def card_of(tmp_path: Path, **settings: object) -> str:
    build = make_build(tmp_path / "b", 20)
    hostile = "<img src=x onerror=alert(1)> | [x](http://evil.example)\n# heading"
    build.__dict__["plan"] = build.plan.with_columns(licence=pl.lit(hostile), scene=pl.lit(hostile))
    write_release(build, settings=ReleaseSettings(**settings))  # type: ignore[arg-type]
    return (build.paths.release / "README.md").read_text(encoding="utf-8") + (
        build.paths.release / "LICENSE-DATA.md"
    ).read_text(encoding="utf-8")


def test_the_card_says_what_is_there(tmp_path: Path) -> None:
    text = card_of(tmp_path)
    front = YAML(typ="safe").load(text.split("---\n")[1])
    assert [entry["split"] for entry in front["configs"][0]["data_files"]] == ["train", "test"]
    assert front["license"] == "other"
    for said in (
        "| train | 7 |",
        "| all | 10 |",
        "No row fell into validation",
        "near_truth",
        "radius_km: 25.0",
        "| reject | near\\_truth | too\\_far | 3 |",
        "| select | near\\_duplicates | perceptual\\_duplicate | 1 |",
        "| Namibia |",
        "no stalking",
        "GeoNames",
        "geonames-fixture-2026-01-01",
    ):
        assert said in text, said


def test_text_from_photos_is_shown_and_not_run(tmp_path: Path) -> None:
    text = card_of(tmp_path)
    assert "<img" not in text
    assert "\n# heading" not in text
    assert "[x](" not in text


def test_a_title_cannot_break_the_front_matter(tmp_path: Path) -> None:
    title = 'a "title": with\n---\nlicense: mit'
    front = YAML(typ="safe").load(card_of(tmp_path, title=title).split("\n---\n\n")[0].removeprefix("---\n"))
    assert front["pretty_name"] == title
    assert front["license"] == "other"


@given(st.text())
def test_escaped_text_is_one_line_without_markup(text: str) -> None:
    line = escape(text)
    assert "\n" not in line and "<" not in line
    for mark in "|`*_[]":
        assert line.count(mark) == line.count("\\" + mark)


def test_one_licence_for_all_is_told_to_the_hub() -> None:
    assert hub_licence("CC-BY-4.0") == hub_licence("cc by 4.0") == "cc-by-4.0"
    assert hub_licence("per-row") == "other"


def test_settings_are_told_without_addresses_and_folders() -> None:
    told = {
        "table": "/home/me/bench.csv",
        "base_url": "http://10.0.0.1/v1",
        "radius_km": 1.0,
        "rules": ["a/b", "~/c/d"],
    }
    assert scrubbed(told) == {"table": "bench.csv", "radius_km": 1.0, "rules": ["a/b", "d"]}


def test_the_map_is_well_formed_and_has_a_dot_a_row(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    root = ElementTree.parse(build.paths.release / "map.svg").getroot()
    dots = [node for node in root.iter("{http://www.w3.org/2000/svg}circle") if node.get("fill-opacity")]
    assert len(dots) == 4
