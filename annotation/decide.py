"""From what people said to what they decided: a pure function of annotations, the recipe's rule and what is there now.

An annotation is about a picture and about an answer. What it says of the picture (where it is, what to blur, that
nobody could place it) holds as long as the picture is the same; what it says of text and clues as long as the answer
is. A lead's word decides the verdict; what reviewers agreed of place, text and clues stays, unless the lead says so.
Everything fails closed: a flag without its remedy turns a vote against the row, a tie takes it out until the lead
decides, and a privacy box of a single person is blurred.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from annotation.heard import Content, Heard, heard_of
from annotation.privacy import private_boxes, withheld
from annotation.words import (
    AS_SHOWN,
    KEEPS,
    LEAD,
    NOWHERE,
    Annotation,
    drops,
    is_empty_fix,
    last_words,
    places,
    side_of,
    vote_of,
    words_of_place,
)
from factory.store.decided import DROPPED, WITHHELD
from schemas.settings import ReviewSettings

TIED: Final = "tied"
"""The rule of a row that waits for the lead."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where somebody says a photo was taken, WGS84 degrees, and how far that may be off."""

    lat: float
    lon: float
    uncertainty_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What deciding needs of the world, handed in so that it stays a pure function."""

    place: Callable[[str], Point | None]
    """The point of a typed name; None where the gazetteer does not know it."""
    km: Callable[[Point, Point], float]
    """Kilometres between two points."""
    pseudonym: Callable[[str], str]
    """What somebody is called outside of `review/`."""


def decisions(
    annotations: Iterable[Annotation],
    contents: Mapping[str, Content],
    rule: ReviewSettings,
    tools: Tools,
    *,
    loses: bool = True,
) -> list[dict[str, Any]]:
    """Rows of `schemas.arrow.REVIEWS`, one a sample that people looked at, or whose picture they did, sorted by id.

    `decision` is accept, reject, `review` where people differ and the lead is asked, or null where too few have looked
    and only something of the picture is known; a sample of which nothing is known yet has no row.

    Args:
        annotations: of any build; those that were taken back count for nothing.
        contents: of every sample that may be decided; annotations of others are left out.
        rule: the recipe's.
        loses: whether a part that people call wrong can leave a row of the family; else who calls one wrong speaks
            against the row.
    """
    heard = heard_of(annotations, contents)
    rows = (_decided(name, heard[name], contents[name], rule, tools, loses=loses) for name in sorted(heard))
    return [row for row in rows if row is not None]


def looks(annotations: Iterable[Annotation], contents: Mapping[str, Content]) -> dict[str, int]:
    """How many reviewers have looked at each sample as it is now, with a vote or without."""
    heard = heard_of(annotations, contents)
    return {name: len(_Looks.of(name, one.ones, contents[name], loses=True).asked) for name, one in heard.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    """The annotations of one sample that count, oldest first, one a person."""

    asked: Sequence[Annotation]
    """Those of reviewers about what stands there now, also without a vote."""
    said: Sequence[tuple[Annotation, str]]
    """Their votes."""
    lead: tuple[Annotation, str] | None
    """The lead's last word about it, where that is a vote."""
    placing: Sequence[Annotation]
    """Who says where the picture is, whatever answer was shown with it: the lead alone, where the lead speaks of it."""

    @classmethod
    def of(cls, name: str, ones: Sequence[Annotation], content: Content, *, loses: bool) -> _Looks:
        theirs = [one for one in ones if one["slot"] != LEAD]
        leading = [one for one in ones if one["slot"] == LEAD and one["verdict"] is not None]
        asked = last_words(one for one in theirs if _is_about(one, name, content))
        final = _voting([one for one in leading if _is_about(one, name, content)][-1:], loses=loses)
        of_lead = [one for one in words_of_place(leading, loses=loses) if places(one)][-1:]
        return cls(
            asked=asked,
            said=_voting(asked, loses=loses),
            lead=final[0] if final else None,
            placing=of_lead or words_of_place(theirs, loses=loses),
        )

    @property
    def votes(self) -> Sequence[tuple[Annotation, str]]:
        """Those that decide: the lead's alone, where there is one."""
        return self.said if self.lead is None else [self.lead]


