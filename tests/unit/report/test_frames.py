from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import CorruptBuild
from factory.report.frames import ANSWERED, PENDING, country_label, dropped, ledger_totals, read_frames
from factory.store.layout import Build, BuildPaths
from factory.store.tables import write_table
from schemas import arrow
from tests.build_fixture import make_build
from tests.rich_build import Rows, edit, make_rich_build


def test_every_planned_sample_has_one_row_with_its_decision(tmp_path: Path) -> None:
    frames = read_frames(make_build(tmp_path / "b", samples=12))
    assert frames.samples["id"].to_list() == [f"s{i:03d}" for i in range(12)]
    counts = dict(frames.samples["decision"].value_counts().iter_rows())
    assert counts == {"accept": 6, "review": 2, "reject": 2, "quarantine": 2}
    assert frames.teachers == ("first", "second")
    assert frames.answers.height == 20, "quarantined samples have no answers"
    assert frames.checks.height == 40


def test_namibia_is_a_country(tmp_path: Path) -> None:
    frames = read_frames(make_build(tmp_path / "b"))
    row = frames.samples.row(2, named=True)
    assert (row["country_code"], row["country"]) == ("NA", "Namibia")
    assert country_label("NA") == "Namibia"
    assert country_label(None) == "unknown country"
    assert country_label("XX") == "XX"


def test_an_unfinished_shard_leaves_its_samples_pending(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.shard(1).report.unlink()
    decisions = read_frames(build).samples["decision"].to_list()
    assert decisions[4:] == [PENDING] * 4
    assert PENDING not in decisions[:4]


def test_an_answered_shard_without_verdicts_is_not_yet_verified(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.shard(1).verdicts.unlink()
    frames = read_frames(build)
    assert frames.samples["decision"].to_list()[4:] == [ANSWERED] * 4
    assert set(frames.answers["id"]) <= {f"s{i:03d}" for i in range(4)}


def test_verdicts_of_a_shard_that_is_asked_again_do_not_count(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.shard(1).report.unlink()
    assert set(read_frames(build).samples["decision"][4:]) == {PENDING}


def test_draws_are_answers_of_their_teacher_and_a_combined_answer_is_nobodys(tmp_path: Path) -> None:
    frames = read_frames(make_rich_build(tmp_path / "b"))
    mine = frames.answers.filter(pl.col("id") == "s000")
    assert mine.select("teacher", "draw").rows() == [("first", 0), ("first", 1), ("second", 0)]
    assert frames.teachers == ("first", "second")


def test_people_have_the_last_word_except_over_a_quarantine(tmp_path: Path) -> None:
    samples = read_frames(make_rich_build(tmp_path / "b")).samples
    found = {row["id"]: (row["verdict"], row["decision"]) for row in samples.iter_rows(named=True)}
    assert found["s003"] == ("review", "accept")
    assert found["s005"] == ("quarantine", "quarantine")
    assert found["s006"] == ("accept", "reject")
    assert found["s000"] == ("accept", "accept")


def test_a_build_that_has_only_begun_gives_empty_frames(tmp_path: Path) -> None:
    build = Build(BuildPaths(tmp_path))
    frames = read_frames(build)
    assert (frames.samples.height, frames.answers.height, frames.checks.height) == (0, 0, 0)
    assert dropped(build).is_empty()
    assert ledger_totals(build).calls == 0


def test_a_guess_without_coordinates_takes_the_named_place(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=4)
    frames = read_frames(build)
    first = frames.answers.filter(pl.col("teacher") == "first").row(0, named=True)
    assert first["distance_km"] == pytest.approx(5.6)
    failed = frames.answers.filter(pl.col("failure").is_not_null()).row(0, named=True)
    assert failed["distance_km"] is None and failed["lat"] is None


def test_damaged_verdicts_are_named(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    build.paths.shard(0).verdicts.write_bytes(b"PAR1 is not enough")
    with pytest.raises(CorruptBuild, match=r"verdicts\.parquet"):
        read_frames(build)


def test_replayed_answers_are_not_counted_as_calls(tmp_path: Path) -> None:
    totals = ledger_totals(make_build(tmp_path / "b"))
    assert (totals.calls, totals.replayed, totals.reused) == (0, 10, 0)
    assert (totals.prompt_tokens, totals.cost, totals.latency_s) == (0, 0.0, None)


def test_calls_that_an_earlier_build_paid_are_no_spending_of_this_one(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=4)
    path = build.paths.shard(0).ledger
    rows = pq.read_table(path, schema=arrow.LEDGER).to_pylist()
    paid = {"http_calls": 2, "prompt_tokens": 500, "completion_tokens": 50, "cost": 0.25, "latency_s": 1.5}
    rows = [{**row, **paid, "origin": ("call", "ledger")[n % 2]} for n, row in enumerate(rows)]
    write_table(pa.Table.from_pylist(rows, schema=arrow.LEDGER), path)
    totals = ledger_totals(build)
    assert (totals.calls, totals.reused, totals.replayed) == (len(rows), len(rows) // 2, 0)
    assert (totals.completion_tokens, totals.cost, totals.latency_s) == (50 * len(rows) // 2, 0.25 * len(rows) / 2, 1.5)


def test_a_shard_taken_over_whole_is_no_spending_of_this_build(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    for shard in build.paths.shards():
        rows = pq.read_table(shard.ledger, schema=arrow.LEDGER, partitioning=None).to_pylist()
        paid = [{**row, "origin": "call", "http_calls": 1, "cost": 0.5, "latency_s": 2.0} for row in rows]
        write_table(pa.Table.from_pylist(paid, schema=arrow.LEDGER), shard.ledger)
    whole = ledger_totals(build)
    report = build.paths.shard(0).report
    report.write_bytes(orjson.dumps({**orjson.loads(report.read_bytes()), "taken_from": "mp16_reason-earlier0"}))
    found = ledger_totals(build)
    taken = pq.read_metadata(build.paths.shard(0).ledger).num_rows
    assert taken > 0
    assert (found.calls, found.reused, found.cost) == (whole.calls - taken, taken, whole.cost - 0.5 * taken)


def test_what_a_teacher_was_shown_it_did_not_guess(tmp_path: Path) -> None:
    def shown(rows: Rows) -> None:
        for name, level in (("s001", "country"), ("s004", "place")):
            for answer in rows.get(name, {}).get("answers", ()):
                answer["saw_truth"] = level if answer["teacher"] == "first" else "none"

    build = make_build(tmp_path / "b", samples=8)
    before = read_frames(build).answers
    for shard in build.paths.shards():
        edit(shard.answers, arrow.ANSWERS, shown)
    after = read_frames(build).answers
    of_place = ("lat", "lon", "distance_km", "confidence")
    names = {"s001": ("country_code", "country_correct"), "s004": (*of_place, "country_code", "country_correct")}
    for old, new in zip(before.to_dicts(), after.to_dicts(), strict=True):
        gone = names.get(old["id"], ()) if old["teacher"] == "first" else ()
        assert new == {**old, **dict.fromkeys(gone)}
    assert any(old["distance_km"] is not None for old in before.to_dicts() if old["id"] == "s004")
