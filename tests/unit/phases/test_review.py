"""The review phase: it waits for people where the recipe says so, and says how many rows they could add otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from factory.phases.phase import done, note
from factory.phases.review import REVIEW
from factory.phases.run import Run, Silent
from factory.recipe.fingerprint import Fingerprint
from factory.recipe.load import load_recipe
from factory.sources import open_source
from factory.store.layout import BuildPaths
from factory.store.tables import write_table
from schemas import arrow

RECIPE = """\
name: tiny
generator: mp16_reason
source: {kind: table, path: photos.csv}
teachers: [{name: only, backend: replay, path: answers.jsonl}]
verify: {checks: [near_truth], decide: {reject: [near_truth], review: []}}
review: {wait: WAIT}
"""


def _photo(name: str) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"role": "photo", "sha256": digest, "phash": int(digest[:16], 16), "width": 64, "height": 64, "bytes": 1}


def _plan(shards: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    image = {"role": "photo", "locator": "a.jpg", "embed": True}
    same = {"images": [image], "texts": [], "lat": 50.0, "lon": 8.0, "uncertainty_km": 0.0, "source_row": 0}
    return [
        {"shard": number, "position": position, "id": name, **same}
        for number, shard in enumerate(shards)
        for position, name in enumerate(shard)
    ]


def a_run(folder: Path, *shards: dict[str, str], wait: bool) -> Run:
    """A build that is verified: the decision of each sample by its id, shard by shard."""
    folder.mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(RECIPE.replace("WAIT", str(wait).lower()))
    loaded = load_recipe(folder / "tiny.yaml")
    paths = BuildPaths(folder / "build")
    for number, decisions in enumerate(shards):
        paths.shard(number).root.mkdir(parents=True, exist_ok=True)
        rows = [
            {"id": name, "located": [], "checks": [], "decision": decision, "reasons": [], "unreleasable": None}
            for name, decision in decisions.items()
        ]
        write_table(pa.Table.from_pylist(rows, schema=arrow.VERDICTS), paths.shard(number).verdicts)
        seen = [{"id": name, "photos": [_photo(name)], "answers": [], "evidence": []} for name in decisions]
        write_table(pa.Table.from_pylist(seen, schema=arrow.ANSWERS), paths.shard(number).answers)
    write_table(pa.Table.from_pylist(_plan(shards), schema=arrow.PLAN), paths.plan)
    identity = Fingerprint("f" * 64, {}, {})
    source = open_source(loaded.recipe.source, loaded.root)
    run = Run.of(loaded, identity, paths, source, engine="local", workers=1, listener=Silent())
    run.info = {"counts": {"shards": len(shards)}}
    return run


def decide(run: Run, **decisions: str) -> None:
    """People's decisions, by sample."""
    rows = [{"id": name, "decision": said, "by": ["me"], "at": "now", "note": ""} for name, said in decisions.items()]
    run.paths.decisions.parent.mkdir(exist_ok=True)
    write_table(pa.Table.from_pylist(rows, schema=arrow.REVIEWS), run.paths.decisions)


SHARDS = {"a": "accept", "b": "review"}, {"c": "review", "d": "reject", "e": "quarantine"}


def test_without_wait_it_goes_on_and_says_how_many_rows_people_could_add(tmp_path: Path) -> None:
    run = a_run(tmp_path, *SHARDS, wait=False)
    assert REVIEW.go(run) is None
    assert run.info["counts"]["disputed"] == 2
    assert list(REVIEW.says(run)) == [("review", "people decided 0 of 2 disputed rows; 2 could be added")]


def test_with_wait_it_waits_until_every_disputed_row_is_decided(tmp_path: Path) -> None:
    run = a_run(tmp_path, *SHARDS, wait=True)
    waiting = REVIEW.go(run)
    assert waiting is not None and waiting.what.startswith("people: 2 of 2 disputed rows without a decision in ")
    decide(run, c="reject", a="reject")
    waiting = REVIEW.go(run)
    assert waiting is not None and waiting.what.startswith("people: 1 of 2 disputed rows without a decision in ")
    decide(run, b="accept", c="reject")
    assert REVIEW.go(run) is None
    assert list(REVIEW.says(run)) == [("review", "people decided all of 2 disputed rows")]


