from __future__ import annotations

import math

import pytest

from factory.geo import claims, forward, is_country_of, reverse
from factory.geo.gazetteer import WORLDVIEWS
from schemas.settings import GeoSettings

SAN_JUAN, HOUSTON, SIMFEROPOL, MOSCOW = (18.4655, -66.1057), (29.76, -95.37), (44.95, 34.10), (55.75, 37.62)

UNDER_ANOTHER = [
    ("San Juan, Puerto Rico, United States", "US", "PR", SAN_JUAN),
    ("Hong Kong, China", "CN", "HK", (22.30, 114.17)),
    ("Saint-Denis, Réunion, France", "FR", "RE", (-20.88, 55.45)),
    ("Mariehamn, Åland, Finland", "FI", "AX", (60.10, 19.94)),
    ("Longyearbyen, Svalbard, Norway", "NO", "SJ", (78.22, 15.63)),
    ("Nuuk, Greenland, Denmark", "DK", "GL", (64.18, -51.72)),
    ("Papeete, Tahiti, France", "FR", "PF", (-17.535, -149.5696)),
    ("Pristina, Serbia", "RS", "XK", (42.6629, 21.1655)),
    ("Ramallah, Israel", "IL", "PS", (31.9038, 35.2034)),
    ("Taipei, China", "CN", "TW", (25.033, 121.565)),
    ("Simferopol, Russia", "RU", "UA", SIMFEROPOL),
]
"""As written, the country written, the gazetteer's own country there, the place."""


@pytest.mark.parametrize(("written", "given", "own", "at"), UNDER_ANOTHER, ids=lambda value: str(value))
def test_a_country_that_forward_accepts_behind_a_place_is_true_of_it(
    written: str, given: str, own: str, at: tuple[float, float]
) -> None:
    assert reverse([at[0]], [at[1]], levels=("country",))["country_code"].item() == own
    assert forward([written])["country_code"].item() == own
    assert is_country_of(given, own, at) is True
    assert is_country_of(own, own) is True


@pytest.mark.parametrize(
    ("given", "own", "at"),
    [
        ("FR", "US", HOUSTON),
        ("PR", "US", HOUSTON),
        ("HK", "CN", (22.70, 114.10)),
        ("UA", "RU", MOSCOW),
        ("RU", "UA", (50.45, 30.52)),
        ("XK", "RS", (44.80, 20.46)),
        ("GP", "MQ", (14.60, -61.07)),
        ("FI", "SE", (59.33, 18.07)),
    ],
)
def test_another_country_is_not_true_however_related(given: str, own: str, at: tuple[float, float]) -> None:
    assert is_country_of(given, own, at) is False


def test_a_territory_is_true_of_a_place_that_its_source_labels_by_the_sovereign() -> None:
    assert is_country_of("PR", "US", SAN_JUAN) is True
    assert is_country_of("HK", "CN", (22.30, 114.17)) is True


def test_both_claimants_are_true_in_either_worldview() -> None:
    assert is_country_of("UA", "RU", SIMFEROPOL) is True
    assert is_country_of("EH", "MA", (27.15, -13.20)) is True
    assert is_country_of("EH", "MA", (33.57, -7.59)) is False


@pytest.mark.parametrize("at", [None, (math.nan, 0.0), (0.0, math.inf)])
def test_without_a_position_only_what_needs_none_is_decided(at: tuple[float, float] | None) -> None:
    assert is_country_of("US", "PR", at) is True
    assert is_country_of("PR", "US", at) is None
    assert is_country_of("FR", "US", at) is False


@pytest.mark.parametrize(("given", "own"), [(None, "US"), ("US", None), (math.nan, "US"), (None, None)])
def test_a_missing_country_decides_nothing(given: str | None, own: str | None) -> None:
    assert is_country_of(given, own) is None


@pytest.mark.parametrize(("given", "own"), [("US", "ZZ"), ("ZZ", "US"), ("Atlantis", "GR"), ("QQ", "QQ"), ("", "FI")])
def test_what_is_no_country_is_refused(given: str, own: str) -> None:
    with pytest.raises(ValueError, match="is no country"):
        is_country_of(given, own)


@pytest.mark.parametrize("given", [b"US", ["US"], {}])
def test_what_is_no_text_is_refused(given: object) -> None:
    with pytest.raises(TypeError, match="expected a name as text"):
        is_country_of(given, "US")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "own", "right"),
    [("USSR", "EE", True), ("USSR", "FI", False), ("Yugoslavia", "HR", True), ("Czechoslovakia", "SK", True),
     ("HR", "Yugoslavia", True), ("Yugoslavia", "Albania", False)],
)  # fmt: skip
def test_a_state_that_is_no_more_stands_for_its_successors(given: str, own: str, right: bool) -> None:
    assert is_country_of(given, own) is right


def test_unrelated_countries_load_no_polygons(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the position was looked at")

    monkeypatch.setattr(claims, "reverse", never)
    assert is_country_of("FR", "US", (1.5, 2.5)) is False
    assert is_country_of("CN", "TW", (1.5, 2.5)) is True


def test_the_recipe_offers_the_worldviews_there_are() -> None:
    assert GeoSettings.model_json_schema()["properties"]["worldview"]["enum"] == list(WORLDVIEWS)
