"""What docs/build.md and README.md say of a build holds for the demo: examples, deletions, decisions of people."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import factory
from factory.cli.check import file_faults
from tests.pages import REPOSITORY, blocks, page, sections, table
from tests.real_build import factory as run_factory
from tests.real_build import release_digests

RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
SECTIONS = sections(page("docs/build.md"))
NAMED = re.compile(r"mp16_reason-[0-9a-f]{8}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's directory, and what its build said."""
    out = tmp_path_factory.mktemp("demo")
    done = run_factory("build", RECIPE, "--out", out / "builds", cwd=out)
    assert done.returncode == 0, done.stderr
    (build,) = (out / "builds").iterdir()
    return build, done.stdout + done.stderr


@pytest.fixture
def build(built: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the demo's build."""
    return Path(shutil.copytree(built[0], tmp_path / "builds" / built[0].name))


def again(build: Path, *overrides: str) -> Any:
    return factory.build(RECIPE, out=build.parent, overrides=overrides, workers=1)


def example(heading: str, build: Path) -> str:
    (code,) = blocks(SECTIONS[heading], "python")
    return NAMED.sub(build.name, code).replace("builds/", f"{build.parent}/")


def test_the_python_example_gives_what_it_says(build: Path) -> None:
    known: dict[str, Any] = {}
    results = 0
    for line in example("From Python", build).splitlines():
        code, _, said = line.partition("  # → ")
        if said:
            assert repr(eval(code, known)) == said, line
            results += 1
        else:
            exec(code, known)
    assert results >= 8


def test_the_tree_is_what_lies_there(built: tuple[Path, str]) -> None:
    tree = SECTIONS[""].partition("```\n")[2].partition("```")[0]
    files = [path for path in built[0].rglob("*") if path.is_file() and path.name != "lease"]
    named = {path.name for path in files if path.parent.name not in ("parquet", "webdataset", "viewer")}
    assert named <= set(tree.split())
    assert {"parquet/", "webdataset/", "viewer/", "report.html"} <= set(tree.split())
    assert set(re.findall(r"[\w.-]+\.(?:parquet|json|yaml|html|tar)", tree)) - named <= {
        "model.json",
        "tasks.parquet",
        "annotations.parquet",
        "refused.parquet",
        "000001.parquet",
        "projects.json",
        "reviewers.json",
        "decisions.parquet",
    }


def test_what_may_be_deleted_comes_back_without_a_call(build: Path) -> None:
    before = release_digests(build)
    (shown, *_), *_ = table(SECTIONS["What may be deleted"], "file")
    for name in re.findall(r"`([\w./]+)`", shown):
        for path in build.rglob(name.strip("/")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    result = again(build)
    assert (result.state, result.calls_now) == ("done", 0)
    assert release_digests(build) == before
    assert list(file_faults(build)) == []


def test_a_shard_without_its_answers_is_damaged_until_its_report_goes_too(build: Path) -> None:
    shard = build / "shards" / "00000"
    (shard / "answers.parquet").unlink()
    assert [fault.partition(": ")[2] for fault in file_faults(build)] == ["missing"]
    (shard / "report.json").unlink()
    assert again(build).exit_code == 0
    assert (shard / "answers.parquet").exists()
    assert list(file_faults(build)) == []


def test_a_new_threshold_links_the_shard_and_keeps_it_when_the_old_build_goes(build: Path) -> None:
    result = again(build, "verify.checks.near_truth.tier=region")
    newer = factory.open_build(result.directory)
    shard = newer.paths.shard(0)
    for path in (shard.images, shard.ledger, shard.answers):
        assert path.samefile(build / "shards" / "00000" / path.name)
    assert f'"taken_from": "{build.name}"' in shard.report.read_text()
    shutil.rmtree(build)
    assert list(file_faults(newer.paths.root)) == []


def test_people_decide_and_the_same_command_goes_on(build: Path, tmp_path: Path) -> None:
    waits = ("review.wait=true",)
    shutil.rmtree(build)
    first = again(build, *waits)
    assert (first.exit_code, first.state) == (5, "waiting")
    assert first.waiting is not None and "12 of 13 disputed rows" in first.waiting  # one is a copy of another
    exec(example("What people decided", build), {})
    second = again(build, *waits)
    assert (second.exit_code, second.state) == (0, "done")
    assert second.counts["kept"] > 20


def test_the_readme_shows_what_the_demo_prints(built: tuple[Path, str]) -> None:
    (shown,) = [block for block in blocks(page("README.md"), "console") if block.startswith("$ make demo")]
    lines = shown.partition("\n")[2].partition("\n\n")[0].splitlines()
    printed = built[1].replace(f"{built[0].parent}/", "builds/").splitlines()
    lines = renewed(lines, built[0].name)
    assert [masked(line) for line in lines] == [masked(line) for line in printed if line.strip()]


def test_the_readme_shows_what_another_threshold_changes(build: Path) -> None:
    (shown,) = [block for block in blocks(page("README.md"), "console") if "differs from" in block]
    command, _, said = shown.partition("\n")
    planned = run_factory(*command.removeprefix("$ factory ").split(), "--out", build.parent, cwd=REPOSITORY)
    assert planned.returncode == 0, planned.stderr
    printed = (planned.stdout + planned.stderr).replace(f"{build.parent}/", "builds/").splitlines()[:3]
    assert renewed(said.splitlines(), *NAMED.findall(printed[0])) == printed


def test_the_readme_s_python_runs(build: Path) -> None:
    (code,) = [block for block in blocks(page("README.md"), "python") if "factory.build" in block]
    known: dict[str, Any] = {}
    exec(code.replace('"recipes/mp16_reason.yaml"', f'"{RECIPE}", out="{build.parent}"'), known)
    assert [frame.height for frame in known["frames"]] == [49, 49, 49, 22, 98]


def test_the_pages_name_the_demos_build_as_it_is_called(built: tuple[Path, str]) -> None:
    assert set(NAMED.findall(page("docs/build.md"))) == {built[0].name}


def masked(line: str) -> str:
    """A line of the build without what differs from machine to machine."""
    return re.sub(r"\d[\d,.]* samples/s", "N samples/s", line).rstrip()


def renewed(shown: list[str], name: str) -> list[str]:
    """Lines of README.md. With RENEW_GOLDEN=1 the first build they name gets this name, there and in docs/build.md."""
    if not os.environ.get("RENEW_GOLDEN"):
        return shown
    (old, *_) = NAMED.findall("\n".join(shown))
    for path in (REPOSITORY / "README.md", REPOSITORY / "docs" / "build.md"):
        path.write_text(path.read_text(encoding="utf-8").replace(old, name), encoding="utf-8")
    return [line.replace(old, name) for line in shown]