def _voting(ones: Iterable[Annotation], *, loses: bool) -> list[tuple[Annotation, str]]:
    return [(one, vote) for one in ones if (vote := vote_of(one, loses=loses)) is not None]


def _is_about(one: Annotation, name: str, content: Content) -> bool:
    """Whether it is about what stands there now; that nobody could place the picture holds for every answer, and for
    every sample that has it."""
    return one["verdict"] == NOWHERE or (one["id"] == name and tuple(one["keys"]) in content.keys)


def _decided(
    name: str, heard: Heard, content: Content, rule: ReviewSettings, tools: Tools, *, loses: bool
) -> dict[str, Any] | None:
    looks = _Looks.of(name, heard.ones, content, loses=loses)
    votes, by_lead = looks.votes, looks.lead is not None
    everybody = by_lead or len(looks.asked) >= rule.overlap
    outcome = _outcome([said for _, said in votes], rule, looks)
    moved, misplaced = _moved(looks.placing, rule, tools)
    boxes, note = private_boxes(heard.marks), None
    overruled = by_lead and not _is_of_lead(looks.placing)
    if side_of(outcome) == "keep" and misplaced and not overruled:
        outcome, everybody, note = None, True, "people say that the place is wrong, and not where it is"
    private = withheld(heard.marks)
    if private is not None and side_of(outcome) in (None, "keep"):
        outcome, everybody, note = None, True, private
    if outcome == "reject" and any(one["verdict"] in KEEPS and drops(one, loses=loses) for one, _ in votes):
        note = "a part of it is called wrong, and rows of this family can lose none"
    if outcome is None and not everybody and moved is None and not boxes:
        return None
    by = [one for one, said in votes if outcome is None or side_of(said) == side_of(outcome)]
    by = by or list(heard.told)
    keys = next((list(one["keys"]) for one, said in reversed(votes) if one in by), [])
    tied = outcome is None and everybody
    ruled = LEAD if by_lead else rule.rule
    text, clues = _edits(looks, keys) if side_of(outcome) == "keep" else (None, [])
    return {
        "id": name,
        "decision": _DECISIONS[side_of(outcome)] if outcome else "review" if tied else None,
        "verdict": outcome,
        "by": list(dict.fromkeys(tools.pseudonym(one["reviewer"]) for one in by)),
        "at": max(one["updated_at"] for one in by),
        "rule": TIED if tied else f"{ruled} ({len(by)} of {max(len(votes), len(by))})",
        "note": note or (_split(votes, looks.asked) if tied else None),
        "flags": sorted(
            {*(flag for one in heard.told for flag in one["flags"]), *([] if private is None else [WITHHELD])}
        ),
        "images": list(content.images),
        "keys": keys,
        "lat": None if moved is None else moved.lat,
        "lon": None if moved is None else moved.lon,
        "uncertainty_km": None if moved is None else moved.uncertainty_km,
        "text": text,
        "clues": clues,
        "boxes": boxes,
        "taken_from": next((one["taken_from"] for one in by if one["taken_from"] is not None), None),
    }


_DECISIONS: Final[Mapping[str | None, str]] = {"keep": "accept", "reject": "reject", NOWHERE: "reject"}


def _needed(rule: ReviewSettings, looked: int) -> int:
    """Votes for one side that decide: more than half of those asked, or as many as the recipe says."""
    return rule.agree if rule.rule == "agree" else max(rule.overlap, looked) // 2 + 1


def _outcome(votes: Sequence[str], rule: ReviewSettings, looks: _Looks) -> str | None:
    """The verdict that the rule gives; None where it gives none yet. Fix wins over accept within their side: who found
    a fault saw more than who found none."""
    if rule.rule == LEAD and looks.lead is None:
        return None
    needed = 1 if looks.lead is not None else _needed(rule, len(looks.asked))
    met = [side for side, count in Counter(map(side_of, votes)).items() if count >= needed]
    if len(met) != 1:
        return None
    if met[0] != "keep":
        return met[0]
    return "fix" if "fix" in votes else "accept"


