"""`factory builds` and `factory clean`: what lies there, what can go, and what never goes unasked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from factory.cli.builds import age_in_words, list_builds
from factory.cli.clean import leftovers
from factory.errors import RecipeError
from factory.store.files import open_aside
from factory.store.info import read_info, write_info
from factory.store.layout import BuildPaths
from factory.store.lease import lease
from factory.store.tables import write_table
from schemas import arrow
from tests.build_fixture import make_build
from tests.real_build import factory


def build_in(root: Path, name: str, at: int, **info: object) -> BuildPaths:
    """A finished build whose answers nobody paid for, written at a time."""
    paths = make_build(root / name, samples=6).paths
    for shard in paths.shards():
        shard.ledger.unlink()
    write_info({**read_info(paths.info), "recipe_path": "r.yaml", **info}, paths.info)
    os.utime(paths.info, (at, at))
    return paths


def paid_build_in(root: Path, name: str, at: int) -> BuildPaths:
    """The same, with a ledger of calls."""
    paths = make_build(root / name, samples=6).paths
    ledger = pl.read_parquet(paths.shard(0).ledger).with_columns(origin=pl.lit("call"), http_calls=pl.lit(1))
    write_table(ledger.to_arrow().cast(arrow.LEDGER), paths.shard(0).ledger)
    write_info({**read_info(paths.info), "recipe_path": "r.yaml"}, paths.info)
    os.utime(paths.info, (at, at))
    return paths


def test_builds_are_listed_newest_first_with_what_came_of_them(tmp_path: Path) -> None:
    build_in(tmp_path, "mp16_reason-00000001", 1_000_000)
    build_in(tmp_path, "mp16_reason-00000002", 2_000_000)
    (tmp_path / "notes").mkdir()
    first, second = list_builds(tmp_path)
    assert (Path(first.directory).name, Path(second.directory).name) == ("mp16_reason-00000002", "mp16_reason-00000001")
    assert first.recipe == "mp16_reason" and first.state == "done" and first.bytes > 0 and not first.running


def test_a_damaged_build_is_listed_with_its_fault_and_hides_no_other(tmp_path: Path) -> None:
    build_in(tmp_path, "mp16_reason-00000001", 1_000_000)
    build_in(tmp_path, "mp16_reason-00000002", 2_000_000).info.write_text("{")
    states = {Path(one.directory).name[-1]: one for one in list_builds(tmp_path)}
    assert states["1"].state == "done" and states["2"].state == "damaged" and "build.json" in states["2"].fault


def test_a_link_to_a_build_is_none_of_the_folder(tmp_path: Path) -> None:
    elsewhere = build_in(tmp_path / "elsewhere", "mp16_reason-00000001", 1).root
    (tmp_path / "builds").mkdir()
    (tmp_path / "builds" / "mp16_reason-00000001").symlink_to(elsewhere)
    assert list_builds(tmp_path / "builds") == [] and leftovers(tmp_path / "builds") == []


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 seconds"), (1, "1 second"), (61, "1 minute"), (7_300, "2 hours"), (9e5, "10 days")]
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert age_in_words(seconds) == words


def test_an_older_finished_build_of_the_same_recipe_can_go(tmp_path: Path) -> None:
    old = build_in(tmp_path, "mp16_reason-00000001", 1)
    new = build_in(tmp_path, "mp16_reason-00000002", 2)
    (found,) = leftovers(tmp_path)
    assert (found.path, found.what, found.goes) == (str(old.root), "superseded", True) and str(new.root) in found.why


@pytest.mark.parametrize("other", [{"overrides": ["plan.limit=5"]}, {"profile": "other"}, {"recipe_path": "s.yaml"}])
def test_a_trial_another_profile_or_recipe_replaces_nothing(tmp_path: Path, other: dict[str, object]) -> None:
    build_in(tmp_path, "mp16_reason-00000001", 1)
    build_in(tmp_path, "mp16_reason-00000002", 2, **other)
    assert leftovers(tmp_path) == []


def test_a_build_that_stopped_before_an_answer_can_go_and_one_with_answers_stays(tmp_path: Path) -> None:
    begun = build_in(tmp_path, "mp16_reason-00000001", 1, state="working")
    assert leftovers(tmp_path) == []
    for shard in begun.shards():
        shard.report.unlink()
    (found,) = leftovers(tmp_path)
    assert (found.what, found.goes) == ("begun", True)


def test_what_was_paid_for_is_named_and_goes_only_when_told(tmp_path: Path) -> None:
    old = paid_build_in(tmp_path, "mp16_reason-00000001", 1)
    paid_build_in(tmp_path, "mp16_reason-00000002", 2)
    done = factory("clean", tmp_path, "--yes", cwd=tmp_path)
    assert done.returncode == 0 and "paid calls" in done.stdout and "KEPT" in done.stdout and old.root.exists()
    done = factory("clean", tmp_path, "--yes", "--paid", "--json", cwd=tmp_path)
    (told,) = json.loads(done.stdout)["leftovers"]
    assert told["gone"] and "paid calls" in told["paid"] and not old.root.exists()


def test_what_people_said_counts_as_paid(tmp_path: Path) -> None:
    old = build_in(tmp_path, "mp16_reason-00000001", 1)
    build_in(tmp_path, "mp16_reason-00000002", 2)
    old.review.mkdir(exist_ok=True)
    old.annotations.write_bytes(b"")
    (found,) = leftovers(tmp_path)
    assert found.paid == "what people said" and not found.goes


def test_nothing_goes_without_a_terminal_or_yes(tmp_path: Path) -> None:
    old = build_in(tmp_path, "mp16_reason-00000001", 1)
    build_in(tmp_path, "mp16_reason-00000002", 2)
    for options in ((), ("--json",)):
        done = factory("clean", tmp_path, *options, cwd=tmp_path)
        assert done.returncode == 0 and "nothing was removed" in done.stderr and old.root.exists()
    assert factory("clean", tmp_path, "--yes", cwd=tmp_path).returncode == 0 and not old.root.exists()


def test_a_build_at_work_is_left_alone(tmp_path: Path) -> None:
    old = build_in(tmp_path, "mp16_reason-00000001", 1)
    build_in(tmp_path, "mp16_reason-00000002", 2)
    with lease(old.root / "lease", what="test"):
        assert leftovers(tmp_path) == []


def test_parts_of_dead_writers_go_and_the_build_stays(tmp_path: Path) -> None:
    paths = build_in(tmp_path, "mp16_reason-00000001", 1)
    aside, descriptor = open_aside(paths.report)
    os.write(descriptor, b"12345")
    os.close(descriptor)
    (found,) = leftovers(tmp_path)
    assert (found.what, found.bytes) == ("part", 5)
    assert factory("clean", tmp_path, "--yes", cwd=tmp_path).returncode == 0
    assert not aside.exists() and paths.info.exists()


def test_a_file_that_another_build_has_too_frees_nothing(tmp_path: Path) -> None:
    old = build_in(tmp_path, "mp16_reason-00000001", 1)
    new = build_in(tmp_path, "mp16_reason-00000002", 2)
    (before,) = leftovers(tmp_path)
    size = old.shard(0).images.stat().st_size
    new.shard(0).images.unlink()
    os.link(old.shard(0).images, new.shard(0).images)
    (after,) = leftovers(tmp_path)
    assert before.bytes - after.bytes == size


def test_no_folder_is_an_error_with_what_was_meant(tmp_path: Path) -> None:
    for look in (list_builds, leftovers):
        with pytest.raises(RecipeError, match="no such folder"):
            look(tmp_path / "none")
