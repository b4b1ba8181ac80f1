"""The table behind `forward`: unique strings in blocks, their best places, scores and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.geo.candidates import Candidates
from factory.geo.distance import haversine
from factory.geo.doubtful import without_doubtful, without_ties
from factory.geo.entities import CITY, COUNTRY, COUNTRY_BASE, REGION, REGION_BASE, Entities, read_entities
from factory.geo.levels import LEVELS
from factory.geo.misspelt import corrections
from factory.geo.name_index import NameIndex
from factory.geo.place_match import PER_PART, settled_countries, weigh, written_country
from factory.geo.readings import Parts, read_parts
from factory.geo.state_letters import settled_letters

NEAR_KM: Final = 25.0
"""Two candidates closer than this are no ambiguity: the city radius of Im2GPS."""

_CLEAR = 1.0
"""A candidate ten times as populous as the next one is the one people mean; see the score."""
_UNCLEAR = 0.5
_CHUNK = 1 << 16
_ENTITIES: Final = 1 << 20
"""More than there are places."""
_COUNTRY_ONLY_SCORE, _MISSPELT_SCORE = 0.3, 0.4
_CORRECTED = 1_000.0
"""The weight of a corrected name, above all others: it is used only where no city was found."""

_SCHEMA: Final = pl.Schema(
    {
        "query": pl.String,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "country_code": pl.String,
        "region": pl.String,
        "city": pl.String,
        "city_id": pl.Int64,
        "level": pl.String,
        "score": pl.Float64,
        "ambiguity": pl.Float64,
        "matched": pl.String,
        "quarter": pl.String,
    }
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def look_up(names: Sequence[str | None] | pl.Series, candidates: int, worldview: str, index: NameIndex) -> pl.DataFrame:
    """`forward` with an index of the caller's choice."""
    asked = pl.Series("query", names, dtype=pl.String)
    unique = asked.drop_nulls().unique(maintain_order=True)
    entities = read_entities(worldview)
    tables = [_block(unique[i : i + _CHUNK], candidates, index, entities) for i in range(0, len(unique), _CHUNK)]
    found = pl.concat(tables) if tables else pl.DataFrame(schema={**_SCHEMA, "rank": pl.Int64})
    rows = asked.to_frame().join(found, on="query", how="left", maintain_order="left_right")
    return rows.with_columns(pl.col("rank").fill_null(1)) if candidates > 1 else rows.drop("rank")


def _block(strings: pl.Series, candidates: int, index: NameIndex, entities: Entities) -> pl.DataFrame:
    """The best candidates of unique strings; strings without any are left out."""
    parts = settled_letters(read_parts(strings, index, entities), index, entities)
    parts = settled_countries(parts, index, entities)
    found, apart = without_ties(without_doubtful(parts, weigh(parts, index, entities), entities), entities)
    found, spelt = _with_corrections(parts, found, len(strings), index, entities)
    best = np.flatnonzero(np.diff(found.query, prepend=-1))
    top = np.repeat(best, np.diff(np.append(best, len(found.query))))
    found_score, ambiguity = _scores(parts, found, best, top, apart, entities)
    kept = _first_of_each(found, top)
    rank = np.arange(len(kept)) - np.searchsorted(found.query[kept], found.query[kept]) + 1
    kept, rank = kept[rank <= candidates], rank[rank <= candidates]
    table = _labels(found.take(kept), entities).with_columns(
        query=strings.gather(found.query[kept]),
        score=pl.Series(found_score[kept]),
        ambiguity=pl.Series(ambiguity[kept]).fill_nan(None),
        matched=_matched(parts, found.take(kept), spelt),
        rank=pl.Series(rank, dtype=pl.Int64),
    )
    lone = _countries_alone(parts, found, strings, entities)
    return pl.concat([table.select(*_SCHEMA, "rank"), lone.select(*_SCHEMA, "rank")])


def _first_of_each(found: Candidates, top: Ints) -> Ints:
    """Rows of the candidates that are not far behind the best one, each place of a string once."""
    near = np.flatnonzero(found.total > found.total[top] - 1.5 * PER_PART)
    _, first = np.unique(found.query[near] * _ENTITIES + found.entity[near], return_index=True)
    rows: Ints = near[np.sort(first)]
    return rows


def _matched(parts: Parts, found: Candidates, spelt: Mapping[int, str]) -> pl.Series:
    """The text that named each candidate, with the right spelling of one that was corrected (`spelt`, by string)."""
    texts = pl.Series(parts.text, dtype=pl.String).gather(found.part)
    rows = np.flatnonzero(found.total == _CORRECTED)
    right = [f"{texts[row]} ~ {spelt[int(found.query[row])]}" for row in rows.tolist()]
    return texts.scatter(rows, right) if right else texts


def _with_corrections(
    parts: Parts, found: Candidates, queries: int, index: NameIndex, entities: Entities
) -> tuple[Candidates, dict[int, str]]:
    """Candidates with those of misspelt city names put first, and the right name of these by string."""
    best = np.flatnonzero(np.diff(found.query, prepend=-1))
    settled = np.zeros(queries, dtype=bool)
    settled[found.query[best]] = entities.kind[found.entity[best]] == CITY
    region = np.full(queries, -1, dtype=np.int64)
    regions = best[entities.kind[found.entity[best]] == REGION]
    region[found.query[regions]] = found.entity[regions]
    country = written_country(parts, queries)
    told = country >= 0
    country[found.query[regions]] = np.where(
        told[found.query[regions]], country[found.query[regions]], entities.country[found.entity[regions]]
    )
    lands = best[entities.kind[found.entity[best]] == COUNTRY]
    country[found.query[lands]] = entities.country[found.entity[lands]]  # "Taiwan, China" is Taiwan
    fixes = corrections(parts, settled, country, region, told, index, entities)
    if not fixes:
        return found, {}
    part = np.array([fix.part for fix in fixes])
    none = np.zeros(len(fixes), dtype=np.int64)
    entity, total = np.array([fix.entity for fix in fixes]), np.full(len(fixes), _CORRECTED)
    new = Candidates(parts.query[part], part, entity, total, none, none.astype(bool))
    joined = Candidates(
        *(np.concatenate([getattr(new, name), getattr(found, name)]) for name in Candidates.__dataclass_fields__)
    )
    order = np.argsort(joined.query, kind="stable")
    return joined.take(order), {int(parts.query[fix.part]): fix.key for fix in fixes}


