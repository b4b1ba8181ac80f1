from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import country_code, country_name
from factory.geo.gazetteer import cities
from factory.geo.names import fold


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("USA", "US"), ("United States of America", "US"), ("UK", "GB"), ("England", "GB"), ("Holland", "NL"),
        ("Ivory Coast", "CI"), ("Côte d’Ivoire", "CI"), ("Türkiye", "TR"), ("turkey", "TR"), ("Česko", "CZ"),
        ("Czech Republic", "CZ"), ("Russia", "RU"), ("South Korea", "KR"), ("Niger", "NE"), ("Nigeria", "NG"),
        ("The Netherlands", "NL"), ("FIN", "FI"), ("NA", "NA"), ("Namibia", "NA"), ("Kosovo", "XK"), ("日本", "JP"),
        ("Bolivia", "BO"), ("Viet Nam", "VN"), ("Democratic Republic of the Congo", "CD"), ("Ireland", "IE"),
        ("Northern Ireland", "GB"), ("St. Lucia", "LC"), ("  Greece ", "GR"), ("Macedonia", "MK"), ("Taiwan", "TW"),
    ],
)  # fmt: skip
def test_knows_what_people_call_countries(name: str, code: str) -> None:
    assert country_code(name) == code


@pytest.mark.parametrize("name", [None, "", "Korea", "no", "in", "Nigerien", "Atlantis", "Paris", "x" * 10_000, "\0"])
def test_never_guesses(name: str | None) -> None:
    assert country_code(name) is None


def test_every_country_of_the_gazetteer_has_a_name_that_leads_back() -> None:
    codes = cities()["cc"].unique().to_list()
    assert [code for code in codes if country_code(country_name(code)) != code] == []


def test_names_are_short() -> None:
    assert [country_name(code) for code in ("RU", "KR", "TZ", "XK", "ZZ", None)] == [
        "Russia", "South Korea", "Tanzania", "Kosovo", None, None,
    ]  # fmt: skip


@settings(deadline=None)
@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
