"""GWS15k from a pool: who is drawn, why others are not, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import RecipeError, SourceError
from factory.phases.plan import PlanSettings, compile_plan
from factory.plugins.contracts import Needs, Source
from factory.sources.gws15k import gws15k

POOL = """\
id,image,lat,lon
a,a.jpg,60.170,24.935
b,b.jpg,60.171,24.935
b2,b2.jpg,60.171,24.935
c,c.jpg,60.172,24.935
d,d.jpg,48.853,2.349
far,far.jpg,61.0,24.0
d,again.jpg,48.854,2.349
odd,odd.jpg,97.0,2.349
," ",48.855,2.349
"""
CITIES = "country,name,lat,lon\nFI,Helsinki,60.17,24.935\nFR,Paris,48.853,2.349\nNO,Oslo,59.91,10.75\n"
AREAS = "country,area_km2\nFI,300000\nFR,500000\nNO,3000000\n"


def source(root: Path, pool: str = POOL, cities: str = CITIES, areas: str = AREAS, **more: Any) -> Source:
    for name, text in (("pool", pool), ("cities", cities), ("areas", areas)):
        (root / f"{name}.csv").write_text(text)
    given: dict[str, Any] = {"cities": "cities.csv", "areas": "areas.csv", "n": 3, **more}
    return gws15k(root, path="pool.csv", pool="table", **given)


def draws(table: pl.DataFrame) -> dict[str, dict[str, Any]]:
    rows = table.filter(pl.col("problem").is_null() & (pl.col("texts").list.len() > 0))
    told = ((name, json.loads(texts[0]["text"])) for name, texts in rows.select("id", "texts").iter_rows())
    return {name: draw for name, draw in told if draw}


def test_every_row_of_the_pool_is_drawn_or_says_why_not(tmp_path: Path) -> None:
    table = source(tmp_path).table()
    plan = compile_plan(table, PlanSettings(order="source", max_swapped_share=0.5), needs=Needs(texts=("draw",)))
    assert set(plan.samples["id"]) == set(draws(table))
    assert plan.samples.height == 3
    assert plan.reasons == {
        "not_drawn": 1,
        "far_from_cities": 1,
        "same_place": 1,
        "missing_id": 1,
        "duplicate_id": 1,
        "swapped_columns": 1,
        "country_short": 1,
    }


def test_a_photo_that_the_plan_would_drop_is_never_drawn(tmp_path: Path) -> None:
    """Impossible coordinates, no id, an id for the second time: whatever the seed."""
    for seed in range(8):
        assert set(draws(source(tmp_path, seed=seed).table())) <= {"a", "b", "c", "d"}


def test_the_draw_is_told_with_each_photo(tmp_path: Path) -> None:
    told = draws(source(tmp_path, seed=5).table())["d"]
    assert told["km"] == 0.0
    assert {name: told[name] for name in ("algorithm", "seed", "country", "city", "city_lat", "city_lon")} == {
        "algorithm": "repaired",
        "seed": 5,
        "country": "FR",
        "city": "Paris",
        "city_lat": 48.853,
        "city_lon": 2.349,
    }
    assert (told["available"], told["given"], told["draw"]) == (1, 1, None)
    assert told["wanted"] == pytest.approx(3 * (0.5 * 5 / 38 + 0.5 / 3), abs=1e-3)


def test_the_published_loop_says_which_draw_took_a_photo(tmp_path: Path) -> None:
    told = draws(source(tmp_path, algorithm="published").table())
    assert len({told[name]["draw"] for name in ("a", "b", "c") if name in told}) == 1
    assert all(one["draw"] >= 1 for one in told.values())


def test_the_same_seed_draws_the_same_photos_from_rows_in_any_order(tmp_path: Path) -> None:
    header, *rows = POOL.splitlines(keepends=True)
    rows.remove("d,again.jpg,48.854,2.349\n")
    for algorithm in ("repaired", "published"):
        found = [
            set(draws(source(tmp_path, header + "".join(order), seed=3, algorithm=algorithm).table()))
            for order in (rows, rows[::-1])
        ]
        assert found[0] == found[1]


def test_a_pool_that_gives_fewer_is_refused_unless_the_recipe_takes_them(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gives 4 of 9 photos.*1 of its rows have.*swapped.*`fewer: true`"):
        source(tmp_path, n=9).table()
    assert len(draws(source(tmp_path, n=9, fewer=True).table())) == 4
    with pytest.raises(SourceError, match="would never end"):
        source(tmp_path, n=9, algorithm="published", fewer=True).table()


def test_a_country_that_gives_less_than_its_share_is_a_line_of_its_own(tmp_path: Path) -> None:
    short = source(tmp_path, n=4, fewer=True).table().filter(pl.col("problem") == "country_short")
    assert short.select("id", "problem_detail").rows() == [
        ("NO", "0 drawn, 2.2 of 4 are its share; different places near its cities: 0")
    ]
    assert short["source_row"].to_list() == [POOL.count("\n") - 1]


def test_tables_of_other_countries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no country in it is among those of .*areas\.csv: 'Finland'"):
        source(tmp_path, cities="country,lat,lon\nFinland,60.17,24.935\n").table()
    with pytest.raises(RecipeError, match="its cities of SE could never be drawn"):
        source(tmp_path, cities=CITIES + "SE,Lund,55.7,13.2\n").table()


def test_what_is_missing_is_said_with_what_it_is(tmp_path: Path) -> None:
    source(tmp_path)
    with pytest.raises(SourceError, match=r"source\.cities: there is no gone\.csv; it needs a CSV with lat, lon"):
        gws15k(tmp_path, path="pool.csv", pool="table", cities="gone.csv")
    with pytest.raises(SourceError, match="wants `images`"):
        gws15k(tmp_path, path="pool.csv")
    with pytest.raises(SourceError, match=r"test\.csv: is not there\. OSV-5M is the dataset"):
        gws15k(tmp_path, path="test.csv", images="images")


def test_another_list_of_cities_or_areas_is_another_source(tmp_path: Path) -> None:
    before = source(tmp_path).digest()
    assert source(tmp_path).digest() == before
    assert source(tmp_path, cities=CITIES + "FR,Lyon,45.76,4.84\n").digest() != before
    assert source(tmp_path, areas=AREAS.replace("5", "6")).digest() != before
    assert source(tmp_path, POOL.replace("48.854", "48.8541")).digest() != before


def test_pictures_of_osv5m_are_read_from_its_zips(tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "test.csv").write_text("id,latitude,longitude,country\n1,60.17,24.935,FI\n2,48.853,2.349,FR\n")
    (tmp_path / "images").mkdir()
    with zipfile.ZipFile(tmp_path / "images" / "00.zip", "w") as archive:
        archive.writestr("00/1.jpg", b"one")
    found = gws15k(tmp_path, path="test.csv", images="images", n=2)
    table = found.table()
    assert table.filter(pl.col("problem").is_null())["image"].to_list() == ["1.jpg", "2.jpg"]
    assert found.stamp("1.jpg") is not None and found.stamp("2.jpg") is None
