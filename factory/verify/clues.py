"""Clues compared by their words: what two descriptions of one photo have in common.

Two teachers never phrase a clue alike, so each clue is reduced to weighted words and clues are matched softly, each
to its best partner. That is cheap (tens of microseconds a photo), deterministic and needs no model; it cannot know
that a `lorry` is a `truck`. Where that matters, give the clue texts vectors (`Evidence.vectors`) and the same
matching runs on cosines.

Weights: numbers and quoted text (what a sign says) 2.0, names in capitals 1.5, words 1.0, and words that fit every
other photo (colours, sizes, positions) 0.5. Diacritics are kept everywhere: on a sign they are evidence. Scripts
written without spaces are cut into pairs of characters. These weights are ours, chosen by hand and checked on
recorded answers of two teachers; no paper publishes any.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from math import isfinite, sqrt
from operator import itemgetter
from typing import NamedTuple

from factory.verify.word_cache import Remembered
from schemas.answer import MAX_CLUES

Vectors = Mapping[str, tuple[float, ...]]
Matrix = tuple[tuple[float, ...], ...]

MAX_CHARACTERS = 8_000
"""Of one text; the rest is ignored. Teacher text is foreign input, and a clue is a line, not a book."""

_WEIGHT = itemgetter(1)
_NUMBER, _QUOTED, _NAME, _WORD, _COMMON = 2.0, 2.0, 1.5, 1.0, 0.5

_STOP_WORDS = """
    a an the of in on at by to from with without and or but nor as is are was were be been being it its this that
    these those there here some any no not none very quite rather into onto over under above below behind beside
    between near next along across around through up down out off for than then so such which who whose what where
    when while both each every other another more most few several many one ones like likely seem seems seen visible
    appears appear looks look showing shown shows has have had having do does can could may might would will
"""
_COMMONPLACE_WORDS = """
    white black grey gray red green blue yellow brown orange pink purple pale dark bright light deep clear soft dull
    large small big little tall low high long short wide narrow broad old new modern typical distant background
    foreground left right front back side top bottom middle centre center single pair row rows group line lines area
    part view scene photo picture image style type form shape colour color sky cloud cloudy sunny day building house
    tree wall road street water hill stone people person car
"""
_STOP, _COMMONPLACE = frozenset(_STOP_WORDS.split()), frozenset(_COMMONPLACE_WORDS.split())
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_QUOTES = re.compile(
    r"\"([^\"]{1,200})\"|“([^”“]{1,200})[”“]|„([^“”„]{1,200})[“”]|«([^«»]{1,200})»|「([^「」]{1,200})」"
)
_DENIED = re.compile(r"[ \n](?:[Nn](?:o|ot|or|either|ever|othing)|[Ww]ithout|absence of|lack of|lacks)\b[^.;:!?\n]*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Words(NamedTuple):
    """A text as weighted words. `total` is the sum of the weights."""

    weights: Mapping[str, float]
    total: float


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1]


def _weigh(chunk: str) -> list[tuple[str, float]]:
    """The comparable forms of what stands between two spaces, with their weights; empty for a stop word."""
    forms: list[tuple[str, float]] = []
    for word in _WORDS.findall(chunk):
        folded = unicodedata.normalize("NFKC", word).casefold().replace("’", "'").removesuffix("'s")
        if _UNSPACED.search(folded):
            forms += [(folded[i : i + 2], _NAME) for i in range(max(1, len(folded) - 1))]
        elif any(character.isdigit() for character in folded):
            forms.append((folded, _NUMBER))
        elif folded not in _STOP and (len(folded) > 1 or not folded.isascii()):
            stem = _singular(folded)
            common = stem in _COMMONPLACE or folded in _COMMONPLACE
            forms.append((stem, _COMMON if common else _NAME if word[0].isupper() else _WORD))
    return forms


_WEIGHED = Remembered(_weigh)


@lru_cache(maxsize=512)
def words(text: str) -> Words:
    """The weighted words of a text. A word's weight is that of its weightiest occurrence.

    Cached: several checks ask for the same texts of one case right after each other.
    """
    text = text[:MAX_CHARACTERS]
    forms = list(chain.from_iterable(map(_WEIGHED.__getitem__, text.split())))
    for groups in _QUOTES.findall(text):
        forms += [(form, max(weight, _QUOTED)) for form, weight in _weigh("".join(groups))]
    weights = dict(forms)
    if len(weights) < len(forms):
        weights = dict(sorted(forms, key=_WEIGHT))
    return Words(weights, sum(weights.values()))


@lru_cache(maxsize=512)
def affirmed(text: str) -> Mapping[str, float]:
    """The words of running text without what it denies: `no plate is visible` mentions no plate. Keys matter only."""
    kept = _DENIED.sub(" ", " " + text[:MAX_CHARACTERS])
    return dict(chain.from_iterable(map(_WEIGHED.__getitem__, kept.split())))


def similarity(a: Words, b: Words) -> float:
    """Shared weight over the smaller text's weight: symmetric, in [0, 1], 1 when one text holds the other.

    Dividing by the smaller side keeps a terse teacher from being punished for not saying more.
    """
    # Weights are multiples of a half, so their sum is exact in any order, also in that of a set.
    left, right = a.weights, b.weights
    both = left.keys() & right.keys()
    if not both:
        return 0.0
    shared = sum([min(left[word], right[word]) for word in both])
    return shared / min(a.total, b.total)


def containment(part: Words, whole: Mapping[str, float]) -> float:
    """The share of `part`'s weight whose words stand in `whole`, in [0, 1]."""
    both = part.weights.keys() & whole.keys()
    return sum([part.weights[word] for word in both]) / part.total if both else 0.0


