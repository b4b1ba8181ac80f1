"""The folder of a static Space: the viewer of a checked release, and nothing over what is somebody else's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from factory.errors import RecipeError
from release import write_release
from release.hub_push import Wish, push_to_hub
from release.outgoing import Outgoing, outgoing
from release.space import write_space
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Outgoing:
    build = make_build(tmp_path_factory.mktemp("space") / "b", 8)
    write_release(build, settings=ReleaseSettings(title="Places <b>x</b>: all", formats=("parquet",)))
    return outgoing(build.paths.root)


def test_it_holds_what_a_static_space_needs(release: Outgoing, tmp_path: Path) -> None:
    assert write_space(release, tmp_path / "space") == 6
    files = {path.relative_to(tmp_path / "space").as_posix() for path in (tmp_path / "space").rglob("*.*")}
    pages = {f"viewer/{kind}-00000.js" for kind in ("columns", "pictures", "rows")}
    assert files == {"README.md", "index.html", "LICENSE-DATA.md", *pages}
    assert (tmp_path / "space/index.html").read_bytes() == (release.root / "viewer.html").read_bytes()
    _, head, text = (tmp_path / "space/README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(head) == {
        "title": "Places <b>x</b>: all",
        "sdk": "static",
        "app_file": "index.html",
        "pinned": False,
    }
    assert "<b>" not in text and release.manifest_sha256 in text


def test_it_takes_the_place_of_an_earlier_one_and_of_nothing_else(release: Outgoing, tmp_path: Path) -> None:
    write_space(release, tmp_path / "space")
    write_space(release, tmp_path / "space")
    (tmp_path / "space" / "mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="holds something else"):
        write_space(release, tmp_path / "space")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecipeError, match="holds something else"):
        write_space(release, tmp_path / "link")


FOREIGN = [
    {"index.html": "mine"},
    {"README.md": "# My notes"},
    {"viewer/notes.txt": "mine"},
    {"README.md": "---\ntitle: mine\nsdk: static\n---\n", "index.html": "mine"},
    {"README.md": "The release whose manifest has the SHA-256", "index.html": "mine"},
]


@pytest.mark.parametrize("files", FOREIGN, ids=lambda files: "+".join(files))
@pytest.mark.parametrize("name", ["space", "space.tmp", "space.old"])
def test_a_folder_that_it_did_not_write_stays(
    release: Outgoing, tmp_path: Path, name: str, files: dict[str, str]
) -> None:
    for path, text in files.items():
        (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / path).write_text(text)
    with pytest.raises(RecipeError, match=f"{name}: holds something else; name another --out"):
        write_space(release, tmp_path / "space")
    assert {path: (tmp_path / name / path).read_text() for path in files} == files


def test_a_file_of_somebody_else_among_its_pages_stays(release: Outgoing, tmp_path: Path) -> None:
    write_space(release, tmp_path / "space")
    (tmp_path / "space/viewer/notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match="holds something else"):
        write_space(release, tmp_path / "space")


@pytest.mark.parametrize("name", ["space.tmp", "space.old"])
def test_what_a_stopped_run_left_is_taken_away(release: Outgoing, tmp_path: Path, name: str) -> None:
    write_space(release, tmp_path / "space")
    (tmp_path / "space").rename(tmp_path / name)
    (tmp_path / name / "index.html").unlink()
    write_space(release, tmp_path / "space")
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


def test_without_a_viewer_there_is_no_space(release: Outgoing, tmp_path: Path) -> None:
    files = {path: sent for path, sent in release.files.items() if path != "viewer.html"}
    with pytest.raises(RecipeError, match=r"has no viewer\.html"):
        write_space(replace(release, files=files), tmp_path / "space")


def test_a_viewer_that_no_commit_takes_is_said_before_anything_is_sent(release: Outgoing) -> None:
    page = "viewer/rows-00000.js"
    large = {**release.files, page: replace(release.files[page], size=800_000_000)}
    with pytest.raises(RecipeError, match=r"has 800 MB of text.*factory space"):
        push_to_hub(replace(release, files=large), "org/x", Wish(), say=print, sent=print, uploading=None)  # type: ignore[arg-type]
