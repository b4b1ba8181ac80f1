"""A server of one's own: started once, found again, ended; nothing of it is anybody else's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation.claim import read_note
from annotation.client import Client
from annotation.replies import Anything, UserReply
from annotation.server import is_running, stop
from factory.errors import EnvironmentFault
from tests.build_fixture import make_build


@pytest.fixture
def build(home: Path, tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "trial-00000000"
    make_build(root, samples=4, shard_size=4)
    try:
        yield root
    finally:
        stop(root / "review" / "server")


def command(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FACTORY_LABEL_STUDIO": str(home)}
    environment = {name: value for name, value in environment.items() if not name.startswith("LABEL_STUDIO_")}
    run = [sys.executable, "-m", "factory", "review", *map(str, arguments)]
    return subprocess.run(run, capture_output=True, text=True, env=environment, check=False, timeout=900)


def others_reach(port: int) -> bool:
    """Whether an address of this machine that is not loopback answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; says from where it would
        mine = probe.getsockname()[0]
    with socket.socket() as knock:
        knock.settimeout(2)
        return knock.connect_ex((mine, port)) == 0


def test_it_starts_once_is_found_again_and_ends(build: Path, home: Path) -> None:
    folder = build / "review" / "server"
    first = command("serve", build, home=home)
    assert first.returncode == 0, first.stderr
    url = first.stdout.strip()
    kept = json.loads((folder / "server.json").read_text())
    assert url == kept["url"] and kept["account"] in first.stderr and str(folder / "server.json") in first.stderr
    again = command("serve", build, home=home)
    assert again.stdout.strip() == url and "runs already" in again.stderr
    noted = read_note(folder)
    assert noted is not None
    for secret in (kept["token"], kept["password"]):
        assert secret not in first.stdout + first.stderr + again.stderr + (folder / "server.log").read_text()
        assert secret.encode() not in Path(f"/proc/{noted['process']['pid']}/cmdline").read_bytes()
    loose = [path for path in folder.rglob("*") if path.stat().st_mode & 0o077 or path.is_symlink()]
    assert loose == [], "its owner alone reads it"
    assert not others_reach(kept["port"])
    ended = command("serve", build, "--stop", home=home)
    assert ended.returncode == 0 and not is_running(folder)
    assert "no server runs" in command("serve", build, "--stop", home=home).stderr


def test_a_restart_keeps_accounts_tokens_and_projects(build: Path, home: Path) -> None:
    from annotation.server import serve

    folder = build / "review" / "server"
    before = serve(folder, print, home=home)
    with Client(before.login) as client:
        made = client.make("/api/projects", Anything, {"title": "kept"}).root
    stop(folder)
    after = serve(folder, print, home=home)
    assert after.started and after.login.key == before.login.key
    with Client(after.login) as client:
        assert client.get(f"/api/projects/{made['id']}/", Anything).root["title"] == "kept"
        assert client.get("/api/current-user/whoami", UserReply).email == after.account


def test_a_token_that_was_reset_on_the_server_is_found_in_its_data(build: Path, home: Path) -> None:
    from annotation.server import serve

    folder = build / "review" / "server"
    before = serve(folder, print, home=home)
    with Client(before.login) as client:
        client.make("/api/current-user/reset-token", Anything)
        with pytest.raises(EnvironmentFault, match="`factory review serve`, given the same"):
            client.get("/api/current-user/whoami", UserReply)
    again = command("serve", build, home=home)
    assert again.returncode == 0 and "its token is not valid any more" in again.stderr, again.stderr
    after = serve(folder, print, home=home)
    assert after.login.key != before.login.key and after.login.key not in again.stdout + again.stderr
    with Client(after.login) as client:
        assert client.get("/api/current-user/whoami", UserReply).email == after.account
