"""`plan`, `explain` and `status` on real builds: before, during and after, with pictures that samples share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.calls.files import read_ledger
from factory.cli.estimate import Estimate, estimate
from factory.cli.explain import explain_sample
from factory.cli.status import build_status
from factory.errors import CorruptBuild, RecipeError
from factory.recipe.load import load_recipe
from factory.store.layout import Build, open_build
from tests.fake_endpoint import Running, running_endpoint
from tests.real_build import factory, make_photos, only_build, start_factory, write_recipe

SAMPLES = 24
COLDER = "teachers.0.sampling.temperature=0.1"
STRICTER = "verify.checks.near_truth.tier=street"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of which the first two show the same picture and the last cannot be decoded."""
    root = tmp_path_factory.mktemp("photos")
    make_photos(root, SAMPLES)
    shutil.copy(root / "images" / "00000.jpg", root / "images" / "00001.jpg")
    (root / "images" / f"{SAMPLES - 1:05d}.jpg").write_bytes(b"no photo")
    return root


ASKED = SAMPLES - 2
"""Questions of a build: a shared picture is asked about once, a broken one never."""


@pytest.fixture
def work(photos: Path, tmp_path: Path) -> Path:
    (tmp_path / "images").symlink_to(photos / "images")
    shutil.copy(photos / "photos.csv", tmp_path)
    return tmp_path


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Running]:
    with running_endpoint(tmp_path / "endpoint") as running:
        yield running


def foreseen(work: Path, recipe: Path, *overrides: str) -> Estimate:
    return estimate(load_recipe(recipe, overrides=overrides), out=work / "builds")


def built(work: Path, recipe: Path, *options: str) -> Build:
    before = set(work.glob("builds/*/build.json"))
    done = factory("build", recipe, *options, "--set", "build.max_quarantined_share=1", cwd=work)
    assert done.returncode == 0, done.stderr
    (new,) = set(work.glob("builds/*/build.json")) - before
    return open_build(new.parent)


def test_the_plan_foresees_what_a_build_then_asks(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url, teachers=2)
    (first, second) = foreseen(work, recipe).teachers
    assert (first.questions, first.answered, first.calls, first.tokens) == (SAMPLES, 0, SAMPLES, None)
    assert second.calls == SAMPLES
    built(work, recipe)
    for options in ((), (STRICTER,), ("teachers.0.bad_answer.retries=3",), ("teachers.0.max_in_flight=1",)):
        for teacher in foreseen(work, recipe, *options).teachers:
            assert (teacher.calls, teacher.tokens) == (0, 0), f"{options}: nothing is paid again"
    colder = foreseen(work, recipe, COLDER)
    assert [teacher.calls for teacher in colder.teachers] == [SAMPLES, 0]
    assert colder.teachers[0].tokens, "tokens are known from the same model"
    for option in ("images.max_side=512", "generator={name: mp16_reason, max_clues: 3}"):
        assert [teacher.calls for teacher in foreseen(work, recipe, option).teachers] == [SAMPLES, SAMPLES]
    asked = len(endpoint.requests())
    built(work, recipe, "--set", STRICTER)
    assert len(endpoint.requests()) == asked


