"""What a source gives that its contract does not allow is named before a plan is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import PluginFault, SourceError
from factory.plugins import registry
from factory.plugins.registry import register
from factory.sources import look_for_pictures
from factory.sources.held import opened_source

ONE = pl.DataFrame({"source_row": [0], "id": ["a"], "image": ["a.jpg"], "lat": [51.3], "lon": [12.4]})


@dataclass
class Given:
    """A source that gives what it was given, or raises it."""

    what: Any = None

    @property
    def name(self) -> Any:
        return self._give("photos")

    @property
    def coordinate_columns(self) -> Any:
        return self._give(("lat", "lon"))

    def digest(self) -> Any:
        return self._give("0" * 64)

    def table(self) -> Any:
        return self._give(ONE)

    def read(self, locator: str) -> Any:
        return self._give(b"jpeg")

    def stamp(self, locator: str) -> Any:
        return self._give((4, None))

    def _give(self, usual: Any) -> Any:
        if isinstance(self.what, Exception):
            raise self.what
        return usual if self.what is None else self.what


MADE: dict[str, Any] = {"what": None}


@pytest.fixture
def kind() -> Iterator[str]:
    @register("source", "made_for_a_test")
    def made_for_a_test(root: Path) -> Any:
        made = MADE["what"]
        return made() if callable(made) else made

    yield "made_for_a_test"
    registry._PLUGINS.pop(("source", "made_for_a_test"))


def opened(what: Any, kind: str) -> Any:
    MADE["what"] = what
    return opened_source(kind, Path(), {})


def boom() -> None:
    raise KeyError("bucket")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (boom, "cannot be opened: KeyError: 'bucket'"),
        (None, "gives NoneType, which has no `name`"),
        (ONE, "gives DataFrame, which has no `name`"),
    ],
)
def test_a_source_that_cannot_be_opened_is_named(kind: str, made: Any, said: str) -> None:
    with pytest.raises(PluginFault, match="source `made_for_a_test`") as fault:
        opened(made, kind)
    assert said in str(fault.value)


def test_a_sound_source_is_left_as_it_is(kind: str) -> None:
    source = opened(Given(), kind)
    assert (source.name, source.coordinate_columns, source.digest()) == ("photos", ("lat", "lon"), "0" * 64)
    assert source.table() is ONE
    assert (source.read("a.jpg"), source.stamp("a.jpg")) == (b"jpeg", (4, None))
    assert opened(Given(Path("a.jpg")), kind).read("a.jpg") == Path("a.jpg")
    look_for_pictures(source, pl.Series(["a.jpg"]))


ASK: dict[str, Callable[[Any], Any]] = {
    "name": lambda source: source.name,
    "coordinate_columns": lambda source: source.coordinate_columns,
    "digest": lambda source: source.digest(),
    "table": lambda source: source.table(),
    "read": lambda source: source.read("a.jpg"),
    "stamp": lambda source: source.stamp("a.jpg"),
}


@pytest.mark.parametrize(
    ("what", "given", "said"),
    [
        ("name", 7, "returned 7, expected text"),
        ("coordinate_columns", "lat", "expected the names of two columns"),
        ("digest", b"00", "expected text"),
        ("digest", "", "expected text"),
        ("table", [{"id": "a"}], "returned list, expected a polars DataFrame"),
        ("table", ONE.drop("source_row"), "no column `source_row`"),
        ("table", pl.concat([ONE, ONE]), "`source_row` is Int64, expected whole numbers, each once"),
        ("table", ONE.with_columns(source_row=pl.lit(None, pl.Int64)), "expected whole numbers, each once"),
        ("table", ONE.with_columns(source_row=0.0), "`source_row` is Float64"),
        ("table", ONE.with_columns(lat=pl.lit(b"51")), "`lat` is Binary, expected numbers or text"),
        ("table", ONE.with_columns(city=1), "`city` is Int32, expected text"),
        ("table", ONE.with_columns(problem=True), "`problem` is Boolean, expected text"),
        ("table", ONE.with_columns(images=["a.jpg"]), "`images` is List(String), expected List"),
        ("table", ONE.rename({"lat": "latitude"}), "has a column `latitude` that no plan knows"),
        ("read", "a.jpg", "failed in `read` of 'a.jpg': TypeError: returned str, expected a path, a part"),
        ("stamp", 4, "returned 4, expected None"),
        ("stamp", (4, "now"), "returned (4, 'now')"),
        ("read", ValueError("odd"), "ValueError: odd"),
        ("table", pl.exceptions.ColumnNotFoundError("lat"), "ColumnNotFoundError: lat"),
    ],
)
def test_what_a_source_may_not_give_is_named_with_where_it_gave_it(kind: str, what: str, given: Any, said: str) -> None:
    source = opened(Given(given), kind)
    with pytest.raises(PluginFault, match=f"source `made_for_a_test` failed in `{what}`") as fault:
        ASK[what](source)
    assert said in str(fault.value) and fault.value.exit_code == 3


@pytest.mark.parametrize("error", [SourceError("no such table"), OSError(5, "Input/output error")])
def test_what_it_says_of_the_data_or_of_the_disk_is_left_as_it_says_it(kind: str, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        opened(Given(error), kind).table()
    assert raised.value is error
