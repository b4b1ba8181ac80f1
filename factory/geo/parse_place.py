"""From a written place to its parts: "Berlin (Germany)", "Oslo in Norway", "京都府京都市、日本", "City: Bonn".

A part is looked up as it is written. Only a part that is no name is read again, by `rewrites`: without words such as
"near" or "Province", cut where two names stand together, with German vowels spelt out. Nothing here knows a place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from factory.geo.normalise import fold

MAX_NAME_LENGTH: Final = 200
MAX_PARTS: Final = 6
_MAX_WORDS = 8
_LEAST_CUT = 3
"""A name is not cut behind a word of fewer letters, nor before one: two are a code, and no town called Mi."""

_LABEL = r"(?i)\b(?:city|town|village|state|region|province|country|location|place|nearest city)\s*[:=]"
_SEPARATOR = r"[,;/|\n\r\t>→、，；／｜،؛]|->"
_SENTENCE_END = r"(\p{Ll}{4})\.\s+"
_POST_CODE = r"^\d{1,2}[.)]\s+|\b[A-Z]{1,2}-\d{4,6}\b|\b\d{3,7}(?:-\d+)?\b|\b(?:[A-Z]+\d|\d+[A-Z])[A-Z0-9]*\b"
_MAY_HOLD_CODES = r"[0-9]|\s[A-Z]{2,3}$"
_LETTERS_LAST = r"^(.*\p{Ll}.*)\s([A-Z]{2,3})$"
_INNER_SEPARATOR = r"[()\[\]{}（）【】]|\s[-–—]+\s|—|\s+(?:in|en|dans)\s+"
_STRIPPED = ' .:\u3000\u00a0"“”'

WIDE_WORDS: Final = frozenset(
    fold(word)
    for word in (
        "Europe", "Asia", "Africa", "North America", "South America", "Central America", "Latin America", "Oceania",
        "Southeast Asia", "South Asia", "East Asia", "Central Asia", "Western Europe", "Eastern Europe", "Middle East",
        "Northern Europe", "Southern Europe", "West Africa", "East Africa", "North Africa", "Southern Africa", "Earth",
        "Scandinavia", "the Balkans", "the Caribbean", "Caribbean", "EU", "world", "worldwide", "global",
        "planet Earth", "unknown", "n/a", "none", "somewhere", "null", "not available", "not applicable",
        "not sure", "undefined", "undetermined", "unspecified", "unidentified", "uncertain", "unclear",
        "cannot determine", "no location", "city", "town", "village", "state", "region", "province", "county",
        "district", "country", "location", "place", "address", "area", "rural", "rural area", "rural region", "urban",
        "urban area", "suburb", "suburbs", "suburban", "suburban area", "residential area", "countryside", "coast",
        "coastal area", "coastal region", "highway", "neighborhood", "neighbourhood", "outskirts", "downtown",
        "city center", "city centre", "mountains", "desert", "island", "city park", "Anatolia",
    )
)  # fmt: skip
"""Parts that narrow nothing down: wide places, ways to say that nothing is known, headings without a name. They are
skipped, even where a hamlet bears that name ("None" in Piedmont)."""

_MILITARY = r"(?i)\b[AFD]PO[,\s]+A[AEP](?:[,\s]+\d{5}(?:-\d{4})?)?\s*$"
"""American post offices abroad, with the letters that stand for a continent: no place that anybody outside knows."""

NULL_WORDS: Final = ("nan", "NaN", "nil", "no")
"""Whole strings that stand for nothing, though they are names elsewhere: "Nan, Thailand" and "NO" are places."""


class Part(NamedTuple):
    """A key to look up and the kind of place its words ask for: "city", "region", "island", "section" or none of them.

    A section is a part of a region or large city, "south London", or lies beside a smaller one: East Lyme and Lyme.
    """

    key: str
    hint: str = ""


_LEAD = re.compile(
    r"^(?!(?:south|north|central|latin) america\b)"
    r"(?:i think|i believe|i guess|it|this|that|is|s|was|looks like|appears to be|seems to be|could be|might be|"
    r"may be|must be|located|taken|situated|in|somewhere|probably|most likely|likely|possibly|perhaps|maybe|"
    r"approximately|around|about|near|nearby|close to|next to|just|rural|remote|north|south|east|west|northern|"
    r"southern|eastern|western|central|downtown|uptown|midtown|inner|old|greater|metro|metropolitan|outside|"
    r"outskirts of|suburbs? of|vicinity of|surroundings of|environs of|heart of|centre of|center of|"
    r"old town of|city centre of|city center of|of|the|a|at|within|by|from|район|возле|около|под) "
)
_SECTION = re.compile(r"^(?:north|south|east|west|northern|southern|eastern|western|central|inner|old|uptown|midtown) ")
_DESCRIPTION: Final = re.compile(
    r"(?:(?:a|an|the|in|near|small|smaller|large|larger|big|medium|sized|mid|tiny|quiet|remote|typical|traditional|picturesque|"
    r"charming|scenic|medieval|historic|historical|old|older|modern|typical|tourist|touristic|touristy|industrial|colonial|"
    r"fishing|farming|agricultural|mining|mountain|mountainous|hill|hilly|hilltop|hillside|alpine|coastal|seaside|"
    r"lakeside|lakefront|waterfront|beachside|beachfront|beach|island|desert|tropical|subtropical|arid|port|harbor|"
    r"harbour|market|university|college|resort|ski|spa|wine|border|residential|suburban|urban|commercial|business|"
    r"shopping|rural|forest|forested|wooded|bush|valley|river|lake|national|public|city|town|village) )+"
    r"(?:town|village|city|area|region|suburb|district|neighbou?rhood|quarter|community|settlement|resort|port|"
    r"harbou?r|road|street|park|market|square|cent(?:er|re)|coast|coastline|countryside|island|peninsula|beach|valley|"
    r"setting|environment|location|zone|landscape)s?"
)
"""What a place is like, and not what it is called: "a small coastal town", "ski area"."""
_RURAL = re.compile(r"^(?:in )?(?:the )?(?:rural|remote|countryside of|upstate) (?:area of |part of |region of )?")
_CITY_LEAD = re.compile(
    r"^(?:the )?(?:city|town|village|municipality|commune|borough|ville|ciudad|cidade|citta|stadt|gorod|город|г|місто|"
    r"مدينه|شهر|thanh pho|kota) (?:of |de |do |di |d )?"
)
_REGION_LEAD = re.compile(
    r"^(?:the )?(?:state|province|region|republic|prefecture|county|district|department|governorate|canton|"
    r"provincia|provincie|departamento|departement|estado|regione|bundesland|land|республика|область|محافظه|ولايه|"
    r"اقليم|منطقه|استان|tinh) (?:of |de |do |da |del |di |du |d )?"
)
_AREA = re.compile(
    r"(?: (?:metropolitan area|metro area|bay area|urban area|greater area|city area|area|metro|metropolitan region|"
    r"suburbs?|outskirts|vicinity|surroundings|environs|neighbou?rhood|old town|old city|city cent(?:er|re)|"
    r"cent(?:er|re)|downtown|countryside|dc|df))+$"
)
_CITY_TAIL = re.compile(
    r"(?: (?:city|town|village|municipality|shi|si)|市|市区|市內|区|區|镇|町|村|都|특별시|광역시|특별자치시|시|구)$"
)
_REGION_TAIL = re.compile(
    r"(?: (?:state|province|region|prefecture|oblast|krai|kray|county|governorate|district|department|canton|republic|"
    r"voivodeship|parish|territory|division|область|край|республика|район|обл)|"
    r"省|州|県|县|府|道|郡|自治区|自治州|地区|특별자치도|도|주)$"
)
_ISLAND = re.compile(
    r"^(?:the )?(?:island|isle|isla|ilha|ile|isola|insel|pulau|koh) (?:of |de |do |da |del |di |d )?|"
    r" (?:islands?|isles?)$"
)
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_JAPANESE = re.compile(r"^(.{2,3}?[都道府県])(.+)$")
_CHINESE = re.compile(r"^(.{2,}?(?:省|自治区|特别行政区))(.+)$")
_COUNTRY_FIRST = re.compile(
    r"^(中国|日本|韩国|韓国|法国|德国|英国|美国|意大利|俄罗斯|西班牙|泰国|越南|印度|대한민국|일본)(.+)$"
)
_KOREAN = re.compile(r"^(.{2,}?(?:특별자치도|특별자치시|특별시|광역시|도|시))(.+[시군구])$")
_HAN_CITY = re.compile(r"^(.{1,}?[市])(.+[区县町村市])$")


def split_places(names: pl.Series) -> pl.DataFrame:
    """The parts of each string between commas, sentences and their like: `query` (row of `names`), `position`, `text`.

    Null, empty and overlong strings (`MAX_NAME_LENGTH`) have no parts; parts past `MAX_PARTS` are dropped.
    """
    nothing = pl.col("name").str.strip_chars().is_in(NULL_WORDS) | pl.col("name").str.contains(_MILITARY)
    text = pl.when(~nothing & (pl.col("name").str.len_chars() <= MAX_NAME_LENGTH)).then(pl.col("name"))
    parts = (
        text.str.replace_all(_LABEL, ",")
        .str.replace_all(_SENTENCE_END, "$1,")
        .str.replace_all(_SEPARATOR, ",")
        .str.split(",")
    )
    rows = names.rename("name").to_frame().select(query=pl.int_range(pl.len(), dtype=pl.Int64), text=parts)
    return _numbered(rows.explode("text"))


def has_inner_parts(texts: pl.Series) -> pl.Series:
    """Whether a part holds a bracket, a dash between spaces or the word "in"."""
    return texts.str.contains(_INNER_SEPARATOR)


def split_inner(rows: pl.DataFrame, whole: pl.Series) -> pl.DataFrame:
    """Rows of `split_places` cut at brackets, dashes and "in", but for the texts in `whole` ("Congo (Kinshasa)")."""
    texts = rows["text"].unique(maintain_order=True)
    texts = texts.filter(has_inner_parts(texts) & ~texts.is_in(whole.implode()))
    return _cut(rows, texts, pl.col("text").str.replace_all(_INNER_SEPARATOR, ",").str.split(","))


def has_codes(texts: pl.Series) -> pl.Series:
    """Whether a part holds a post code ("75001 Paris", "London SW1A 1AA") or ends in capitals ("Chicago IL")."""
    maybe = texts.str.contains(_MAY_HOLD_CODES)
    some = texts.filter(maybe)
    found = some.str.contains(_POST_CODE) | some.str.contains(_LETTERS_LAST)
    return maybe.scatter(maybe.arg_true(), found) if len(some) else maybe


def last_letters(texts: pl.Series) -> pl.Series:
    """The capitals that a part ends in, without its post code; null for none."""
    plain = texts.str.replace_all(_POST_CODE, " ").str.strip_chars(_STRIPPED)
    return plain.str.extract(_LETTERS_LAST, 2)


def split_codes(rows: pl.DataFrame, coded: pl.Series, letters: Collection[str]) -> pl.DataFrame:
    """Rows of `split_places` where the texts in `coded` lose their post codes and are cut before the capitals that are
    in `letters`."""
    plain = pl.col("text").str.replace_all(_POST_CODE, " ").str.strip_chars(_STRIPPED)
    last = plain.str.extract(_LETTERS_LAST, 2)
    apart = pl.concat_list(plain.str.extract(_LETTERS_LAST, 1), last)
    return _cut(rows, coded, pl.when(last.is_in(list(letters))).then(apart).otherwise(pl.concat_list(plain)))


def cut_last_word(rows: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
    """Rows of `split_places` where each of `texts`, all different, is cut before its last word."""
    pieces = pl.concat_list(pl.col("text").str.extract(r"^(.*)\s\S+$", 1), pl.col("text").str.extract(r"(\S+)$", 1))
    return _cut(rows, texts, pieces)


def _cut(rows: pl.DataFrame, texts: pl.Series, pieces: pl.Expr) -> pl.DataFrame:
    """Rows where each of `texts`, all different, gives way to its pieces."""
    if not len(texts):
        return rows
    table = texts.rename("text").to_frame().select("text", pieces=pieces)
    joined = rows.join(table, on="text", how="left", maintain_order="left").explode("pieces")
    return _numbered(joined.select("query", text=pl.coalesce("pieces", "text")))


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.with_columns(pl.col("text").str.strip_chars(_STRIPPED)).filter(pl.col("text").str.len_bytes() > 0)
    query = rows["query"].to_numpy()
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    position = np.arange(len(query)) - np.repeat(starts, np.diff(np.append(starts, len(query))))
    return rows.select("query", position=pl.Series(position, dtype=pl.Int64), text="text").filter(
        pl.col("position") < MAX_PARTS
    )


def rewrites(text: str, key: str) -> Iterator[tuple[Part, ...]]:
    """Other readings of a part that is no name, the closest to what is written first; `key` is its folded text.

    A reading of several parts is meant only when every one of them is a name.
    """
    if text.isascii() and " " not in key:
        return  # every word that is left out and every cut stands at a space, but in other scripts
    if _is_description(key, text):
        return
    leads = dict(_without_lead(key))
    bases = list(leads)
    plain = bases[-1]
    seen = {key}
    if (match := _RURAL.match(key)) and (wide := key[match.end() :]) and wide not in WIDE_WORDS:
        seen.add(wide)
        yield (Part(wide, "region"),)
    for base, section in {**leads, **{_AREA.sub("", base): section for base, section in leads.items()}}.items():
        for pattern, hint in (
            (None, ""),
            (_CITY_LEAD, "city"),
            (_REGION_LEAD, "region"),
            (_CITY_TAIL, "city"),
            (_REGION_TAIL, "region"),
            (_ISLAND, "island"),
        ):
            shorter = pattern.sub("", base).strip() if pattern else base
            if shorter not in seen and shorter not in WIDE_WORDS and (len(shorter) > 2 or not shorter.isascii()):
                seen.add(shorter)
                yield (Part(shorter, hint or section),)
    small = text.casefold()
    if (spelt := small.translate(_GERMAN)) != small and (spelt := fold(spelt)) not in seen:
        yield (Part(spelt),)
    if plain not in WIDE_WORDS:
        yield from _cuts(plain)


def _is_description(key: str, text: str) -> bool:
    """Whether a part says what a place is like. Names have capitals; only the first letter of a sentence has one."""
    return text[1:] == text[1:].lower() and _DESCRIPTION.fullmatch(key) is not None


def _without_lead(key: str) -> Iterator[tuple[str, str]]:
    """The key, then without its first leading word, its first two and so on: "rural north carolina" is not Carolina.
    With each the hint of what was left out: "section" or none."""
    hint = ""
    yield key, hint
    while (match := _LEAD.match(key)) and match.end() < len(key):
        hint = "section" if _SECTION.match(key) else hint
        key = key[match.end() :]
        yield key, hint


def _cuts(key: str) -> Iterator[tuple[Part, ...]]:
    for pattern in (_JAPANESE, _CHINESE, _COUNTRY_FIRST, _HAN_CITY, _KOREAN):
        if match := pattern.match(key):
            first, second = match.groups()
            for outer in _bare(first):
                for inner in _bare(second):
                    yield outer, inner
                if ward := _HAN_CITY.match(second):
                    yield from ((outer, inner) for inner in _bare(ward.group(1)))
    words = key.split()
    if not 2 <= len(words) <= _MAX_WORDS or min(len(words[0]), len(words[-1])) < _LEAST_CUT:
        return
    for size in range(min(4, len(words) - 1), 0, -1):
        yield Part(" ".join(words[:-size])), Part(" ".join(words[-size:]))
    for size in range(1, min(4, len(words))):
        yield Part(" ".join(words[:size])), Part(" ".join(words[size:]))
    for last in (1, 2):
        for middle in (1, 2):
            if 0 < (first := len(words) - last - middle) <= 3:
                pieces = words[:first], words[first : first + middle], words[first + middle :]
                yield tuple(Part(" ".join(piece)) for piece in pieces)


def _bare(key: str) -> list[Part]:
    found = [Part(key)]
    for pattern, hint in ((_CITY_TAIL, "city"), (_REGION_TAIL, "region")):
        shorter = pattern.sub("", key)
        if shorter and shorter != key:
            found.append(Part(shorter, hint))
    return found
