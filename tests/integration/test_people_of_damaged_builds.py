"""What people marked as private in an earlier build: a new one is made with it, or says why it is not made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import polars as pl
import pyarrow as pa
import pytest

import factory
from factory.errors import CorruptBuild
from factory.phases.decide import decide_build
from factory.phases.weigh import weigh_build
from factory.store.layout import Build
from factory.store.tables import write_table
from schemas import arrow
from tests.annotations import said, shown, write_annotations
from tests.pages import REPOSITORY
from tests.real_build import Done
from tests.real_build import factory as run_factory

RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
NEWER = "verify.checks.near_truth.tier=region"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A build in which somebody flagged a row as private without a box, so that it is withheld; and the row."""
    out = tmp_path_factory.mktemp("demo") / "builds"
    build = factory.open_build(factory.build(RECIPE, out=out, workers=1).directory)
    name = sorted(released(build))[0]
    flagged = said(name, "ann", None, flags=["privacy"], **shown(build, name))
    write_annotations(build.paths, [flagged])
    factory.build(RECIPE, out=out, workers=1)
    assert name not in released(build)
    return build.paths.root, name


@pytest.fixture
def old(demo: tuple[Path, str], tmp_path: Path) -> Build:
    return Build(factory.open_build(shutil.copytree(demo[0], tmp_path / "builds" / demo[0].name)).paths)


@pytest.fixture
def name(demo: tuple[Path, str]) -> str:
    return demo[1]


def released(build: Build) -> set[str]:
    files = (build.paths.release / "parquet").rglob("*.parquet")
    return {name for file in files for name in pl.read_parquet(file, columns=["id"])["id"]}


def newer(old: Build) -> Done:
    out = old.paths.root.parent
    return run_factory("build", RECIPE, "--out", out, "--set", NEWER, "--workers", "1", cwd=out.parent)


def made(old: Build) -> Build:
    (root,) = (path for path in old.paths.root.parent.iterdir() if path != old.paths.root)
    return Build(factory.open_build(root).paths)


def pulled_once(old: Build) -> None:
    old.paths.pulls.mkdir(exist_ok=True)
    shutil.copy(old.paths.annotations, old.paths.pulls / "000001.parquet")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def lost_after_a_pull(old: Build) -> Path:
    pulled_once(old)
    old.paths.annotations.unlink()
    return old.paths.annotations


def lost_after_a_decision(old: Build) -> Path:
    old.paths.annotations.unlink()
    return old.paths.annotations


def annotations_cut(old: Build) -> Path:
    cut(old.paths.annotations)
    return old.paths.annotations


def annotations_linked(old: Build) -> Path:
    linked(old.paths.annotations)
    return old.paths.annotations


def annotations_of_another_layout(old: Build) -> Path:
    pl.read_parquet(old.paths.annotations).drop("boxes").write_parquet(old.paths.annotations)
    return old.paths.annotations


def decisions_cut(old: Build) -> Path:
    cut(old.paths.decisions)
    return old.paths.decisions


def tasks_cut(old: Build) -> Path:
    write_table(pa.Table.from_pylist([], schema=arrow.TASKS), old.paths.tasks)
    cut(old.paths.tasks)
    return old.paths.tasks


def people_s_names_cut(old: Build) -> Path:
    cut(old.paths.reviewers)
    return old.paths.reviewers


def review_linked(old: Build) -> Path:
    linked(old.paths.review)
    return old.paths.review


def review_a_file(old: Build) -> Path:
    shutil.rmtree(old.paths.review)
    old.paths.review.write_text("")
    return old.paths.review


def build_linked(old: Build) -> Path:
    moved = old.paths.root.parent.parent / "moved"
    old.paths.root.rename(moved)
    old.paths.root.symlink_to(moved)
    return old.paths.root


HURT = (
    annotations_cut,
    lost_after_a_pull,
    lost_after_a_decision,
    annotations_linked,
    annotations_of_another_layout,
    decisions_cut,
    tasks_cut,
    people_s_names_cut,
    review_linked,
    review_a_file,
    build_linked,
)


