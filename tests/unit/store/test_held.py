"""A folder that is held stays the one that is worked in, whatever is put in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import CorruptBuild
from factory.store.files import create, make_folder, open_itself, remove, remove_tree, rename, write_bytes
from factory.store.held import held
from factory.store.lease import lease


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder with one inside, and beside it a folder of somebody else with files of the same names."""
    for folder in ("b/in", "theirs/in/deep"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("theirs/f", "theirs/in/f", "theirs/in/deep/f"):
        (tmp_path / name).write_text("keep")
    return tmp_path / "b"


def swap(folder: Path, target: str) -> Path:
    """A link in the place of a folder; where the folder is now."""
    moved = folder.rename(folder.with_name("moved"))
    folder.symlink_to(folder.parent / target if "/" not in target else Path(target))
    return moved


def kept(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("f")) if path.read_text() == "keep"]


def test_what_is_written_removed_and_renamed_lies_in_the_folder_that_is_held(build: Path) -> None:
    theirs = build.parent / "theirs"
    (build / "old").write_text("x")
    with held(build):
        moved = swap(build, "theirs")
        write_bytes(b"new", build / "in" / "f")
        with create(build / "made") as file:
            file.write(b"made")
        with open_itself(build / "f") as file:
            file.write(b"opened")
        rename(build / "old", build / "in" / "renamed")
        remove(build / "in" / "deep" / "f")
        remove_tree(build / "in" / "deep")
        make_folder(build / "folder")
        assert kept(theirs) == ["f", "in/deep/f", "in/f"]
    assert sorted(str(path.relative_to(moved)) for path in moved.rglob("*") if path.is_file()) == [
        *("f", "in/f", "in/renamed", "made")
    ]
    assert (moved / "folder").is_dir() and (moved / "in" / "f").read_bytes() == b"new"


def test_a_link_inside_of_a_folder_that_is_held_is_refused_on_every_way(build: Path) -> None:
    theirs = build.parent / "theirs"
    with held(build):
        (build / "in").rmdir()
        (build / "in").symlink_to(theirs / "in")
        for act in (
            lambda: write_bytes(b"x", build / "in" / "f"),
            lambda: create(build / "in" / "new"),
            lambda: open_itself(build / "in" / "f"),
            lambda: remove(build / "in" / "f"),
            lambda: remove_tree(build / "in" / "deep"),
            lambda: rename(build / "in" / "f", build / "f"),
            lambda: make_folder(build / "in" / "folder"),
        ):
            with pytest.raises(CorruptBuild, match="in: is a symbolic link, expected a folder"):
                act()
    assert kept(theirs) == ["f", "in/deep/f", "in/f"] and not (theirs / "in" / "folder").exists()


def test_a_folder_that_is_a_link_is_not_held_and_one_that_nobody_holds_may_be_reached_by_a_link(build: Path) -> None:
    (link := build.parent / "link").symlink_to(build)
    with pytest.raises(CorruptBuild, match="link: is a symbolic link"), held(link):
        pass
    write_bytes(b"x", link / "f")
    assert (build / "f").read_bytes() == b"x"


def test_a_lease_holds_its_folder_and_lets_go_of_it(build: Path) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    with lease(build / "lease", what="b"), held(build):
        moved = swap(build, "theirs")
        write_bytes(b"x", build / "f")
        assert (moved / "f").read_bytes() == b"x"
    write_bytes(b"y", build / "f")
    assert (build.parent / "theirs" / "f").read_bytes() == b"y"
    assert len(list(descriptors.iterdir())) == before