def _split(votes: Sequence[tuple[Annotation, str]], asked: Sequence[Annotation]) -> str:
    """Why the lead is asked, in a line."""
    counted = Counter(said for _, said in votes)
    told = [f"{count} {said}" for said, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]
    voted = [one for one, _ in votes]
    left = [one for one in asked if one not in voted]
    empty = sum(is_empty_fix(one) and "unsure" not in one["flags"] for one in left)
    told += [f"{empty} fix without an edit"] if empty else []
    told += [f"{len(left) - empty} without a vote"] if len(left) > empty else []
    return ", ".join(told)


def _is_of_lead(looked: Sequence[Annotation]) -> bool:
    return any(one["slot"] == LEAD for one in looked)


def _moved(looked: Sequence[Annotation], rule: ReviewSettings, tools: Tools) -> tuple[Point | None, bool]:
    """The corrected truth, and whether people say that it is wrong without agreeing on another.

    It is the one of the points given that is nearest to the others; its uncertainty reaches all that agree with it.
    """
    needed = 1 if _is_of_lead(looked) else _needed(rule, len(looked))
    wrong = [one for one in looked if "truth_wrong" in one["flags"] or one["lat"] is not None or one["place"]]
    points = [point for one in wrong if (point := _point(one, tools)) is not None]
    near = [[other for other in points if tools.km(point, other) <= rule.within_km] for point in points]
    order = sorted(range(len(points)), key=lambda at: (-len(near[at]), _spread(points[at], near[at], tools)))
    if not order or len(near[order[0]]) < needed:
        return None, len(wrong) >= needed
    best, others = points[order[0]], near[order[0]]
    spread = max(tools.km(best, other) for other in others)
    return Point(best.lat, best.lon, round(max(spread, best.uncertainty_km), 3)), False


def _spread(point: Point, others: Sequence[Point], tools: Tools) -> float:
    return sum(tools.km(point, other) for other in others)


def _point(one: Annotation, tools: Tools) -> Point | None:
    """Where somebody puts a photo: by the coordinates, else by the name."""
    if one["lat"] is not None and one["lon"] is not None:
        return Point(one["lat"], one["lon"], 0.0)
    return tools.place(one["place"]) if one["place"] else None


def _edits(looks: _Looks, keys: Sequence[str]) -> tuple[str | None, list[dict[str, Any]]]:
    """Text and clues of a row that is kept, as those want it who keep it and read the answer that is kept. What the
    lead says of either stands before what reviewers say."""
    lead = [] if looks.lead is None else [looks.lead[0]]
    as_shown = any(AS_SHOWN in one["flags"] for one in lead)
    keeping = [one for one, said in looks.said if side_of(said) == "keep" and not as_shown]
    theirs, ours = ([one for one in ones if list(one["keys"]) == list(keys)] for ones in (keeping, lead))
    judged = {clue["index"]: clue for clue in (*_clues(theirs), *_clues(ours))}
    return _text(ours) or _text(theirs), [judged[index] for index in sorted(judged)]


def _text(keepers: Sequence[Annotation]) -> str | None:
    """The rewritten text that most wrote word by word; of as many, the first."""
    texts = [one["reasoning"] for one in keepers if one["reasoning"]]
    counted = Counter(texts)
    return max(texts, key=lambda text: (counted[text], -texts.index(text)), default=None)


def _clues(keepers: Sequence[Annotation]) -> list[dict[str, Any]]:
    """What most say of each clue, of those who said something of it; where as many drop it as keep it, it goes."""
    said: dict[int, list[str]] = {}
    for one in keepers:
        for clue in one["clues"]:
            said.setdefault(clue["index"], []).append(clue["judgement"])
    judged = []
    for index, words in sorted(said.items()):
        against = [word for word in words if word in DROPPED]
        ours = against if 2 * len(against) >= len(words) else [word for word in words if word not in DROPPED]
        counted = Counter(ours)
        judged.append({"index": index, "judgement": max(sorted(counted), key=lambda word: counted[word])})
    return judged
