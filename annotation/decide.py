"""From what people said to what they decided: a pure function of annotations, the recipe's rule and what is there now.

An annotation is about a picture and about an answer. What it says of the picture (where it is, what to blur, that
nobody could place it) holds as long as the picture is the same; what it says of text and clues as long as the answer
is.
Everything fails closed: a flag without its remedy turns a vote against the row, a tie takes it out until the lead
decides, and a privacy box of a single person is blurred.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from factory.store.decided import DROPPED
from schemas.settings import ReviewSettings

Annotation = Mapping[str, Any]
"""A row of `schemas.arrow.ANNOTATIONS`."""

LEAD: Final = "lead"
"""The slot of who breaks ties."""
KEEPS: Final = ("accept", "fix")
NOWHERE: Final = "not_localizable"
TIED: Final = "tied"
"""The rule of a row that waits for the lead."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a sample shows now."""

    images: tuple[str, ...]
    """sha256 of its pictures."""
    keys: frozenset[tuple[str, ...]]
    """Ledger keys of each of its answers."""


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
    """Rows of `schemas.arrow.REVIEWS`, one a sample that people looked at, sorted by id.

    `decision` is accept, reject, `review` where people differ and the lead is asked, or null where too few have looked
    and only something of the picture is known; a sample of which nothing is known yet has no row.

    Args:
        annotations: of any build; those that were taken back count for nothing.
        contents: of every sample that may be decided; annotations of others are left out.
        rule: the recipe's.
        loses: whether a part that people call wrong can leave a row of the family; else who calls one wrong speaks
            against the row.
    """
    by_sample: dict[str, list[Annotation]] = {}
    for one in annotations:
        content = contents.get(one["id"])
        if not one["deleted"] and content is not None and tuple(one["images"]) == content.images:
            by_sample.setdefault(one["id"], []).append(one)
    rows = (_decided(ones, contents[name], rule, tools, loses=loses) for name, ones in sorted(by_sample.items()))
    return [row for row in rows if row is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    """The annotations of one sample that count, oldest first, one a person."""

    asked: Sequence[Annotation]
    """Those of reviewers about what stands there now, also without a vote."""
    voters: Sequence[Annotation]
    """Whose votes count: the lead's alone, where there is one."""
    of_picture: Sequence[Annotation]
    """Who says where the picture is, whatever answer was shown with it."""
    by_lead: bool

    @classmethod
    def of(cls, ones: Sequence[Annotation], content: Content) -> _Looks:
        said = [one for one in ones if not one["skipped"] and one["verdict"] is not None]
        lead = [one for one in said if one["slot"] == LEAD]
        final = [one for one in lead if _counts(one, content)][-1:]
        asked = _newest(one for one in ones if one["slot"] != LEAD and _counts(one, content))
        sure = [one for one in asked if one in said and "unsure" not in one["flags"]]
        of_picture = lead[-1:] or _newest(one for one in said if "unsure" not in one["flags"])
        return cls(asked=asked, voters=final or sure, of_picture=of_picture, by_lead=bool(final))


def _decided(
    ones: Sequence[Annotation], content: Content, rule: ReviewSettings, tools: Tools, *, loses: bool
) -> dict[str, Any] | None:
    ones = sorted(ones, key=lambda one: (one["updated_at"], one["annotation"]))
    looks = _Looks.of(ones, content)
    votes = [(one, _vote(one, loses=loses)) for one in looks.voters]
    everybody = looks.by_lead or len(looks.asked) >= rule.overlap
    outcome = _outcome([said for _, said in votes], rule, looks)
    moved, misplaced = _moved(looks.of_picture, rule, tools)
    boxes, note = _privacy(ones), None
    if side_of(outcome) == "keep" and misplaced:
        outcome, everybody, note = None, True, "people say that the place is wrong, and not where it is"
    if not boxes and not looks.by_lead and any("privacy" in one["flags"] for one in ones):
        outcome, everybody, note = None, True, "flagged for privacy, and nobody drew what to blur"
    if outcome == "reject" and any(one["verdict"] in KEEPS and _drops(one, loses=loses) for one, _ in votes):
        note = "a part of it is called wrong, and rows of this family can lose none"
    if outcome is None and not everybody and moved is None and not boxes:
        return None
    by = [one for one, said in votes if outcome is None or side_of(said) == side_of(outcome)] or list(ones)
    kept = by if side_of(outcome) == "keep" else []
    tied = outcome is None and everybody
    name = LEAD if looks.by_lead else rule.rule
    return {
        "id": ones[0]["id"],
        "decision": _DECISIONS[side_of(outcome)] if outcome else "review" if tied else None,
        "verdict": outcome,
        "by": list(dict.fromkeys(tools.pseudonym(one["reviewer"]) for one in by)),
        "at": max(one["updated_at"] for one in by),
        "rule": TIED if tied else f"{name} ({len(by)} of {max(len(votes), len(by))})",
        "note": note or (_split(votes, looks.asked) if tied else None),
        "flags": sorted({flag for one in ones for flag in one["flags"]}),
        "images": list(content.images),
        "keys": list(next((one["keys"] for one in reversed(looks.voters)), ())),
        "lat": None if moved is None else moved.lat,
        "lon": None if moved is None else moved.lon,
        "uncertainty_km": None if moved is None else moved.uncertainty_km,
        "text": _text(kept),
        "clues": _clues(kept),
        "boxes": boxes,
        "taken_from": next((one["taken_from"] for one in by if one["taken_from"] is not None), None),
    }


_DECISIONS: Final[Mapping[str | None, str]] = {"keep": "accept", "reject": "reject", NOWHERE: "reject"}


def _newest(ones: Iterable[Annotation]) -> list[Annotation]:
    """The last word of each person."""
    return list({one["reviewer"]: one for one in ones}.values())


def _counts(one: Annotation, content: Content) -> bool:
    """Whether it is about what stands there now; that nobody could place the picture holds for every answer."""
    return tuple(one["keys"]) in content.keys or one["verdict"] == NOWHERE


def _needed(rule: ReviewSettings, looked: int) -> int:
    """Votes for one side that decide: more than half of those asked, or as many as the recipe says."""
    return rule.agree if rule.rule == "agree" else max(rule.overlap, looked) // 2 + 1


def _drops(one: Annotation, *, loses: bool) -> bool:
    """Whether somebody calls a part wrong that cannot leave the row."""
    return not loses and any(clue["judgement"] in DROPPED for clue in one["clues"])


def _vote(one: Annotation, *, loses: bool) -> str:
    """What an annotation says of the row. A flag that names a fault and leaves it there speaks against the row, and so
    does a part that is called wrong and cannot leave."""
    verdict: str = one["verdict"]
    placed = one["lat"] is not None or one["place"] is not None
    if verdict in KEEPS and "leaks_answer" in one["flags"] and one["reasoning"] is None:
        return "reject"
    if verdict in KEEPS and "truth_wrong" in one["flags"] and not placed:
        return "reject"
    if verdict in KEEPS and _drops(one, loses=loses):
        return "reject"
    return verdict


def side_of(said: str | None) -> str | None:
    """What a verdict comes to: `keep`, or against the row."""
    return "keep" if said in KEEPS else said


def _outcome(votes: Sequence[str], rule: ReviewSettings, looks: _Looks) -> str | None:
    """The verdict that the rule gives; None where it gives none yet. Fix wins over accept within their side: who found
    a fault saw more than who found none."""
    if rule.rule == LEAD and not looks.by_lead:
        return None
    needed = 1 if looks.by_lead else _needed(rule, len(looks.asked))
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
    left = len(asked) - len(votes)
    return ", ".join([*told, *([f"{left} without a vote"] if left > 0 else [])])


def _moved(looked: Sequence[Annotation], rule: ReviewSettings, tools: Tools) -> tuple[Point | None, bool]:
    """The corrected truth, and whether people say that it is wrong without agreeing on another.

    It is the one of the points given that is nearest to the others; its uncertainty reaches all that agree with it.
    """
    needed = 1 if any(one["slot"] == LEAD for one in looked) else _needed(rule, len(looked))
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


def _privacy(ones: Sequence[Annotation]) -> list[dict[str, Any]]:
    """Everything that anybody wants blurred, once each."""
    boxes = [dict(box) for one in ones for box in one["boxes"] if box["kind"] == "privacy"]
    unique = {tuple(box.values()): box for box in boxes}
    return [unique[key] for key in sorted(unique)]


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
