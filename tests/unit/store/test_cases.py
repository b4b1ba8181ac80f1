"""What a shard learnt and what was decided, written and read back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import CorruptBuild
from factory.store.cases import (
    NO_EVIDENCE,
    AnsweredSample,
    answered_sample,
    answers_table,
    may_pass,
    nothing_to_check,
    read_answers,
    read_cases,
    sample_frame,
    stored_photos,
    verdicts_table,
)
from factory.store.layout import BuildPaths
from factory.store.tables import write_table
from schemas import (
    Answered,
    Case,
    CheckResult,
    Clue,
    Evidence,
    Finding,
    GeoAnswer,
    ImageRef,
    LocatedAnswer,
    Photo,
    Sample,
    Verdict,
    arrow,
)

TEXT = st.text(max_size=12)
REAL = st.floats(allow_nan=False, allow_infinity=False)
FLOAT32 = st.floats(allow_nan=False, allow_infinity=False, width=32)
SLUG = st.sampled_from(["refused", "not_json", "exhausted"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | REAL | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PLACES = st.builds(
    GeoAnswer,
    localizable=st.booleans(),
    confidence=st.none() | st.floats(0, 1),
    scene=st.none() | TEXT,
    clues=st.lists(st.builds(Clue, kind=TEXT, text=TEXT, supports=TEXT), max_size=3).map(tuple),
    reasoning=TEXT,
    country=st.none() | TEXT,
    region=st.none() | TEXT,
    city=st.none() | TEXT,
    lat=st.none() | st.floats(-90, 90),
    lon=st.none() | st.floats(-180, 180),
)
ANSWERS = st.builds(
    Answered,
    teacher=TEXT,
    model=TEXT,
    draw=st.integers(0, 99),
    keys=st.lists(TEXT, max_size=3).map(tuple),
    place=st.none() | PLACES,
    values=st.dictionaries(TEXT, JSON, max_size=3),
    saw_truth=st.sampled_from(["none", "country", "place"]),
    combined=st.booleans(),
    failure=st.none() | SLUG,
    detail=TEXT,
)
FINDINGS = st.builds(
    Finding,
    kind=TEXT,
    text=TEXT,
    lat=st.none() | REAL,
    lon=st.none() | REAL,
    score=st.none() | st.floats(0, 1),
    box=st.none() | st.tuples(REAL, REAL, REAL, REAL),
)
EVIDENCE = st.builds(
    Evidence,
    source=TEXT,
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    vectors=st.dictionaries(TEXT, st.lists(FLOAT32, min_size=1, max_size=4).map(tuple), max_size=3),
)
PHOTOS = st.builds(
    Photo,
    role=TEXT,
    sha256=st.none() | TEXT,
    phash=st.none() | st.integers(0, 2**64 - 1),
    width=st.none() | st.integers(0, 2**31 - 1),
    height=st.none() | st.integers(0, 2**31 - 1),
    bytes=st.none() | st.integers(0, 2**40),
    refused=st.none() | SLUG,
    detail=TEXT,
    source_bytes=st.none() | st.integers(0, 2**40),
    source_mtime_ns=st.none() | st.integers(0, 2**63 - 1),
)
ANSWERED = st.builds(
    AnsweredSample,
    photos=st.lists(PHOTOS, max_size=3).map(tuple),
    answers=st.lists(ANSWERS, max_size=3).map(tuple),
    evidence=st.lists(EVIDENCE, max_size=2).map(tuple),
)


@settings(max_examples=40)
@given(st.lists(ANSWERED, max_size=3))
def test_answers_evidence_and_photos_come_back_as_they_were(found: list[AnsweredSample]) -> None:
    table = answers_table([f"s{number}" for number in range(len(found))], found)
    assert table.schema == arrow.ANSWERS
    assert [answered_sample(row) for row in table.to_pylist()] == found


@settings(max_examples=40)
@given(ANSWERED)
def test_what_was_learnt_is_the_same_bytes_every_time(found: AnsweredSample) -> None:
    shuffled = tuple(replace(one, values=dict(reversed(list(one.values.items())))) for one in found.answers)
    assert answers_table(["s"], [found]).equals(answers_table(["s"], [replace(found, answers=shuffled)]))


SAMPLE = Sample(
    id="s0",
    images=(ImageRef(role="ground", locator="g.jpg"), ImageRef(role="map", locator="m.jpg", lat=1.5, embed=False)),
    texts={"transcript": "a tram bell"},
    lat=55.79,
    lon=49.12,
)


def planned(root: Path, *samples: Sample) -> BuildPaths:
    paths = BuildPaths(root)
    rows = [
        {
            **{name: getattr(sample, name) for name in arrow.PLAN.names[5:]},
            "shard": 0,
            "position": position,
            "id": sample.id,
            "images": [
                {name: getattr(image, name) for name in ("role", "locator", "lat", "lon", "metres_per_pixel", "embed")}
                for image in sample.images
            ],
            "texts": [{"name": name, "text": text} for name, text in sample.texts.items()],
        }
        for position, sample in enumerate(samples)
    ]
    paths.shard(0).root.mkdir(parents=True)
    write_table(pa.Table.from_pylist(rows, schema=arrow.PLAN), paths.plan)
    return paths


FOUND = AnsweredSample(
    photos=(Photo(role="ground", sha256="0" * 64, phash=2**64 - 1), Photo(role="map", sha256="1" * 64)),
    answers=(
        Answered(teacher="a", model="m", keys=("k1", "k2"), values={"sure": 9}, saw_truth="country"),
        Answered(teacher="j", model="m", combined=True, place=GeoAnswer(localizable=True, lat=1.0, lon=2.0)),
    ),
    evidence=(Evidence(source="ocr", findings=(Finding(kind="text", text="КАЗАНЬ", box=(0.0, 1.0, 2.0, 3.0)),)),),
)


def test_a_shard_is_read_back_with_its_plan(tmp_path: Path) -> None:
    paths = planned(tmp_path, SAMPLE)
    write_table(answers_table(["s0"], [FOUND]), paths.shard(0).answers)
    assert read_answers(paths, 0) == [(SAMPLE, FOUND)]
    assert stored_photos(paths.shard(0).answers) == {"s0": FOUND.photos}


def test_a_shard_as_a_table_has_its_own_rows_of_the_plan_and_the_photos(tmp_path: Path) -> None:
    paths = planned(tmp_path, SAMPLE, replace(SAMPLE, id="s1"))
    write_table(answers_table(["s0", "s1"], [FOUND, AnsweredSample()]), paths.shard(0).answers)
    rows = pq.read_table(paths.plan, schema=arrow.PLAN, partitioning=None).to_pylist()
    write_table(pa.Table.from_pylist([*rows, {**rows[0], "id": "t0", "shard": 1}], schema=arrow.PLAN), paths.plan)
    frame = sample_frame(paths, 0)
    assert frame.columns == [*arrow.PLAN.names, "photos"]
    assert (frame["id"].to_list(), frame["photos"].list.len().to_list()) == (["s0", "s1"], [2, 0])
    write_table(answers_table(["s1", "s0"], [FOUND, FOUND]), paths.shard(0).answers)
    with pytest.raises(CorruptBuild, match=r"answers\.parquet: its samples are not those that are planned for shard 0"):
        sample_frame(paths, 0)


def test_answers_of_other_samples_are_refused(tmp_path: Path) -> None:
    paths = planned(tmp_path, SAMPLE)
    write_table(answers_table(["other"], [FOUND]), paths.shard(0).answers)
    with pytest.raises(CorruptBuild, match=r"answers\.parquet: its samples are not those that are planned for shard 0"):
        read_answers(paths, 0)


@pytest.mark.parametrize(("field", "value"), [("values", "{"), ("place", {"clues": [{"odd": 1}]})])
def test_values_that_no_answer_can_have_are_damage(field: str, value: Any) -> None:
    (row,) = answers_table(["s0"], [FOUND]).to_pylist()
    row["answers"][0][field] = value
    if field == "values":
        with pytest.raises(CorruptBuild, match="stored answers of sample 's0' are damaged"):
            answered_sample(row)
    else:
        row["photos"][0]["odd"] = 1
        with pytest.raises(CorruptBuild, match="stored answers of sample 's0' are damaged"):
            answered_sample(row)


def test_a_finished_case_comes_back_with_its_verdict(tmp_path: Path) -> None:
    paths = planned(tmp_path, SAMPLE)
    write_table(answers_table(["s0"], [FOUND]), paths.shard(0).answers)
    first, combined = FOUND.answers
    check = CheckResult(check="near_truth", outcome="fail", reason="too_far", score=3.25, threshold=1.0, detail="far")
    case = Case(
        sample=SAMPLE,
        answers=(LocatedAnswer(answered=first, country_code="RU", country_correct=True, distance_km=3.25, near=False),),
        combined=LocatedAnswer(answered=combined, named_lat=1.0, named_lon=2.0, named_level="city"),
        evidence=FOUND.evidence,
        photos=FOUND.photos,
        verdict=Verdict(
            decision="reject", reasons=("near_truth:too_far",), checks=(check,), unreleasable="nothing_to_release"
        ),
    )
    table = verdicts_table(["s0"], [case])
    assert table.schema == arrow.VERDICTS
    write_table(table, paths.shard(0).verdicts)
    assert list(read_cases(paths, 0)) == [case]
    located = table.to_pylist()[0]["located"]
    assert [(one["teacher"], one["combined"], one["lat"]) for one in located] == [("a", False, None), ("j", True, 1.0)]


def test_distances_are_kept_to_the_millimetre(tmp_path: Path) -> None:
    answer = LocatedAnswer(answered=FOUND.answers[0], distance_km=1.23456789)
    verdict = Verdict(decision="accept", reasons=(), checks=())
    (row,) = verdicts_table(["s0"], [Case(sample=SAMPLE, answers=(answer,), verdict=verdict)]).to_pylist()
    assert row["located"][0]["distance_km"] == 1.234568


def test_what_cannot_be_judged_says_why() -> None:
    fine, failed = Answered(teacher="a", model="m"), Answered(teacher="b", model="m", failure="refused")
    photo, cut = Photo(sha256="0"), Photo(role="map", sha256=None, refused="truncated")
    assert nothing_to_check(AnsweredSample(photos=(photo, cut), answers=(fine,)), asked=True) == ("images:truncated",)
    assert nothing_to_check(AnsweredSample(photos=(photo,)), asked=True) == ("teachers:no_answer",)
    assert nothing_to_check(AnsweredSample(photos=(photo,)), asked=False) == ()
    assert nothing_to_check(AnsweredSample(answers=(failed, replace(failed, draw=1))), asked=True) == (
        "teachers:refused",
    )
    assert nothing_to_check(AnsweredSample(answers=(fine, failed)), asked=True) == ()
    assert nothing_to_check(AnsweredSample(answers=(failed, replace(fine, combined=True))), asked=True) == (
        "teachers:refused",
    )


def test_a_sample_without_the_evidence_it_needs_says_whose_is_missing() -> None:
    fine = Answered(teacher="a", model="m")
    silent = Evidence(source="ocr", findings=(Finding(kind=NO_EVIDENCE, text="refused: no"),))
    found = AnsweredSample(answers=(fine,), evidence=(silent, Evidence(source="signs")))
    assert nothing_to_check(found, asked=True) == ("witness:ocr",)


def test_every_answer_that_an_endpoint_was_away_for_may_be_asked_again() -> None:
    fine, away = Answered(teacher="a", model="m"), Answered(teacher="b", model="m", failure="exhausted")
    gone, cut = Photo(role="a", sha256=None, refused="file_missing"), Photo(role="b", sha256=None, refused="truncated")
    assert may_pass(AnsweredSample(answers=(fine, away, replace(away, combined=True)))) == ("teachers:exhausted",)
    assert may_pass(AnsweredSample(photos=(gone, cut))) == ("images:file_missing",)
    assert may_pass(AnsweredSample(answers=(fine, replace(away, failure="refused")))) == ()


def test_plain_values_are_stored_as_json_and_nothing_as_null() -> None:
    rows = answers_table(["s0"], [FOUND]).to_pylist()[0]["answers"]
    assert json.loads(rows[0]["values"]) == {"sure": 9}
    assert rows[1]["values"] is None
