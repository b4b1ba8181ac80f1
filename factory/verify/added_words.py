"""Does a written sentence say more than the speech it comes from? Rules on words alone; unsure counts as more.

Speech is not text: people repeat themselves, take things back ("it's Kenya, no wait, Uganda"), and say "no" without
denying anything. A sentence may drop all of that, but no doubt and no denial, and it may bring no word of substance,
name or number that the words behind it do not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from factory.generators.spoken import WORD_PATTERN, Word, places_of, plain
from factory.geo.names import country_code
from factory.verify.clue_words import CLAIMS, NUMBERS, More, named_country

_GLUE: Final = frozenset(
    """a about across after again all alone along also although am an and another any apart appear are area around as
    at away be because become been before being best between both but by case clue combination come common
    confirm considering consistent could country detail do does each either else even evidence example fact
    feature find first fit for found from further general give given go goes has have having he help hence here
    hint how however i identify if image impression in include indicate inference instead into is it item its
    itself just keep kind know lead let like likely locate location look made make match may maybe me mean
    mention might my narrow next note notice of off on once one ones or other otherwise our out overall own
    perhaps picture place point possible possibly potential present presumably probable probably quite rather
    reason reinforce remain resemble rule same say scene see seem seen she should show since so some sort speak
    spot still such suggest support take tell than that the their them then there therefore these they thing
    think this those though through thus to together too toward trait type typical up us use usual view visible
    was way we well were what when where whether which while who whose will with within would yet you your
    exclude conclude conclusion deduce describe characteristic element feel certain uncertain unclear unsure
    often mostly mainly usually can""".split()  # noqa: SIM905
)
"""What a writer needs to join a player's words; no thing that one could see, and nothing that says how many."""
_GLUE_ENDINGS: Final = ("s", "es", "d", "ed", "ing", "ly")
_LONG_GLUE: Final = 4
"""Letters from which glue may have an ending: a ford is not for, a herd not her."""
_NO_GLUE: Final = frozenset(("pointed", "wells", "evening", "evenings", "leaded", "viewing"))
_IMPLIED: Final = {"driv": frozenset(("car", "driver", "vehicl", "traffic", "road", "sid"))}
"""Who says "driving" speaks of these."""
_PRONOUNS: Final = frozenset(
    """it it's that that's this i i'm we we're they you there there's he she""".split()  # noqa: SIM905
)
_CHATTER: Final = frozenset(
    """wait no so but actually sorry okay ok way worries problem doubt idea mind sure bad""".split()  # noqa: SIM905
)
"""What follows a "no", "not" or "never" that denies nothing: "no wait", "no it's", "not sure", "never mind"."""
_DOUBTS: Final = frozenset(
    """maybe perhaps possibly might could guess guessing unsure dunno reckon hedge hedging""".split()  # noqa: SIM905
)
_DOUBTFUL: Final = (("not", "sure"), ("no", "idea"), ("don't", "know"), ("not", "certain"), ("or", "something"))
_COULD: Final = frozenset(("see", "say", "tell", "read"))
"""Who could see it does not doubt it."""
_KEEPS_DOUBT: Final = re.compile(
    r"\b(?:maybe|perhaps|possibl\w+|might|may|could|likely|probabl\w+|suggest\w*|hint\w*|seem\w*|appear\w*|looks?|feels?|"
    r"points?|indicat\w+|uncertain\w*|unclear|unsure|potential\w*|presumabl\w+|or|not (?:sure|certain|clear))\b",
    re.IGNORECASE,
)
_KEEPS_DENIAL: Final = re.compile(
    r"\b(?:exclud\w+|rules?|ruled|ruling|except|instead|rather|lack\w*|absen\w+|avoid\w*|free|missing|unlike|differ\w*|"
    r"than|against|but|unmarked|unpainted|unpaved)\b",
    re.IGNORECASE,
)
_CONTRASTS: Final = re.compile(
    r"\b(?:but|not|first|initial\w*|rather|instead|though|although|however|than|exclud\w+|rule\w*|while|despite)\b",
    re.IGNORECASE,
)
_TAKES_BACK: Final = (
    *(("no", "wait"), ("wait", "no"), ("actually", "no"), ("no", "actually"), ("scratch", "that"), ("never", "mind")),
    *(("i", "mean"), ("or", "rather"), ("no", "sorry"), ("sorry",), ("correction",), ("no", "it's"), ("no", "that's")),
)
_FAR, _NEAR, _COUNTRY = 8, 3, "country"
"""Words around such a remark within which the new word replaces one of its kind; around a bare "no" or "wait"."""
_KINDS: Final = {
    **dict.fromkeys(("left", "right"), "side"),
    **dict.fromkeys(("front", "rear"), "end"),
    **dict.fromkeys(("top", "bottom"), "height"),
    **dict.fromkeys(("north", "south", "east", "west"), "point"),
    **dict.fromkeys(("white", "black", "grey", "silver", "golden", "brown", "red"), "colour"),
    **dict.fromkeys(("blue", "green", "orange", "purple", "pink", "yellow"), "colour"),
}
_ENDINGS: Final = (
    *("ically", "ingly", "edly", "ness", "ical", "ings", "ing", "ies", "ied", "ous", "ish", "ics", "ic", "ed", "es"),
    *("ly", "s", "y", "e"),
)
"""No "er" and no "al": a corner is no corn, a signal no sign."""
_NOT, _MOSTLY = "=not", "=mostly"
_LEAST: Final = 3
"""Letters that are left of a word without its ending."""
_BEFORE: Final = 2
"""Words in front of a quote that may turn it round: "maybe", "no"."""


