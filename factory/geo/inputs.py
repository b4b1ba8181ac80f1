"""What the doors of `factory.geo` accept: one rule for names and one for degrees, wherever they come in.

A single value is a column of one. What is missing (None, NaN, pandas' NA), a number among names, text among degrees
that is none, and text that is not Unicode (half a surrogate pair, as undecodable bytes become) are null rows:
a column of a million is never lost for one of them. Anything else is a mistake of the caller, and a TypeError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from numbers import Number
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from factory.geo.degrees import parse_degrees, read_degrees

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_MISSING: Final = frozenset({"NAType", "NaTType"})
"""Types of what pandas writes for a missing value."""
_REFUSED: Final = (ValueError, TypeError, OverflowError, pl.exceptions.PolarsError)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_COLUMNS: Final = (str, bytes, bytearray, Mapping, Set)


def name_of(value: object) -> str | None:
    """A written name, or None for what is no text. Raises TypeError for lists, bytes, dates and the like."""
    if isinstance(value, str):
        return value if is_unicode(value) else None
    if value is None or isinstance(value, Number) or type(value).__name__ in _MISSING:
        return None
    raise TypeError(f"expected a name as text, or nothing; got {_told(value)}")


def names_of(values: object) -> tuple[pl.Series, pl.Series]:
    """Written names, null where a row has none, and the same as they may be shown.

    The two differ where a text is not Unicode: it is no name, and is shown with U+FFFD for each character that is not.
    Raises TypeError for what is neither text nor a column of it.
    """
    if isinstance(values, pl.Series):
        names = _name_series(values)
        return names, names
    rows = _rows(values, "names")
    try:
        names = pl.Series("query", rows, dtype=pl.String)
        return names, names
    except _REFUSED:
        shown = [as_unicode(value) if isinstance(value, str) else _name(value, row) for row, value in enumerate(rows)]
        known = [value if isinstance(value, str) and is_unicode(value) else None for value in rows]
        return pl.Series("query", known, dtype=pl.String), pl.Series("query", shown, dtype=pl.String)


def axes_of_pairs(pairs: object) -> tuple[list[Any], list[Any]]:
    """Latitudes and longitudes of one pair (lat, lon) or of rows of pairs. Raises TypeError for anything else."""
    rows = _rows(pairs, "pairs of latitude and longitude")
    if len(rows) == 2 and not any(isinstance(value, (list, tuple)) for value in rows):
        rows = [rows]
    if not all(isinstance(row, (list, tuple)) and len(row) == 2 for row in rows):
        raise TypeError("expected a longitude beside the latitude, or pairs (lat, lon)")
    return [row[0] for row in rows], [row[1] for row in rows]


def degrees_of(values: object, *, axis: Literal["lat", "lon"] = "lat") -> Floats:
    """Degrees as float64, NaN where a row has none; text is read as `degrees.parse_degrees` does.

    Raises TypeError for what is neither a number nor a column.
    """
    import numpy as np

    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == 1:
        return np.asarray(values, dtype=np.float64)
    if not isinstance(values, pl.Series):
        rows = _rows(values, "degrees")
        try:
            values = pl.Series(rows, dtype=pl.Float64)
        except _REFUSED:
            values = pl.Series([_degree(value, row, axis) for row, value in enumerate(rows)], dtype=pl.Float64)
    elif values.dtype == pl.Object:
        return degrees_of(values.to_list(), axis=axis)
    elif values.dtype == pl.String:
        values = parse_degrees(values, axis=axis)
    elif values.dtype.is_nested() or values.dtype.is_temporal() or values.dtype == pl.Binary:
        raise TypeError(f"expected a column of degrees, got one of {values.dtype}")
    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def is_unicode(text: str) -> bool:
    """Whether text can be written as UTF-8; what Python makes of undecodable bytes cannot."""
    return _SURROGATE.search(text) is None


def as_unicode(text: str) -> str:
    """Text with U+FFFD for each character that is not Unicode."""
    return _SURROGATE.sub("\ufffd", text)


def _rows(values: object, what: str) -> list[Any]:
    """The rows of a column, or the only one of a single value."""
    if hasattr(values, "to_pylist"):
        values = values.to_pylist()
    elif hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, (list, tuple)):
        return list(values)
    if values is None or isinstance(values, (str, Number)) or type(values).__name__ in _MISSING:
        return [values]
    if isinstance(values, Iterable) and not isinstance(values, _NOT_COLUMNS):
        return list(values)
    raise TypeError(f"expected {what}: one of them, a list, an array or a polars Series; got {_told(values)}")


def _name(value: object, row: int) -> str | None:
    try:
        return name_of(value)
    except TypeError as error:
        raise TypeError(f"row {row}: {error}") from None


def _name_series(values: pl.Series) -> pl.Series:
    kind = values.dtype
    if kind == pl.Object:
        return names_of(values.to_list())[0]
    if kind.is_numeric() or kind in (pl.Null, pl.Boolean):
        return pl.repeat(None, len(values), dtype=pl.String, eager=True).rename("query")
    if kind not in (pl.String, pl.Categorical, pl.Enum):
        raise TypeError(f"expected a column of names as text, got one of {kind}")
    return values.cast(pl.String).rename("query")


def _degree(value: object, row: int, axis: Literal["lat", "lon"]) -> float:
    if value is None or type(value).__name__ in _MISSING:
        return float("nan")
    if not isinstance(value, (str, Number)) or isinstance(value, complex):
        raise TypeError(f"row {row}: expected degrees as a number, or nothing; got {_told(value)}")
    if isinstance(value, str):
        read = read_degrees(as_unicode(value), axis)
        return float("nan") if read is None else read
    try:
        return float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return float("nan")


def _told(value: object) -> str:
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 40 else shown[:39] + '…'}"
