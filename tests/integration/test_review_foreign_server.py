"""A server's folder that somebody else made: no process is ended for it, nothing that stands in it is used."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotation.claim import notes_folder
from annotation.running import PROC, end, identity
from annotation.server import is_running, serve, stop
from tests.build_fixture import make_build
from tests.installed_studio import installed
from tests.real_build import Done, factory

SLEEPS = (sys.executable, "-I", "-c", "import time; time.sleep(600)")


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Path]:
    root = make_build(tmp_path / "trial-00000000", samples=4, shard_size=4).paths.root
    yield root
    stop(root / "review" / "server")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return installed(tmp_path / "home")


def review(*arguments: str | Path, home: Path) -> Done:
    environment = {"FACTORY_LABEL_STUDIO": str(home), "LABEL_STUDIO_URL": "", "LABEL_STUDIO_API_KEY": ""}
    done = factory("review", *arguments, cwd=home.parent, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def left_by_somebody(build: Path, **kept: object) -> Path:
    """The folder of a server as the maker of a build leaves it."""
    folder = build / "review" / "server"
    (folder / "data").mkdir(parents=True)
    (folder / "running").touch()
    login = {"account": "evil@example.com", "password": "known", "token": "a" * 40, "url": "http://127.0.0.1:1"}
    (folder / "server.json").write_text(json.dumps(login | {"port": 1, "pid": 0} | kept))
    (folder / "data" / "label_studio.sqlite3").write_bytes(b"theirs")
    (folder / "data" / ".env").write_text("SECRET_KEY=known\nLOCAL_FILES_SERVING_ENABLED=true\n")
    return folder


@pytest.fixture
def yours() -> Iterator[Callable[[Path], subprocess.Popen[bytes]]]:
    """Starts a process of yours that holds the lock of a file, as a server does."""
    started: list[subprocess.Popen[bytes]] = []

    def start(lock: Path, command: tuple[str, ...] = SLEEPS) -> subprocess.Popen[bytes]:
        with lock.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            started.append(subprocess.Popen(command, pass_fds=(file.fileno(),), start_new_session=True))
        while not (PROC / str(started[-1].pid) / "cmdline").read_bytes():  # it begins: its command is not told yet
            time.sleep(0.01)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_stop_ends_no_process_that_a_foreign_folder_names(
    build: Path, home: Path, yours: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    folder = left_by_somebody(build)
    process = yours(folder / "running")
    (folder / "server.json").write_text(json.dumps({"pid": process.pid, "url": "http://127.0.0.1:1", "token": "x"}))
    done = review("serve", build, "--stop", home=home)
    assert done.returncode == 3 and "not ended" in done.stderr and "end it by hand" in done.stderr, done
    assert process.poll() is None


def test_stop_ends_what_was_started_and_not_what_its_folder_names_now(
    build: Path, home: Path, yours: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    folder = build / "review" / "server"
    assert review("serve", build, home=home).returncode == 0
    again = review("serve", build, home=home)
    assert again.returncode == 0 and "runs already" in again.stderr
    process = yours(build / "other")
    kept = json.loads((folder / "server.json").read_text())
    (folder / "server.json").write_text(json.dumps(kept | {"pid": process.pid}))
    done = review("serve", build, "--stop", home=home)
    assert done.returncode == 0 and "has ended" in done.stderr and not is_running(folder), done
    assert process.poll() is None
    assert "no server runs" in review("serve", build, "--stop", home=home).stderr


def test_a_number_that_was_given_again_is_another_process(
    build: Path, home: Path, yours: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    folder = build / "review" / "server"
    serve(folder, lambda _: None, home=home)
    stop(folder)
    process = yours(folder / "running")
    (path,) = (note for note in notes_folder().glob("*.json") if str(folder) in note.read_text())
    note = json.loads(path.read_text())
    path.write_text(json.dumps(note | {"process": note["process"] | {"pid": process.pid}}))
    done = review("serve", build, "--stop", home=home)
    assert done.returncode == 3 and "started at another time" in done.stderr and process.poll() is None, done


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"started": 1}, "another time"),
        ({"started": None}, "another time"),
        ({"boot": "another"}, "another time"),
        ({"arguments": ["sleep"]}, "another command"),
        ({"arguments": []}, "not noted"),
        ({"pid": -1}, "no process"),
        ({"pid": "1"}, "no process"),
        ({}, "does not hold"),
    ],
)
def test_whatever_is_not_proven_is_not_signalled(
    tmp_path: Path,
    yours: Callable[[Path], subprocess.Popen[bytes]],
    changed: dict[str, object],
    why: str,
) -> None:
    process = yours(tmp_path / "held")
    noted = identity(process.pid, SLEEPS)
    lock = tmp_path / "held" if changed else tmp_path / "other"
    lock.touch()
    assert why in (end(noted | changed, lock, lambda: False) or "") and process.poll() is None
    assert end(noted, tmp_path / "held", lambda: process.wait(30) != 0) is None


def as_it_was_left(build: Path) -> None:
    left_by_somebody(build)


def with_a_claim_of_theirs(build: Path) -> None:
    left_by_somebody(build, claim="0" * 64)


def with_a_list_for_a_login(build: Path) -> None:
    (left_by_somebody(build) / "server.json").write_text("[]")


def without_a_login(build: Path) -> None:
    (left_by_somebody(build) / "server.json").unlink()


def with_a_pipe_for_a_login(build: Path) -> None:
    folder = left_by_somebody(build)
    (folder / "server.json").unlink()
    os.mkfifo(folder / "server.json")


def behind_a_link(build: Path) -> None:
    left_by_somebody(build).rename(build / "review" / "elsewhere")
    (build / "review" / "server").symlink_to(build / "review" / "elsewhere")


LEFT = (
    as_it_was_left,
    with_a_claim_of_theirs,
    with_a_list_for_a_login,
    without_a_login,
    with_a_pipe_for_a_login,
    behind_a_link,
)


@pytest.mark.parametrize("leave", LEFT, ids=lambda leave: leave.__name__)
def test_no_server_is_started_in_what_somebody_left(build: Path, home: Path, leave: Callable[[Path], None]) -> None:
    leave(build)
    folder = build / "review" / "server"
    before = sorted(path.name for path in folder.rglob("*"))
    done = review("serve", build, home=home)
    assert done.returncode == 3 and str(folder) in done.stderr and "evil" not in done.stderr, done
    assert "--data DIR" in done.stderr or "follows no links" in done.stderr
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert "running" not in before or not is_running(folder)


def test_one_of_your_own_beside_it_is_started_with_an_account_of_ours(build: Path, home: Path, tmp_path: Path) -> None:
    left_by_somebody(build)
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o775)
    done = review("serve", build, "--data", mine, home=home)
    assert done.returncode == 0, done
    kept = json.loads((mine / "server.json").read_text())
    assert kept["account"] == "lead@localhost.example" and kept["token"] != "a" * 40
    assert mine.stat().st_mode & 0o077 == 0
    assert stop(mine)


def own(build: Path, home: Path) -> Path:
    """A folder of ours whose server has ended."""
    folder = build / "review" / "server"
    serve(folder, lambda _: None, home=home)
    stop(folder)
    return folder


def test_a_copy_of_ones_own_build_is_told_apart(build: Path, home: Path, tmp_path: Path) -> None:
    own(build, home)
    copy = tmp_path / "copied" / build.name
    shutil.copytree(build, copy)
    done = review("serve", copy, home=home)
    assert done.returncode == 3 and "at another place" in done.stderr and "a copy of one of yours" in done.stderr, done


def test_another_folder_in_the_place_of_ours_is_not_taken_for_it(build: Path, home: Path) -> None:
    folder = own(build, home)
    folder.rename(folder.with_name("before"))
    shutil.copytree(folder.with_name("before"), folder)
    assert review("serve", build, home=home).returncode == 3


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_may_write_into_is_not_taken(build: Path, home: Path, mode: int) -> None:
    own(build, home).chmod(mode)
    done = review("serve", build, home=home)
    assert done.returncode == 3 and "others may write into it" in done.stderr, done


def test_a_folder_below_one_that_everybody_may_change_is_not_taken(build: Path, home: Path) -> None:
    own(build, home)
    build.chmod(0o777)
    done = review("serve", build, home=home)
    assert done.returncode == 3 and f"everybody may write into {build}" in done.stderr, done


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", ["data/label_studio.sqlite3", ".", "..", "../.."])
def test_what_belongs_to_another_user_is_not_taken(build: Path, home: Path, name: str) -> None:
    folder = own(build, home)
    os.chown((folder / name).resolve(), 12_345, -1)
    done = review("serve", build, home=home)
    assert done.returncode == 3 and "belongs to another user" in done.stderr, done


@pytest.mark.parametrize("more", ["LOCAL_FILES_SERVING_ENABLED=true", "SECRET_KEY=again", "SECRET_KEY=a\x85A=b", "x"])
def test_settings_in_a_file_of_the_data_are_refused(build: Path, home: Path, more: str) -> None:
    folder = own(build, home)
    (folder / "data" / ".env").write_text("\nSECRET_KEY=it*5-wrote$this=\n")
    assert review("serve", build, home=home).returncode == 0
    stop(folder)
    (folder / "data" / ".env").write_text(f"\nSECRET_KEY=it*5-wrote$this=\n{more}\n", encoding="utf-8")
    done = review("serve", build, home=home)
    assert done.returncode == 3 and "remove the other lines" in done.stderr, done


@pytest.mark.parametrize("command", ["push", "pull"])
def test_nothing_goes_to_an_address_that_a_foreign_folder_names(build: Path, home: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        left_by_somebody(build, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        done = review(command, build, home=home)
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert done.returncode == 3 and "not used" in done.stderr and "LABEL_STUDIO_URL" in done.stderr, done


@pytest.mark.parametrize(
    "url",
    ["http://a..b", f"http://{'a' * 300}.example", f"http://{'a.' * 130}example", "http://[v1.x]", "http://[::1]x"],
)
def test_what_is_no_address_is_named(build: Path, home: Path, url: str) -> None:
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": "key"}
    for command in ("push", "pull"):
        done = factory("review", command, build, cwd=home.parent, env=environment)
        assert done.returncode == 3 and "is no address" in done.stderr and "Traceback" not in done.stderr, done
    folder = own(build, home)
    kept = json.loads((folder / "server.json").read_text())
    (folder / "server.json").write_text(json.dumps(kept | {"url": url}))
    assert "is no address" in review("push", build, home=home).stderr
