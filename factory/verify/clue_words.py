"""Do a teacher's words about a clue say more than the clue? Rules on words alone; unsure counts as more.

What is looked for is what turns a right clue into a wrong one: another name, number, side, colour, unit, point of the
compass, an added "only" or "not", another country. Whatever else the words may claim, they are bounded in length and
must share a word of substance with the clue.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from factory.generators.clue_book import GeoClue
from factory.generators.spoken import plain
from factory.geo.names import country_code, country_name
from factory.geo.normalise import fold


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words.split()}


NUMBERS: Final = _by_word(
    {
        "2": "two double twin", "3": "three triple", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight",
        "9": "nine", "10": "ten", "11": "eleven", "12": "twelve", "13": "thirteen", "14": "fourteen", "15": "fifteen",
        "16": "sixteen", "17": "seventeen", "18": "eighteen", "19": "nineteen", "20": "twenty", "30": "thirty",
        "40": "forty", "50": "fifty", "100": "hundred", "1000": "thousand",
    }
)  # fmt: skip
"""Words of numbers; "one" is more often no number than one."""

CLAIMS: Final = _by_word(
    {
        "left": "left lefthand leftmost",
        "right": "right righthand rightmost",
        **{colour: colour for colour in ("white", "blue", "green", "black", "orange", "brown", "purple", "pink")},
        "silver": "silver silvery",
        "golden": "gold golden",
        "grey": "grey gray",
        "yellow": "yellow yellowish amber",
        "red": "red reddish crimson",
        "miles": "mile miles mph",
        "kilometres": "kilometre kilometres kilometer kilometers kilometric km kmh kph",
        "system of units": "metric imperial",
        "front": "front frontal",
        "rear": "rear back behind",
        "top": "top upper above",
        "bottom": "bottom lower below beneath under",
        **{point: f"{point} {point}ern {point}erly {point}ward" for point in ("north", "south", "east", "west")},
        "dashes": "dashed dashes broken",
        "solid": "solid continuous unbroken",
        "only": "only solely exclusively unique uniquely nowhere always every must invariably",
        "mostly": "most mostly mainly usually often can predominantly primarily largely",
        "rarely": "rarely seldom hardly",
        "not": "not no never none without neither nor cannot isn't aren't don't doesn't can't won't",
    }
)
"""Words that change what a clue claims, by the claim they make."""

_MUST_STAY: Final = frozenset({"not", "rarely", "mostly"})
"""Claims that words may not lose either: without them a clue says more, or the opposite."""
_MAY_COME: Final = frozenset({"mostly"})
"""Claims that say less than the clue does."""

_ORDINARY = """
a an and across all along also any anyone are as at because before being between both but by can car cars
drivers driving each expect follow for from have here how if in is it its keep keeping language letters licence
license like lines local look many markings motorists near number numbers numerals of official on once one or
our people phone plates posted price prices public read road roads shop signage signs since so some speed speeds
street such text that the their there these they this those through to traffic two typical usually vehicles we
web what when where which while who with words writing written you your
"""
STARTERS: Final = frozenset(_ORDINARY.split())
"""Words that often begin a sentence about a clue and are no names."""
_SMALL = "about also are can for from have here in is its of on that the their them these they this to with"
_COMMON: Final = frozenset(_SMALL.split())
_NO_NAMES: Final = STARTERS | NUMBERS.keys() | CLAIMS.keys()
_LETTERS: Final = 4
"""Letters from which a word has substance."""
_STEM: Final = 5
"""Letters by which two words are the same: driver, driving."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_HYPHENED = re.compile(r"([^\W\d_]+)-(?=[^\W_])")
_DOMAIN = re.compile(r"(?<![\w.])\.[^\W\d_]{2,}(?:\.[^\W\d_]{2,})*")
_STARTS = re.compile(r"(?:\A|[.!?…:;]\s)[\s\"'“”„«»(\[]*\Z")


class More(NamedTuple):
    """What the words say that the clue does not."""

    reason: str
    quote: str


def says_more(words: str, clue: GeoClue, plain_words: Collection[str], *, max_extra_words: int) -> tuple[More, ...]:
    """Everything in a teacher's words that the clue does not say; nothing where they say the same or less.

    Args:
        words: the teacher's.
        clue: with its names.
        plain_words: words of the repository that are no names, in small letters.
        max_extra_words: by how many words they may be longer than the clue.
    """
    return tuple(dict.fromkeys(_more(words, clue, plain_words, max_extra_words)))


