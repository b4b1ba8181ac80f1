"""The review phase: it waits for people where the recipe says so, and says how many rows they could add otherwise."""

from __future__ import annotations

from pathlib import Path

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


def a_run(folder: Path, *shards: dict[str, str], wait: bool) -> Run:
    """A build that is verified: the decision of each sample by its id, shard by shard."""
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
