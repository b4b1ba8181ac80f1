"""Names of countries, exact after folding and never fuzzy: a fuzzy match turns Niger into Nigeria.

Names come from CLDR in all its languages, ISO 3166 (pycountry) and a list of aliases; where languages disagree the
aliases decide, then English, then the greater number of languages. So "Congo" is the republic whose capital is
Brazzaville, "Korea" the Republic of Korea, "Guinea" the one of Conakry, "Micronesia" the federated states, "Georgia"
the country (`forward` weighs it against the state), "Dominica" never the Dominican Republic.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from factory.geo.gazetteer import countries, table
from factory.geo.inputs import name_of
from factory.geo.normalise import fold

__all__ = ["SUBNATIONAL", "code_of_letters", "country_code", "country_keys", "country_name", "fold"]

SUBNATIONAL: Final = frozenset({"england", "scotland", "wales", "northern ireland"})
"""Names that give the code GB here, but that `forward` reads as regions, so "Perth, Scotland" is no other Perth."""

TWO_COUNTRIES: Final = {
    "congo": "CD", "korea": "KP", "ireland": "GB", "samoa": "AS", "sudan": "SS", "saint martin": "SX", "guinea": "GW",
    "timor": "ID",
}  # fmt: skip
"""Names that two countries share: the other one, besides the country that the name gives here. `forward` takes it when
a well-known city of it stands beside the name: "Kinshasa, Congo"."""

PARTS_OF_COUNTRIES: Final = {"ireland": "northern ireland"}
"""The part of the other country that bears such a name, where not all of it does."""

_SOVIET: Final = "AM AZ BY EE GE KG KZ LT LV MD RU TJ TM UA UZ"
_YUGOSLAV: Final = "BA HR ME MK RS SI XK"
DISSOLVED: Final = {
    "ussr": _SOVIET, "soviet union": _SOVIET, "ссср": _SOVIET, "yugoslavia": _YUGOSLAV, "sfr yugoslavia": _YUGOSLAV,
    "serbia and montenegro": "ME RS XK", "czechoslovakia": "CZ SK", "netherlands antilles": "AW BQ CW SX",
    "french indochina": "KH LA VN", "rhodesia and nyasaland": "MW ZM ZW",
}  # fmt: skip
"""Names of states that are no more, with all that lie where they lay. They are no country's name, but behind a place
they bind it to these: "Tallinn, USSR"."""

MAX_COUNTRY_LENGTH: Final = 100

_LETTERS = re.compile(r"[A-Z]{2,3}")
_OTHER_LETTERS = {"UK": "GB", "XKX": "XK", "KOS": "XK", "UAE": "AE", "ROK": "KR", "EUA": "US", "KSA": "SA"}
_ARTICLES = (
    "the ", "republic of ", "kingdom of ", "republic of the ", "state of ", "commonwealth of ", "republica de ",
    "republica del ", "republica da ", "republica do ", "repubblica di ", "repubblica del ", "republique de ",
    "republique du ", "republique d ", "republik ", "reino de ", "reino do ", "royaume de ", "royaume du ",
    "konigreich ",
)  # fmt: skip
_NOT_BY_ARTICLE = "CN"
"""República de China is Taiwan, and must be known by its whole name."""
_SHORT_WORDS = (
    (re.compile(r"\brep\b"), "republic"),
    (re.compile(r"\bdem\b"), "democratic"),
    (re.compile(r"\bfed\b"), "federated"),
    (re.compile(r"\bsts\b"), "states"),
)
_THE = re.compile(r"\s*[(\[]\s*the\s*[)\]]", re.IGNORECASE)
"""The article as the United Nations write it: "Bahamas (the)"."""
_TURNED = re.compile(r"([^,()]+), ([^,()]+)")
_TWICE = re.compile(r"([^()\[\]]+)[(\[]([^()\[\]]+)[)\]]")
_OF = re.compile(r"\bof(?: the)?$", re.IGNORECASE)
_FLAG = re.compile(r"[\U0001f1e6-\U0001f1ff]{2}")
_FLAG_A = 0x1F1E6

_SHORT = {
    "AG": "Antigua and Barbuda", "AX": "Åland Islands", "BA": "Bosnia and Herzegovina", "BL": "Saint Barthélemy",
    "CC": "Cocos (Keeling) Islands", "CD": "DR Congo", "CG": "Republic of the Congo", "CI": "Ivory Coast",
    "CZ": "Czechia", "GS": "South Georgia and the South Sandwich Islands", "HK": "Hong Kong",
    "HM": "Heard Island and McDonald Islands", "KN": "Saint Kitts and Nevis", "LC": "Saint Lucia",
    "MF": "Saint Martin", "MM": "Myanmar", "MO": "Macao", "PM": "Saint Pierre and Miquelon", "PS": "Palestine",
    "SH": "Saint Helena", "SJ": "Svalbard and Jan Mayen", "ST": "São Tomé and Príncipe",
    "TC": "Turks and Caicos Islands", "TR": "Turkey", "TT": "Trinidad and Tobago", "VA": "Vatican City",
    "VC": "Saint Vincent and the Grenadines", "WF": "Wallis and Futuna",
}  # fmt: skip
"""Where CLDR's English name holds an ampersand, a "St." or a bracket, or is not what people say."""


