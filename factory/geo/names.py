"""Country names and the folding of place names.

Exact after folding, never fuzzy: a fuzzy match turns Niger into Nigeria and Korea into the wrong one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import polars as pl

# Names that people and models write and that ISO's English table does not carry.
_ALIASES = """
USA=US  U.S.A.=US  U.S.=US  America=US  United States of America=US  the States=US  Estados Unidos=US
UK=GB  U.K.=GB  Britain=GB  Great Britain=GB  England=GB  Scotland=GB  Wales=GB  Northern Ireland=GB
Holland=NL  The Netherlands=NL  Nederland=NL  Ivory Coast=CI  Cote d'Ivoire=CI  Turkey=TR  Turkiye=TR
Czech Republic=CZ  Czechia=CZ  Cesko=CZ  Ceska republika=CZ  Russia=RU  Russian Federation=RU  Rossiya=RU  Россия=RU
South Korea=KR  Republic of Korea=KR  North Korea=KP  DPRK=KP  Iran=IR  Syria=SY  Laos=LA  Vietnam=VN  Viet Nam=VN
Bolivia=BO  Venezuela=VE  Tanzania=TZ  Moldova=MD  Macedonia=MK  North Macedonia=MK  Burma=MM  Myanmar=MM
Swaziland=SZ  Eswatini=SZ  Cape Verde=CV  Cabo Verde=CV  East Timor=TL  Timor-Leste=TL  Brunei=BN  Kosovo=XK
Taiwan=TW  Republic of China=TW  China=CN  People's Republic of China=CN  PRC=CN  中国=CN  Mainland China=CN
Hong Kong SAR=HK  Macao=MO  Macau=MO  Palestine=PS  State of Palestine=PS  West Bank=PS  Vatican=VA  Vatican City=VA
Holy See=VA  DR Congo=CD  DRC=CD  Democratic Republic of the Congo=CD  Congo-Kinshasa=CD  Zaire=CD
Republic of the Congo=CG  Congo-Brazzaville=CG  The Gambia=GM  The Bahamas=BS  Micronesia=FM  UAE=AE  Emirates=AE
Deutschland=DE  Germania=DE  Espana=ES  Italia=IT  Polska=PL  Suomi=FI  Sverige=SE  Norge=NO  Danmark=DK
Osterreich=AT  Schweiz=CH  Suisse=CH  Svizzera=CH  Magyarorszag=HU  Hrvatska=HR  Slovensko=SK  Slovenija=SI
Brasil=BR  Mexique=MX  Nippon=JP  日本=JP  대한민국=KR  Україна=UA  Ukraina=UA  Ellada=GR  Hellas=GR  Eire=IE
Republic of Ireland=IE  Island of Ireland=IE  Bosnia=BA  Trinidad=TT  St. Lucia=LC  St. Kitts and Nevis=KN
St. Vincent and the Grenadines=VC  Falkland Islands=FK  Reunion=RE  Faroe Islands=FO  Svalbard=SJ  Pitcairn=PN
US Virgin Islands=VI  British Virgin Islands=VG  Sint Maarten=SX  Saint Martin=MF  Aland=AX  Saint Helena=SH
"""

_SHORT = {
    "RU": "Russia",
    "KR": "South Korea",
    "KP": "North Korea",
    "IR": "Iran",
    "SY": "Syria",
    "LA": "Laos",
    "VN": "Vietnam",
    "BO": "Bolivia",
    "VE": "Venezuela",
    "TZ": "Tanzania",
    "MD": "Moldova",
    "TW": "Taiwan",
    "BN": "Brunei",
    "PS": "Palestine",
    "CD": "DR Congo",
    "CG": "Republic of the Congo",
    "FM": "Micronesia",
    "CI": "Ivory Coast",
    "TR": "Turkey",
    "VA": "Vatican City",
    "FK": "Falkland Islands",
    "MF": "Saint Martin",
    "SX": "Sint Maarten",
    "SH": "Saint Helena",
    "VG": "British Virgin Islands",
    "VI": "U.S. Virgin Islands",
    "XK": "Kosovo",
}
"""Where ISO's English name is not what people say. XK (Kosovo) is a user-assigned code that GeoNames carries."""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ə": "a"}
)
_MARKS = re.compile(r"[\W_]+")
_SAINT = re.compile(r"\bst\b")


def fold(name: str) -> str:
    """A name without case, diacritics and punctuation; "St." is "saint". Letters of other scripts stay."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold().translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = plain.replace("'", "").replace("’", "")
    return _SAINT.sub("saint", _MARKS.sub(" ", unicodedata.normalize("NFC", plain)).strip())


def fold_ascii(name: pl.Expr) -> pl.Expr:
    """`fold` for a column of ASCII names, such as the gazetteer's."""
    plain = name.str.to_lowercase().str.replace_all("'", "", literal=True).str.replace_all(r"[\W_]+", " ")
    return plain.str.strip_chars().str.replace_all(r"\bst\b", "saint")


def country_code(name: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a country by any of its written names, or None.

    Names are compared without case and diacritics; codes (FI, FIN) count only in capitals, so that "no" and "in" stay
    words. Parts of the United Kingdom give GB.
    """
    if not name or len(name) > 100:
        return None
    written = name.strip()
    if len(written) in (2, 3) and written.isascii() and written.isupper() and (code := _codes().get(written)):
        return code
    folded = fold(written)
    return _countries().get(folded) or _countries().get(folded.removeprefix("the "))


def country_name(code: str | None) -> str | None:
    """The short English name of an ISO 3166-1 alpha-2 code ("RU" is Russia), or None for an unknown one."""
    if not code:
        return None
    if short := _SHORT.get(code):
        return short
    import pycountry

    country = pycountry.countries.get(alpha_2=code)
    return str(getattr(country, "common_name", country.name)) if country else None


def subdivision_name(code: str, abbreviation: str) -> str | None:
    """The English name of a state by its postal letters, for the countries that write them: "TX" in US is Texas."""
    return _states().get((code, abbreviation))


@cache
def _countries() -> dict[str, str]:
    import pycountry

    names: dict[str, str] = {}
    for country in pycountry.countries:
        for field in ("name", "official_name", "common_name"):
            if written := getattr(country, field, None):
                names[fold(written)] = country.alpha_2
    names.update({fold(short): code for code, short in _SHORT.items()})
    for pair in re.split(r"\s{2,}|\n", _ALIASES.strip()):
        written, code = pair.rsplit("=", 1)
        names[fold(written)] = code
    return names


@cache
def _codes() -> dict[str, str]:
    import pycountry

    codes = {"UK": "GB", "XK": "XK", "UAE": "AE", "XKX": "XK"}
    for country in pycountry.countries:
        codes[country.alpha_2] = codes[country.alpha_3] = country.alpha_2
    return codes


@cache
def _states() -> dict[tuple[str, str], str]:
    import pycountry

    states = {("US", "DC"): "Washington, D.C."}
    for code in ("US", "CA", "AU"):
        for state in pycountry.subdivisions.get(country_code=code):  # type: ignore[no-untyped-call]
            states.setdefault((code, state.code.split("-", 1)[1]), state.name)
    return states
