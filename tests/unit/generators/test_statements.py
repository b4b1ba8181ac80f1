"""What teachers say of their own answers, in the languages they write: not knowing, how sure, yes and no."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.generators.parse import parse_answer
from factory.generators.statements import confidence, is_unknown, yes_no
from factory.geo.gazetteer import cities
from schemas import GeoAnswer

NOT_KNOWN = """
Not specified|Not visible|Not clearly visible in the image|Unknown (possibly Paris)|unknown city
Unknown location in Bavaria|Unspecified coastal town|N/A - rural|cannot be determined from the image|Can't tell
no specific city|No city identified
Unable to determine|not enough information|None visible|Indeterminate|-|—|?|…
nicht erkennbar|keine Angabe|Unbekannt|lässt sich nicht sagen
Non spécifié|non identifiable|Inconnue|Impossible à déterminer|aucune ville
No especificado|no se puede determinar|Desconocida|ninguna ciudad visible
Não especificado|não é possível determinar|Desconhecido
sconosciuta|non specificato|non è possibile dirlo|nessuna
Неизвестно|не указано|Не определён|невозможно определить
无法确定|未知城市|没有足够信息|看不出来|信息不足|不详|無法判斷
不明|特定できません|わかりません
알 수 없음|확인 불가|불명
غير معروف|غير محدد|لا يمكن تحديد
अज्ञात|निर्दिष्ट नहीं
City not visible|city: unknown|The city cannot be determined|Exact location unclear|Insufficient information
not_specified|unknown_city|Not-Applicable|Ambiguous|I'm not sure|not a city|rural area|a small town|Unnamed village
ville non identifiée|Stadt unbekannt|ciudad no identificada|Ohne Angabe|se desconoce|sans objet|город неизвестен
城市未知|具体城市无法确定|地点不明|N / A|n.d.
okänd|ukjent|tuntematon|άγνωστο|לא ידוע|نامشخص|ไม่ทราบ|невідомо|necunoscut|ismeretlen|nepoznato|অজানা
onbekend|nie można ustalić|không xác định|tidak diketahui|bilinmiyor
"""


def words(listed: str) -> list[str]:
    return listed.replace("\n", "|").strip("|").split("|")


def answer(**fields: Any) -> GeoAnswer:
    whole = {"localizable": True, "country": "France", "city": "Paris", "confidence": 0.9, **fields}
    found = parse_answer(json.dumps(whole), "stop")
    assert isinstance(found, GeoAnswer)
    return found


@pytest.mark.parametrize("word", words(NOT_KNOWN))
def test_words_of_not_knowing_are_no_place_and_no_unreadable_one(word: str) -> None:
    assert is_unknown(word)
    found = answer(city=word, region=word.upper(), latitude=word, longitude=word)
    assert (found.city, found.region, found.lat, found.unreadable) == (None, None, None, ())


@pytest.mark.parametrize(
    "word",
    words(
        "NA|Nan|Niue|Nonette|Unknown Valley|Notre-Dame|Nottingham|Nothing|Não-Me-Toque|Pas de Calais|Non Sung|No Name"
        "|City|Villeneuve|Ortisei|Landau|Lieusaint|Countryside|Landsberg am Lech"
        "|Wuxi|无锡|不二村|知多|Нетишин|Incline Village|Lackawanna|Impossible Town"
    ),
)
def test_names_that_begin_like_not_knowing_stay_names(word: str) -> None:
    assert answer(city=word).city == word


def test_hardly_any_place_of_the_world_is_taken_for_not_knowing() -> None:
    """Of all 234,908 names of cities five are: None in Piedmont, and four farms called Ninguno."""
    large = cities().filter(cities()["population"] >= 1_000)["name"].unique().to_list()
    assert len(large) > 50_000
    assert all(name == "None" or name.startswith("Ninguno") for name in large if is_unknown(name))


@pytest.mark.parametrize(
    ("value", "share"),
    [
        ("~10%", 0.1),
        ("0,1", 0.1),
        ("low (0.1)", 0.1),
        ("High - 85%", 0.85),
        ("70-80 %", 0.7),
        ("70–80%", 0.7),
        ("0.6 to 0.8", 0.6),
        ("about 60 percent", 0.6),
        ("4 out of 5", 0.8),
        ("8 de 10", 0.8),
        ("90 % sure", 0.85),
        ("75% (medium)", 0.5),
        ("<10%", 0.1),
        ("约10%", 0.1),
        ("１０％", 0.1),
        ("٠٫٨", 0.8),
        ("50/50", 0.5),
        ("very high", 0.95),
        ("sehr gering", 0.1),
        ("medium-high", 0.5),
        ("uncertain", 0.1),
        *((word, 0.85) for word in words("alta|élevée|hoch|高|высокая|高い|높음|عالية|उच्च")),
        *((word, 0.25) for word in words("baja|faible|niedrig|低|низкая|低い|낮음|منخفضة|निम्न|bassa")),
    ],
)
def test_a_confidence_is_read_as_it_is_written_and_the_least_of_several_counts(value: str, share: float) -> None:
    found = answer(confidence=value)
    assert found.confidence == pytest.approx(share)
    assert found.unreadable == ()


@pytest.mark.parametrize(
    "value",
    ["not high", "0.9 if the sign is real", "maybe", "unknown", "101", "-0.1", "0.9" * 100, [0.5], {"a": 1}, True],
)
def test_a_confidence_that_is_not_understood_whole_is_unreadable(value: Any) -> None:
    found = answer(confidence=value)
    assert (found.confidence, found.unreadable) == (None, ("confidence",))


@pytest.mark.parametrize("value", [None, "", "  ", []])
def test_what_is_not_stated_is_absent_and_not_unreadable(value: Any) -> None:
    found = answer(confidence=value, localizable=value, country=value, latitude=value, longitude=value)
    assert (found.confidence, found.localizable, found.unreadable) == (None, True, ())


@pytest.mark.parametrize(
    "word",
    words(
        "No, too generic|no|NO.|No doubt|Not really|not localizable"
        "|否|不能确定|无法确定|いいえ|아니요|nein, zu "
        "allgemein|não|Non"
        "|нет|لا|नहीं|low|0.2|10%|F"
    ),
)
def test_a_no_is_a_no_in_any_language_and_with_any_reason_behind_it(word: str) -> None:
    assert yes_no(word) is False
    assert answer(localizable=word).localizable is False


@pytest.mark.parametrize(
    "word", words("Yes, clearly|yes|是|是的，可以|はい|예|Ja, eindeutig|sim|Sí|oui|да|نعم|हाँ|high|0.8|80%|True")
)
def test_a_yes_is_a_yes_in_any_language(word: str) -> None:
    assert yes_no(word) is True


@pytest.mark.parametrize(
    "value",
    [
        *("perhaps", "partially", "yes, but only the country", "Yes and no", "Definitely not", "unknown", -1, ["yes"]),
        *("yes if the sign is real", "yes, unless staged", "はい、しかし不明", "是，但不确定", "예, 하지만", "可能"),
    ],
)
def test_neither_yes_nor_no_is_unreadable(value: Any) -> None:
    assert yes_no(value) is None
    assert answer(localizable=value).unreadable == ("localizable",)


@pytest.mark.parametrize(
    ("fields", "unread"),
    [
        ({"latitude": 95.0, "longitude": 2.0}, ("coordinates",)),
        ({"latitude": 48.85}, ("coordinates",)),
        ({"latitude": "somewhere north", "longitude": "2.35"}, ("coordinates",)),
        ({"coordinates": "in the harbour"}, ("coordinates",)),
        ({"country": {"continent": "Europe"}}, ("country",)),
        ({"city": True}, ("city",)),
    ],
)
def test_a_place_that_is_stated_and_cannot_be_read_is_named(fields: dict[str, Any], unread: tuple[str, ...]) -> None:
    assert answer(**fields).unreadable == unread


def test_a_place_given_as_an_object_is_read_by_its_name() -> None:
    assert answer(country={"name": "France", "code": "FR"}).country == "France"


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=300), st.floats(), st.integers(), st.text("0123456789.,%/-~ loweryhigh不高", max_size=40)
    )
)
def test_any_statement_has_a_share_of_one_or_none(value: Any) -> None:
    share = confidence(value)
    assert share is None or 0.0 <= share <= 1.0
    assert yes_no(value) in (True, False, None)
    assert is_unknown(str(value)) in (True, False)