def country_code(name: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a country by any of its written names, or None.

    Names are compared without case and diacritics, in any language of CLDR; codes (FI, FIN) count only in capitals, so
    that "no" and "in" stay words. "Korea, Rep.", "Burma (Myanmar)" and a flag are names too, two names of different
    countries none. Parts of the United Kingdom give GB, overseas territories their own code. NaN and numbers are no
    names either; a TypeError is raised for anything else that is not text, such as a list.
    """
    name = name_of(name)
    if not name or len(name) > MAX_COUNTRY_LENGTH:
        return None
    written = _THE.sub("", name).strip()
    if code := code_of_letters(written) or _by_key(fold(written)):
        return code
    if _FLAG.fullmatch(written):
        return code_of_letters("".join(chr(ord(letter) - _FLAG_A + ord("A")) for letter in written))
    if "&" in written and (code := _by_key(fold(written.replace("&", " and ")))):
        return code
    if both := _TWICE.fullmatch(written):
        outer, inner = (part.strip() for part in both.groups())
        first, second = country_code(outer), country_code(inner)
        if first is None or first != second:  # "Netherlands (Kingdom of the)", "Korea (the Republic of)"
            return _by_key(fold(f"{inner} {outer}")) if _OF.search(inner) else None
        return first
    if turned := _TURNED.fullmatch(written):
        last, first = (fold(part) for part in turned.groups())
        return _by_key(f"{first} {last}") or _by_key(f"{first} of {last}")
    return None


def _by_key(key: str) -> str | None:
    """The country of a folded name, of the name with its short words in full, or of the name behind an article."""
    if code := country_keys().get(key):
        return code
    for pattern, word in _SHORT_WORDS:
        key = pattern.sub(word, key)
    if code := country_keys().get(key):
        return code
    for article in _ARTICLES:
        rest = key.removeprefix(article)
        code = (country_keys().get(rest) or country_keys().get(f"the {rest}")) if rest != key else None
        if code and code != _NOT_BY_ARTICLE:
            return code
    return None


def country_name(code: str | None) -> str | None:
    """The short English name of an ISO 3166-1 alpha-2 code ("RU" is Russia), or None for an unknown one."""
    code = name_of(code)
    return _names().get(code) if code else None


def code_of_letters(written: str) -> str | None:
    """The alpha-2 code of two or three capitals: an ISO 3166-1 code, or one in use such as UK."""
    return _codes().get(written) if _LETTERS.fullmatch(written) else None


@cache
def country_keys() -> dict[str, str]:
    """ISO 3166-1 alpha-2 by every folded name of a country."""
    return dict(table("names_countries").select("key", "code").iter_rows())


@cache
def _names() -> dict[str, str]:
    return {**dict(countries().select("code", "name").iter_rows()), **_SHORT}


@cache
def _codes() -> dict[str, str]:
    codes = dict(_OTHER_LETTERS)
    for code, alpha3 in countries().select("code", "alpha3").iter_rows():
        codes[code] = codes[alpha3] = code
    return codes
