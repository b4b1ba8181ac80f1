from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo.normalise import fold
from factory.geo.parse_place import MAX_NAME_LENGTH, MAX_PARTS, Part, rewrites, split_inner, split_places


def parts(text: str) -> list[str]:
    return split_inner(split_places(pl.Series([text])), pl.Series([], dtype=pl.String))["text"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kazan, Tatarstan, Russia", ["Kazan", "Tatarstan", "Russia"]),
        ("Lyon / France", ["Lyon", "France"]),
        ("Toulouse; Occitanie | France\n", ["Toulouse", "Occitanie", "France"]),
        ("北京市，中国", ["北京市", "中国"]),
        ("東京都、日本", ["東京都", "日本"]),
        ("القاهرة، مصر", ["القاهرة", "مصر"]),
        ("Berlin (Germany)", ["Berlin", "Germany"]),
        ("Oslo in Norway", ["Oslo", "Norway"]),
        ("Munich - Germany", ["Munich", "Germany"]),
        ("Stratford-upon-Avon", ["Stratford-upon-Avon"]),
        ("City: Hamburg, Country: Germany", ["Hamburg", "Germany"]),
        (" ,, ;", []),
        ("", []),
        ("x" * (MAX_NAME_LENGTH + 1), []),
        ("a,b,c,d,e,f,g,h", list("abcdef")),
    ],
)
def test_splits_what_people_and_models_write(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_brackets_inside_a_name_stay() -> None:
    rows = split_places(pl.Series(["Goma, Congo (Kinshasa)"]))
    assert split_inner(rows, pl.Series(["Congo (Kinshasa)"]))["text"].to_list() == ["Goma", "Congo (Kinshasa)"]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("near Munich", (Part("munich"),)),
        ("outskirts of Hanoi", (Part("hanoi"),)),
        ("Chicago area", (Part("chicago"),)),
        ("San Francisco Bay Area", (Part("san francisco"),)),
        ("Sichuan Province", (Part("sichuan", "region"),)),
        ("State of Rajasthan", (Part("rajasthan", "region"),)),
        ("The city of Bergen", (Part("bergen", "city"),)),
        ("広島県", (Part("广岛", "region"),)),
        ("横浜市", (Part("横滨", "city"),)),
        ("Paris France", (Part("paris"), Part("france"))),
        ("京都府京都市", (Part("京都", "region"), Part("京都", "city"))),
        ("Würzburg", (Part("wuerzburg"),)),
    ],
)
def test_unknown_parts_are_read_again(text: str, reading: tuple[Part, ...]) -> None:
    assert reading in list(rewrites(text, fold(text)))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_bounded_parts_and_readings(text: str) -> None:
    assert len(parts(text)) <= MAX_PARTS
    assert len(list(rewrites(text, fold(text)))) < 100
    assert all(part.key for reading in rewrites(text, fold(text)) for part in reading)
