from __future__ import annotations

import pytest

from factory.geo import forward, same_place


@pytest.mark.parametrize(
    ("a", "b", "level", "reason"),
    [
        ("Munich, Germany", "München, Deutschland", "city", "both are Munich, DE"),
        ("Bombay", "Mumbai, India", "city", "both are Mumbai, IN"),
        ("Hamburg, Germany", "Berlin", "country", "both are in DE"),
        ("Kazan, Russia", "Tatarstan, Russia", "region", "both are in Republic of Tatarstan, RU"),
        ("Springfield", "springfield", "city", "the same text"),
        ("Singapore", "Singapore, Singapore", "city", "both are Singapore, SG"),
    ],
)
def test_spellings_of_one_place_are_the_same(a: str, b: str, level: str, reason: str) -> None:
    for found in (same_place(a, b, level=level), same_place(b, a, level=level)):  # type: ignore[arg-type]
        assert found
        assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("a", "b", "level", "reason"),
    [
        ("Paris, Texas", "Paris, France", "country", "country US is not FR"),
        ("Hamburg, Germany", "Berlin", "city", "city Hamburg is not Berlin, DE"),
        ("Munich, Germany", "Berlin", "region", "region Bavaria is not"),
        (None, None, "city", "one of the two is empty"),
        ("Oslo", "Unheardofville", "city", "'Unheardofville' was not found"),
        ("France", "Paris, France", "city", "'France' is only known as a country"),
        ("France", "France", "city", "'France' is only known as a country"),
        ("unknown", "Unknown", "country", "'unknown' was not found"),
        ("N/A", "n/a", "country", "'N/A' was not found"),
        ("not found", "not found", "region", "'not found' was not found"),
        ("Unheardofville", "unheardofville", "city", "'Unheardofville' was not found"),
        ("Oslo", "Unknown", "city", "'Unknown' was not found"),
    ],
)
def test_other_or_unknown_places_are_not_the_same(a: str | None, b: str | None, level: str, reason: str) -> None:
    found = same_place(a, b, level=level)  # type: ignore[arg-type]
    assert not found
    assert found.reason.startswith(reason)


def test_a_place_is_the_same_as_itself_only_where_it_is_found() -> None:
    names = ["Paris", "Paris, Texas", "Bavaria", "Finland", "Singapore", "unknown", "", "Atlantis"]
    for name, row in zip(names, forward(names).iter_rows(named=True), strict=True):
        assert bool(same_place(name, name, level="country")) == (row["level"] is not None), name


def test_refuses_an_unknown_level() -> None:
    with pytest.raises(ValueError, match="level must be one of"):
        same_place("a", "b", level="street")  # type: ignore[arg-type]
