"""Where shards come home: files by name in a folder that machines share, or in whatever fsspec opens."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.home import Home


@pytest.fixture(params=["folder", "objects"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    url = str(tmp_path / "home") if request.param == "folder" else f"memory://{tmp_path}"
    return Home(url, patience_s=0.3)


def test_what_is_put_is_there(home: Home, tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"a file")
    home.put("shards/00001/away/one", b"bytes")
    home.put("shards/00001/away/two", tmp_path / "made")
    assert home.get("shards/00001/away/one") == b"bytes"
    assert home.get("shards/00001/away/two") == b"a file"
    assert home.list("shards/00001/away") == ["one", "two"]
    home.put("shards/00001/away/one", b"others")
    assert home.get("shards/00001/away/one") == b"others"


def test_what_is_not_there_is_none(home: Home) -> None:
    assert home.get("shards/00001/away/fence") is None
    assert home.list("shards/00001/away") == []
    home.remove("shards/00001/away")


def test_a_file_is_fetched_and_taken(home: Home, tmp_path: Path) -> None:
    home.put("a/b", b"bytes")
    home.fetch("a/b", tmp_path / "copy")
    home.take("a/b", tmp_path / "taken")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "taken").read_bytes() == b"bytes"
    with pytest.raises(EnvironmentFault, match="a/c: storage fails"):
        home.fetch("a/c", tmp_path / "lost")
    assert not (tmp_path / "lost").exists()


def test_a_folder_goes_with_all_that_is_in_it(home: Home) -> None:
    home.put("a/b/c", b"1")
    home.put("a/d", b"2")
    home.remove("a/b")
    assert home.list("a/b") == [] and home.get("a/d") == b"2"


def test_a_folder_that_is_not_mounted_is_waited_for_and_not_made(tmp_path: Path) -> None:
    root = tmp_path / "mounted"
    with pytest.raises(EnvironmentFault, match="storage fails"):
        Home(str(root), patience_s=0.2).put("shards/00001/away/fence", b"1")
    assert not root.exists()

    def mount() -> None:
        time.sleep(0.3)
        root.mkdir()

    mounting = threading.Thread(target=mount)
    mounting.start()
    home = Home(str(root), patience_s=20)
    home.put("shards/00001/away/fence", b"1")
    mounting.join()
    assert home.get("shards/00001/away/fence") == b"1"


def test_no_link_is_followed_in_a_shared_folder(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home" / "shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptBuild, match="symbolic link"):
        Home(str(tmp_path / "home")).put("shards/00001/away/fence", b"1")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_address_that_nobody_opens_is_named() -> None:
    with pytest.raises(EnvironmentFault, match="nothing://here"):
        Home("nothing://here").get("a")