@lru_cache(maxsize=64)
def similarities(a: tuple[str, ...], b: tuple[str, ...]) -> Matrix:
    """`similarity` of every text of `a` (rows) with every text of `b`, cached for the checks of one case."""
    if b < a:
        return tuple(zip(*similarities(b, a), strict=True)) or ((),) * len(a)
    columns = [words(text) for text in b]
    return tuple([tuple([similarity(row, column) for column in columns]) for row in map(words, a)])


def alike(a: str, b: str, apart_from: str = "") -> float | None:
    """`similarity` of two texts without the words of a third; None when nothing is left of either."""
    ignored = words(apart_from).weights.keys()
    left, right = (_without(words(text), ignored) for text in (a, b))
    return similarity(left, right) if left.total and right.total else None


def _without(text: Words, ignored: Collection[str]) -> Words:
    kept = {word: weight for word, weight in text.weights.items() if word not in ignored}
    return Words(kept, sum(kept.values()))


def said(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts that hold at least one word, at most `MAX_CLUES` of them."""
    return tuple([text for text in texts[:MAX_CLUES] if words(text).total])


def overlap(a: Sequence[str], b: Sequence[str]) -> float | None:
    """How far two clue lists describe the same things: symmetric, in [0, 1]; None when either says nothing.

    Each clue takes its most similar partner in the other list (two clues may share one, since one teacher splits what
    the other joins). The mean over each list, weighted by how much a clue says, is taken in both directions and
    averaged, so that order and length of the lists do not matter.
    """
    left, right = said(a), said(b)
    if not left or not right:
        return None
    return _best_match_mean(
        similarities(left, right), [words(text).total for text in left], [words(text).total for text in right]
    )


def vector_overlap(a: Sequence[str], b: Sequence[str], vectors: Vectors) -> float | None:
    """`overlap` on the cosines of embedded clue texts, each clue weighing the same.

    Negative cosines count as 0. None when a list is empty, a text has no usable vector or the lengths differ.
    """
    left = [vectors.get(text) for text in a[:MAX_CLUES]]
    right = [vectors.get(text) for text in b[:MAX_CLUES]]
    units_left = [unit for vector in left if vector is not None and (unit := _unit(vector))]
    units_right = [unit for vector in right if vector is not None and (unit := _unit(vector))]
    if not left or not right or len(units_left) < len(left) or len(units_right) < len(right):
        return None
    if len({len(unit) for unit in (*units_left, *units_right)}) != 1:
        return None
    matrix = tuple(
        tuple(min(1.0, max(0.0, sum(x * y for x, y in zip(one, other, strict=True)))) for other in units_right)
        for one in units_left
    )
    return _best_match_mean(matrix, [1.0] * len(left), [1.0] * len(right))


def _unit(vector: Sequence[float]) -> tuple[float, ...]:
    norm = sqrt(sum(value * value for value in vector))
    return tuple(value / norm for value in vector) if norm > 0.0 and isfinite(norm) else ()


def _best_match_mean(matrix: Matrix, left: Sequence[float], right: Sequence[float]) -> float:
    """The weighted mean of row maxima and of column maxima, averaged."""
    columns: Matrix = tuple(zip(*matrix, strict=True))
    forth = sum([weight * max(row) for weight, row in zip(left, matrix, strict=True)]) / sum(left)
    back = sum([weight * max(column) for weight, column in zip(right, columns, strict=True)]) / sum(right)
    return min(1.0, (forth + back) / 2.0)
