"""Two releases' texts compared by people: what is paired, who stands left, what comes back; played from recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from annotation.annotations import Refused, read_rating
from annotation.client import Client
from annotation.connection import Login
from annotation.controls import COMMENT, CRITERIA, SIDES
from annotation.pairs import drawn, is_swapped, outcome_table, send, sent_pairs, told_table
from annotation.screens.config import TAKEN
from annotation.screens.pairs import PairScreen
from annotation.screens.wording import LANGUAGES
from factory.cli.review_pairs import compare, fact_of, open_side, pairs, text_of, why_not
from factory.errors import RecipeError
from factory.store.tables import read_table
from schemas.pairs import RATINGS
from tests.pair_releases import MOVED, SAME, two_releases
from tests.screen_cases import ATTACK
from tests.studio import choice, words
from tests.studio_recorded import PAIRS, pair_session, played, rated

LOGIN = Login(url="http://127.0.0.1:1", key="no key is asked for", source="a recording")
TASK = {"task": 1, "project": 1, "external": "a:1", "id": "a", "slot": "1"}

RAW = {"id": 1, "completed_by": 3, "updated_at": "2026-11-30T08:00:00Z", "lead_time": 1.0}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return two_releases(tmp_path_factory.mktemp("pairs"))


def every_row(side: Path) -> dict[str, Any]:
    release = open_side(side)
    return {row["id"]: row for split in release.splits for row in release.rows(split)}


def test_rows_of_one_picture_that_differ_are_paired_and_the_others_have_a_reason(releases: tuple[Path, Path]) -> None:
    found = compare(*releases)
    ours, theirs = map(every_row, releases)
    assert found.left_out["with the same text"] == 1 and found.left_out["with another picture"] == 1
    assert {*found.ids} == (ours.keys() & theirs.keys()) - {SAME, MOVED}
    assert len(found.ids) + sum(found.left_out.values()) == len(ours.keys() | theirs.keys())
    made = list(pairs(found, most=2, seed=0, truth="True place"))
    assert sorted(pair.id for pair in made) == drawn(found.ids, 2, 0)
    for pair in made:
        assert (pair.first, pair.jpeg) == (ours[pair.id]["response"], ours[pair.id]["images"][0]["bytes"])
        assert pair.second == theirs[pair.id]["response"]
        assert pair.place is not None and pair.place.lat == ours[pair.id]["lat"]
    assert all(pair.place is None for pair in pairs(found, most=2, seed=0, truth=None))


def test_pictures_are_told_apart_by_their_bytes_where_not_both_sides_tell_of_their_files() -> None:
    one, other = ({"response": word, "images": [{"bytes": b"jpeg"}]} for word in "ab")
    told, untold = fact_of({**one, "image_sha256": "1" * 64}, "response"), fact_of(other, "response")
    assert why_not(told, untold) is None
    assert why_not(told, fact_of({**other, "images": [{"bytes": b"gepj"}]}, "response")) == "with another picture"
    assert why_not(told, fact_of({**other, "image_sha256": "2" * 64}, "response")) == "with another picture"
    assert why_not(told, fact_of({**other, "images": []}, "response")) == "without a picture"


def test_what_is_no_release_and_two_that_say_the_same_are_named(releases: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=rf"{tmp_path}: no release"):
        compare(tmp_path, releases[1])
    with pytest.raises(RecipeError, match=r"no two rows can be compared \(\d+ with the same text\)"):
        compare(releases[0], releases[0])


def test_without_a_common_response_what_the_messages_say_is_compared() -> None:
    turns = [
        ("system", "Be brief."),
        ("user", "Where?"),
        ("assistant", "There."),
        ("user", "Why?"),
        ("assistant", "So."),
    ]
    messages = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
    assert text_of({"messages": messages[:3]}, "messages") == "There."
    assert text_of({"messages": messages}, "messages") == "Where?\n\nThere.\n\nWhy?\n\nSo."
    assert text_of({"response": "Because.", "messages": messages}, "response") == "Because."
    strange = [
        None,
        {"role": "assistant", "content": [None, {"type": "text", "text": None}]},
        {"role": "user", "content": None},
    ]
    assert [text_of({"messages": odd}, "messages") for odd in (None, [], strange)] == ["", "", ""]


def test_no_side_is_favoured_and_a_seed_gives_the_same_sides_again() -> None:
    names = [f"p{number}:{slot}" for number in range(1000) for slot in (1, 2)]
    sides = [is_swapped(7, name) for name in names]
    assert 900 < sum(sides) < 1100
    assert sides == [is_swapped(7, name) for name in names] != [is_swapped(8, name) for name in names]


def test_more_pairs_keep_those_that_were_drawn_before() -> None:
    ids = [f"p{number}" for number in range(50)]
    assert {*drawn(ids, 10, 0)} < {*drawn(reversed(ids), 20, 0)} < {*drawn(ids, 60, 0)} == {*ids}


def test_a_recorded_session_is_played_back_and_counts_for_the_first_release(tmp_path: Path) -> None:
    with played(json.loads(PAIRS.read_text())) as left:
        files, sent, (first, again) = pair_session(tmp_path / "pairs", LOGIN, lambda what, tasks: None)
        with pytest.raises(RecipeError, match="holds 'pairs 1 2', not 'pairs 1 3'; name another folder with --out"):
            send(files, Client(LOGIN), [], PairScreen(), title="pairs 1 3", reviewers=2, seed=0)
    assert left == [] and sent == [(4, 0), (0, 4)]
    turned = {row["external"]: row["swapped"] for row in sent_pairs(files)}
    assert turned == {name: is_swapped(0, name) for name in ("p0:1", "p0:2", "p1:1", "p1:2")}
    lost, won = {False: "lose", True: "win"}, {False: "win", True: "lose"}
    said = {row["external"]: row for row in first.ratings.iter_rows(named=True)}
    assert [said["p0:1"][name] for name in CRITERIA] == [won[turned["p0:1"]]] * 4
    assert [said["p0:2"][name] for name in CRITERIA] == ["tie", *[lost[turned["p0:2"]]] * 3]
    assert said["p1:2"]["skipped"] and said["p1:2"]["fluency"] is None
    assert [row["reason"] for row in first.refused] == ["fluency: 'better' is none of left, equal, right"]
    assert again.refused == [] and sorted(again.ratings["external"]) == ["p0:1", "p0:2", "p1:1"]
    assert read_table(files.ratings, RATINGS).equals(again.ratings)
    table = {row["criterion"]: row for row in outcome_table(again.ratings).iter_rows(named=True)}
    assert table["fluency"]["tie"] == pytest.approx(1 / 3) and table["accuracy"]["tie"] == 0
    assert list(table) == list(CRITERIA)


def test_the_table_takes_the_last_word_of_each_person() -> None:
    rows = [("ann", "p", "win", 1), ("ann", "p", "lose", 2), ("ben", "p", "win", 1), ("ann", "q", "win", 1)]
    made = [
        {
            **{field.name: None for field in RATINGS},
            **{"annotation": number, "id": pair, "reviewer": who, "skipped": False, "updated_at": f"2026-11-3{at}"},
            **dict.fromkeys(CRITERIA, value),
        }
        for number, (who, pair, value, at) in enumerate(rows)
    ]
    table = outcome_table(pl.DataFrame(made, schema=pl.Schema(RATINGS)))
    assert table["ratings"].to_list() == [3] * 4
    assert table.select("win", "tie", "lose").row(0) == (pytest.approx(2 / 3), 0.0, pytest.approx(1 / 3))
    head, line, *_ = told_table(table)
    assert head.split()[:5] == ["criterion", "ratings", "win", "tie", "lose"]
    assert line.split()[:2] == ["fluency", "3"] and "66.7 %" in line


def test_who_skips_a_pair_in_the_end_says_nothing_of_it() -> None:
    rated_one = {"annotation": 1, "id": "p", "reviewer": "ann", "updated_at": "1", **dict.fromkeys(CRITERIA, "win")}
    skipped = {"annotation": 2, "id": "p", "reviewer": "ann", "updated_at": "2", "skipped": True}
    empty = {field.name: None for field in RATINGS}
    rows = [{**empty, "skipped": False, **rated_one}, {**empty, **skipped}]
    assert outcome_table(pl.DataFrame(rows, schema=pl.Schema(RATINGS)))["ratings"].to_list() == [0] * 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_screen_asks_what_is_read_with_keys_that_do_not_collide(language: str) -> None:
    parts = [*ElementTree.fromstring(PairScreen(language).config).iter()]
    asking = {part.attrib["name"]: part for part in parts if "toName" in part.attrib}
    assert set(asking) == {*CRITERIA, COMMENT}
    keys = [part.attrib["hotkey"] for part in parts if "hotkey" in part.attrib]
    assert len(keys) == len({*keys}) == 12 and not TAKEN & {*keys}
    for name in CRITERIA:
        assert [part.attrib["alias"] for part in asking[name]] == [*SIDES]
        assert asking[name].get("required") == "true" and not [one for one in asking[name] if one.get("selected")]
    results = [*rated("left"), words(COMMENT, "close")]
    assert read_rating({**RAW, "result": results}, TASK, {3: "ann"})["accuracy"] == "left"


def test_foreign_texts_stay_texts_and_tell_no_release() -> None:
    data = PairScreen().data("/data/upload/1/a.jpg", ATTACK, "fine", None)
    assert data == {"image": "/data/upload/1/a.jpg", "map": data["map"], "left_text": ATTACK, "right_text": "fine"}
    assert "<svg" not in data["map"]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (rated("left")[:3], "accuracy: nothing was chosen"),
        ([*rated("left"), choice("fluency", "right")], "fluency: is given twice"),
        ([*rated("left"), choice("verdict", "accept")], "'verdict' is no control of the screen"),
        ([choice("fluency", "left", "right")], "fluency: 2 choices, expected one"),
    ],
)
def test_what_cannot_count_is_refused_with_its_reason(results: list[dict[str, object]], said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_rating({**RAW, "result": results}, TASK, {3: "ann"})
