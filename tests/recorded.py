"""Recorded answers of two teachers with the truth beside them, judged by the checks' defaults."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from factory.generators.parse import parse_answer
from factory.geo import haversine_km, reverse
from factory.plugins.contracts import Generator
from factory.plugins.registry import plugin
from factory.verify import near_truth, rules
from factory.verify.judge import Judge, decide, examine
from factory.verify.locate import locate, place_queries, resolve
from schemas import Answered, Case, GeoAnswer, ImageRef, Sample, Verdict
from schemas.rows.messages import message
from schemas.rows.mp16_reason import ROW

BLIND = ("localizable", "teachers_agree", "grounded", "no_leak")
"""The default checks that never look at the truth."""
SAME_PLACE_KM = 50.0
"""Within twice the radius of the default tier, two photos may truly share their answer."""


def cases(table: Path, recordings: Sequence[Path], *, author: str | None = None) -> dict[str, Case]:
    """Every sample of a table with its answers, as a build's parser and plan make them.

    Args:
        author: the column of whom samples belong to; none is looked at without.
    """
    given = [_answers(path) for path in recordings]
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row["id"] in answers for answers in given)]
    labels = reverse([float(row["lat"]) for row in rows], [float(row["lon"]) for row in rows])
    places = resolve(place_queries(answered for answers in given for answered in answers.values()))
    found: dict[str, Case] = {}
    for row, label in zip(rows, labels.iter_rows(named=True), strict=True):
        sample = Sample(
            id=row["id"],
            images=(ImageRef(locator=row["file"]),),
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            uncertainty_km=float(row["coord_uncertainty_km"]),
            country_code=label["country_code"],
            region=label["region"],
            city=label["city"],
            author=row[author] if author else None,
            scene=row.get("coord_source"),
        )
        found[sample.id] = Case(
            sample=sample, answers=locate(sample, [answers[sample.id] for answers in given], places)
        )
    return found


def _answers(path: Path) -> Mapping[str, Answered]:
    found = {}
    with path.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            place = parse_answer(row["raw"] if "raw" in row else json.dumps(row["response"]), "stop")
            failure = None if isinstance(place, GeoAnswer) else place.kind
            found[row["id"]] = Answered(
                teacher=path.stem,
                model=path.stem,
                keys=(row["id"],),
                place=place if isinstance(place, GeoAnswer) else None,
                failure=failure,
            )
    return found


SAID: Final = (message("user", None, "Where is this?"), message("assistant", "There."))
"""A sound conversation about one picture: the gate behind the rules asks for one."""


def verdict(case: Case, checks: Sequence[str]) -> Verdict:
    """What the named checks and the rules, all by their defaults, decide; the gates of a row stand behind them."""
    generator = Generator(
        name="any",
        version="1",
        row=ROW,
        states_place="near_truth" in checks,
        record=lambda _case: ({"messages": SAID},),
    )
    judge = Judge(
        generator=generator,
        checks=tuple((name, plugin("check", name).settings()) for name in checks),
        decider=rules(review_abstained=("teachers_agree",)),
        decider_name="rules",
    )
    decided = decide(case, examine(case, judge), judge, None).verdict
    assert decided is not None
    return decided


def is_right(case: Case) -> bool:
    """Whether every teacher's coordinates lie within 25 km and the uncertainty of the truth."""
    return near_truth(case, place="coordinates", doubt_from=None).outcome == "pass"


def swapped(given: Mapping[str, Case]) -> Iterator[tuple[Case, float]]:
    """Every photo with the second teacher's answer about every other photo, and the km between the two."""
    for one in given.values():
        for other in given.values():
            if one is not other:
                away = haversine_km(one.sample.lat, one.sample.lon, other.sample.lat, other.sample.lon)
                yield Case(sample=one.sample, answers=(one.answers[0], other.answers[1])), away