def _scores(
    parts: Parts, found: Candidates, best: Ints, top: Ints, apart: Floats, entities: Entities
) -> tuple[Floats, Floats]:
    """The score of each candidate and, for the best ones, the km to the next place that fits as well; `apart` is that
    of the towns behind a region or country, by string."""
    counts = np.bincount(parts.query, minlength=int(parts.query.max(initial=-1)) + 1)
    margin = found.total[top] - found.total
    rivals = np.flatnonzero((np.arange(len(top)) != top) & (margin < PER_PART * 0.7))
    first, other = found.entity[top[rivals]], found.entity[rivals]
    rivals = rivals[~_within(other, first, entities) & ~_within(first, other, entities)]
    away = _km(found.entity[rivals], found.entity[top[rivals]], entities)
    rivals, away = rivals[away > NEAR_KM], away[away > NEAR_KM]
    _, nearest = np.unique(top[rivals], return_index=True)
    rivals, away = rivals[nearest], away[nearest]
    clarity = np.ones(len(top))
    clarity[top[rivals]] = np.where(margin[rivals] < _CLEAR, _UNCLEAR, 0.8)
    leads = np.arange(len(top)) == top
    clarity = np.where(leads | np.isnan(apart[found.query]), clarity[top], _UNCLEAR)
    ambiguity = np.where(leads, apart[found.query], np.nan)
    close = margin[rivals] < _CLEAR
    ambiguity[top[rivals[close]]] = away[close]
    score = clarity * (0.5 + 0.5 * found.explained / np.maximum(counts[found.query], 1))
    worse = np.clip(margin, 0.0, PER_PART) / PER_PART
    score = np.where(leads, score, score * 0.9 * (1 - worse))
    return np.where(found.total == _CORRECTED, _MISSPELT_SCORE, score).round(3), ambiguity.round(1)


def _within(inner: Ints, outer: Ints, entities: Entities) -> npt.NDArray[np.bool_]:
    """Whether each place lies in the other, a region or country: New York in New York is no ambiguity."""
    land = (entities.kind[outer] == COUNTRY) & (entities.country[inner] == entities.country[outer])
    found: npt.NDArray[np.bool_] = (entities.regions[inner] == outer[:, None]).any(axis=1) | land
    return found


def _km(first: Ints, second: Ints, entities: Entities) -> Floats:
    points = pl.DataFrame(
        {"a": entities.lat[first], "b": entities.lon[first], "c": entities.lat[second], "d": entities.lon[second]}
    )
    return points.select(haversine(pl.col("a"), pl.col("b"), pl.col("c"), pl.col("d"))).to_series().to_numpy()


def _labels(found: Candidates, entities: Entities) -> pl.DataFrame:
    """Coordinates and names of the candidates' places."""
    entity = found.entity
    kind = entities.kind[entity]
    unit = np.where(kind == COUNTRY, -1, entities.regions[entity, 0].astype(np.int64)) - REGION_BASE
    unit = np.where((kind == CITY) & (unit < 0), entities.regions[entity, 2].astype(np.int64) - REGION_BASE, unit)
    city = np.where(kind == CITY, entities.city_of[entity], -1)
    quarter = np.where((kind == CITY) & (city != entity), entity, -1)
    return pl.DataFrame(
        {
            "lat": entities.lat[entity],
            "lon": entities.lon[entity],
            "country_code": _gathered(pl.Series(entities.codes), entities.country[entity].astype(np.int64)),
            "region": _gathered(entities.region_names, unit),
            "city": _gathered(entities.city_name, city),
            "city_id": _gathered(pl.Series(entities.city_ids), city),
            "quarter": _gathered(entities.city_name, quarter),
            "level": _gathered(pl.Series(LEVELS), kind.astype(np.int64)),
        }
    )


def _gathered(values: pl.Series, rows: Ints) -> pl.Series:
    """values[rows], null for a negative row."""
    wanted = pl.Series(rows)
    return values.gather(pl.select(pl.when(wanted >= 0).then(wanted)).to_series())


def _countries_alone(parts: Parts, found: Candidates, strings: pl.Series, entities: Entities) -> pl.DataFrame:
    """The written country of strings whose parts contradict each other so that nothing fits."""
    country = written_country(parts, len(strings))
    country[found.query] = -1
    query = np.flatnonzero((country >= 0) & (country < len(entities.codes)))
    none = np.zeros(len(query), dtype=np.int64)
    total, borrowed = np.zeros(len(query)), np.zeros(len(query), dtype=bool)
    place = Candidates(query, none, country[query] + COUNTRY_BASE, total, none, borrowed)
    table = _labels(place, entities)
    return table.with_columns(
        query=strings.gather(query), score=pl.lit(_COUNTRY_ONLY_SCORE), ambiguity=pl.lit(None, pl.Float64),
        matched=pl.lit(None, pl.String), rank=pl.lit(1, pl.Int64),
    )  # fmt: skip


assert (CITY, REGION, COUNTRY) == (0, 1, 2)  # the order of `LEVELS`