def adds(text: str, quotes: Sequence[str], said: tuple[Word, ...], *, allow: Sequence[str] = ()) -> tuple[More, ...]:
    """Everything in a sentence that the words behind it do not say; nothing where it says the same or less.

    Args:
        text: the sentence.
        quotes: what it comes from; those that were never said support nothing.
        said: the words of the round.
        allow: further words that a sentence may bring.
    """
    return tuple(dict.fromkeys(_added(text, quotes, said, allow)))


def _added(text: str, quotes: Sequence[str], said: tuple[Word, ...], allow: Sequence[str]) -> Iterator[More]:
    gone, remarks = taken_back(said)
    spans = [place for quote in quotes for place in places_of(quote, said)]
    spoken = {at for place in spans for at in place}
    support = {_form(said[at].text) for at in spoken - gone}
    support |= {form for one in support for form in _IMPLIED.get(one, ())} | {_form(word) for word in allow}
    retracted = {_form(said[at].text) for at in spoken & gone} - support
    written = plain(text)
    words = WORD_PATTERN.findall(written)
    named = _named_anew(words, [said[at].text for at in sorted(spoken - gone)])
    for at, word in enumerate(words):
        form = _form(word)
        if form in support or at in named or _is_glue(word):
            continue
        if form not in retracted:
            yield More(_reason(word, at), word)
        elif not _CONTRASTS.search(written):
            yield More("taken_back", word)
    around = [range(max(0, place.start - _BEFORE), place.stop) for place in spans]
    heard = [[said[at].text for at in place if at not in remarks] for place in around]
    if any(map(_doubts, heard)) and not _KEEPS_DOUBT.search(written):
        yield More("lost_doubt", text)
    keeps = any(_form(word) == _NOT for word in words) or _KEEPS_DENIAL.search(written)
    if any(map(_denies, heard)) and not keeps:
        yield More("lost_denial", text)


@lru_cache(maxsize=64)
def taken_back(said: tuple[Word, ...]) -> tuple[frozenset[int], frozenset[int]]:
    """Positions of words that the player replaced by another of their kind, and of the remarks that say so.

    Kinds are countries, numbers, colours, sides, ends, points of the compass. A country may be replaced from further
    away; of other kinds the last such word before the remark must be one: "red soil, it's Chad, no wait, yellow plates"
    takes no red back.
    """
    texts = [word.text for word in said]
    kinds = _kinds(texts)
    gone: set[int] = set()
    remarks: set[int] = set()
    for at, text in enumerate(texts):
        remark = next((one for one in _TAKES_BACK if tuple(texts[at : at + len(one)]) == one), None)
        if remark is None and text not in ("no", "wait"):
            continue
        after, reach = at + len(remark or (text,)), _FAR if remark else _NEAR
        fresh = {kinds[there] for there in range(after, min(after + reach, len(texts))) if there in kinds}
        before = [there for there in range(max(0, at - reach), at) if there in kinds]
        renewed = {kind for kind, _ in fresh} & {_COUNTRY, *(kinds[there][0] for there in before[-1:])}
        replaced = {there for there in before if kinds[there] not in fresh and kinds[there][0] in renewed}
        gone |= replaced
        remarks |= set(range(at, after)) if replaced else set()
    return frozenset(gone), frozenset(remarks)


