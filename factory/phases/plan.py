"""The plan: which rows of a source become samples, in which shard, and why the others do not.

A pure function of the table and the settings; nothing is read, no image is opened. Every source row ends either in
`samples` or in `dropped`, with the first rule that took it out. Rows leave in a fixed order of rules, cheapest first,
and names are looked up last, for the rows that stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from factory import geo
from factory.errors import SourceError
from factory.generators import needs_of
from factory.plugins.contracts import Needs
from factory.recipe.model import Recipe
from factory.select import overlaps_by_metadata
from factory.select.accepted import selection_rules
from factory.sources import Source, look_for_pictures
from factory.sources.contract import DETAIL, LISTS, image_list, raw_columns
from factory.sources.coordinates import judge_coordinates
from factory.text import escaped
from schemas import arrow
from schemas.settings import PlanSettings

PLAN_VERSION: Final = 5
"""Raise when the same table and settings give another plan. Part of a build's identity."""

MAX_ID_LENGTH: Final = 512
_UNFIT: Final = r"[\p{C}\p{Zl}\p{Zp}--\x{200C}\x{200D}]"
"""Characters that no id may have: controls, line ends, what turns the direction of writing. Joiners belong to words of
some scripts, and to emoji."""
_UNSHOWN: Final = r"[\p{C}\p{Z}--\x{20}]"
LABEL_DECIMALS: Final = 5
"""Rows within a metre of each other share one look-up of names."""

SAMPLES: Final = pl.Schema(arrow.PLAN)
DROPPED: Final = pl.Schema(arrow.DROPPED)

Overlaps = Callable[[pl.DataFrame], pl.DataFrame]
"""Takes candidate rows (the columns of a sample) and returns id, reason, detail of those to leave out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen plan."""

    samples: pl.DataFrame
    """Columns of `schemas.arrow.PLAN`, in shard order."""
    dropped: pl.DataFrame
    """Columns of `schemas.arrow.DROPPED`, in source order."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """source, planned, dropped, shards, and country_not_recognised: rows whose own country name nobody knows, labelled
    by their coordinates instead; unplaced: samples without a known place."""

    @property
    def reasons(self) -> dict[str, int]:
        """Dropped rows by reason, commonest first."""
        tally = self.dropped.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
        return dict(tally.iter_rows())


@dataclass(slots=True)
class _Sieve:
    """Rows still in, and what was taken out so far."""

    rows: pl.DataFrame
    dropped: list[pl.DataFrame]

    def drop(self, rule: str, reason: pl.Expr, detail: pl.Expr) -> None:
        """Takes out the rows for which `reason` is not null."""
        marked = self.rows.with_columns(_reason=reason)
        out = marked.filter(pl.col("_reason").is_not_null())
        if out.is_empty():
            return
        self.dropped.append(
            out.select(
                _escaped(pl.col("id").str.slice(0, MAX_ID_LENGTH), _UNFIT),
                "source_row",
                phase=pl.lit("plan"),
                rule=pl.lit(rule),
                reason=pl.col("_reason"),
                detail=_escaped(detail.fill_null(""), _UNSHOWN),
            )
        )
        self.rows = marked.filter(pl.col("_reason").is_null()).drop("_reason")


def _escaped(text: pl.Expr, odd: str) -> pl.Expr:
    """Texts that hold an odd character with escapes; they are few, and are shown to people."""
    return (
        pl.when(text.str.contains(odd))
        .then(text)
        .map_elements(escaped, return_dtype=pl.String, skip_nulls=True)
        .fill_null(text)
    )


def compile_plan(
    table: pl.DataFrame,
    settings: PlanSettings,
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    worldview: str = "default",
    overlaps: Overlaps | None = None,
    origin: str = "the source",
    coordinate_columns: Callable[[], tuple[str, str]] = lambda: ("lat", "lon"),
) -> Plan:
    """Compiles a source's raw table (`factory.sources.contract`) into a plan.

    Args:
        table: raw rows; a missing column counts as empty, and without `source_row` rows are numbered as they come.
        settings: which rows are planned.
        needs: which pictures and texts a sample must have.
        worldview: who owns disputed places, where the source does not say: `factory.geo.gazetteer.WORLDVIEWS`.
        overlaps: finds rows that a benchmark holds.
        origin: the source's file, for messages.
        coordinate_columns: tells what latitude and longitude are called there, where a message needs it.

    Raises:
        SourceError: when latitude and longitude are swapped in the whole table.
    """
    if "source_row" not in table.columns:
        table = table.with_row_index("source_row")
    sieve = _Sieve(_with_lists(raw_columns(table)).sort("source_row"), [])
    _drop_unusable(sieve, needs)
    sieve.rows = sieve.rows.with_columns(_shown(needs))
    _drop_impossible_places(sieve, settings, origin, coordinate_columns)
    _drop_uncertain(sieve, settings)
    _drop_duplicates(sieve)
    _drop_licences(sieve, settings)
    if overlaps is not None:
        _drop_overlaps(sieve, overlaps)
    _drop_beyond_limit(sieve, settings)
    if settings.order == "hash":
        sieve.rows = sieve.rows.with_columns(_draw=_draws(sieve.rows["id"], settings.seed)).sort("_draw", "id")
    labelled, not_recognised = _labelled(sieve.rows, worldview)
    samples = _in_shards(labelled, settings.shard_size)
    dropped = pl.concat([pl.DataFrame(schema=DROPPED), *sieve.dropped]).sort("source_row")
    counts = {
        "source": table.height,
        "planned": samples.height,
        "dropped": dropped.height,
        "shards": -(-samples.height // settings.shard_size),
        "country_not_recognised": not_recognised,
        "unplaced": samples.filter(pl.col("lat").is_nan()).height,
    }
    return Plan(samples, dropped, counts)


def _with_lists(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their pictures and texts as lists; one `image` is a picture of the role `photo`."""
    if "images" not in rows.columns:
        rows = rows.with_columns(image_list({"photo": "image"}, strip=False))
    return rows if "texts" in rows.columns else rows.with_columns(pl.lit([], dtype=LISTS["texts"]).alias("texts"))


