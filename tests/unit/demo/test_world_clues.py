"""The clues that ship with the recipe: made of their tables, complete, and right where other sources are at hand."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pycountry
import pytest

from factory.generators.clue_book import ClueBook, clue_book
from factory.geo.names import country_code
from factory.verify.clue_words import says_more

CLUES = Path(__file__).resolve().parents[3] / "recipes" / "clues"


def table(name: str) -> list[dict[str, str]]:
    with (CLUES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def book() -> ClueBook:
    return clue_book(CLUES / "world.csv")


def test_the_file_is_what_its_tables_say() -> None:
    command = [sys.executable, "-P", str(CLUES / "make.py"), "--check"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"{made.stdout}: run python recipes/clues/make.py"


def test_every_country_has_clues_of_several_kinds(book: ClueBook) -> None:
    countries = {clue.country for clue in book.clues.values()}
    assert len(countries) == 197 and {"XK", "TW", "PS", "VA", "NA", "NO"} <= countries
    assert all(len(book.of(code)) >= 5 for code in countries)
    assert all(len({clue.kind for clue in book.of(code)}) >= 3 for code in countries)
    assert 1_400 <= len(book.clues) <= 1_500


def test_every_clue_names_its_source_its_place_and_nothing_twice(book: ClueBook) -> None:
    texts = Counter(clue.text for clue in book.clues.values())
    assert texts.most_common(1)[0][1] == 1
    for clue in book.clues.values():
        assert clue.id.startswith(f"{clue.country}-") and clue.licence == "CC0-1.0" and clue.source
        assert clue.text.endswith(".") and "  " not in clue.text and "{" not in clue.text and clue.text[0].isupper()


def test_a_clue_said_as_it_stands_is_faithful(book: ClueBook) -> None:
    for clue in book.clues.values():
        assert says_more(clue.text, clue, book.plain_words, max_extra_words=0) == (), clue.id


def test_names_in_sentences_are_the_countrys_own() -> None:
    for row in table("facts"):
        assert country_code(row["name"]) == row["country"], row["name"]


def test_domains_are_the_iso_code_but_for_the_united_kingdom_and_kosovo() -> None:
    odd = {row["country"]: row["domain"] for row in table("facts") if row["domain"] != f".{row['country'].lower()}"}
    assert odd == {"GB": ".uk", "XK": ""}


def test_currencies_are_those_of_iso_4217_by_code_and_name() -> None:
    for row in table("facts"):
        if row["currency"]:
            known = pycountry.currencies.get(alpha_3=row["currency"])
            assert known is not None, row["currency"]
    shared = Counter(row["currency"] for row in table("facts"))
    assert shared["EUR"] == 20 + 1 + 6  # the euro area with Bulgaria, and AD MC ME SM VA XK
    assert (shared["XOF"], shared["XAF"], shared["XCD"]) == (8, 6, 6)
    assert {row["country"] for row in table("facts") if row["currency"] == "USD"} == {
        "EC", "FM", "MH", "PW", "SV", "TL", "US",
    }  # fmt: skip


def test_calling_codes_are_shared_only_where_the_plan_of_numbers_says_so() -> None:
    by_code: dict[str, set[str]] = {}
    for row in table("facts"):
        assert re.fullmatch(r"\+[1-9]\d{0,2}", row["phone"]), row
        by_code.setdefault(row["phone"], set()).add(row["country"])
    shared = {code: countries for code, countries in by_code.items() if len(countries) > 1}
    north_america = {"AG", "BB", "BS", "CA", "DM", "DO", "GD", "JM", "KN", "LC", "TT", "US", "VC"}
    assert shared == {"+1": north_america, "+7": {"KZ", "RU"}, "+39": {"IT", "VA"}}
    assert {row["country"] for row in table("facts") if row["areas"]} == north_america - {"CA", "US"}


def test_currencies_and_languages_are_those_of_cldr() -> None:
    babel = pytest.importorskip("babel")
    from babel.languages import get_official_languages
    from babel.numbers import get_territory_currencies

    english = babel.Locale("en").languages
    for row in table("facts"):
        code = row["country"]
        if row["currency"] and code != "BG":  # the euro since 2026, after this CLDR
            assert row["currency"] in get_territory_currencies(code), code
        known = {language.split("_")[0] for language in get_official_languages(code, de_facto=True)}
        assert set(row["languages"].split()) <= known, code
    for row in table("languages"):
        other = {"bn": "Bengali", "dv": "Dhivehi"}
        assert row["name"] == other.get(row["language"], english[row["language"]])


SCRIPTS = {"Jpan": "Japanese", "Kore": "Hangul", "Hans": "Chinese", "Mymr": "Burmese"}
NAMED = {
    "Arab": "Arabic", "Armn": "Armenian", "Beng": "Bengali", "Cyrl": "Cyrillic", "Deva": "Devanagari",
    "Ethi": "Ethiopic", "Geor": "Georgian", "Grek": "Greek", "Hebr": "Hebrew", "Khmr": "Khmer", "Laoo": "Lao",
    "Latn": "Latin", "Sinh": "Sinhala", "Taml": "Tamil", "Thaa": "Thaana", "Thai": "Thai", "Tibt": "Tibetan", **SCRIPTS,
}  # fmt: skip


def test_scripts_are_those_of_cldr_and_letters_are_of_the_script() -> None:
    core = pytest.importorskip("babel.core")
    likely = core.get_global("likely_subtags")
    for row in table("languages"):
        assert NAMED[likely[row["language"]].split("_")[1]] == row["script"], row
        assert all(not letter.isascii() for letter in row["letters"].split()), row


def test_the_band_on_plates_is_that_of_the_27_members() -> None:
    band = {row["country"]: row["band"] for row in table("facts") if row["band"]}
    assert len(band) == 27 and "GB" not in band
    own = {code: letters for code, letters in band.items() if letters != code}
    assert own == {
        "AT": "A", "BE": "B", "DE": "D", "EE": "EST", "ES": "E", "FI": "FIN", "FR": "F", "HU": "H", "IE": "IRL",
        "IT": "I", "LU": "L", "MT": "M", "PT": "P", "SE": "S", "SI": "SLO",
    }  # fmt: skip