@pytest.mark.parametrize("hurt", HURT)
def test_nothing_is_released_without_what_people_said_in_an_earlier_build(
    old: Build, hurt: Callable[[Build], Path]
) -> None:
    path = hurt(old)
    done = newer(old)
    assert done.returncode == 3 and f"{path}: " in done.stderr, done
    assert "Traceback" not in done.stderr
    assert not made(old).paths.release.exists()
    assert not any(made(old).paths.shard_folder.iterdir()), "nobody was asked before, and nothing paid"
    if hurt is not people_s_names_cut:
        assert "would be released unblurred" in done.stderr
        assert f"move that build out of {old.paths.root.parent}" in done.stderr


@pytest.mark.parametrize("hurt", [annotations_cut, lost_after_a_pull])
def test_the_message_says_what_brings_the_file_back(old: Build, hurt: Callable[[Build], Path]) -> None:
    pulled_once(old)
    hurt(old)
    assert f"`factory review pull {old.paths.root}`" in newer(old).stderr


def test_a_lead_s_words_that_no_server_has_come_back_from_a_copy_alone(old: Build) -> None:
    annotations_cut(old)
    assert "only a copy brings it back" in newer(old).stderr


def test_a_build_that_is_moved_away_counts_no_more(old: Build, name: str) -> None:
    annotations_cut(old)
    assert newer(old).returncode == 3
    aside = old.paths.root.parent.parent / "aside"
    aside.mkdir()
    old.paths.root.rename(aside / old.paths.root.name)
    done = newer(old)
    assert done.returncode == 0, done
    assert name in released(made(old))


def test_a_mended_file_counts_again(old: Build, name: str) -> None:
    whole = old.paths.annotations.read_bytes()
    annotations_cut(old)
    assert newer(old).returncode == 3
    old.paths.annotations.write_bytes(whole)
    assert newer(old).returncode == 0
    assert made(old).paths.release.exists() and name not in released(made(old))


def info_lost(old: Build) -> None:
    old.paths.info.unlink()


def info_cut(old: Build) -> None:
    cut(old.paths.info)


def info_a_link(old: Build) -> None:
    linked(old.paths.info)


def info_of_another_layout(old: Build) -> None:
    old.paths.info.write_bytes(orjson.dumps(orjson.loads(old.paths.info.read_bytes()) | {"layout": 4}))


def a_link_beside(old: Build) -> None:
    (old.paths.root / "notes").symlink_to("/etc/hostname")


def a_link_of_a_server(old: Build) -> None:
    old.paths.server.mkdir()
    (old.paths.server / "media").symlink_to("/etc/hostname")


def shards_lost(old: Build) -> None:
    shutil.rmtree(old.paths.shard_folder)


@pytest.mark.parametrize(
    "hurt",
    [
        info_lost,
        info_cut,
        info_a_link,
        info_of_another_layout,
        a_link_beside,
        a_link_of_a_server,
        shards_lost,
    ],
)
def test_what_people_said_holds_whatever_else_of_their_build_is_lost(
    old: Build, name: str, hurt: Callable[[Build], None]
) -> None:
    hurt(old)
    done = newer(old)
    assert done.returncode == 0, done
    assert released(made(old)) and name not in released(made(old))
    assert set(pl.read_parquet(made(old).paths.annotations)["taken_from"]) == {old.paths.root.name}


@pytest.mark.parametrize("hurt", [info_lost, a_link_beside])
def test_a_build_in_which_nobody_was_asked_is_passed_over(old: Build, name: str, hurt: Callable[[Build], None]) -> None:
    shutil.rmtree(old.paths.review)
    hurt(old)
    assert newer(old).returncode == 0
    assert name in released(made(old))


def test_a_finished_build_is_not_decided_or_counted_without_it_either(old: Build) -> None:
    assert newer(old).returncode == 0
    build, before = made(old), made(old).paths.decisions.read_bytes()
    annotations_cut(old)
    for told in (decide_build, weigh_build):
        with pytest.raises(CorruptBuild, match="would be released unblurred"):
            told(build)
    assert newer(old).returncode == 3
    assert build.paths.decisions.read_bytes() == before
