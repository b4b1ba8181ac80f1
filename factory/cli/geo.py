"""`factory geo`: the offline gazetteer on the command line. Data to standard output, talk to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory.cli.out import clear_line, say, tell, tell_json
from factory.errors import EXIT_ROWS_FAILED, RecipeError, SourceError

if TYPE_CHECKING:
    import polars as pl

geo_app = typer.Typer(no_args_is_help=True, help="Where is this point, where is this place: offline, at any scale.")
sample_app = typer.Typer(no_args_is_help=True, help="Draw benchmarks from a pool of points.")
geo_app.add_typer(sample_app, name="sample")

NUMBERS = {"ignore_unknown_options": True}
"""Lets -33.9 be a number and not five unknown options."""

Json = Annotated[bool, typer.Option("--json", help="JSON lines on standard output.")]
Lat = Annotated[
    str | None,
    typer.Option("--lat", metavar="COLUMN", help="Column (or JSON field) of the latitude (default: by its name)."),
]
Lon = Annotated[
    str | None,
    typer.Option("--lon", metavar="COLUMN", help="Column (or JSON field) of the longitude (default: by its name)."),
]
Worldview = Annotated[str, typer.Option("--worldview", help="Whose borders count where they are disputed.")]
Border = Annotated[bool, typer.Option("--border", help="Also the distance to the nearest land border (slower).")]
Prefix = Annotated[
    str,
    typer.Option("--prefix", callback=lambda text: _checked(text), help="What names of new columns begin with."),
]


class Mode(StrEnum):
    """Which of the two algorithms draws."""

    published = "published"
    repaired = "repaired"


@geo_app.command(context_settings=NUMBERS)
def reverse(
    lat: Annotated[str, typer.Argument(metavar="LAT", help="Latitude in degrees, south negative; or LAT,LON.")],
    lon: Annotated[
        str | None, typer.Argument(metavar="[LON]", help="Longitude in degrees, west negative; 190 is -170.")
    ] = None,
    worldview: Worldview = "default",
    border: Border = False,
    json: Json = False,
) -> None:
    """Country, region and city of a point: `factory geo reverse -33.9 18.4`, or `60.17,24.94`."""
    import polars as pl

    from factory.geo.label import labels
    from factory.geo.names import country_name

    lat, lon = _pair(lat) if lon is None else (lat, lon)
    point = {"lat": _degrees(lat, "lat", 90), "lon": _degrees(lon, "lon", 540)}
    series = (pl.Series([value], dtype=pl.Float64) for value in point.values())
    row = point | labels(*series, worldview=worldview, border=border).row(0, named=True)
    if json:
        _print_rows([row])
        return
    named = [row["city"], row["region"], country_name(row["country"])]
    tell(", ".join(name for name in named if name) or "no country: high seas, or no land that anybody mapped")
    for name, value in row.items():
        if value is not None:
            tell(f"  {name:<16} {value}")


@geo_app.command()
def forward(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]", help='Written places, such as "Paris, Texas"; without any, lines of input.'
        ),
    ] = None,
    candidates: Annotated[int, typer.Option("--candidates", min=1, max=100, help="Places to list for each name.")] = 1,
    worldview: Worldview = "default",
    json: Json = False,
) -> None:
    """Coordinates of written places, also of lines on standard input; exit code 1 when one of them is not found."""
    from factory.geo import forward as find

    if not names or names == ["-"]:
        names = [line for line in sys.stdin.read().splitlines() if line.strip()]
    try:
        found = find(names, candidates=candidates, worldview=worldview)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    rows = list(found.iter_rows(named=True))
    if json:
        _print_rows(rows)
    for row in rows:
        if row["lat"] is None:
            say(f"{row['query']}: not found")
        elif not json:
            rest = ", ".join(f"{name} {_shown(row[name])}" for name in found.columns[3:] if row[name] is not None)
            tell(f"{row['query']}: {row['lat']:.4f} {row['lon']:.4f}  ({rest})")
    if any(row["lat"] is None for row in rows):
        raise typer.Exit(EXIT_ROWS_FAILED)


@geo_app.command()
def label(
    source: Annotated[Path, typer.Argument(metavar="IN", help="CSV, TSV, Parquet or JSON lines.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Its ending says the format; replaced when it is whole.")
    ],
    lat: Lat = None,
    lon: Lon = None,
    prefix: Prefix = "geo_",
    worldview: Worldview = "default",
    border: Border = False,
    json: Json = False,
) -> None:
    """Add country, region and city to every row of a file. Its own columns stay; a CSV's formulas are made text."""
    from factory.geo.axes import axes_of
    from factory.geo.label import label_file
    from factory.store.files import disk_faults

    lat, lon = axes_of(source, lat, lon)
    with disk_faults(target), row_progress("label") as progress:
        done = label_file(
            source, target, lat=lat, lon=lon, prefix=prefix, worldview=worldview, border=border, progress=progress
        )
    told = f"{done.with_country:,} in a country, {done.without_place:,} without usable coordinates"
    say(f"{target}: {done.rows:,} rows, {told}")
    _tell_marked(target, done.marked)
    if json:
        counts = {"rows": done.rows, "with_country": done.with_country, "without_place": done.without_place}
        _print_rows([{"file": str(target), **counts, "columns": done.columns}])


