"""GWS15k on real points: those that GAEA published of the set itself, and a table of OSV-5M."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.geo.sampling.reference import gazetteer_areas, gazetteer_cities
from factory.sources.gws15k import gws15k
from tests.published import gws15k as published

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
POINTS = SHARED / "data" / "formats" / "gws15k_gaea" / "gws15k_citygt.head30.csv"
OSV5M = SHARED / "data" / "osv5m" / "select.csv"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not POINTS.is_file(), reason="the tables are missing: set FACTORY_SHARED"),
]
"""Its twin on made data: tests/unit/sources/test_gws15k.py."""


def drawn(path: Path, columns: dict[str, str], n: int, **more: Any) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    source = gws15k(path.parent, path=path.name, pool="table", columns=columns, n=n, **more)  # type: ignore[arg-type]
    table = source.table()
    rows = []
    for row in table.filter(pl.col("problem").is_null()).iter_rows(named=True):
        told = json.loads(row["texts"][0]["text"])
        if told:
            rows.append(
                {
                    "lat": float(row["lat"]),
                    "lon": float(row["lon"]),
                    "algorithm": told["algorithm"],
                    "draw": told["draw"],
                }
                | {"drawn_country": told["country"], "drawn_city_lat": told["city_lat"]}
                | {"drawn_city_lon": told["city_lon"], "country_wanted": told["wanted"]}
                | {"country_available": told["available"], "country_given": told["given"]}
            )
    return table, rows


def test_points_of_the_real_set_lie_near_cities_as_its_paper_says() -> None:
    table, rows = drawn(POINTS, {"id": "FILE", "lat": "LAT", "lon": "LON"}, 30, fewer=True)
    points = table.filter(pl.col("problem").fill_null("") != "country_short").height
    assert points >= 29
    assert len(rows) >= 0.9 * points


@pytest.mark.parametrize("algorithm", ["repaired", "published"])
def test_a_draw_from_osv5m_is_as_the_paper_says(algorithm: str) -> None:
    columns = {"id": "id", "lat": "true_lat", "lon": "true_lon"}
    table, rows = drawn(OSV5M, columns, 5, algorithm=algorithm, seed=4)
    pool = [(float(lat), float(lon)) for lat, lon in table.drop_nulls("lat").select("lat", "lon").iter_rows()]
    cities = list(gazetteer_cities().select("country", "lat", "lon").iter_rows())
    assert list(published.set_faults(rows, 5, cities, gazetteer_areas(), pool)) == []
    assert {row["drawn_country"] for row in rows} <= set(table["country"].drop_nulls())
