"""What clues say of a country's roads, scripts and numbers, against the table that ships."""

from __future__ import annotations

import hashlib

import pytest

from factory.plugins.registry import plugin
from factory.witnesses.facts import TABLES, claims, countries, findings, stated
from schemas import Answered, Clue, GeoAnswer


def place(*clues: str, country: str | None = None) -> GeoAnswer:
    return GeoAnswer(localizable=True, country=country, clues=tuple(Clue(text=text) for text in clues))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cars drive on the left", [("side", "left")]),
        ("traffic keeps to the right", [("side", "right")]),
        ("left-hand traffic on a wide road", [("side", "left")]),
        ("a double yellow centre line", [("centre line", "yellow")]),
        ("yellow solid center lines and white edge lines", [("centre line", "yellow"), ("edge line", "white")]),
        ("www.hotel.ch on the awning", [("domain", ".ch")]),
        ("phone number +41 44 123", [("calling code", "+41")]),
        ("shop signs in Cyrillic script", [("script", "Cyrillic")]),
        ("street sign written in Portuguese", [("language", "Portuguese")]),
        ("Polish words on the signs", [("language", "Polish")]),
        ("a round Greek temple on a mound", []),
        ("no yellow centre line", []),
        ("a car parked on the left of the house", []),
        ("a yellow tram line", []),
        ("the sum is 3.50 and 12.de", []),
    ],
)
def test_what_a_clue_states(text: str, found: list[tuple[str, str]]) -> None:
    assert list(dict.fromkeys(stated(text))) == found


@pytest.mark.parametrize(
    ("country", "text", "holds"),
    [
        ("GB", "cars drive on the left", True),
        ("FR", "cars drive on the left", False),
        ("US", "yellow centre line", True),
        ("FR", "yellow centre line", None),  # the table does not know
        ("CH", "phone +41 44 123", True),
        ("DE", "phone +41 44 123", False),
        ("RU", "signs in Cyrillic letters", True),
        ("IT", "signs in Cyrillic letters", False),
        ("JP", "signs with English words", None),  # English is everywhere: it speaks against nothing
        (None, "cars drive on the left", None),
    ],
)
def test_the_table_confirms_contradicts_or_does_not_know(country: str | None, text: str, holds: bool | None) -> None:
    (found,) = claims(place(text), country)
    assert found.holds is holds


def test_support_counts_what_is_confirmed_and_contradicted() -> None:
    said = place("cars drive on the left", "signs in Cyrillic letters", country="United Kingdom")
    found = list(findings([Answered(teacher="a", model="m", place=said)]))
    assert [(one.kind, one.text, one.score) for one in found] == [
        ("fact", "a: side left", 1.0),
        ("fact", "a: script Cyrillic", 0.0),
        ("support", "a", 0.5),
    ]


def test_an_answer_that_states_nothing_gets_no_finding() -> None:
    assert list(findings([Answered(teacher="a", model="m", place=place("a wide beach", country="Spain"))])) == []


def test_every_country_has_its_side_of_the_road() -> None:
    assert len(countries()) > 190
    assert all(known.values["side"] for known in countries().values())


def test_hostile_clues_take_no_time() -> None:
    assert len(claims(place(*(["+" * 1000, "drives " * 140, "yellow " * 140] * 20)), "FR")) < 30


def test_another_table_is_another_version_of_the_witness() -> None:
    """Builds know the witness by its version: raise it with a table, and then the digest here."""
    told = b"".join((TABLES / f"{name}.csv").read_bytes() for name in ("facts", "languages"))
    assert (plugin("witness", "facts").version, hashlib.sha256(told).hexdigest()[:8]) == ("1", "a2ad251f")
