"""A source held to its contract: whatever else it gives or raises is a fault that names it.

A table of another shape would end in a traceback of polars, or in rows dropped for a reason that is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import polars as pl

from factory.errors import FactoryError, PluginFault
from factory.plugins.contracts import Source
from factory.plugins.fetching import Course, Fetching
from factory.plugins.promises import opened
from factory.sources.contract import ALIASES, DETAIL, LISTS, NUMBER_FIELDS, PROBLEM
from schemas import FilePart

GivenT = TypeVar("GivenT")

_PROMISED: Final = ("name", "coordinate_columns", "digest", "table", "read", "stamp")
_NUMBERED: Final = "source_row"


@dataclass(frozen=True, slots=True)
class HeldSource:
    """What `source` gives, looked at as it comes."""

    kind: str
    """The name under which it is registered."""
    source: Source

    @property
    def name(self) -> str:
        return self._given("name", lambda: self.source.name, _text)

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return self._given("coordinate_columns", lambda: self.source.coordinate_columns, _two_texts)

    @property
    def images(self) -> Path | None:
        """The folder in which a table's pictures are looked for; None where the source has none."""
        return getattr(self.source, "images", None)

    def digest(self) -> str:
        return self._given("digest", self.source.digest, _text)

    def table(self) -> pl.DataFrame:
        return self._given("table", self.source.table, _table)

    def read(self, locator: str) -> Path | FilePart | bytes:
        return self._given("read", lambda: self.source.read(locator), _picture, locator)

    def stamp(self, locator: str) -> tuple[int, int | None] | None:
        return self._given("stamp", lambda: self.source.stamp(locator), _stamp, locator)

    def fetch(self, locators: Sequence[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        """Nothing where the source has all its pictures itself."""
        source = self.source
        if not isinstance(source, Fetching):
            return {}
        return self._given("fetch", lambda: source.fetch(locators, allowed=allowed, course=course), _counts)

    def _given(self, what: str, ask: Callable[[], object], held: Callable[[Any], GivenT], locator: str = "") -> GivenT:
        """Raises what the source says in a FactoryError, the system's own errors, and PluginFault for the rest."""
        try:
            return held(ask())
        except (FactoryError, OSError):
            raise
        except Exception as error:
            of = f" of {locator!r}" if locator else ""
            raise PluginFault(
                f"source `{self.kind}` failed in `{what}`{of}: {type(error).__name__}: {error}. This is a fault of the "
                "source: mend it; nothing was asked yet that is not kept"
            ) from error


def fetches(source: Source) -> bool:
    """Whether its pictures are fetched before they are read."""
    return isinstance(source.source if isinstance(source, HeldSource) else source, Fetching)


def opened_source(name: str, root: Path, settings: Mapping[str, Any]) -> HeldSource:
    """The source of that name. Raises as `promises.opened` does, and PluginFault for something that is no source."""
    made: Any = opened("source", name, object, root, **settings)
    if lacking := [what for what in _PROMISED if not hasattr(type(made), what) and not hasattr(made, what)]:
        raise PluginFault(f"source `{name}` gives {type(made).__name__}, which has no `{lacking[0]}`: mend the source")
    return HeldSource(name, made)


def _text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise TypeError(f"returned {value!r}, expected text")


def _two_texts(value: object) -> tuple[str, str]:
    if isinstance(value, tuple) and len(value) == 2:
        return _text(value[0]), _text(value[1])
    raise TypeError(f"returned {value!r}, expected the names of two columns")


def _picture(value: object) -> Path | FilePart | bytes:
    if isinstance(value, Path | FilePart | bytes):
        return value
    raise TypeError(f"returned {type(value).__name__}, expected a path, a part of a file or bytes")


def _stamp(value: object) -> tuple[int, int | None] | None:
    if value is None:
        return None
    if isinstance(value, tuple) and len(value) == 2:
        size, modified = value
        if isinstance(size, int) and (modified is None or isinstance(modified, int)):
            return size, modified
    raise TypeError(f"returned {value!r}, expected None, or bytes and a time in ns or None")


def _counts(value: object) -> Mapping[str, int]:
    if isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(n, int) for k, n in value.items()):
        return value
    raise TypeError(f"returned {value!r}, expected counts by reason")


def _table(value: object) -> pl.DataFrame:
    if not isinstance(value, pl.DataFrame):
        raise TypeError(f"returned {type(value).__name__}, expected a polars DataFrame")
    for name, kind in value.schema.items():
        if name in LISTS:
            if kind != LISTS[name]:
                raise TypeError(f"column `{name}` is {kind}, expected {LISTS[name]}")
        elif name == _NUMBERED:
            if not kind.is_integer() or value[name].null_count() or value[name].n_unique() < value.height:
                raise TypeError(f"column `{name}` is {kind}, expected whole numbers, each once")
        elif name in NUMBER_FIELDS:
            if not (kind.is_numeric() or kind in (pl.String, pl.Null)):
                raise TypeError(f"column `{name}` is {kind}, expected numbers or text")
        elif name in ALIASES or name in (PROBLEM, DETAIL):
            if kind not in (pl.String, pl.Null):
                raise TypeError(f"column `{name}` is {kind}, expected text")
        else:
            raise TypeError(f"has a column `{name}` that no plan knows; known are {_NUMBERED}, {', '.join(ALIASES)}")
    if _NUMBERED not in value.columns:
        raise TypeError(f"has no column `{_NUMBERED}`")
    return value
