"""Rewards of an answer: GLOBE's, and a distance and a consistency of ours. Pure functions of texts and of what is true.

An answer is read as `factory eval` reads it, so that what is rewarded is what is measured. What cannot be read is worth
0, and never counts for an answer. Nothing here asks anybody: what a reward model says is asked in `train.reward_model`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from factory.geo.distance import geoscore, haversine_km
from factory.text import THINK_TAG
from train.evaluate.answer_text import MAX_TEXT
from train.evaluate.predictions import predictions_of
from train.evaluate.reasoning import clue_overlap, entity_recall, mentioned_clues, words

COUNTRY_ALONE: Final = 0.2
"""What the right country is worth without the right city: the paper's 1 - alpha, alpha = 0.8."""
MATCH_RATIO: Final = 0.7
"""Least quotient of the lengths of two names, one of which contains the other; of GLOBE's script."""
TINY: Final = 1e-19
"""In the denominator of P(yes), as in GLOBE's script."""

_SHAPE: Final = re.compile(r"<think>(.*?)</think>\s*<answer>(.*?)</answer>", re.DOTALL)
_TAG: Final = re.compile(r"</?(?:think|answer)>")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a row; None where nothing is."""

    country: str | None = None
    city: str | None = None
    lat: float | None = None
    """Degrees, with `lon`."""
    lon: float | None = None
    entities: tuple[str, ...] = ()
    """Texts of what is known to be visible."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says; None where it does not."""

    text: str
    country: str | None = None
    """Its country, or where it is nothing but one name, that."""
    city: str | None = None
    lat: float | None = None
    """Degrees, with `lon`: as it says them, or of the place that it names."""
    lon: float | None = None
    thought: str = ""
    """The text before the last tag that closes a thought; without one the words around the answer. An answer that is
    nothing else is no thought."""


def read_said(texts: Sequence[str], *, points: bool = False) -> list[Said]:
    """Answers as `factory eval` reads them.

    Args:
        texts: whole answers, reasoning included.
        points: whether places that are named without coordinates are looked up offline; this loads the gazetteer.
    """
    texts = [text[-MAX_TEXT:] for text in texts]
    frame = predictions_of({"id": str(number), "text": text} for number, text in enumerate(texts))
    named: Sequence[Mapping[str, Any]] = [{}] * len(texts)
    if points:
        from train.evaluate.places import named_places

        named = named_places(frame).to_dicts()
    found = []
    for text, row, place in zip(texts, frame.to_dicts(), named, strict=True):
        lat, lon = (row["lat"], row["lon"]) if row["lat"] is not None else (place.get("at_lat"), place.get("at_lon"))
        thought = _before_closing(text)
        thought = str(row["reasoning"] or "") if thought is None else thought
        found.append(Said(text, row["country"] or row["place"], row["city"], lat, lon, thought))
    return found


def _before_closing(text: str) -> str | None:
    closing = [tag for tag in THINK_TAG.finditer(text) if "/" in tag.group()]
    return THINK_TAG.sub("", text[: closing[-1].start()]).strip() if closing else None


def names_match(said: str | None, true: str | None) -> bool:
    """Whether one name contains the other, in small letters, and is at least MATCH_RATIO as long: GLOBE's rule."""
    if not said or not true:
        return False
    ours, theirs = said.lower(), true.lower()
    inside = ours in theirs or theirs in ours
    return inside and min(len(said), len(true)) / max(len(said), len(true)) >= MATCH_RATIO


def accuracy(said: Said, truth: Truth) -> float:
    """1 for the right city in the right country, COUNTRY_ALONE for the country, 0 for anything else.

    A row whose city is not known gives at most COUNTRY_ALONE, as in the script: within its group that is all the same.
    """
    if not names_match(said.country, truth.country):
        return 0.0
    return 1.0 if names_match(said.city, truth.city) else COUNTRY_ALONE


def grounding_recall(said: Said, truth: Truth) -> float:
    """Share of what is known to be visible that the thought names, letter by letter; 0 where nothing is known: the
    reward of GLOBE's script. What is invented costs nothing."""
    share = entity_recall(said.thought, truth.entities)
    return 0.0 if math.isnan(share) else share


def grounding_precision(said: Said, truth: Truth) -> float:
    """Share of what the thought mentions, sentence by sentence, that is known to be visible: the formula of GLOBE's
    paper. 0 for no thought, or where nothing is known."""
    share = clue_overlap(mentioned_clues(said.thought), truth.entities).precision
    return 0.0 if math.isnan(share) else share


def well_formed(said: Said, truth: Truth | None = None) -> float:
    """1 for `<think>…</think>`, white space, `<answer>…</answer>` and nothing else; each of the four tags once (the
    script lets them come again inside, which pays for answering twice)."""
    return float(_SHAPE.fullmatch(said.text) is not None and len(_TAG.findall(said.text)) == 4)


def distance(said: Said, truth: Truth) -> float:
    """exp(-km / 1492.7), the game's score as a share: 1 for the very place, 0 for an answer without one."""
    if said.lat is None or said.lon is None or truth.lat is None or truth.lon is None:
        return 0.0
    return geoscore(haversine_km(said.lat, said.lon, truth.lat, truth.lon)) / geoscore(0.0)


def consistency(said: Said, truth: Truth | None = None) -> float:
    """Share of the answer's country and city that its own thought names, word by word; 0 for an answer that names
    neither. Whether they are right is `accuracy`'s question."""
    thought = f" {' '.join(words(said.thought))} "
    named = [" ".join(words(name)) for name in (said.country, said.city) if name]
    return sum(f" {name} " in thought for name in named if name) / len(named) if named else 0.0


PURE: Final = {
    "accuracy": accuracy,
    "grounding_recall": grounding_recall,
    "grounding_precision": grounding_precision,
    "format": well_formed,
    "distance": distance,
    "consistency": consistency,
}
"""Rewards that need nobody, by the names that weights have."""

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "accuracy": ("country", "city"),
    "grounding_recall": ("entities",),
    "grounding_precision": ("entities",),
    "distance": ("lat", "lon"),
}
"""Columns of released rows that a reward compares with."""


def truth_of(row: Mapping[str, Any]) -> Truth:
    """What is true of a released row. `entities` may be texts or objects with `text`."""
    entities = row.get("entities") or ()
    texts = (one.get("text") if isinstance(one, Mapping) else one for one in entities)
    return Truth(
        row.get("country"),
        row.get("city"),
        row.get("lat"),
        row.get("lon"),
        tuple(text for text in texts if isinstance(text, str) and text.strip()),
    )


def p_yes(first_token: Iterable[tuple[str, float]]) -> float | None:
    """P(yes) / (P(yes) + P(no)) of the first token's likeliest ones; None where neither word is among them.

    Args:
        first_token: tokens with their natural logarithms of probability; letters' case and blanks around do not count.
    """
    shares = {"yes": 0.0, "no": 0.0}
    for token, logprob in first_token:
        if (word := token.strip().lower()) in shares:
            shares[word] += math.exp(min(logprob, 0.0))
    both = shares["yes"] + shares["no"]
    return shares["yes"] / (both + TINY) if both > 0 else None
