"""Predictions of a file, or of an iterator of rows, as one frame: whatever a model gave, read once and judged by rules.

A row has `id`, the released row's, and any of: `lat`, `lon` (degrees); `country`, `region`, `city`, `place`; `text` (a
model's whole answer); `confidence` (0 to 1); `reasoning`. Many tools write their answers beside the truth's columns: so
where any row has a column of texts, or one called `pred_...`, other names and coordinates are not read, in no row, and
an empty text is an empty answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.errors import SourceError
from factory.geo.degrees import Axis, read_degrees
from factory.geo.files import LINE, columns_of, format_of, read_batches
from factory.text import did_you_mean, tidy
from schemas.plain_json import read_json
from train.evaluate.answer_text import KEYS, fields_of, is_empty, read_answer, stated_by

IDS: Final = ("id", "img_id", "image_id", "sample_id", "image", "file", "filename")
TEXTS: Final = ("text", "prediction", "response", "answer", "output", "generated_text", "model_response")
_PREDICTED: Final = ("pred_", "predicted_")
_BESIDE: Final = ("confidence", "confidence_score", "certainty", "reasoning")
"""Fields that are an answer's wherever they stand."""
_BESIDE_FIELDS: Final = frozenset({"confidence", "reasoning"})
ODD_CONFIDENCE: Final = "confidence not read"
"""Begins what is said of a confidence, behind all that is said of the answer."""
MAX_NAME: Final = 200
MAX_REASONING: Final = 20_000
_BATCH: Final = 4_096
_NOTHING: Final = frozenset({"", "-", "?", "n/a", "none", "null", "nil", "unknown", "unclear", "not visible", "nan"})
"""Words that stand where a name should: they name no place. "NA" is not among them: it is Namibia's code."""

_Pair = tuple[float | None, float | None]
_NOWHERE: Final[_Pair] = (None, None)

SCHEMA: Final[dict[str, Any]] = {
    "id": pl.String,
    "lat": pl.Float64,
    "lon": pl.Float64,
    "country": pl.String,
    "region": pl.String,
    "city": pl.String,
    "place": pl.String,
    "confidence": pl.Float64,
    "reasoning": pl.String,
    "stated_lat": pl.Float64,
    "stated_lon": pl.Float64,
    "unread": pl.String,
}
"""Of `read_predictions`: `stated_lat` and `stated_lon` are numbers that are no place, where both are numbers; `unread`
says what was stated and could not be read."""


def read_predictions(path: Path) -> pl.DataFrame:
    """The predictions of a CSV, TSV, Parquet or JSON lines file, in its order.

    Raises SourceError for a file that cannot be read, for columns that give no answer or one coordinate of two, for a
    row without an id, and for an id that stands there twice; RecipeError for a name that says no format.
    """
    columns = columns_of(path)
    if columns is not None:
        _has_id(path, columns)
        _has_answer(path, columns)
    frame = predictions_of(rows_of(path), str(path))
    if frame.is_empty():
        raise SourceError(f"{path}: no predictions; expected a row for each of the evaluated set")
    return frame


def predictions_of(rows: Iterable[Mapping[str, Any]], name: str = "predictions") -> pl.DataFrame:
    """The predictions of rows, as `SCHEMA` says. Raises SourceError as `read_predictions` does."""
    found: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    plain: dict[int, dict[str, Any]] = {}
    for number, row in enumerate(rows, 1):
        key = id_of(row, name, number)
        if key in numbers:
            raise SourceError(f"{name}, row {number}: id {key!r} is that of row {numbers[key]}, too; keep one of them")
        numbers[key] = number
        found.append({"id": key, **_read(row)})
        texts, predicted, beside = _parts(tuple(row))
        if not (texts or predicted):
            plain[number - 1] = {one: row[one] for one in beside}
    if len(plain) < len(found):  # objects of JSON lines may lack the texts that others have
        for at, own in plain.items():
            found[at] = {"id": found[at]["id"], **_read(own)}
    return pl.DataFrame(found, schema=SCHEMA)


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table as objects; cells of a CSV are text."""
    columns = columns_of(path)
    if columns is not None:
        _has_id(path, columns)
    lines = format_of(path) == "jsonl"
    for batch in read_batches(path, rows=_BATCH):
        if not lines:
            yield from batch.table.to_pylist()
            continue
        for number, line in enumerate(batch.table.column(LINE).to_pylist(), batch.first_row + 1):
            try:
                row = read_json(line)
            except ValueError as error:
                raise SourceError(f"{path}, row {number}: not JSON ({error}); expected one object a line") from None
            if not isinstance(row, dict):
                raise SourceError(f"{path}, row {number}: a {type(row).__name__}; expected one object a line")
            yield row


def id_of(row: Mapping[str, Any], name: str, number: int) -> str:
    """A row's id. Raises SourceError where it has none."""
    lowered = {str(key).lower(): value for key, value in row.items()}
    for wanted in IDS:
        value = lowered.get(wanted)
        if isinstance(value, str | int) and str(value).strip():
            return str(value).strip()
    listed = ", ".join(map(str, row)) or "none"
    raise SourceError(f"{name}, row {number}: no id; expected a field `id`, the released row's; its fields: {listed}")