def _kinds(texts: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Of the words that can be taken back by another: their kind, and which of it."""
    found: dict[int, tuple[str, str]] = {}
    for length in (1, 2, 3):
        for at in range(len(texts) - length + 1):
            code = named_country(" ".join(texts[at : at + length]))
            if code is not None:
                found |= dict.fromkeys(range(at, at + length), (_COUNTRY, code))
    for at, text in enumerate(texts):
        form = CLAIMS.get(text) or NUMBERS.get(text) or text
        if form in _KINDS or form.isdecimal():
            found[at] = (_KINDS.get(form, "number"), form)
    return found


@lru_cache(maxsize=16_384)
def _form(word: str) -> str:
    """What a word is compared by: the number or, behind a mark, the claim that it is, else what is left of it without
    its endings."""
    small = word.casefold()
    if small.endswith("n't") or small in ("no", "not"):
        return _NOT
    small = small.split("'")[0]
    claim = CLAIMS.get(small)
    return NUMBERS.get(small) or (f"={claim}" if claim else _stem(small))


def _is_glue(word: str) -> bool:
    small, form = word.casefold().split("'")[0], _form(word)
    if (form.startswith("=") and form != _MOSTLY) or small in _NO_GLUE:
        return False
    bare = (small.removesuffix(ending) for ending in _GLUE_ENDINGS if small.endswith(ending))
    return small in _GLUE or any(word in _GLUE and len(word) >= _LONG_GLUE for word in bare)


def _stem(word: str) -> str:
    if not word.isascii():
        return word
    for _ in range(2):
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _LEAST and not word.endswith(("ss", "us")):
                word = word[: -len(ending)]
                break
    return word[:-1] if len(word) > _LEAST and word[-1] == word[-2] else word


def _named_anew(written: Sequence[str], spoken: Sequence[str]) -> set[int]:
    """Positions of a sentence's words that name, in another way, a country that was named: Holland, the UK."""
    names = _names(written)
    known = _codes(spoken) if names else ()
    return {at for place, code in names.items() if code in known for at in place}


def countries_named(text: str) -> set[str]:
    """ISO codes of the countries that a text in the form of `plain` names."""
    return set(_names(WORD_PATTERN.findall(text)).values())


def _names(written: Sequence[str]) -> dict[range, str]:
    """Where countries are named, each name as long as it is: no Guinea in Papua New Guinea, no Mexico in New Mexico."""
    found: dict[range, str] = {}
    taken: set[int] = set()
    for length in (4, 3, 2, 1):
        for at in range(len(written) - length + 1):
            place = range(at, at + length)
            if not taken.isdisjoint(place) or (at and written[at - 1] == "New"):
                continue
            if (code := named_country(" ".join(written[at : at + length]))) is not None:
                found[place] = code
                taken.update(place)
    return found


def _codes(words: Sequence[str]) -> set[str]:
    """Countries that words name, in small letters or not."""
    parts = (words[at : at + length] for length in (1, 2, 3, 4) for at in range(len(words) - length + 1))
    found = {country_code(name) for part in parts if len(name := " ".join(part)) >= _LEAST}
    return {code for code in found if code is not None}


def _reason(word: str, at: int) -> str:
    if any(c.isdecimal() for c in word) or word.casefold() in NUMBERS:
        return "new_number"
    if word.casefold() in CLAIMS:
        return "new_claim"
    capital = not word.islower() and at > 0
    return "new_name" if capital or not word.isascii() or named_country(word) else "new_word"


def _doubts(words: Sequence[str]) -> bool:
    pairs = set(pairwise(words))
    alone = (word for word, following in pairwise((*words, "")) if word != "could" or following not in _COULD)
    return not _DOUBTS.isdisjoint(alone) or not pairs.isdisjoint(_DOUBTFUL)


def _denies(words: Sequence[str]) -> bool:
    """Whether words deny something, beyond the chatter of speech."""
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if _form(word) != _NOT or following in _CHATTER or not following:
            continue
        tag = word.endswith("n't") and following in _PRONOUNS  # "isn't it"
        if not tag and not (word == "no" and following in _PRONOUNS):
            return True
    return False