@sample_app.command("gws15k")
def sample_gws15k(
    pool: Annotated[Path, typer.Argument(metavar="POOL", help="Points to draw from: CSV, TSV, Parquet, JSON lines.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The chosen rows, in the pool's format and order.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Points wanted.")] = 15_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another sample.")] = 0,
    mode: Annotated[Mode, typer.Option("--mode", help="As printed in the paper, or repaired.")] = Mode.repaired,
    lat: Lat = None,
    lon: Lon = None,
    cities: Annotated[
        Path | None, typer.Option("--cities", help="Columns lat, lon, country (default: the gazetteer's).")
    ] = None,
    areas: Annotated[
        Path | None, typer.Option("--areas", help="Columns country, area_km2 (default: the gazetteer's).")
    ] = None,
    prefix: Prefix = "geo_",
    json: Json = False,
) -> None:
    """Draw GWS15k from a pool of points; exit code 1 when the pool gives fewer than wanted."""
    import polars as pl

    from factory.geo.axes import axes_of
    from factory.geo.label import read_points, write_rows
    from factory.geo.sampling import gws15k, reference
    from factory.store.files import disk_faults

    lat, lon = axes_of(pool, lat, lon)
    known, countries, lost = reference.references(cities, areas)
    if lost:
        shown = ", ".join(map(repr, lost[:5])) + (f" and {len(lost) - 5:,} more" if len(lost) > 5 else "")
        say(f"{cities}: without an area, and so never drawn: {shown}")
    with row_progress("read") as progress:
        points = read_points(pool, lat=lat, lon=lon, progress=progress)
    if not points["lat"].count():
        raise SourceError(
            f"{pool}: none of its {points.height:,} rows has usable coordinates in {lat!r} and {lon!r}; "
            "expected degrees such as 60.17, -33.9 or 48°51'24\"N"
        )
    drawn = gws15k(points, known, countries, n=n, seed=seed, mode=mode.value)
    city = known["name"].gather(drawn.chosen["city"])
    added = drawn.chosen.drop("city", "km").with_columns(city=city, city_km=drawn.chosen["km"].round(3))
    with disk_faults(target):
        marked = write_rows(pool, target, added, prefix=prefix)
    _tell_marked(target, marked)
    short = drawn.countries.filter(pl.col("shortfall") > 0).sort("shortfall", "country", descending=[True, False])
    _tell_sample(target, drawn.chosen.height, n, short)
    if json:
        gaps = dict(short.select("country", "shortfall").iter_rows())
        counts = {"rows": drawn.chosen.height, "wanted": n, "draws": drawn.draws}
        _print_rows([{"file": str(target), "mode": mode.value, "seed": seed, **counts, "shortfalls": gaps}])
    if drawn.chosen.height < n:
        raise typer.Exit(EXIT_ROWS_FAILED)


@geo_app.command("map")
def points_map(
    source: Annotated[Path, typer.Argument(metavar="POINTS", help="CSV, TSV, Parquet or JSON lines.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.html", help="One file that needs no network.")],
    lat: Lat = None,
    lon: Lon = None,
    colour: Annotated[str | None, typer.Option("--colour", metavar="COLUMN", help="Column that colours dots.")] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Heading of the page (default: the file's name).")
    ] = None,
) -> None:
    """Draw the points of a file on a world map."""
    from factory.geo.axes import axes_of
    from factory.geo.inputs import as_unicode
    from factory.geo.label import read_points
    from factory.geo.points_map import write_points_map
    from factory.store.files import disk_faults

    if target.suffix.lower() not in (".html", ".htm"):
        raise RecipeError(f"{target}: a map is written as HTML; give it the ending .html")
    lat, lon = axes_of(source, lat, lon)
    with row_progress("read") as progress:
        points = read_points(source, lat=lat, lon=lon, colour=colour, progress=progress)
    with disk_faults(target):
        write_points_map(points, target, title=as_unicode(title or source.name))
    tell(as_unicode(str(target)))


