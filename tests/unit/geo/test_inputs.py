"""One rule for what the doors take: a single value is a column of one, bad rows are null, the rest is a TypeError."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import country_code, country_name, forward, reverse, same_place
from factory.geo.compat import reverse_nearest_city
from factory.geo.inputs import as_unicode, degrees_of, names_of
from factory.geo.label import labels

NAN = float("nan")
BROKEN = b"\xff\xfe".decode("utf-8", "surrogateescape")


class NAType:
    """As pandas writes a missing value: neither equal to itself nor true or false."""

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


@pytest.mark.parametrize("name", ["Paris", np.str_("Paris"), np.array("Paris")])
def test_a_single_name_is_one_row(name: Any) -> None:
    assert forward(name).select("query", "city").rows() == [("Paris", "Paris")]
    assert country_code("France") == "FR"


@pytest.mark.parametrize("name", [None, NAN, np.float64("nan"), NAType(), 5, 5.5, True, Decimal(1), "", BROKEN])
def test_what_is_no_name_is_a_row_without_a_place_and_no_country(name: Any) -> None:
    assert forward(name)["lat"].to_list() == [None]
    assert forward(["Paris", name, "Oslo"])["city"].to_list() == ["Paris", None, "Oslo"]
    assert country_code(name) is None and country_name(name) is None
    assert not same_place(name, name, level="country") and not same_place("Paris", name, level="country")


@pytest.mark.parametrize(
    "names",
    [
        ["Paris", None], ("Paris", None), iter(["Paris", None]), pl.Series(["Paris", None]),
        pl.Series(["Paris", None], dtype=pl.Categorical), pl.Series(["Paris", NAN], dtype=pl.Object),
        np.array(["Paris", NAN], dtype=object), pl.Series(["Paris", None]).to_arrow(),
    ],
)  # fmt: skip
def test_a_column_of_names_may_be_of_any_kind(names: Any) -> None:
    assert forward(names)["city"].to_list() == ["Paris", None]


def test_a_column_without_names_has_rows_all_the_same() -> None:
    for names in (pl.Series([1, 2]), pl.Series([None, None]), pl.Series([True, None])):
        assert forward(names)["query"].to_list() == [None, None]


@pytest.mark.parametrize(
    "names",
    [b"Paris", {"a": "Paris"}, {"Paris"}, object(), ["Paris", b"Paris"], ["Paris", ["Oslo"]], [datetime.date.today()]],
)
def test_what_can_be_no_names_is_a_type_error_with_a_sentence(names: Any) -> None:
    with pytest.raises(TypeError, match=r"expected (names|a name)"):
        forward(names)


def test_a_type_error_says_which_row() -> None:
    with pytest.raises(TypeError, match=r"row 1: expected a name as text, or nothing; got list \['Oslo'\]"):
        forward(["Paris", ["Oslo"]])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="row 0: expected degrees as a number, or nothing; got list"):
        reverse([[1.0]], [2.0])  # type: ignore[list-item]
    for call in (country_code, country_name, lambda name: same_place("a", name, level="city")):
        with pytest.raises(TypeError, match="expected a name as text, or nothing; got list"):
            call(["Paris"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="names as text, got one of List"):
        forward(pl.Series([["Paris"]]))


def test_text_that_is_not_unicode_is_shown_as_far_as_it_can_be_and_never_found() -> None:
    found = forward(["Paris", "Par\ud800is", None, "\udcffOslo", "Oslo"], candidates=2)
    assert found.filter(pl.col("rank") == 1)["query"].to_list() == ["Paris", "Par�is", None, "�Oslo", "Oslo"]
    assert found.filter(pl.col("lat").is_null())["query"].to_list() == ["Par�is", None, "�Oslo"]


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(st.characters()), st.none(), st.floats(), st.integers()), max_size=20))
def test_names_of_any_rows_keep_their_number_and_place(rows: list[Any]) -> None:
    asked, shown = names_of(rows)
    assert len(asked) == len(shown) == len(rows)
    for row, name, sight in zip(rows, asked, shown, strict=True):
        assert name == (row if isinstance(row, str) and as_unicode(row) == row else None)
        assert sight == (as_unicode(row) if isinstance(row, str) else None)


@pytest.mark.parametrize("door", [reverse, labels, reverse_nearest_city])
def test_a_single_point_is_one_row(door: Any) -> None:
    if door is reverse_nearest_city:
        pytest.importorskip("reverse_geocoder")
    expected = door([60.17], [24.94])
    for lat, lon in [(60.17, 24.94), (np.float64(60.17), [24.94]), (np.array(60.17), Decimal("24.94"))]:
        assert door(lat, lon).equals(expected)
    assert expected["city"].to_list() == ["Helsinki"]


@pytest.mark.parametrize("value", [None, NAN, NAType(), "north", "", BROKEN, math.inf, 10**400])
def test_what_is_no_number_is_an_invalid_row(value: Any) -> None:
    assert reverse(value, 24.94)["place"].to_list() == ["invalid"]
    assert reverse([60.17, value, 60.17], [24.94] * 3)["place"].to_list() == ["land", "invalid", "land"]


def test_text_counts_where_it_is_a_number() -> None:
    assert degrees_of(["60.17", 1, None]).tolist()[:2] == [60.17, 1.0]
    assert degrees_of(pl.Series(["60.17", "x"])).tolist()[0] == 60.17


@pytest.mark.parametrize(
    "values", [b"60", {"lat": 60.0}, [[60.0]], [b"60"], [1j], pl.Series([[60.0]]), pl.Series([datetime.date.today()])]
)
def test_what_can_be_no_degrees_is_a_type_error_with_a_sentence(values: Any) -> None:
    with pytest.raises(TypeError, match=r"expected .*degrees"):
        reverse(values, [24.94])


def test_a_bare_level_is_that_level() -> None:
    one = reverse(60.17, 24.94, levels="country")
    assert one.equals(reverse(60.17, 24.94, levels=["country"]))
    with pytest.raises(ValueError, match="unknown level 'street'"):
        reverse(60.17, 24.94, levels="street")  # type: ignore[arg-type]
