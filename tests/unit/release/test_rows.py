"""Which rows come out of a build, whoever makes them."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import orjson
import polars as pl
import pytest

from factory.errors import CorruptBuild, PluginFault
from factory.plugins.contracts import Generator
from factory.store.layout import Build
from release.answers import all_answers
from release.at_once import Block
from release.rows import Released, build_generator, release_order, released_rows
from schemas import Answered, Case, LocatedAnswer, Sample
from tests.build_fixture import change_plan, draw_jpeg, make_build
from tests.unit.release.families import PAIRS, QUIZ, QUIZ_AT_ONCE, Rows, pair, quiz, quiz_at_once


def released(build: Build, generator: Generator | None = None, licence: str | None = None) -> list[Released]:
    found = list(released_rows(build, release_order(build), generator or build_generator(build), licence))
    return [one for one in found if isinstance(one, Released)]


def blocks(build: Build, generator: Generator, licence: str | None = None) -> list[Block]:
    found = list(released_rows(build, release_order(build), generator, licence))
    return [one for one in found if isinstance(one, Block)]


def test_kept_samples_become_rows_in_plan_order(tmp_path: Path) -> None:
    found = released(make_build(tmp_path / "b", 8))
    assert [(one.id, one.split) for one in found] == [
        ("s000", "train"),
        ("s001", "train"),
        ("s002", "test"),
        ("s006", "train"),
    ]
    assert [row.values["id"] for one in found for row in one.rows] == ["s000", "s001", "s002", "s006"]
    assert found[0].rows[0].values["split"] == "train"
    assert found[3].jpegs == (draw_jpeg(6),)
    assert found[0].answered_by == (("first", "recorded-first"), ("second", "recorded-second"))


def test_the_recipes_licence_holds_for_rows_that_state_none(tmp_path: Path) -> None:
    build = change_plan(make_build(tmp_path / "b", 8), licence=pl.lit(None, pl.String))
    assert released(build, licence="CC0-1.0")[0].rows[0].values["licence"] == "CC0-1.0"
    _, rows = blocks(build, QUIZ_AT_ONCE, licence="CC0-1.0")[0].splits[0]
    assert rows["messages"][0][1]["content"][0]["text"] == "CC0-1.0"


def test_a_stated_licence_stands(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    assert released(build, licence="CC0-1.0")[0].rows[0].values["licence"] == "CC BY 4.0"
    _, rows = blocks(build, QUIZ_AT_ONCE, licence="CC0-1.0")[0].splits[0]
    assert rows["messages"][0][1]["content"][0]["text"] == "CC BY 4.0"


def test_a_kept_row_that_the_family_does_not_make_stops_the_release(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    with pytest.raises(CorruptBuild, match="'s000' is kept but"):
        released(build, replace(QUIZ, record=lambda case: ()))
    with pytest.raises(CorruptBuild, match="'s001' is kept but"):
        released(build, replace(QUIZ_AT_ONCE, records=lambda frame: quiz_at_once(frame.head(1))))


def test_a_kept_row_without_an_image_stops_the_release(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    build.paths.shard(0).images.write_bytes(bytes(10240))
    with pytest.raises(CorruptBuild, match=r"images\.tar: differs from what was written; delete it and report\.json"):
        released(build)
    assert released(build, QUIZ)


def test_a_sample_that_the_plan_has_not_stops_the_release(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    build.__dict__["selection"] = build.selection.with_columns(id=pl.lit("other"))
    for generator in (QUIZ, QUIZ_AT_ONCE):
        with pytest.raises(CorruptBuild, match=r"selection\.parquet: names 'other' of shard 0"):
            released(build, generator)


def test_pictures_come_in_the_familys_order_and_only_those_that_may(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8, roles=("satellite", "map", "ground"))
    assert released(build, PAIRS)[0].jpegs == (draw_jpeg(200), draw_jpeg(0))
    element = pl.element().struct.with_fields(embed=pl.element().struct.field("role") == "ground")
    build = change_plan(build, images=pl.col("images").list.eval(element))
    assert released(build, PAIRS)[0].jpegs == (draw_jpeg(200),)


def test_several_rows_of_a_sample_share_its_split(tmp_path: Path) -> None:
    found = released(make_build(tmp_path / "b", 8), QUIZ)[2]
    assert [row.values["id"] for row in found.rows] == ["s002", "s002/2", "s002/3"]
    assert [row.values["split"] for row in found.rows] == ["test"] * 3
    assert found.jpegs == ()


def test_rows_made_at_once_belong_to_the_samples_they_name(tmp_path: Path) -> None:
    def twice(frame: pl.DataFrame) -> pl.DataFrame:
        rows = quiz_at_once(frame)
        return pl.concat([pl.concat([row, row.with_columns(pl.col("id") + "/2")]) for row in rows.iter_slices(1)])

    found, _ = blocks(make_build(tmp_path / "b", 8), replace(QUIZ_AT_ONCE, records=twice))
    splits = dict(found.splits)
    assert splits["train"]["id"].to_list() == ["s000", "s000/2", "s001", "s001/2"]
    assert splits["test"]["id"].to_list() == ["s002", "s002/2"]
    assert found.rows.to_list() == [2, 2, 2]


def test_a_family_sees_the_photos_facts_of_rows_it_makes_at_once(tmp_path: Path) -> None:
    seen: list[str] = []

    def look(frame: pl.DataFrame) -> pl.DataFrame:
        seen.extend(photo["role"] for photos in frame["photos"] for photo in photos)
        return quiz_at_once(frame)

    released(make_build(tmp_path / "b", 4, roles=("ground", "map")), replace(QUIZ_AT_ONCE, records=look))
    assert seen == ["ground", "map"] * 2


def test_what_a_family_makes_is_held_to_its_schema(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")

    def changed(**change: object) -> Generator:
        def record(case: Case) -> Rows:
            return [{**row, **change} for row in quiz(case)[:1]]

        return replace(QUIZ, record=record)

    for change, said in (
        ({"level": "low"}, "level: expected int, found 'low'"),
        ({"extra": 1}, "other columns than its schema: extra"),
        ({"id": "x"}, "is called 'x', expected 's000'"),
        ({"messages": [{"role": "user", "content": [], "name": "x"}]}, "messages: has a field 'name'"),
        ({"saw_truth": "\ud800"}, "sample 's000'"),
    ):
        with pytest.raises(PluginFault, match=said):
            released(build, changed(**change))


def test_a_family_that_raises_is_named_with_the_sample(tmp_path: Path) -> None:
    def record(case: Case) -> Rows:
        raise KeyError("answer")

    with pytest.raises(PluginFault, match=r"`quiz` raised at sample 's000': KeyError\('answer'\)"):
        released(make_build(tmp_path / "b"), replace(QUIZ, record=record))
    with pytest.raises(PluginFault, match="neither `record` nor `records`"):
        released(make_build(tmp_path / "b"), replace(QUIZ, record=None))


def test_a_row_cannot_take_another_samples_id(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 4)
    other = pl.when(pl.col("id") == "s001").then(pl.lit("s000/2")).otherwise("id").alias("id")
    build.__dict__["selection"] = build.selection.with_columns(other)
    with pytest.raises(CorruptBuild, match="'s000' has a row 's000/2', which is another sample's id"):
        released(build, QUIZ)


def test_a_recipe_of_an_unknown_family_is_named(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    lock = build.paths.recipe_lock.read_text(encoding="utf-8")
    build.paths.recipe_lock.write_text(lock.replace("{name: mp16_reason, answer: nearest}", "{name: other}"))
    with pytest.raises(CorruptBuild, match=r"recipe\.lock\.yaml: its generator cannot be opened .*unknown generator"):
        build_generator(build)


def test_one_picture_of_two_is_seen_by_nobody_else(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 2, roles=("ground", "satellite"))
    (one, two) = released(build, replace(PAIRS, record=pair))
    assert one.jpegs == (draw_jpeg(0), draw_jpeg(100)) and two.jpegs == (draw_jpeg(1), draw_jpeg(101))


def test_a_row_carries_what_every_teacher_answered_right_or_wrong(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    (row,) = released(build)[0].rows
    first, second = row.values["answers"]
    assert (first["teacher"], second["teacher"]) == ("first", "second")
    assert (first["model"], first["draw"], first["saw_truth"], first["failure"]) == ("recorded-first", 0, "none", "")
    assert second["distance_km"] == 1.1 and second["lat"] == pytest.approx(51.3497)
    assert first["reasoning"].startswith("first: Sign reads <script>") and first["reasoning"] != second["reasoning"]
    assert orjson.loads(first["more"])["clues"][1]["text"] == "grey road number 0"
    assert row.values["response"] in {first["reasoning"].strip(), second["reasoning"].strip()}
    assert first["requests"] + second["requests"] == row.values["requests"]


def test_an_answer_that_failed_is_among_them_with_the_reason() -> None:
    failed = LocatedAnswer(answered=Answered(teacher="b", model="m", draw=1, failure="refused", keys=("k",)))
    combined = LocatedAnswer(answered=Answered(teacher="j", model="m", combined=True, values={"b": 1, "a": [2]}))
    case = Case(sample=Sample(id="s", lat=0.0, lon=0.0), answers=(failed,), combined=combined)
    one, other = all_answers(case)
    assert (one["failure"], one["draw"], one["reasoning"], one["more"], one["requests"]) == (
        "refused",
        1,
        "",
        "",
        ["k"],
    )
    assert (other["combined"], other["more"], other["failure"]) == (True, '{"a":[2],"b":1}', "")


def test_every_family_that_asks_has_them() -> None:
    for name in ("mp16_reason", "mg_geo_clue", "mg_geo_dialog", "naviclues"):
        assert "answers" in import_module(f"schemas.rows.{name}").ROW.json_keys, name
