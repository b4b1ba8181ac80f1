from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from release import write_release
from release.card import card_licence, escape, hub_licence, scrubbed
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, make_build

HOSTILE = "<img src=x onerror=alert(1)> | [x](http://evil.example)\n# heading"


def card_of(
    tmp_path: Path, *, stated: pl.Expr | None = None, scene: pl.Expr | None = None, rows: int = 20, **settings: object
) -> str:
    """README.md and LICENSE-DATA.md of a release whose photos state these licences and scenes, hostile by default."""
    build = make_build(tmp_path / "b", rows, all_accepted=rows != 20)
    hostile = pl.lit(HOSTILE)
    told = {"licence": hostile if stated is None else stated, "scene": hostile if scene is None else scene}
    build = change_plan(build, **told)
    write_release(build, settings=ReleaseSettings(**settings))  # type: ignore[arg-type]
    return (build.paths.release / "README.md").read_text(encoding="utf-8") + (
        build.paths.release / "LICENSE-DATA.md"
    ).read_text(encoding="utf-8")


def front_of(card: str) -> dict[str, object]:
    front: dict[str, object] = YAML(typ="safe").load(card.split("\n---\n\n")[0].removeprefix("---\n"))
    return front


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


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=300), st.integers(1, 120))
def test_long_text_is_shortened(text: str, limit: int) -> None:
    short = escape("x" * limit + text, limit)
    assert len(short) <= limit
    assert (short[-1] == "…") == bool(text)


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/a",
        "HTTPS://evil.example",
        "see www.evil.example",
        "me@evil.example",
        "mailto:me@evil.example",
    ],
)
def test_addresses_in_foreign_text_are_no_links(address: str) -> None:
    shown = escape(address)
    assert shown.replace("\u2060", "") == address
    assert not any(mark in shown.lower() for mark in ("://", "www.", "@evil", "mailto:me"))


def test_tables_of_foreign_values_are_capped(tmp_path: Path) -> None:
    own = pl.concat_str(pl.lit("no "), pl.col("id"))
    text = card_of(tmp_path, stated=own, scene=own, rows=30)
    assert text.count("| no s0") == 2 * 20
    assert text.count("| and 10 more | 10 |\n") == 2


def test_a_scene_called_like_a_split_is_no_count_of_rows(tmp_path: Path) -> None:
    assert "| train | 10 |" in card_of(tmp_path, scene=pl.lit("train"))


@pytest.mark.parametrize(
    ("licences", "told"),
    [
        ({"CC BY 4.0": 3}, "cc-by-4.0"),
        ({"CC0": 3}, "cc0-1.0"),
        ({"CC BY 4.0": 3, "CC0": 1}, "other"),
        ({"CC BY 4.0": 3, "unknown": 1}, "other"),
        ({"unknown": 3}, "other"),
        ({"all mine": 3}, "other"),
        ({}, "other"),
    ],
)
def test_the_card_names_a_licence_only_when_every_row_states_it(licences: dict[str, int], told: str) -> None:
    front = card_licence(licences)
    assert front["license"] == told
    assert (front.get("license_link") == "LICENSE-DATA.md") == (told == "other")


def test_the_recipes_licence_holds_for_rows_that_state_none_and_no_other(tmp_path: Path) -> None:
    none = pl.lit(None, pl.String)
    first = card_of(tmp_path / "all", stated=none, licence="CC-BY-4.0")
    some = pl.when(pl.col("position") == 0).then(pl.lit("CC0"))
    mixed = card_of(tmp_path / "some", stated=some, licence="CC-BY-4.0")
    assert front_of(first)["license"] == "cc-by-4.0"
    assert front_of(mixed)["license"] == "other"


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
