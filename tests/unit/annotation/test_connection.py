"""Which server, and with what key."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.claim import claim
from annotation.connection import find_login, kept_login
from factory.errors import CorruptBuild, EnvironmentFault

KEY = "0123456789abcdef0123456789abcdef01234567"


def test_the_environment_names_a_server_before_any_file(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "token": "other"}))
    login = find_login(tmp_path, {"LABEL_STUDIO_URL": "https://labels.example/studio/", "LABEL_STUDIO_API_KEY": KEY})
    assert (login.url, login.key, login.source) == ("https://labels.example/studio", KEY, "LABEL_STUDIO_API_KEY")
    assert KEY not in repr(login)


def test_without_them_the_server_that_we_started_is_found_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    claim(folder)
    kept = json.loads((folder / "server.json").read_bytes()) | {"url": "http://127.0.0.1:8080", "token": KEY}
    (folder / "server.json").write_text(json.dumps(kept))
    assert find_login(folder, {}).url == "http://127.0.0.1:8080"
    (folder / "server.json").write_text(json.dumps(kept | {"claim": "0" * 64}))
    with pytest.raises(EnvironmentFault, match="not known to be yours"):
        find_login(folder, {})


@pytest.mark.parametrize("name", ["LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"])
def test_half_a_login_names_the_other_half(tmp_path: Path, name: str) -> None:
    other = {"LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"} - {name}
    with pytest.raises(EnvironmentFault, match=other.pop()):
        find_login(tmp_path, {name: "http://127.0.0.1:8080"})


def test_no_server_at_all_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="factory review serve"):
        find_login(tmp_path, {})


@pytest.mark.parametrize(
    "url",
    [
        "labels.example",
        "ftp://labels.example",
        "http://",
        "http://me:secret@labels.example",
        "http://labels.example/?next=x",
        "http://labels.example:0",
        "http://[::1",
        "http://labels.example/\n",
        "http://a..b",
        "http://[v1.x]",
        "http://[::1]x",
        f"http://{'a' * 64}.example",
        f"http://{'a.' * 130}example",
        "http://\u00ad",
    ],
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(EnvironmentFault, match="is no address"):
        find_login(
            tmp_path, {"LABEL_STUDIO_URL": f"{url} x" if url.endswith("\n") else url, "LABEL_STUDIO_API_KEY": KEY}
        )


def test_a_key_with_a_line_break_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="no API key has") as refused:
        find_login(tmp_path, {"LABEL_STUDIO_URL": "http://127.0.0.1", "LABEL_STUDIO_API_KEY": f"{KEY}\nX-Other: 1"})
    assert KEY not in str(refused.value)


def test_a_damaged_login_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:8080"}))
    with pytest.raises(CorruptBuild, match=r"server\.json"):
        kept_login(tmp_path / "server.json")


@given(st.text(max_size=80) | st.text(alphabet=".-:[]@%aé0x1/", max_size=80))
def test_every_address_is_refused_or_can_be_looked_up(rest: str) -> None:
    try:
        login = find_login(Path(), {"LABEL_STUDIO_URL": f"http://{rest}", "LABEL_STUDIO_API_KEY": KEY})
    except EnvironmentFault:
        return
    httpx2.Request("GET", f"{login.url}/api/version").url.raw_host.decode("ascii").encode("idna")