def test_it_waits_for_no_row_that_a_selector_would_take_out_or_of_which_no_row_can_be_made(tmp_path: Path) -> None:
    run = a_run(tmp_path, {"a": "review", "b": "review"}, wait=True)
    twins = [{"id": name, "photos": [_photo("same")], "answers": [], "evidence": []} for name in ("a", "b")]
    write_table(pa.Table.from_pylist(twins, schema=arrow.ANSWERS), run.paths.shard(0).answers)
    (tmp_path / "tiny.yaml").write_text((tmp_path / "tiny.yaml").read_text() + "select: [near_duplicates]\n")
    selective = replace(run, loaded=load_recipe(tmp_path / "tiny.yaml"))
    waiting = REVIEW.go(selective)
    assert waiting is not None and waiting.what.startswith("people: 1 of 2 disputed rows")
    decide(selective, a="accept")
    assert REVIEW.go(selective) is None
    rows = [{"id": "a", "located": [], "checks": [], "decision": "review", "reasons": [], "unreleasable": "no_place"}]
    hopeless = a_run(tmp_path / "other", {"a": "review"}, wait=True)
    write_table(pa.Table.from_pylist(rows, schema=arrow.VERDICTS), hopeless.paths.shard(0).verdicts)
    assert REVIEW.go(hopeless) is None


def test_where_people_differ_it_waits_for_their_lead(tmp_path: Path) -> None:
    run = a_run(tmp_path, {"a": "review", "b": "review"}, wait=True)
    decide(run, a="review", b="reject")
    waiting = REVIEW.go(run)
    assert waiting is not None
    assert "1 of 2 disputed rows without a decision (1 of them: people differ, and their lead is asked)" in waiting.what


def test_nothing_disputed_waits_for_nobody(tmp_path: Path) -> None:
    run = a_run(tmp_path, {"a": "accept"}, wait=True)
    assert REVIEW.go(run) is None
    assert list(REVIEW.says(run)) == [("review", "nothing is disputed")]


def test_a_decision_or_another_verdict_makes_it_run_again(tmp_path: Path) -> None:
    run = a_run(tmp_path, *SHARDS, wait=False)
    REVIEW.go(run)
    note(REVIEW, run, REVIEW.reads(run))
    assert done(REVIEW, run)
    decide(run, b="accept")
    assert not done(REVIEW, run)
    note(REVIEW, run, REVIEW.reads(run))
    a_run(tmp_path, {"a": "accept", "b": "accept"}, SHARDS[1], wait=False)
    assert not done(REVIEW, run)


def test_asking_to_wait_makes_it_run_again(tmp_path: Path) -> None:
    run = a_run(tmp_path, *SHARDS, wait=False)
    REVIEW.go(run)
    note(REVIEW, run, REVIEW.reads(run))
    patient = a_run(tmp_path, *SHARDS, wait=True)
    patient.info = run.info
    assert not done(REVIEW, patient)


def test_a_decision_about_a_sample_that_is_not_there_is_said(tmp_path: Path) -> None:
    run = a_run(tmp_path, *SHARDS, wait=False)
    decide(run, b="accept", zzz="reject")
    assert REVIEW.go(run) is None
    lines = [text for _, text in REVIEW.says(run)]
    assert lines[0] == "1 decision about samples that this build has not counts for nothing"
    assert lines[1].startswith("people decided 1 of 2")


def test_a_phase_whose_count_was_lost_runs_again(tmp_path: Path) -> None:
    run = a_run(tmp_path, *SHARDS, wait=False)
    REVIEW.go(run)
    note(REVIEW, run, REVIEW.reads(run))
    assert done(REVIEW, run)
    del run.info["counts"]["disputed"]
    assert not done(REVIEW, run)
