"""What a recipe says of the environment: paths are found, and nothing of it is kept or shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fake_endpoint import running_endpoint
from tests.real_build import factory, make_photos, only_build, write_recipe

CANARY = "ghp_canary0123456789"


@pytest.mark.parametrize(
    "override",
    [
        "release.title=${GITHUB_PAT}",
        "description=by ${GITHUB_PAT:-nobody}",
        "teachers.0.sampling.extra={user: '${GITHUB_PAT}'}",
        "source.path=$GITHUB_PAT",
        "source.images=${GITHUB_PAT}/images",
        "source.author=${HARMLESS}",
    ],
)
@pytest.mark.parametrize("command", [("build",), ("recipe", "show"), ("plan",), ("doctor",)])
def test_a_secret_is_refused_wherever_it_stands_and_never_shown(
    tmp_path: Path, override: str, command: tuple[str, ...]
) -> None:
    make_photos(tmp_path, 1)
    recipe = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    env = {"GITHUB_PAT": CANARY, "HARMLESS": CANARY}
    done = factory(*command, recipe, "--set", override, cwd=tmp_path, env=env)
    assert done.returncode == 2 and override.partition("=")[0] in done.stderr
    assert CANARY not in done.stdout + done.stderr and not (tmp_path / "builds").exists()


def test_a_build_keeps_its_paths_as_they_were_written(tmp_path: Path) -> None:
    make_photos(tmp_path / CANARY, 3)
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url)
        paths = ("--set", "source.path=${PHOTOS}/photos.csv", "--set", "source.images=$PHOTOS/images")
        done = factory("build", recipe, *paths, cwd=tmp_path, env={"PHOTOS": str(tmp_path / CANARY)})
        assert done.returncode == 0, done.stderr
    assert CANARY not in done.stderr
    build = only_build(tmp_path / "builds")
    assert "${PHOTOS}/photos.csv" in (build / "recipe.lock.yaml").read_text()
    for path in build.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path
