"""Decontamination: nothing that an evaluation set holds, or that lies next to it, is released.

Four tests, cheapest first: the same id, the same author at the same coordinate, a place within a radius, and, where
the benchmark's images are at hand, a near picture. The first three need no image: the plan runs them on a million
source rows before anything is decoded or paid for (`overlaps_by_metadata`).

Texts are joined with `+`: polars 2.1 panics in `pl.format` on text columns of several chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import numpy as np
import polars as pl
from pydantic import Field

from factory.geo.overlap import nearest_within
from factory.plugins.registry import compares_pictures, register
from factory.select.benchmarks import Benchmark, BenchmarkEntry, image_hashes, read_benchmark
from factory.select.hamming import MAX_BITS, matches_within
from factory.select.ruling import Ruling, removals

_FLICKR_IM2GPS: Final = r"^(\d{5,})_[0-9a-f]{8,10}_"
"""IM2GPS and IM2GPS3k name files `<photo>_<secret>_<server>_<author>.jpg`."""
_FLICKR_MP16: Final = r"^[0-9a-f]{2}_[0-9a-f]{2}_(\d{5,})$"
"""MP-16 names files `7e/c3/8163912402.jpg`; the number is Flickr's photo id as well."""


@register("selector", "decontaminate")
@compares_pictures(lambda given: None if given.max_hamming is None else "max_hamming")
def decontaminate(
    frame: pl.DataFrame,
    *,
    benchmarks: Annotated[tuple[BenchmarkEntry, ...], Field(min_length=1)],
    radius_km: Annotated[float, Field(ge=0)] = 1.0,
    max_hamming: Annotated[int, Field(ge=0, le=MAX_BITS)] | None = 6,
) -> Ruling:
    """Removes rows that a listed benchmark holds, lies next to, or shows.

    Args:
        frame: rows in plan order, see `factory.select.ruling.FRAME_SCHEMA`.
        benchmarks: evaluation sets, as tables, folders of images, or both.
        radius_km: rows this near to a benchmark's photo leave; 0 looks at no distance. OSV-5M keeps 1 km between
            its training and test photos.
        max_hamming: bits in which a picture's hash may differ from a benchmark's; None compares no pictures.
    """
    found = overlaps_by_metadata(frame, benchmarks, radius_km=radius_km)
    if max_hamming is not None:
        rest = frame.filter(~pl.col("id").is_in(found["id"].to_list()))
        found = pl.concat([found, _overlaps_by_picture(rest, benchmarks, max_hamming)])
    return Ruling(removed=removals(*(found[name].to_list() for name in ("id", "reason", "detail"))))


def overlaps_by_metadata(
    table: pl.DataFrame, benchmarks: Sequence[Benchmark], *, radius_km: float = 1.0
) -> pl.DataFrame:
    """Rows that a benchmark holds or that lie next to it, told from ids, authors and coordinates alone.

    Args:
        table: `id`, `lat`, `lon` (degrees) and, where known, `author`; any number of rows.
        benchmarks: evaluation sets; those without a table contribute nothing.
        radius_km: 0 looks at no distance.

    Returns:
        id, reason (`benchmark_id`, `benchmark_author_place`, `benchmark_nearby`), detail; one row a row of `table`
        that overlaps, in its order, with the first reason that applies.
    """
    known = pl.concat([read_benchmark(benchmark) for benchmark in benchmarks])
    rows = table.select(
        "id", "lat", "lon", author=pl.col("author") if "author" in table.columns else pl.lit(None, pl.String)
    ).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    found = pl.concat([_by_id(rows, known), _by_author_and_place(rows, known)])
    if radius_km > 0:
        found = pl.concat([found, _by_distance(rows, known, radius_km)])
    first = found.unique("row", keep="first", maintain_order=True).sort("row")
    return first.select("id", "reason", "detail")


