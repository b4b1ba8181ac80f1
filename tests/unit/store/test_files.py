"""What is written appears whole, under a name of its own until then, and never through a link."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.files import (
    PUBLIC,
    disk_faults,
    durable,
    is_aside,
    make_folder,
    odd_files,
    open_itself,
    private_database,
    read_json,
    refuse_odd_files,
    write_all,
    write_bytes,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_its_owners_alone_unless_it_is_made_to_be_given_away(tmp_path: Path) -> None:
    write_bytes(b"x", tmp_path / "private")
    with durable(tmp_path / "public", mode=PUBLIC) as file:
        file.write(b"x")
    os.umask(umask := os.umask(0))
    assert (mode(tmp_path / "private"), mode(tmp_path / "public")) == (0o600, 0o666 & ~umask)


def test_nothing_is_left_of_a_file_that_fails(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with pytest.raises(ZeroDivisionError), durable(tmp_path / "out") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert (tmp_path / "out").read_text() == "old" and names_in(tmp_path) == ["out"]


def test_the_name_until_then_is_drawn_anew_every_time_and_known_as_such(tmp_path: Path) -> None:
    names = set()
    for _ in range(20):
        with durable(tmp_path / "out"):
            names |= set(names_in(tmp_path)) - {"out"}
    assert len(names) == 20 and all(map(is_aside, names)) and not is_aside("out")


def test_a_link_that_has_the_files_name_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    (tmp_path / "out").symlink_to(tmp_path / "mine")
    write_bytes(b"new", tmp_path / "out")
    assert (tmp_path / "mine").read_text() == "keep" and not (tmp_path / "out").is_symlink()


def odd(folder: Path, kind: str) -> Path:
    path = folder / "odd"
    target = folder / "target"
    target.write_text("keep")
    if kind == "link":
        path.symlink_to(target)
    elif kind == "second name":
        path.hardlink_to(target)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [("link", "a symbolic link"), ("second name", "hard link"), ("pipe", "a pipe"), ("folder", "a folder")],
)
def test_a_file_that_is_changed_where_it_lies_is_a_plain_one(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(CorruptBuild, match=words):
        open_itself(odd(tmp_path, kind))
    assert (tmp_path / "target").read_text() == "keep"


@pytest.mark.parametrize("name", ["l.sqlite", "l.sqlite-wal", "l.sqlite-shm", "l.sqlite-journal"])
def test_a_linked_database_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "mine")
    with pytest.raises(CorruptBuild, match=f"{name}: is a symbolic link"):
        private_database(tmp_path / "l.sqlite")
    assert not (tmp_path / "mine").exists()


def test_a_database_is_its_owners_alone(tmp_path: Path) -> None:
    private_database(tmp_path / "l.sqlite")
    assert mode(tmp_path / "l.sqlite") == 0o600


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{" + b'"a":{' * 70 + b"}" * 71, "more than 64 lists and objects"),
        (b'{"a":[' + b"0," * 1_100_000 + b"0]}", "more than 1,000,000 values"),
        (b"[1]", "not a JSON object"),
        (b"{", "is damaged"),
    ],
)
def test_a_json_file_that_no_build_has_is_damaged(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "build.json").write_bytes(data)
    with pytest.raises(CorruptBuild, match=words):
        read_json(tmp_path / "build.json")


def test_a_json_file_is_not_read_where_it_is_larger_than_any(tmp_path: Path) -> None:
    with (tmp_path / "build.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(CorruptBuild, match=r"1,099,511,627,776 bytes, at most 64,000,000 are read"):
        read_json(tmp_path / "build.json")


def test_a_folder_of_a_build_is_no_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptBuild, match="shards: is a symbolic link, expected a folder"):
        make_folder(tmp_path / "shards")
    make_folder(tmp_path / "own")
    assert mode(tmp_path / "own") == 0o700


def test_odd_files_are_found_at_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "root" / "a" / "b"
    deep.mkdir(parents=True)
    os.mkfifo(deep / "pipe")
    (tmp_path / "root" / "dangling").symlink_to("nowhere")
    (tmp_path / "root" / "fine").write_text("x")
    found = [fault.partition(";")[0] for fault in odd_files(tmp_path / "root")]
    assert found == [f"{tmp_path}/root/dangling: is a symbolic link", f"{deep}/pipe: is a pipe"]
    with pytest.raises(CorruptBuild, match="dangling"):
        refuse_odd_files(tmp_path / "root")
    assert list(odd_files(tmp_path / "nothing")) == []


def test_threads_that_write_one_file_leave_one_whole(tmp_path: Path) -> None:
    def write(number: int) -> None:
        write_bytes(str(number).encode() * 50_000, tmp_path / "out")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = (tmp_path / "out").read_text()
    assert len(text) == 50_000 and len(set(text)) == 1 and names_in(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(errno.ENOSPC, "Make room and run"), (errno.EROFS, "Make it writable, or choose")],
)
def test_a_disk_that_cannot_be_written_is_said_with_what_helps(tmp_path: Path, error: int, remedy: str) -> None:
    with pytest.raises(EnvironmentFault, match=remedy), disk_faults(tmp_path):
        raise OSError(error, os.strerror(error))
    with pytest.raises(PermissionError), disk_faults(tmp_path):
        raise PermissionError(errno.EACCES, "not a fault of the disk", "x")


def test_any_number_of_parts_is_appended_in_order(tmp_path: Path) -> None:
    parts = [b"%06d" % number for number in range(2_500)] + [b"", b"x" * 3_000_000]
    with (tmp_path / "parts").open("wb") as file:
        write_all(file.fileno(), parts)
    assert (tmp_path / "parts").read_bytes() == b"".join(parts)


def test_what_is_taken_in_part_is_gone_on_with_where_it_ended() -> None:
    """A pipe takes 64 kB of it; the rest is offered at once, and refused."""
    there, here = os.pipe()
    parts = [bytes([number % 251]) * 1_000 for number in range(200)]
    try:
        os.set_blocking(here, False)
        with pytest.raises(BlockingIOError):
            write_all(here, parts)
        taken = os.read(there, 1_000_000)
    finally:
        os.close(there)
        os.close(here)
    assert 0 < len(taken) < 200_000 and b"".join(parts).startswith(taken)