def _more(words: str, clue: GeoClue, plain_words: Collection[str], max_extra_words: int) -> Iterator[More]:
    said, known = plain(words), plain(clue.text)
    tokens, clue_tokens = _WORD.findall(said), _WORD.findall(known)
    if not tokens:
        yield More("empty", "")
        return
    for number in sorted(_numbers(said, tokens) - _numbers(known, clue_tokens)):
        yield More("new_number", number)
    for domain in sorted({*_DOMAIN.findall(said)} - {*_DOMAIN.findall(known)}):
        yield More("new_name", domain)
    ours, theirs = _claims(tokens), _claims(clue_tokens)
    for claim in ours.keys() - theirs.keys() - _MAY_COME:
        yield More("new_claim", ours[claim])
    for claim in (theirs.keys() - ours.keys()) & _MUST_STAY:
        yield More("lost_claim", theirs[claim])
    yield from _names(said, known, clue, plain_words)
    if len(tokens) - len(clue_tokens) > max_extra_words:
        yield More("too_long", f"{len(tokens)} words for {len(clue_tokens)}")
    if not _substance(tokens, clue) & _substance(clue_tokens, clue):
        yield More("unrelated", " ".join(tokens[:6]))


def _numbers(text: str, tokens: list[str]) -> set[str]:
    hyphened = {match.lower() for match in _HYPHENED.findall(text)}  # two-way, three-wheeled: no count
    words = (word for token in tokens if (word := token.lower()) in NUMBERS and word not in hyphened)
    return {*_NUMBER.findall(text), *(NUMBERS[word] for word in words)}


def _claims(tokens: list[str]) -> dict[str, str]:
    """The claims that are made, each with the word that makes it."""
    return {CLAIMS[word]: token for token in reversed(tokens) if (word := token.lower()) in CLAIMS}


def _names(said: str, known: str, clue: GeoClue, plain_words: Collection[str]) -> Iterator[More]:
    """Names that are neither the clue's nor its country's: countries however they are written, words with capitals,
    and words with other letters than English has."""
    found = list(_WORD.finditer(said))
    allowed = {_bare(word) for text in (known, *clue.names, clue.region or "") for word in _WORD.findall(plain(text))}
    within = f" {fold(known)} "
    for length in (4, 3, 2, 1):
        for start in range(len(found) - length + 1):
            written = " ".join(match.group() for match in found[start : start + length])
            code = named_country(written)
            if code == clue.country:
                allowed |= {_bare(word) for word in written.split()}
            elif code is not None and f" {fold(written)} " not in within and _bare(written) not in allowed:
                yield More("new_name", written)
    for match in found:
        word, bare = match.group(), _bare(match.group())
        if bare in allowed or word == "I" or (word.isascii() and word.islower()) or word.isdigit():
            continue
        begins = _STARTS.search(said, 0, match.start()) is not None
        small = word[:1].lower() + word[1:]
        if not (begins and small.isascii() and small.islower() and (small in _NO_NAMES or small in plain_words)):
            yield More("new_name", word)


def named_country(written: str) -> str | None:
    """The country that words name: in any language where they have a capital or other letters, in small letters by its
    English name alone ("man" is no island)."""
    if written.islower() and written.isascii():
        return _english_names().get(fold(written))
    return country_code(written.removesuffix("'s"))


@cache
def _english_names() -> dict[str, str]:
    from factory.geo.gazetteer import countries

    named = ((code, country_name(code)) for code in countries()["code"])
    return {fold(name): code for code, name in named if name}


def _bare(word: str) -> str:
    return word.casefold().removesuffix("'s").removesuffix("'")


def _substance(tokens: list[str], clue: GeoClue) -> set[str]:
    """What words are about: their beginnings, without common words and without the country's own names."""
    own = {_bare(part) for name in (country_name(clue.country) or "", *clue.names) for part in name.split()}
    bare = {_bare(token) for token in tokens} - own
    return {
        word[:_STEM] for word in bare - _COMMON if len(word) >= _LETTERS or not word.isalpha() or not word.isascii()
    } or {word[:_STEM] for word in bare}