def test_a_build_that_takes_shards_over_whole_has_paid_nothing(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    assert build_status(built(work, recipe)).spent["t0"]["calls"] == ASKED
    assert build_status(built(work, recipe, "--set", STRICTER)).spent == {}


def test_the_plan_of_a_stopped_build_foresees_the_rest(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    stopped = factory("build", recipe, "--set", "teachers.0.budget.calls=10", cwd=work)
    assert stopped.returncode == 4, stopped.stderr
    left = foreseen(work, recipe).teachers[0]
    assert (left.answered, left.calls) == (10, SAMPLES - 10)
    assert foreseen(work, recipe, STRICTER).teachers[0].calls == SAMPLES - 10
    assert foreseen(work, recipe, COLDER).teachers[0].calls == SAMPLES


def test_each_draw_is_foreseen_for_itself(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url, teacher_keys=", sampling: {draws: 2, temperature: 0.5}")
    stopped = factory("build", recipe, "--set", "teachers.0.budget.calls=9", cwd=work)
    assert stopped.returncode == 4, stopped.stderr
    assert (foreseen(work, recipe).teachers[0].answered, foreseen(work, recipe).teachers[0].calls) == (
        9,
        2 * SAMPLES - 9,
    )
    built_at = endpoint.stats()["requests"]
    assert factory("build", recipe, "--set", "build.max_quarantined_share=1", cwd=work).returncode == 0
    assert endpoint.stats()["requests"] - built_at == 2 * ASKED - 9
    more, fewer = "teachers.0.sampling.draws=3", "teachers.0.sampling.draws=1"
    assert foreseen(work, recipe, more).teachers[0].calls == SAMPLES - 1, "of the photo that is none nobody is asked"
    assert foreseen(work, recipe, fewer).teachers[0].calls == 0
    before = endpoint.stats()["requests"]
    built(work, recipe, "--set", more)
    assert endpoint.stats()["requests"] - before == ASKED, "the shared picture is asked about once"
    built(work, recipe, "--set", fewer)
    assert endpoint.stats()["requests"] - before == ASKED


def test_a_new_photo_is_all_that_a_longer_table_asks(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    table = work / "photos.csv"
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join(rows[:-3]))
    built(work, recipe)
    table.write_text("".join(rows))
    found = foreseen(work, recipe)
    assert found.teachers[0].calls == 3
    assert any("source changed" in note for note in found.notes)


def test_a_damaged_ledger_is_noted_and_counts_as_unanswered(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    ledger = built(work, recipe).paths.shard(0).ledger
    ledger.write_bytes(b"PAR1 gone")
    found = foreseen(work, recipe, STRICTER)
    assert found.teachers[0].calls == SAMPLES
    assert any(str(ledger) in note for note in found.notes)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_paid_answer_outlives_the_sample_it_was_asked_for(work: Path, endpoint: Running, interrupted: bool) -> None:
    recipe = write_recipe(work, endpoint.url)
    if interrupted:
        options = ("--set", "teachers.0.budget.calls=15", "--set", "teachers.0.max_in_flight=1")
        assert factory("build", recipe, *options, cwd=work).returncode == 4
    else:
        built(work, recipe)
    asked = len(endpoint.requests())
    table = work / "photos.csv"
    header, _, *rest = table.read_text().splitlines(keepends=True)
    table.write_text("".join([header, *rest]))
    assert foreseen(work, recipe).teachers[0].calls <= SAMPLES - asked
    built(work, recipe)
    assert len(endpoint.requests()) == ASKED


def test_a_sample_with_anothers_picture_tells_where_its_answer_comes_from(work: Path, endpoint: Running) -> None:
    build = built(work, write_recipe(work, endpoint.url, teachers=2))
    first, twin = explain_sample(build, "p00000"), explain_sample(build, "p00001")
    assert len(first.calls) == len(twin.calls) == 2
    assert first.calls == twin.calls
    assert {call["key"] for call in twin.calls} == {key for answer in twin.answers for key in answer["keys"]}
    assert len({call["sample_id"] for call in twin.calls}) == 1
    alone = explain_sample(build, "p00002")
    assert {call["sample_id"] for call in alone.calls} == {"p00002"} and len(alone.calls) == 2


def test_a_picture_of_a_finished_shard_is_not_paid_again(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url, teachers=2)
    table = work / "photos.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:4]))  # the first two show the same picture
    build = built(work, recipe, "--set", "plan.shard_size=1", "--workers", "1")
    assert len(endpoint.requests()) == 4
    assert build.ledger["origin"].value_counts().sort("origin").rows() == [("call", 4), ("ledger", 2)]
    assert build_status(build).spent["t0"]["calls"] == 2, "it counts where it was paid"
    assert factory("check", build.paths.root, cwd=work).returncode == 0


def test_one_sample_is_explained_from_its_own_shard(work: Path, endpoint: Running) -> None:
    build = built(work, write_recipe(work, endpoint.url), "--set", "plan.shard_size=5")
    for number in range(5):
        if number != 2:
            shutil.rmtree(build.paths.shard(number).root)
    story = explain_sample(open_build(build.paths.root), "p00011")
    assert story.truth["shard"] == 2 and len(story.calls) == 1 and story.checks
    with pytest.raises(RecipeError, match="near: p000"):
        explain_sample(build, "p0011")
    build.paths.shard(2).verdicts.write_bytes(b"PAR1")
    with pytest.raises(CorruptBuild, match=r"verdicts\.parquet"):
        explain_sample(build, "p00011")
    build.paths.shard(2).verdicts.unlink()
    assert explain_sample(build, "p00011").outcome == "answered, not verified yet"
    build.paths.shard(2).answers.write_bytes(b"PAR1")
    with pytest.raises(CorruptBuild, match=r"answers\.parquet"):
        explain_sample(build, "p00011")


def test_a_running_build_is_looked_at_without_being_touched(work: Path) -> None:
    with running_endpoint(work / "endpoint", latency_ms=700) as endpoint:
        recipe = write_recipe(work, endpoint.url)
        recipe.write_text(recipe.read_text().replace("max_in_flight: 32", "max_in_flight: 3"))
        process = start_factory(["build", recipe], cwd=work)
        try:
            while len(endpoint.requests()) < 8:
                time.sleep(0.05)
            build = open_build(only_build(work / "builds"))
            story, state = explain_sample(build, "p00000"), build_status(build)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            talk = process.communicate(timeout=60)[1]
        assert process.returncode == 130, talk
    assert state.running and state.samples == SAMPLES and not state.faults
    assert state.spent["t0"]["calls"] >= 3
    assert story.outcome == "t0 answered; its shard 0 is not finished yet"
    assert [call["status"] for call in story.calls] == ["ok"]
    stopped = build_status(build)
    assert not stopped.running
    assert state.samples_done <= stopped.samples_done < SAMPLES
    answered = build.paths.shard(0).live_ledger
    assert stopped.samples_done >= read_ledger(answered).height, "a stopped shard keeps what it has"


def test_an_endpoint_that_is_away_is_named_while_the_build_waits_for_it(work: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        process = start_factory(["build", write_recipe(work, url)], cwd=work)
        try:
            away: tuple[str, ...] = ()
            while process.poll() is None and not away:
                found = list((work / "builds").glob("*/build.json"))
                away = build_status(open_build(found[0].parent)).away if found else ()
                time.sleep(0.05)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            talk = process.communicate(timeout=60)[1]
    assert len(away) == 1, talk
    assert away[0].startswith(f"{url} refuses connections since ") and away[0].endswith("waiting up to 15 s")
    assert build_status(open_build(only_build(work / "builds"))).away == (), "nobody waits any more"


def test_a_build_whose_calls_all_failed_says_how_and_a_release_of_nothing_is_no_success(work: Path) -> None:
    with running_endpoint(work / "endpoint", [{"kind": "error_500"}]) as endpoint:
        recipe = write_recipe(work, endpoint.url)
        recipe.write_text(recipe.read_text().replace("attempts: 8", "attempts: 1"))
        options = ("build.max_quarantined_share=1", "teachers.0.budget.calls=100", "teachers.0.stop_after=100")
        done = factory("build", recipe, *(word for option in options for word in ("--set", option)), cwd=work)
    assert done.returncode == 1, done.stderr
    assert "t0: every question ended without an answer: HTTP 500 23" in done.stderr
    assert "t0 22 of 100 calls" in done.stderr, "what was charged of a budget: two photos are one picture, asked once"
    assert "no row was accepted: there is nothing to load" in done.stderr
    card = (only_build(work / "builds") / "release" / "README.md").read_text()
    assert "Nothing to load" in card and "load_dataset" not in card and "data_files" not in card


def test_a_ledger_that_lost_answers_says_so_before_they_are_paid_again(work: Path, endpoint: Running) -> None:
    recipe = write_recipe(work, endpoint.url)
    assert factory("build", recipe, "--set", "teachers.0.budget.calls=10", cwd=work).returncode == 4
    shard = open_build(only_build(work / "builds")).paths.shard(0)
    shard.live_ledger.unlink()
    stopped = factory("build", recipe, cwd=work)
    assert stopped.returncode == 3 and "0 of at least 10 recorded answers" in stopped.stderr
    assert len(endpoint.requests()) == 10
    shard.progress.unlink()
    assert factory("build", recipe, "--set", "build.max_quarantined_share=1", cwd=work).returncode == 0
    assert len(endpoint.requests()) == 10 + ASKED


def test_the_status_names_what_is_damaged_and_counts_the_rest(work: Path, endpoint: Running) -> None:
    build = built(work, write_recipe(work, endpoint.url), "--set", "plan.shard_size=8")
    whole = build_status(build)
    assert whole.spent["t0"]["calls"] == ASKED and whole.faults == ()
    assert whole.shards_answered == whole.shards_verified == whole.shards == 3
    damaged = (build.paths.shard(1).ledger, build.paths.shard(0).report)
    for path in damaged:
        path.write_bytes(b"gone")
    found = build_status(open_build(build.paths.root))
    assert 0 < found.spent["t0"]["calls"] < ASKED
    assert [str(path) in fault for path in damaged for fault in found.faults].count(True) == 2
    assert (found.shards_answered, found.shards_verified) == (2, 2)
