"""A Label Studio of one's own that does not start, or takes its key no more, without Label Studio."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from annotation.client import Client
from annotation.replies import UserReply
from annotation.server import serve, stop
from factory.errors import EnvironmentFault
from tests.http_server import listening
from tests.installed_studio import installed

SAYS = """#!/bin/sh
echo "cannot start with token $LABEL_STUDIO_USER_TOKEN"
echo "nor with the password $LABEL_STUDIO_PASSWORD"
exit 3
"""


def test_the_end_of_a_server_s_log_is_shown_without_its_token_and_password(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="Label Studio did not start") as fault:
        serve(tmp_path / "server", lambda _: None, home=installed(tmp_path / "home", SAYS))
    assert "cannot start with token [redacted]" in str(fault.value)
    assert "nor with the password [redacted]" in str(fault.value)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "server"
    stop(tmp_path / "server")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_token_that_was_changed_on_the_server_is_found_again(tmp_path: Path, folder: Path, restarted: bool) -> None:
    home, said = installed(tmp_path / "home"), list[str]()
    before = serve(folder, said.append, home=home)
    (folder / "data" / "token").write_text("0123456789" * 4)
    if restarted:
        stop(folder)
        serve(folder, said.append, home=home)
    told = pytest.raises(EnvironmentFault, match="`factory review serve`, given the same")
    with Client(before.login) as client, told:
        client.get("/api/current-user/whoami", UserReply)
    again = serve(folder, said.append, home=home)
    assert (again.login.key, again.account) == ("0123456789" * 4, before.account)
    assert sum("its token is not valid any more" in line for line in said) == 1
    assert not any(before.login.key in line or again.login.key in line for line in said)
    with Client(again.login) as client:
        assert client.get("/api/current-user/whoami", UserReply).email == before.account


def test_where_no_token_of_the_data_is_taken_serve_says_at_once_what_to_do(tmp_path: Path, folder: Path) -> None:
    home = installed(tmp_path / "home")
    served = serve(folder, lambda _: None, home=home)
    (folder / "data" / "token").write_text("no token of forty digits")
    with pytest.raises(EnvironmentFault, match=r"HTTP 401") as told:
        serve(folder, lambda _: None, home=home)
    assert served.login.url in str(told.value) and "set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY" in str(told.value)


def test_another_program_at_its_address_is_not_waited_for(tmp_path: Path, folder: Path) -> None:
    home = installed(tmp_path / "home")
    serve(folder, lambda _: None, home=home)
    kept = json.loads((folder / "server.json").read_text())
    with listening(SimpleHTTPRequestHandler, quiet=True) as url:
        (folder / "server.json").write_text(json.dumps(kept | {"url": url}))
        with pytest.raises(EnvironmentFault, match=r"does not answer as one: .*HTTP 404") as told:
            serve(folder, lambda _: None, home=home)
    assert "the same command with --stop" in str(told.value)
