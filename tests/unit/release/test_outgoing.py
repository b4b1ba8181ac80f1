"""What a push sends, replaces, takes away and leaves alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from factory.errors import CorruptBuild, RecipeError
from release import write_release
from release.manifest import MANIFEST
from release.outgoing import Outgoing, Place, Sent, changes, outgoing, refuse_in_the_way
from tests.build_fixture import FINGERPRINT, make_build

FILES = dict.fromkeys(("README.md", "train.tar", "manifest.json"))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_build(tmp_path_factory.mktemp("outgoing") / "b", 8)
    write_release(made)
    return made.paths.root


def place(same: set[str], others: set[str], earlier: set[str] = frozenset()) -> Place:  # type: ignore[assignment]
    return Place(frozenset(same), frozenset(others), frozenset(earlier))


def test_everything_goes_to_an_empty_place_with_the_manifest_last() -> None:
    found = changes(FILES, place(set(), set()))
    assert found.send == ("README.md", "train.tar", "manifest.json")
    assert not (found.remove or found.in_the_way or found.beside)


def test_only_what_changed_goes_and_nothing_where_nothing_did() -> None:
    assert changes(FILES, place({"train.tar", "manifest.json"}, set())).send == ("README.md",)
    assert not changes(FILES, place(set(FILES), {".gitattributes"}))


def test_files_of_an_earlier_release_are_replaced_and_taken_away() -> None:
    there = {"README.md", "manifest.json", "old.tar"}
    found = changes(FILES, place({"train.tar"}, there, there))
    assert found.send == ("README.md", "manifest.json")
    assert found.remove == ("old.tar",)
    assert not found.in_the_way


def test_what_no_release_of_ours_wrote_is_in_the_way_or_left_alone() -> None:
    found = changes(FILES, place(set(), {"README.md", "notes.txt"}))
    assert found.in_the_way == ("README.md",)
    assert found.beside == ("notes.txt",)
    assert not found.remove
    with pytest.raises(RecipeError, match=r"has README\.md that no earlier release .* --overwrite"):
        refuse_in_the_way(found, "there", overwrite=False)
    refuse_in_the_way(found, "there", overwrite=True)


def test_a_release_is_named_by_its_build_and_by_its_bytes(build: Path) -> None:
    found = outgoing(build)
    assert found == outgoing(build / "release")
    assert list(found.files)[-1] == MANIFEST
    assert found.summary == f"mp16_reason: build {FINGERPRINT[:8]}, release {found.manifest_sha256[:12]}"
    assert FINGERPRINT in found.description and found.manifest_sha256 in found.description
    for sent in found.files.values():
        assert hashlib.sha256(sent.file.read_bytes()).hexdigest() == sent.sha256
        assert sent.file.stat().st_size == sent.size


def test_a_faulty_release_does_not_leave(build: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(build / "release", release)
    (release / "map.svg").write_text("<svg/>")
    with pytest.raises(CorruptBuild, match=r"not sent, the release fails its check:\n.*map\.svg"):
        outgoing(release)


@pytest.mark.parametrize("variable", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY"])
def test_a_release_with_the_key_that_would_send_it_does_not_leave(
    build: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, FINGERPRINT)  # which stands in its manifest
    with pytest.raises(CorruptBuild, match=rf"holds the value of the environment variable {variable}"):
        outgoing(build)


def test_where_no_release_is_nothing_leaves(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no release"):
        outgoing(tmp_path)


def test_a_file_has_the_name_that_git_gives_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"text\n")
    named = subprocess.run(["git", "hash-object", file], capture_output=True, text=True, check=True).stdout.strip()
    assert Sent("file", file, 5, "").blob() == named


def test_its_size_is_that_of_its_files(build: Path) -> None:
    found: Outgoing = outgoing(build)
    assert found.size == sum(file.stat().st_size for file in (build / "release").rglob("*") if file.is_file())
