"""Files of `review/` that are damaged or lost: no command takes that for nothing, all say what brings them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import polars as pl
import pytest

from annotation.pull import Pulled
from annotation.push import Pushed, push
from annotation.screens.family import FamilyScreen
from annotation.tasks import Wanted
from factory.cli.check import file_faults
from factory.errors import CorruptBuild
from factory.phases.decide import decide_build
from factory.store.layout import Build
from schemas import Case, LocatedAnswer
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, Studio, running_studio
from tests.real_build import Done, factory
from tests.review_sync import annotations, opened, pulled, pushed, said, tasks, wanted
from tests.studio import choice

TABLES = ("tasks.parquet", "annotations.parquet", "refused.parquet")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def lost(path: Path) -> None:
    path.unlink()


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[tuple[Build, Studio, str]]:
    """A build that was sent, answered, taken back and decided; one answer of it cannot count."""
    build = make_build(tmp_path / "trial-00000000", samples=6, shard_size=5)
    with running_studio() as (studio, url):
        pushed(build, url)
        said(build, studio)
        studio.answer(max(studio.tasks), [choice("verdict", "acept")])
        studio._clock += 3_000
        studio.answer(min(studio.tasks), [choice("verdict", "accept")])  # what was said before is not asked for again
        pulled(build, url)
        decide_build(build)
        yield build, studio, url


def command(build: Build, url: str, *arguments: str) -> Done:
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
    return factory(*arguments, build.paths.root, cwd=build.paths.root, env=environment)


def faults(build: Build, name: str) -> list[str]:
    """What `factory check` says of a file of `review/`, but for that the release is of the time before."""
    told = [line for line in file_faults(build.paths.root) if line.startswith(str(build.paths.review / name))]
    return [line for line in told if "what the release was made with" not in line]


@pytest.mark.parametrize("hurt", [cut, lost])
@pytest.mark.parametrize("name", [*TABLES, "projects.json"])
def test_check_names_it_and_what_brings_it_back(
    sent: tuple[Build, Studio, str], name: str, hurt: Callable[[Path], None]
) -> None:
    build, _, url = sent
    remedies: dict[str, Callable[[], Pushed | Pulled]] = {
        "push": lambda: pushed(build, url),
        "pull": lambda: pulled(build, url),
    }
    assert faults(build, "") == []
    before = (tasks(build).drop("pushed_at"), annotations(build), build.paths.refused.read_bytes())
    hurt(build.paths.review / name)
    (told,) = faults(build, name)
    (remedy,) = (what for what in remedies if f"`factory review {what} {build.paths.root}`" in told)
    (build.paths.review / name).unlink(missing_ok=True)
    remedies[remedy]()
    assert faults(build, "") == []
    pulled(build, url)
    after = (tasks(build).drop("pushed_at"), annotations(build), build.paths.refused.read_bytes())
    assert after[0].equals(before[0]) and after[1].equals(before[1]) and after[2] == before[2]


@pytest.mark.parametrize("hurt", [cut, lost])
def test_nothing_is_pulled_without_knowing_what_it_is_about(
    sent: tuple[Build, Studio, str], hurt: Callable[[Path], None]
) -> None:
    build, studio, url = sent
    before = build.paths.annotations.read_bytes()
    hurt(build.paths.tasks)
    studio.answer(min(studio.tasks), [choice("verdict", "reject")])
    done = command(build, url, "review", "pull")
    assert done.returncode == 3 and f"{build.paths.tasks}: " in done.stderr, done
    assert f"`factory review push {build.paths.root}` notes again" in done.stderr
    assert build.paths.annotations.read_bytes() == before


def test_a_pull_does_not_say_that_nothing_was_sent_where_the_projects_are_lost(sent: tuple[Build, Studio, str]) -> None:
    build, _, url = sent
    build.paths.review_projects.unlink()
    with pytest.raises(CorruptBuild, match=r"projects.json: is not there, and tasks were sent; `factory review push"):
        pulled(build, url)


@pytest.mark.parametrize("hurt", [cut, lost])
def test_nothing_is_decided_without_what_people_said(
    sent: tuple[Build, Studio, str], hurt: Callable[[Path], None]
) -> None:
    build, _, url = sent
    before = build.paths.decisions.read_bytes()
    hurt(build.paths.annotations)
    done = command(build, url, "review", "decide")
    assert done.returncode == 3 and f"`factory review pull {build.paths.root}`" in done.stderr, done
    name = tasks(build)["id"][0]
    with pytest.raises(CorruptBuild, match=r"annotations\.parquet"):
        decide_build(build, lead="dora", said=[f"{name}=accept"])
    assert build.paths.decisions.read_bytes() == before
    assert build.paths.annotations.exists() == (hurt is cut), "a lead's word does not hide that the others' are lost"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("reviewers.json", "`factory review decide {}` gives pseudonyms anew"),
        ("decisions.parquet", "`factory review decide {}` makes it again"),
        ("pulls/000001.parquet", "take it away: it is kept for people"),
    ],
)
def test_check_names_what_is_damaged_of_the_others(sent: tuple[Build, Studio, str], name: str, remedy: str) -> None:
    build, *_ = sent
    cut(build.paths.review / name)
    assert any(remedy.format(build.paths.root) in told for told in faults(build, name)), faults(build, name)
    decided = pl.read_parquet(build.paths.decisions) if name != "decisions.parquet" else None
    (build.paths.review / name).unlink()
    decide_build(build)
    assert faults(build, "") == []
    assert decided is None or pl.read_parquet(build.paths.decisions).equals(decided)


def test_nothing_is_decided_where_what_a_lead_alone_said_is_lost(tmp_path: Path) -> None:
    build = make_build(tmp_path / "trial-00000000", samples=6, shard_size=5)
    name = build.verdicts.filter(pl.col("decision") == "review")["id"][0]
    decide_build(build, lead="dora", said=[f"{name}=reject"])
    before = build.paths.decisions.read_bytes()
    build.paths.annotations.unlink()
    with pytest.raises(CorruptBuild, match=r"is not there, and decisions\.parquet was made of it"):
        decide_build(build)
    assert build.paths.decisions.read_bytes() == before
    (told,) = faults(build, "annotations.parquet")
    assert "take decisions.parquet away as well" in told
    build.paths.decisions.unlink()
    decide_build(build, lead="dora", said=[f"{name}=reject"])
    assert faults(build, "") == [] and annotations(build)["reviewer"].to_list() == ["dora"]


def showing(at: int) -> FamilyScreen:
    """A screen that shows the answer which people chose, else one of a number."""

    def speaks(case: Case) -> LocatedAnswer:
        chosen = (found for found in case.given if found.answered.keys == case.chosen)
        return next(chosen, case.given[at])

    return FamilyScreen(family="mp16_reason", speaks=speaks)


def pushed_with(build: Build, url: str, screen: FamilyScreen, ones: Sequence[Wanted] | None = None) -> list[str]:
    told: list[str] = []
    with opened(url) as client:
        push(build, client, wanted(build) if ones is None else ones, screen, say=told.append)
    return told


def test_a_lost_row_is_noted_again_as_the_task_was_and_not_as_a_screen_would_be_today(tmp_path: Path) -> None:
    build = make_build(tmp_path / "trial-00000000", samples=6, shard_size=5)
    with running_studio() as (studio, url):
        pushed_with(build, url, showing(1))
        before = tasks(build).drop("pushed_at")
        build.paths.tasks.unlink()
        told = pushed_with(build, url, showing(0))
        assert tasks(build).drop("pushed_at").equals(before) and told == []
        one = next(iter(studio.tasks.values()))
        name = one["data"]["ext_id"]
        one["data"]["shown"] = "another"
        build.paths.tasks.unlink()
        told = pushed_with(build, url, showing(0))
        after = tasks(build).drop("pushed_at")
        assert after.filter(pl.col("external") != name).equals(before.filter(pl.col("external") != name))
        row = after.row(by_predicate=pl.col("external") == name, named=True)
        then = before.row(by_predicate=pl.col("external") == name, named=True)
        assert row["keys"] == ["unknown"] and (row["clues"], row["images"]) == (then["clues"], then["images"])
        assert told == [
            "1 task of which is not known any more what was shown: what people said there counts for the picture, and "
            "not for text and clues"
        ]


def test_tasks_of_rows_that_are_wanted_no_more_are_noted_again_too(tmp_path: Path) -> None:
    build = make_build(tmp_path / "trial-00000000", samples=6, shard_size=5)
    with running_studio() as (_, url):
        pushed_with(build, url, showing(0))
        before = tasks(build).drop("pushed_at", "kind", "score")
        build.paths.tasks.unlink()
        gold = replace(wanted(build)[0], kind="gold", expected="reject")
        pushed_with(build, url, showing(0), [replace(gold, kind="dispute", expected=None)])
        assert tasks(build).drop("pushed_at", "kind", "score").equals(before)
        pushed_with(build, url, showing(0), [gold])
        assert tasks(build).filter(pl.col("kind") == "gold")["external"].to_list() == [gold.external]


def test_projects_that_name_nothing_are_no_projects(sent: tuple[Build, Studio, str]) -> None:
    build, _, url = sent
    kept = orjson.loads(build.paths.review_projects.read_bytes())
    kept["projects"]["1"]["created_at"] = None
    build.paths.review_projects.write_bytes(orjson.dumps(kept))
    with pytest.raises(CorruptBuild, match="is not as it was written; take it away, and `factory review push"):
        pulled(build, url)