def _shown(needs: Needs) -> pl.Expr:
    """The pictures that the family shows."""
    if not needs.shown:
        return pl.lit([], dtype=LISTS["images"]).alias("images")
    role = pl.element().struct.field("role")
    return pl.col("images").list.eval(pl.element().filter(role.is_in(list(needs.shown))))


def _drop_unusable(sieve: _Sieve, needs: Needs) -> None:
    name = pl.col("id")
    roles = pl.col("images").list.eval(pl.element().struct.field("role"))
    texts = pl.col("texts").list.eval(pl.element().struct.field("name"))
    reason = _first_reason(
        (pl.col("problem").is_not_null(), pl.col("problem")),
        (name.is_null(), "missing_id"),
        *((~roles.list.contains(role), "missing_image") for role in needs.images),
        *((~texts.list.contains(text), "missing_text") for text in needs.texts),
        ((name.str.len_bytes() > MAX_ID_LENGTH) | name.str.contains(_UNFIT), "bad_id"),
    )
    written = pl.coalesce(DETAIL, "image", pl.col("images").list.first().struct.field("locator"))
    sieve.drop("source", reason, written.str.slice(0, 200))


def _drop_impossible_places(
    sieve: _Sieve, settings: PlanSettings, origin: str, coordinate_columns: Callable[[], tuple[str, str]]
) -> None:
    judged = judge_coordinates(sieve.rows)
    verdict = judged["verdict"]
    swapped = int((verdict == "swapped_columns").sum())
    located = int((verdict != "missing").sum())
    if swapped > settings.max_swapped_share * located:
        lat_column, lon_column = coordinate_columns()
        raise SourceError(
            f"{origin}: latitude and longitude are swapped: {swapped:,} of {located:,} rows have a latitude beyond 90 "
            "beside a longitude within it. Say "
            f"`columns: {{lat: {lon_column}, lon: {lat_column}}}` in the recipe's source, of `mp16` "
            "`coordinates: exchanged`"
        )
    # Joined with +: pl.format panics on text columns of several chunks (polars 2.1.0).
    lat, lon = (pl.col(f"_{name}").fill_null("none") for name in ("lat", "lon"))
    written = pl.lit("lat ") + lat + pl.lit(", lon ") + lon
    sieve.rows = sieve.rows.with_columns(
        judged["lat"],
        judged["lon"],
        verdict.alias("_verdict"),
        *(sieve.rows[name].cast(pl.String).str.slice(0, 40).alias(f"_{name}") for name in ("lat", "lon")),
    )
    missing = pl.col("_verdict") == "missing"
    reason = pl.when(missing).then(pl.lit("no_coordinates")).otherwise(pl.col("_verdict"))
    dropped = pl.col("_verdict") != "ok"
    if settings.truth == "unknown":  # half a place is none that may be left open
        dropped &= ~(missing & pl.col("_lat").is_null() & pl.col("_lon").is_null())
    sieve.drop("coordinates", pl.when(dropped).then(reason), written)
    unplaced = {name: pl.when(missing).then(float("nan")).otherwise(pl.col(name)) for name in ("lat", "lon")}
    sieve.rows = sieve.rows.with_columns(**unplaced).drop("_verdict", "_lat", "_lon")