class RowProgress:
    """Rows, rate and time left on standard error: redrawn on a terminal, else a line every few seconds."""

    def __init__(self, task: str) -> None:
        from factory.cli.console import PLAIN_EVERY_S

        self._task, self._terminal = task, sys.stderr.isatty()
        self._every = 0.2 if self._terminal else PLAIN_EVERY_S
        self._started = self._told = time.monotonic()
        self._rows = 0

    def __call__(self, rows: int, share: float) -> None:
        self._rows = rows
        now = time.monotonic()
        if now - self._told < self._every:
            return
        self._told = now
        passed = now - self._started
        left = f"{passed * (1 - share) / share:,.0f} s left" if share > 0 else "no answer yet"
        self._show(f"{rows:,} rows · {share:.0%} · {rows / passed:,.0f} rows/s · {left}", end="")

    def end(self) -> None:
        """The last line: all rows and the mean rate."""
        passed = max(time.monotonic() - self._started, 1e-9)
        self._show(f"{self._rows:,} rows · {passed:,.1f} s · {self._rows / passed:,.0f} rows/s", end="\n")

    def clear(self) -> None:
        """Takes the line from a terminal, so that a message stands alone."""
        if self._terminal:
            clear_line()

    def _show(self, text: str, end: str) -> None:
        self.clear()
        say(f"{self._task:<9} {text}", end=end if self._terminal else "\n")


@contextmanager
def row_progress(task: str) -> Iterator[RowProgress]:
    """A `RowProgress` that ends with its last line, or with none when the work fails."""
    progress = RowProgress(task)
    try:
        yield progress
    except BaseException:
        progress.clear()
        raise
    progress.end()


def _pair(text: str) -> tuple[str, str]:
    """Latitude and longitude of one argument, "60.17,24.94" or "60.17 24.94"."""
    parts = text.split(",") if "," in text else text.split()
    if len(parts) != 2:
        raise RecipeError(
            f"{text!r} is no point; expected a latitude and a longitude such as 60.17 24.94 or 60.17,24.94"
        )
    return parts[0], parts[1]


def _degrees(text: str, axis: str, limit: float) -> float:
    from factory.geo.degrees import read_degrees
    from factory.geo.inputs import as_unicode

    value = read_degrees(as_unicode(text).strip().rstrip(","), "lat" if axis == "lat" else "lon")
    if value is None:
        raise RecipeError(f"{text!r} is no {axis}; expected degrees such as 60.17, -33.9 or 48°51'24\"N")
    if abs(value) > limit:
        swapped = "; are the two swapped?" if axis == "lat" and abs(value) <= 180 else ""
        usual = "-180 to 180, or one turn off (-540 to 540)" if axis == "lon" else "-90 to 90"
        raise RecipeError(f"{axis} {value:g} is out of range; expected {usual}{swapped}")
    return value


def _checked(text: str) -> str:
    from factory.geo.inputs import is_unicode

    if not is_unicode(text):
        raise RecipeError(f"{text!r} is no text in UTF-8")
    return text


def _tell_marked(target: Path, marked: int) -> None:
    if marked:
        say(
            f"{target}: {marked:,} cells begin like a formula and have an apostrophe before them, so that no "
            "spreadsheet runs them; Parquet keeps cells as they came"
        )


def _tell_sample(target: Path, rows: int, wanted: int, short: pl.DataFrame) -> None:
    say(f"{target}: {rows:,} of {wanted:,} points")
    if not short.height:
        return
    worst = ", ".join(
        f"{name} {given:,}/{asked:,.0f}"
        for name, asked, given in short.select("country", "wanted", "given").head(8).rows()
    )
    more = f" and {short.height - 8} more" if short.height > 8 else ""
    say(f"fewer than their share (given/wanted): {worst}{more}")


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    import orjson

    from factory.geo.inputs import as_unicode

    for row in rows:
        plain = {name: as_unicode(value) if isinstance(value, str) else value for name, value in row.items()}
        tell_json(orjson.dumps(plain))