def _by_id(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    targets = known.filter(pl.col("id").is_not_null() & (pl.col("id") != ""))
    targets = targets.select("benchmark", other="id", key=_id_key("id")).unique(
        "key", keep="first", maintain_order=True
    )
    hits = rows.with_columns(key=_id_key("id")).join(targets, on="key", maintain_order="left")
    detail = pl.col("benchmark") + " holds it as " + pl.col("other")
    return hits.select("row", "id", pl.lit("benchmark_id").alias("reason"), detail.alias("detail"))


def _id_key(column: str) -> pl.Expr:
    """An id as all its spellings: no extension, `/` as `_`, and the Flickr photo number where the name has one."""
    plain = pl.col(column).str.strip_chars().str.replace_all(r"[/\\]", "_")
    plain = plain.str.replace(r"(?i)\.(jpe?g|png|webp|heic|tiff?)$", "")
    lower = plain.str.to_lowercase()
    photo = pl.coalesce(lower.str.extract(_FLICKR_IM2GPS), lower.str.extract(_FLICKR_MP16))
    return pl.when(photo.is_not_null()).then(pl.lit("flickr:") + photo).otherwise(plain)


def _by_author_and_place(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    keys = [pl.col("author"), *(pl.col(name).round(4).alias(f"{name}_key") for name in ("lat", "lon"))]
    complete = pl.all_horizontal(pl.col("author", "lat", "lon").is_not_null()) & (pl.col("author") != "")
    on = ["author", "lat_key", "lon_key"]
    targets = known.filter(complete).select("benchmark", pl.col("id").alias("other"), *keys)
    targets = targets.unique(on, keep="first", maintain_order=True)
    hits = rows.filter(complete).select("row", "id", *keys).join(targets, on=on, maintain_order="left")
    other = pl.col("other").fill_null("one")
    detail = pl.col("benchmark") + " has " + other + " by the same author at the same place"
    return hits.select("row", "id", pl.lit("benchmark_author_place").alias("reason"), detail.alias("detail"))


def _by_distance(rows: pl.DataFrame, known: pl.DataFrame, radius_km: float) -> pl.DataFrame:
    near = nearest_within(rows, known, radius_km)
    hits = pl.concat(
        [
            rows[near["point"]].select("row", "id"),
            known[near["target"]].select("benchmark", other=pl.col("id").fill_null("one")),
            near.select("km"),
        ],
        how="horizontal",
    )
    detail = pl.col("km").round(3).cast(pl.String) + " km from " + pl.col("other") + " of " + pl.col("benchmark")
    return hits.select("row", "id", pl.lit("benchmark_nearby").alias("reason"), detail.alias("detail"))


def _overlaps_by_picture(frame: pl.DataFrame, benchmarks: Sequence[Benchmark], max_hamming: int) -> pl.DataFrame:
    pictures = []
    for benchmark in benchmarks:
        listed = read_benchmark(benchmark).select("id", "phash").filter(pl.col("phash").is_not_null())
        pictures += [
            table.with_columns(benchmark=pl.lit(benchmark.name)) for table in (listed, image_hashes(benchmark))
        ]
    known = pl.concat(pictures)
    rows = frame.filter(pl.col("image_phash").is_not_null())
    asked, hit = matches_within(known["phash"].to_numpy(), rows["image_phash"].to_numpy(), max_hamming)
    bits = np.bitwise_count(known["phash"].to_numpy()[asked] ^ rows["image_phash"].to_numpy()[hit])
    pairs = pl.DataFrame({"row": hit, "target": asked, "bits": bits}).sort("row", "bits", "target")
    pairs = pairs.unique("row", keep="first", maintain_order=True)
    details = [
        f"{count} bits from {known['id'][target]} of {known['benchmark'][target]}"
        for target, count in pairs.select("target", "bits").iter_rows()
    ]
    ids = rows["id"].to_numpy()[pairs["row"].to_numpy()].tolist()
    return removals(ids, ["benchmark_picture"] * len(ids), details)