def _drop_uncertain(sieve: _Sieve, settings: PlanSettings) -> None:
    written, radius, most = sieve.rows["uncertainty_km"], pl.col("uncertainty_km"), settings.max_uncertainty_km
    sieve.rows = sieve.rows.with_columns(
        uncertainty_km=written.cast(pl.Float64, strict=False), _written=written.cast(pl.String).str.slice(0, 40)
    )
    reason = _first_reason(
        (pl.col("_written").is_not_null() & ~(radius.is_finite() & (radius >= 0)).fill_null(False), "bad_uncertainty"),
        (radius > (most if most is not None else float("inf")), "too_uncertain"),
    )
    sieve.drop("uncertainty", reason, pl.col("_written") + " km")
    sieve.rows = sieve.rows.drop("_written")


def _drop_duplicates(sieve: _Sieve) -> None:
    again = ~pl.col("id").is_first_distinct()
    sieve.drop("ids", pl.when(again).then(pl.lit("duplicate_id")), pl.lit("an earlier row has this id"))


def _drop_licences(sieve: _Sieve, settings: PlanSettings) -> None:
    licence = pl.col("licence").str.to_lowercase()
    excluded = [licence.str.contains(text.lower(), literal=True) for text in settings.exclude_licences]
    allowed = None if settings.allow_licences is None else [text.lower() for text in settings.allow_licences]
    reason = _first_reason(
        (pl.any_horizontal(excluded) if excluded else pl.lit(False), "licence_excluded"),
        (licence.is_null() if allowed is not None else pl.lit(False), "licence_missing"),
        (~licence.is_in(allowed) if allowed is not None else pl.lit(False), "licence_not_allowed"),
    )
    sieve.drop("licences", reason, pl.col("licence").str.slice(0, 200))


def _drop_overlaps(sieve: _Sieve, overlaps: Overlaps) -> None:
    known = [name for name in SAMPLES if name in sieve.rows.columns]
    found = overlaps(sieve.rows.select(known).rechunk()).select("id", _found="reason", _why="detail")
    sieve.rows = sieve.rows.join(found, on="id", how="left", maintain_order="left")
    sieve.drop("decontaminate", pl.col("_found"), pl.col("_why"))
    sieve.rows = sieve.rows.drop("_found", "_why")


def _drop_beyond_limit(sieve: _Sieve, settings: PlanSettings) -> None:
    if settings.limit is None or sieve.rows.height <= settings.limit:
        return
    rank = pl.DataFrame({"draw": _draws(sieve.rows["id"], settings.seed), "id": sieve.rows["id"]})
    chosen = rank.with_row_index("row").sort("draw", "id").head(settings.limit)["row"]
    out = ~pl.int_range(pl.len()).is_in(chosen.cast(pl.Int64).implode())
    sieve.drop("limit", pl.when(out).then(pl.lit("not_sampled")), pl.lit(f"beyond the limit of {settings.limit}"))


def _draws(ids: pl.Series, seed: int) -> pl.Series:
    """A number in 0..2^64 for each id: BLAKE2b, because polars' own hash changes between its versions."""
    start = hashlib.blake2b(str(seed).encode() + b"\0", digest_size=8)
    return pl.Series([_draw(start.copy(), name) for name in ids.to_list()], dtype=pl.UInt64)


def _draw(hasher: hashlib.blake2b, name: str) -> int:
    hasher.update(name.encode())
    return int.from_bytes(hasher.digest(), "big")


