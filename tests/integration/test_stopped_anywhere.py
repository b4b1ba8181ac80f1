"""Builds that are stopped at named moments behind the calls, and go on to the same bytes without another call."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from factory.cli.explain import explain_sample
from factory.cli.status import build_status
from factory.store.layout import Build, open_build
from tests.fake_endpoint import Running, running_endpoint
from tests.real_build import Done, factory, factory_process, make_photos, only_build, release_digests, write_recipe

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = 6

KILLS = (
    "remove shards/00000/ledger.sqlite-wal",  # the shard's report is written, its live ledger still there
    "rename shards/00001/report.json",
    "open shards/00001/verdicts.parquet",
    "rename verified.json",
    "open selection.parquet",
    "mkdir release.tmp/parquet",
    "open release.tmp/README.md",
    "rename release",  # it is whole, and has not its name yet
    "open report.html",
    "rename report.html",
)
FULL = (
    "open shards/00000/images.tar",
    "open shards/00000/ledger.parquet",
    "rename shards/00001/verdicts.parquet",
    "open selection.parquet",
    "open release.tmp/manifest.json",
    "open report.html",
)
INTERRUPTS = ("open shards/00001/verdicts.parquet", "open release.tmp/map.svg", "open report.html")


@dataclass(frozen=True)
class Trial:
    """One build that is stopped again and again."""

    recipe: Path
    out: Path
    endpoint: Running
    whole: dict[str, str]
    """Digests of the release of a build that nobody stopped."""

    def stopped(self, action: str, place: str, *options: str) -> Done:
        """A run that is stopped there."""
        command = (sys.executable, "-m", "tests.stopped_at", action, place)
        arguments = ("build", self.recipe, "--out", self.out, "--workers", "1", *options)
        done = factory_process(*arguments, cwd=REPOSITORY, command=command)
        assert done.returncode == {"kill": -signal.SIGKILL, "full": 3, "interrupt": 130}[action], f"{place}: {done}"
        return done

    def run(self, command: str, *arguments: str | Path) -> Done:
        return factory(command, *arguments, cwd=self.recipe.parent)

    def goes_on(self, *options: str, asked: int = SAMPLES) -> Build:
        """The same command, to the end, with no question asked twice and no file left over."""
        done = self.run("build", self.recipe, "--out", self.out, *options)
        assert done.returncode == 0, done.stderr
        assert self.endpoint.stats()["requests"] == asked
        checked = self.run("check", self.build.paths.root)
        assert checked.returncode == 0, checked.stdout
        return self.build

    @property
    def build(self) -> Build:
        return open_build(only_build(self.out))

    def require_told(self) -> None:
        """Every command that looks at the build tells what is there, finds no fault, and does not say it is done."""
        build = self.build
        state = build_status(build)
        assert state.state != "done" and not state.running and not state.faults
        outcome = explain_sample(build, "p00001").outcome
        assert outcome.startswith("released in ") is (state.state == "released"), outcome
        for look in (("check", build.paths.root), ("report", build.paths.root)):
            looked = self.run(*look)
            assert looked.returncode == 0, f"{look[0]}: {looked.stdout}{looked.stderr}"


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    root = tmp_path_factory.mktemp("stopped")
    make_photos(root, SAMPLES)
    with running_endpoint(root / "endpoint") as endpoint:
        recipe = write_recipe(root, endpoint.url)
        recipe.write_text(recipe.read_text().replace("shard_size: 250", "shard_size: 4"))
        done = factory("build", recipe, "--out", root / "whole", cwd=root)
        assert done.returncode == 0, done.stderr
        yield Trial(recipe, root / "whole", endpoint, release_digests(only_build(root / "whole")))


@pytest.fixture
def trial(unstopped: Trial, tmp_path: Path) -> Trial:
    unstopped.endpoint.reset()
    return Trial(unstopped.recipe, tmp_path / "builds", unstopped.endpoint, unstopped.whole)


def test_ten_kills_behind_the_calls_come_to_the_same_bytes_without_a_call(trial: Trial) -> None:
    for place in KILLS:
        trial.stopped("kill", place)
        trial.require_told()
    assert release_digests(trial.goes_on().paths.root) == trial.whole


def test_a_disk_that_is_full_anywhere_stops_cleanly_and_room_is_all_it_takes(trial: Trial) -> None:
    for place in FULL:
        full = trial.stopped("full", place)
        assert "File too large" in full.stderr.splitlines()[-1] and "Traceback" not in full.stderr, f"{place}: {full}"
        trial.require_told()
    assert release_digests(trial.goes_on().paths.root) == trial.whole


def test_an_interrupt_says_that_the_same_command_goes_on(trial: Trial) -> None:
    for place in INTERRUPTS:
        interrupted = trial.stopped("interrupt", place)
        assert interrupted.stderr.splitlines()[-1] == "interrupted; the same command goes on where it stopped"
        trial.require_told()
    assert release_digests(trial.goes_on().paths.root) == trial.whole


def test_a_finished_build_that_goes_on_is_not_done_until_it_is_again(trial: Trial) -> None:
    build = trial.goes_on()
    taken_out = build.selection.filter("kept")["id"][0]
    decided = [{"id": taken_out, "decision": "reject", "by": ["ann"], "at": "now", "note": ""}]
    build.paths.decisions.parent.mkdir()
    pl.DataFrame(decided).write_parquet(build.paths.decisions)
    stops = {"open selection.parquet": "reviewed", "rename release.old": "selected", "rename release": "selected"}
    for place, state in stops.items():
        trial.stopped("kill", place)
        assert build_status(trial.build).state == state
        assert explain_sample(trial.build, taken_out).outcome == "rejected by people"
        checked = trial.run("check", build.paths.root)
        assert checked.returncode == 0, f"{place}: {checked.stdout}"
    assert taken_out not in trial.goes_on().selection.filter("kept")["id"]


def test_a_finished_build_whose_shards_are_opened_again_is_not_done(trial: Trial) -> None:
    options = ("--set", "build.max_quarantined_share=1", "--set", "teachers.0.attempts=1", "--workers", "1")
    trial.endpoint.follow([{"kind": "error_500", "first": 1, "count": 1}])
    trial.goes_on(*options)
    trial.endpoint.follow([])
    for place in ("remove shards/00000/report.json", "open shards/00000/verdicts.parquet"):
        trial.stopped("kill", place, *options, "--retry")
        assert build_status(trial.build).state in ("working", "answered")
        checked = trial.run("check", trial.build.paths.root)
        assert checked.returncode == 0, f"{place}: {checked.stdout}"
    assert trial.goes_on(*options, "--retry", asked=1).info["counts"]["decisions"] == {"accept": SAMPLES}