def _has_id(path: Path, columns: list[str]) -> None:
    if not {name.lower() for name in columns} & set(IDS):
        near = did_you_mean("id", columns)
        raise SourceError(f"{path}: no column `id`{near}; the columns are {', '.join(columns)}")


def _has_answer(path: Path, columns: list[str]) -> None:
    """Raises SourceError for a table that gives no answer, or half of its coordinates: a name is misspelt."""
    texts, predicted, _ = _parts(tuple(columns))
    if texts:
        return
    given = stated_by(tuple(plain for plain, _ in predicted) or tuple(columns))
    half = len(given & {"lat", "lon"}) == 1
    if half or not given - _BESIDE_FIELDS:
        missing = "half of the coordinates" if half else "no answer"
        wanted = "longitude" if "lat" in given else "latitude"
        raise SourceError(
            f"{path}: its columns have {missing}{did_you_mean(wanted, columns)}; expected `text`, `lat` and `lon`, or "
            f"`country`, `region`, `city`; the columns are {', '.join(columns[:24])}"
        )


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's values under the names of `SCHEMA`, without its id."""
    fields, text = _fields(row)
    names = {key: _name(fields.get(key)) for key in ("country", "region", "city", "place")}
    point, stated, unread = _point(fields.get("lat"), fields.get("lon"))
    sure, odd = _confidence(fields.get("confidence"))
    nowhere = "no place in the text" if text and not fields.keys() - {"confidence", "reasoning"} else ""
    problems = [problem for problem in (unread, nowhere, odd) if problem]
    reasoning = tidy(_words(fields.get("reasoning")), MAX_REASONING, lines=True)
    places = {"lat": point[0], "lon": point[1], "stated_lat": stated[0], "stated_lon": stated[1]}
    values = {**places, **names, "confidence": sure, "reasoning": reasoning or None}
    return {**values, "unread": "; ".join(problems) or None}


def _fields(row: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The answer's fields, and whether they come from a text."""
    texts, predicted, beside = _parts(tuple(row))
    said = {plain: row[name] for plain, name in predicted}
    more = fields_of({name: row[name] for name in beside})
    text = next((value for name in texts if not is_empty(value := row[name])), None)
    if text is not None:
        return {**read_answer(text), **fields_of(said), **more}, True
    return {**fields_of(said), **more} if texts or predicted else fields_of(row), False


@lru_cache(maxsize=256)
def _parts(names: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[tuple[str, Any], ...], tuple[Any, ...]]:
    """Of a row's names: those of a whole answer; those that are called predicted, without that; those of `_BESIDE`."""
    lowered = {str(name).lower(): name for name in names}
    predicted = tuple(
        (one.removeprefix(prefix), name)
        for one, name in lowered.items()
        for prefix in _PREDICTED
        if one.startswith(prefix)
    )
    texts = tuple(lowered[one] for one in TEXTS if one in lowered)
    return texts, predicted, tuple(lowered[one] for one in _BESIDE if one in lowered)


def _point(lat: Any, lon: Any) -> tuple[_Pair, _Pair, str]:
    """A pair whole and possible, else none; what was stated where both are numbers and no place; and why."""
    if lat is None and lon is None:
        return _NOWHERE, _NOWHERE, ""
    north, east = _degrees(lat, "lat"), _degrees(lon, "lon")
    if north is None or east is None:
        odd = lat if north is None else lon
        return _NOWHERE, _NOWHERE, f"coordinates not read: {tidy(str(odd), 40)!r}"
    if abs(north) > 90 or abs(east) > 180:
        return _NOWHERE, (north, east), f"impossible coordinates: {north:g}, {east:g}"
    return (north, east), _NOWHERE, ""


def _degrees(value: Any, axis: Axis) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e6 else None  # also for infinities, NaN and numbers that no float holds
    return read_degrees(value, axis) if isinstance(value, str) else None


def _confidence(value: Any) -> tuple[float | None, str]:
    if value is None:
        return None, ""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if 0 <= number <= 1:
        return number, ""
    return None, f"{ODD_CONFIDENCE}: {tidy(str(value), 40)!r}, expected 0 to 1"


def _name(value: Any) -> str | None:
    text = tidy(value, MAX_NAME + 1) if isinstance(value, str) else ""
    return None if text.strip(" .").lower() in _NOTHING or len(text) > MAX_NAME else text


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, map(_words, value[:256])))
    if isinstance(value, Mapping):
        return " ".join(filter(None, map(_words, list(value.values())[:16])))
    return value if isinstance(value, str) else ""


assert {*KEYS} < {*SCHEMA}, "every field that is read has its column"