def _labelled(rows: pl.DataFrame, worldview: str) -> tuple[pl.DataFrame, int]:
    """Rows with country code, region and city, and how many had a country that is none.

    The source's own names stand. Where it has none the nearest city's are taken, region and city only when that city
    lies in the row's country.
    """
    names = rows["country"].drop_nulls().unique()
    codes = {name: geo.country_code(name) for name in names.to_list()}
    given = pl.col("country").replace_strict(list(codes), list(codes.values()), default=None, return_dtype=pl.String)
    rows = rows.with_columns(_given=given if codes else pl.lit(None, pl.String))
    not_recognised = rows.filter(pl.col("country").is_not_null() & pl.col("_given").is_null()).height
    lacking = pl.any_horizontal(pl.col("_given", "region", "city").is_null())
    rows = _with_nearest(rows, rows.select(lacking).to_series(), worldview)
    near = pl.coalesce("_given", "_near_country") == pl.col("_near_country")
    return rows.with_columns(
        country_code=pl.coalesce("_given", "_near_country"),
        region=pl.coalesce("region", pl.when(near).then("_near_region")),
        city=pl.coalesce("city", pl.when(near).then("_near_city")),
    ), not_recognised


def _with_nearest(rows: pl.DataFrame, lacking: pl.Series, worldview: str) -> pl.DataFrame:
    """Rows with the names of the nearest city beside those that lack one; null beside the others."""
    if lacking.all():
        return rows.hstack(_nearest(rows["lat"], rows["lon"], worldview))
    asked = rows.filter(lacking)
    found = _nearest(asked["lat"], asked["lon"], worldview)
    place = pl.select(pl.when(lacking).then(lacking.cum_sum() - 1)).to_series()
    return rows.hstack(found.select(pl.all().gather(place)))


def _nearest(lat: pl.Series, lon: pl.Series, worldview: str) -> pl.DataFrame:
    """Names of the nearest city, looked up once for each distinct place."""
    places = pl.DataFrame({"lat": lat.round(LABEL_DECIMALS), "lon": lon.round(LABEL_DECIMALS)})
    unique = places.unique(maintain_order=True)
    found = geo.reverse(unique["lat"], unique["lon"], worldview=worldview).select(
        _near_country="country_code", _near_region="region", _near_city="city"
    )
    return places.join(unique.hstack(found), on=["lat", "lon"], how="left", maintain_order="left").drop("lat", "lon")


def _in_shards(rows: pl.DataFrame, shard_size: int) -> pl.DataFrame:
    number = pl.int_range(pl.len(), dtype=pl.Int32)
    return rows.with_columns(
        shard=number // shard_size, position=number % shard_size, uncertainty_km=pl.col("uncertainty_km").fill_null(0.0)
    ).select(pl.col(name).cast(dtype) for name, dtype in SAMPLES.items())


def _first_reason(*cases: tuple[pl.Expr, str | pl.Expr]) -> pl.Expr:
    """The reason of the first case that is true, else null. A comparison with null is false."""
    reason: pl.Expr = pl.lit(None, dtype=pl.String)
    for condition, word in reversed(cases):
        text = pl.lit(word) if isinstance(word, str) else word
        reason = pl.when(condition.fill_null(False)).then(text).otherwise(reason)
    return reason


def plan_source(source: Source, recipe: Recipe, root: Path) -> Plan:
    """Reads the source's table and compiles the plan. No image is opened; some are looked for.

    Rows that overlap a benchmark by id, author and coordinate, or distance are dropped here, before anybody pays for
    them; the `decontaminate` rule looks at their pictures later. Raises SourceError when not one picture is there.
    """
    overlaps = None
    for name, settings in selection_rules(recipe.select, root):
        if name == "decontaminate":
            given = dict(settings)
            overlaps = partial(overlaps_by_metadata, benchmarks=given["benchmarks"], radius_km=given["radius_km"])
    plan = compile_plan(
        source.table(),
        recipe.plan,
        needs=needs_of(recipe.generator),
        worldview=recipe.geo.worldview,
        overlaps=overlaps,
        origin=source.name,
        coordinate_columns=lambda: source.coordinate_columns,
    )
    look_for_pictures(source, plan.samples["images"])
    return plan
