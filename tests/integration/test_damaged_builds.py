"""A build whose files were cut, edited or lost: what a phase wrote it writes again, and nothing that was paid is asked
again. Neither by the same recipe, nor by one with another threshold that takes over what the build has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import factory as package
from factory.cli.check import file_faults
from factory.cli.main import app
from factory.errors import CorruptBuild, FactoryError
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from tests.fake_endpoint import Running, running_endpoint
from tests.real_build import make_photos, only_build, release_digests, write_recipe

SAMPLES = 8
OTHER_THRESHOLD = ("verify.checks.near_truth.tier=country",)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_endpoint(tmp_path_factory.mktemp("endpoint")) as running:
        yield running


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, endpoint: Running) -> Path:
    root = tmp_path_factory.mktemp("recipe")
    make_photos(root, SAMPLES)
    path = write_recipe(root, endpoint.url)
    path.write_text(path.read_text().replace("shard_size: 250", "shard_size: 4"))
    return path


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build, to be copied."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
        package.build(recipe, out=out, workers=1)
    return only_build(out)


@pytest.fixture
def build(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    return Path(shutil.copytree(whole, tmp_path / "out" / whole.name))


def again(recipe: Path, build: Path, *overrides: str, retry: bool = False) -> BuildResult:
    return package.build(recipe, out=build.parent, workers=1, overrides=overrides, retry=retry)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def changed(column: str, value: Any) -> Callable[[Path], None]:
    """Gives the first row another value, as a program would that rewrites the file."""

    def change(path: Path) -> None:
        table = pq.read_table(path, partitioning=None)
        rows = table.to_pylist()
        rows[0][column] = value
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)

    return change


def lost(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def first_tar_lost(path: Path) -> None:
    min(path.glob("webdataset/*.tar")).unlink()


DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "plan cut": ("plan.parquet", cut),
    "plan edited": ("plan.parquet", changed("lat", 12.0)),
    "dropped lost": ("dropped.parquet", lost),
    "answers cut": ("shards/00000/answers.parquet", cut),
    "answers edited": ("shards/00000/answers.parquet", changed("answers", [])),
    "answers lost": ("shards/00001/answers.parquet", lost),
    "pictures cut": ("shards/00000/images.tar", cut),
    "pictures lost": ("shards/00001/images.tar", lost),
    "report of a shard lost": ("shards/00000/report.json", lost),
    "verdicts cut": ("shards/00000/verdicts.parquet", cut),
    "verdicts edited": ("shards/00000/verdicts.parquet", changed("decision", "accept")),
    "verified cut": ("verified.json", cut),
    "selection cut": ("selection.parquet", cut),
    "selection edited": ("selection.parquet", changed("split", "test")),
    "a tar of the release lost": ("release", first_tar_lost),
    "manifest of the release cut": ("release/manifest.json", cut),
    "build.json lost": ("build.json", lost),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_a_phase_wrote_it_writes_again_without_a_call(
    recipe: Path, whole: Path, build: Path, endpoint: Running, damage: str
) -> None:
    name, spoil = DAMAGE[damage]
    calls = endpoint.stats()["requests"]
    spoil(build / name)
    result = again(recipe, build)
    assert (result.state, result.calls_now, endpoint.stats()["requests"]) == ("done", 0, calls)
    assert release_digests(build) == release_digests(whole)
    assert list(file_faults(build)) == []
    assert result.counts["calls"] == SAMPLES, "what was paid is still counted as paid"


@pytest.mark.parametrize("damage", [*DAMAGE, "build.json cut", "pictures flipped"])
def test_a_build_that_takes_over_from_a_damaged_one_asks_nothing_again(
    recipe: Path, whole: Path, build: Path, endpoint: Running, damage: str
) -> None:
    kinds = {"build.json cut": ("build.json", cut), "pictures flipped": ("shards/00000/images.tar", flipped)}
    name, spoil = {**DAMAGE, **kinds}[damage]
    calls = endpoint.stats()["requests"]
    spoil(build / name)
    try:
        result = again(recipe, build, *OTHER_THRESHOLD)
        assert (result.state, result.calls_now) == ("done", 0)
        assert list(file_faults(Path(result.directory))) == []
    except CorruptBuild as fault:
        assert damage == "pictures flipped" and "images.tar: differs from what was written" in str(fault)
    assert endpoint.stats()["requests"] == calls


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_ledger_of_an_earlier_build_is_named_before_anything_is_paid_again(
    recipe: Path, build: Path, endpoint: Running
) -> None:
    calls = endpoint.stats()["requests"]
    cut(build / "shards/00000/ledger.parquet")
    with pytest.raises(CorruptBuild, match=r"00000/ledger.parquet: cannot be read .* move it away to ask"):
        again(recipe, build, *OTHER_THRESHOLD)
    assert endpoint.stats()["requests"] == calls


MALFORMED: dict[str, dict[str, Any]] = {
    "build.json": {"phases": 5, "counts": {"shards": "two"}, "stage_fingerprints": [1], "identity": 3, "state": None},
    "shards/00000/report.json": {"samples": "x", "files": 3, "failures": 1, "passing": 2},
    "verified.json": {"verdicts": 3, "model": 1},
}


def command(*arguments: object) -> Result:
    ended = CliRunner().invoke(app, [*map(str, arguments)])
    assert ended.exception is None or isinstance(ended.exception, SystemExit | FactoryError), ended.exception
    return ended


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("empty", [False, True])
def test_a_file_of_another_shape_ends_no_command_with_a_traceback(
    recipe: Path, build: Path, name: str, empty: bool
) -> None:
    path = build / name
    whole = {} if empty else json.loads(path.read_text())
    for key, value in {"": None}.items() if empty else MALFORMED[name].items():
        path.write_text(json.dumps({**whole, key: value}))
        for arguments in (["status"], ["explain"], ["report"]):
            command(arguments[0], build, *(["p00000"] if arguments == ["explain"] else []))
        found = command("check", build)
        assert found.exit_code == 1 and str(build) in found.output
        command("plan", recipe, "--out", build.parent)
        command("build", recipe, "--out", build.parent, "--workers", "1", "--set", *OTHER_THRESHOLD)
    ended = command("build", recipe, "--out", build.parent, "--workers", "1")
    if isinstance(ended.exception, FactoryError):
        assert str(path) in str(ended.exception) and "delete it" in str(ended.exception)
        path.unlink()
        assert command("build", recipe, "--out", build.parent, "--workers", "1").exit_code == 0
    assert list(file_faults(build)) == []
    assert open_build(build).info["state"] == "done"
