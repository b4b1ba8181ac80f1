"""A folder as a store: whole files, one writer, tokens that grow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from factory.errors import BuildLocked
from factory.store.folder import LEASE, FolderStore, link


def claimed(root: Path) -> int:
    """The token of a claim that is let go at once."""
    with FolderStore(root).claim("here") as token:
        return token


def test_a_file_is_put_whole_and_listed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("b.json", b"{}")
    (tmp_path / "a.txt").write_bytes(b"copied")
    store.put("c.txt", tmp_path / "a.txt")
    (tmp_path / ".half.parquet.0123456789abcdef.part").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert list(store.list()) == ["a.txt", "b.json", "c.txt"]
    assert list(store.list("b")) == ["b.json"]
    assert (tmp_path / "c.txt").read_bytes() == b"copied"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list(FolderStore(tmp_path / "none").list()) == []


def test_putting_again_replaces_the_name_and_not_its_other_names(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a", b"one")
    store.put("b", tmp_path / "a")
    store.put("a", b"two")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"two", b"one")


def test_a_path_gets_a_second_name_where_the_disk_can(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")


def test_a_path_is_copied_where_the_disk_cannot_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a").write_bytes(b"x")
    FolderStore(tmp_path).put("b", tmp_path / "a")
    assert (tmp_path / "b").read_bytes() == b"x" and not (tmp_path / "a").samefile(tmp_path / "b")


def test_every_claim_has_a_larger_token(tmp_path: Path) -> None:
    assert [claimed(tmp_path / "new") for _ in range(3)] == [1, 2, 3]
    assert "token 3 process" in (tmp_path / "new" / LEASE).read_text()


@pytest.mark.parametrize("before", [b"", b"process 1 on here", b"token nonsense", b"\xff\x00" * 300])
def test_a_lease_file_of_anything_else_starts_anew(tmp_path: Path, before: bytes) -> None:
    (tmp_path / LEASE).write_bytes(before)
    assert claimed(tmp_path) == 1
    assert claimed(tmp_path) == 2


def test_one_claim_at_a_time_and_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with (
        store.claim("shard 3"),
        pytest.raises(BuildLocked, match=f"shard 3 is in use by process {os.getpid()} on "),
        store.claim("shard 3"),
    ):
        pass


def test_the_holder_writes_with_its_token(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with store.claim("here") as token:
        store.put("report.json", b"{}", token=token)
    assert (tmp_path / "report.json").exists()


def test_a_stale_token_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    stale = claimed(tmp_path)
    with store.claim("here") as token:
        with pytest.raises(BuildLocked, match="another process has taken this over"):
            store.put("report.json", b"{}", token=stale)
        assert not (tmp_path / "report.json").exists()
        store.put("report.json", b"{}", token=token)


def test_a_token_of_a_folder_that_was_never_claimed_is_stale(tmp_path: Path) -> None:
    with pytest.raises(BuildLocked):
        FolderStore(tmp_path).put("a", b"", token=1)
