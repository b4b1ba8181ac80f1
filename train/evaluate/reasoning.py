"""Whether reasoning is like the reference's, names what is there, and names nothing that is not.

ROUGE compares words; precision and recall of clues compare what is said to be seen with what is known to be visible, in
both directions: GLOBE's published script measures the recall of known entities, its paper the share of mentioned ones
that are visible. Flags are found by rules alone and are hints of hallucinations, to be looked at or judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from factory.geo.names import country_code
from factory.text import tidy
from train.evaluate.scores import Metric

MAX_WORDS: Final = 4_000
"""Words of a text that are compared; a page has 500."""
MATCH: Final = 0.6
"""Share of the shorter text's content words that two clues have in common when they are one; ours, unpublished."""
FLAGS: Final = ("other_country", "no_true_country", "unknown_quote", "unseen_clues")

_WORD: Final = re.compile(r"[^\W_]+")
_SENTENCE: Final = re.compile(r"[.!?。！？;\n]+")
_QUOTE: Final = re.compile(r"\"([^\"\n]{2,60})\"|“([^”\n]{2,60})”|«([^»\n]{2,60})»|「([^」\n]{1,60})」")
_NAME: Final = re.compile(r"\b[A-Z][\w'’.-]*(?:[ ](?:of|the|and|[A-Z][\w'’.-]*)){0,3}")
_COMMON: Final = frozenset(
    word
    for line in (
        "a an and are as at be by can could for from has have in is it its likely may of on or some suggest suggests",
        "that the their there these this those to visible was were which with",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much two texts share, 0 to 1."""

    precision: float
    """Of the candidate."""
    recall: float
    """Of the reference."""

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def words(text: str) -> list[str]:
    """The words of a text in small letters, of any script; without stemming."""
    return _WORD.findall(text.lower())[:MAX_WORDS]


def rouge_n(candidate: Sequence[str], reference: Sequence[str], n: int) -> Overlap:
    """ROUGE-N of words (Lin 2004): n-grams that both have, as often as both have them."""
    ours, theirs = (Counter(zip(*(text[at:] for at in range(n)), strict=False)) for text in (candidate, reference))
    return _shared(sum((ours & theirs).values()), sum(ours.values()), sum(theirs.values()))


def rouge_l(candidate: Sequence[str], reference: Sequence[str]) -> Overlap:
    """ROUGE-L of words: the longest common subsequence of the whole texts, as the `rougeL` of the usual package."""
    return _shared(_common_subsequence(candidate, reference), len(candidate), len(reference))


def _shared(common: int, ours: int, theirs: int) -> Overlap:
    return Overlap(common / ours if ours else 0.0, common / theirs if theirs else 0.0)


def _common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, by the bit-parallel way of Hyyrö 2004: linear in the words of `second`."""
    at: dict[str, int] = {}
    for position, word in enumerate(first):
        at[word] = at.get(word, 0) | 1 << position
    whole = (1 << len(first)) - 1
    row = whole
    for word in second:
        matched = row & at.get(word, 0)
        row = ((row + matched) | (row - matched)) & whole
    return len(first) - row.bit_count()


def entity_recall(reasoning: str, known: Sequence[str]) -> float:
    """Share of distinct known texts, in small letters, that stand in the reasoning as they are: the reward of GLOBE's
    published script. NaN without any (the script: 0)."""
    texts = {text.lower() for text in known if text.strip()}
    said = reasoning.lower()
    return sum(text in said for text in texts) / len(texts) if texts else float("nan")


def clue_overlap(mentioned: Sequence[str], known: Sequence[str]) -> Overlap:
    """Precision: share of mentioned clues that are known to be visible; recall: share of known ones that are mentioned.
    Two texts are one clue where they share `MATCH` of the shorter one's content words. NaN of nothing."""
    ours, theirs = ([content for text in texts if (content := _content(text))] for texts in (mentioned, known))
    return Overlap(
        sum(any(_alike(a, b) for b in theirs) for a in ours) / len(ours) if ours else float("nan"),
        sum(any(_alike(a, b) for a in ours) for b in theirs) / len(theirs) if theirs else float("nan"),
    )


def mentioned_clues(reasoning: str) -> list[str]:
    """The sentences of a reasoning, each for what it says to be seen."""
    return [part.strip() for part in _SENTENCE.split(reasoning) if len(words(part)) > 1]


def flags(reasoning: str, known: Sequence[str], country: str | None, said_country: str | None) -> frozenset[str]:
    """Hints of hallucinations, of `FLAGS`.

    other_country: it names countries, and the one of its own answer is not among them.
    no_true_country: it names countries, and the true one is not among them.
    unknown_quote: it quotes a text that stands in no known clue; only where clues are known.
    unseen_clues: none of what it mentions is known to be visible; only where clues are known.

    Args:
        country, said_country: names or codes of the true country and of the answer's; None where not known.
    """
    found = set()
    named = countries_named(reasoning)
    truth, said = (country_code(name) for name in (country, said_country))
    if named and said is not None and said not in named:
        found.add("other_country")
    if named and truth is not None and truth not in named:
        found.add("no_true_country")
    if known:
        seen = " ".join(words(" ".join(known)))
        quotes = [" ".join(words("".join(match.groups("")))) for match in _QUOTE.finditer(reasoning)]
        if any(quote and quote not in seen for quote in quotes):
            found.add("unknown_quote")
        if clue_overlap(mentioned_clues(reasoning), known).precision == 0:
            found.add("unseen_clues")
    return frozenset(found)


def countries_named(text: str) -> frozenset[str]:
    """Codes of countries that a text names by a name with a capital letter; adjectives ("Finnish") name none."""
    found = set()
    for match in _NAME.finditer(tidy(text, 20_000)):
        parts = match.group().rstrip(".").split(" ")
        for start in range(len(parts)):
            for stop in range(len(parts), start, -1):
                name = " ".join(parts[start:stop]).rstrip(".,'’").removesuffix("'s").removesuffix("’s")
                if len(name) > 3 and (code := country_code(name)) is not None:
                    found.add(code)
    return frozenset(found)


def reasoning_metrics(rows: pl.DataFrame) -> tuple[Metric, ...]:
    """The table's lines on reasoning, over rows that have a reference or known clues; a row without reasoning counts as
    empty words, never as absent.

    Args:
        rows: reference, clues, reasoning, country, said_country, of `scores.measure`.
    """
    columns: dict[str, list[float]] = {}
    for row in rows.iter_rows(named=True):
        for name, value in _measures(row).items():
            columns.setdefault(name, []).append(value)
    lines = (Metric(name, "%", np.array(values)) for name, values in columns.items())
    return tuple(one for one in lines if one.n)


def _measures(row: Mapping[str, object]) -> dict[str, float]:
    nothing = float("nan")
    said, reference = str(row["reasoning"] or ""), row["reference"]
    clues = row["clues"]
    known = [str(clue) for clue in clues] if isinstance(clues, list) else []
    found = dict.fromkeys(("ROUGE-1 F1", "ROUGE-2 F1", "ROUGE-L F1"), nothing)
    if isinstance(reference, str):
        ours, theirs = words(said), words(reference)
        found["ROUGE-1 F1"] = rouge_n(ours, theirs, 1).f1
        found["ROUGE-2 F1"] = rouge_n(ours, theirs, 2).f1
        found["ROUGE-L F1"] = rouge_l(ours, theirs).f1
    overlap = clue_overlap(mentioned_clues(said), known)
    empty = 0.0 if known else nothing
    found["clue precision"] = (overlap.precision if said else empty) if known else nothing
    found["clue recall"] = overlap.recall if known else nothing
    found["entities named"] = entity_recall(said, known)
    country, said_country = row["country"], row["said_country"]
    raised = flags(
        said,
        known,
        country if isinstance(country, str) else None,
        said_country if isinstance(said_country, str) else None,
    )
    asked = {
        "other_country": isinstance(said_country, str),
        "no_true_country": isinstance(country, str),
        "unknown_quote": bool(known),
        "unseen_clues": bool(known),
    }
    for flag in FLAGS:
        found[f"flag: {flag}"] = float(flag in raised) if said and asked[flag] else nothing
    return found


def _content(text: str) -> frozenset[str]:
    return frozenset(words(text)) - _COMMON


def _alike(first: frozenset[str], second: frozenset[str]) -> bool:
    return len(first & second) >= MATCH * min(len(first), len(second))
