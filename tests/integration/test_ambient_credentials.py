"""Credentials that only lie about in the environment are sent to nobody whom the recipe does not name them for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from factory.teachers.client import NO_KEY, api_key, key_variable
from tests.fake_endpoint import running_endpoint
from tests.http_server import served
from tests.real_build import factory, make_photos, only_build, write_recipe

CANARIES = {
    "OPENAI_API_KEY": "canary-key",
    "OPENAI_ADMIN_KEY": "canary-admin",
    "OPENAI_ORG_ID": "canary-organisation",
    "OPENAI_PROJECT_ID": "canary-project",
    "OPENAI_CUSTOM_HEADERS": "X-Canary: canary-header\nAuthorization: Bearer canary-bearer",
    "OPENAI_WEBHOOK_SECRET": "canary-webhook",
    "OPENAI_BASE_URL": "http://canary-base.example/v1",
}
SENT = {
    "host",
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "user-agent",
    "authorization",
}


@pytest.fixture
def canaries(tmp_path: Path) -> Mapping[str, str]:
    """An environment full of credentials, and a netrc file that has some for any host."""
    (tmp_path / "netrc").write_text("default login canary-login password canary-password\n")
    (tmp_path / "netrc").chmod(0o600)
    return {**CANARIES, "NETRC": str(tmp_path / "netrc")}


def test_an_endpoint_that_the_recipe_names_no_key_for_gets_none(tmp_path: Path, canaries: Mapping[str, str]) -> None:
    make_photos(tmp_path, 3)
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        done = factory("build", write_recipe(tmp_path, endpoint.url), cwd=tmp_path, env=canaries)
        assert done.returncode == 0, done.stderr
        sent = [request["headers"] for request in endpoint.requests()]
    assert len(sent) == 3 and "canary" not in json.dumps(sent)
    assert {headers["authorization"] for headers in sent} == {f"Bearer {NO_KEY}"}
    assert set().union(*sent) <= SENT
    for path in only_build(tmp_path / "builds").rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


def test_a_key_that_the_recipe_names_is_the_only_one_sent(tmp_path: Path, canaries: Mapping[str, str]) -> None:
    make_photos(tmp_path, 2)
    with running_endpoint(tmp_path / "endpoint") as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url, teacher_keys=", api_key_env: MINE")
        done = factory("build", recipe, cwd=tmp_path, env={**canaries, "MINE": "named-key"})
        assert done.returncode == 0, done.stderr
        sent = [request["headers"] for request in endpoint.requests()]
    assert {headers["authorization"] for headers in sent} == {"Bearer named-key"}
    assert "canary" not in json.dumps(sent)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Somebody who listens on a port of this machine, and the headers that he was sent."""
    heard: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"object": "list", "data": [{"id": "model-0", "object": "model"}]}')

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as url:
        yield url, heard


def test_doctor_shows_a_listener_no_credential(
    tmp_path: Path, canaries: Mapping[str, str], listener: tuple[str, list[dict[str, str]]]
) -> None:
    url, heard = listener
    make_photos(tmp_path, 1)
    done = factory("doctor", write_recipe(tmp_path, url), cwd=tmp_path, env=canaries)
    assert "serves model-0" in done.stdout
    assert heard and "canary" not in json.dumps(heard)


@pytest.mark.parametrize(
    ("url", "named", "variable"),
    [
        ("https://api.openai.com/v1", None, "OPENAI_API_KEY"),
        ("https://api.openai.com:443/v1", None, "OPENAI_API_KEY"),
        ("http://api.openai.com/v1", None, None),
        ("https://api.openai.com.evil.example/v1", None, None),
        ("https://evil.example/api.openai.com/v1", None, None),
        ("http://127.0.0.1:8000/v1", None, None),
        ("http://127.0.0.1:8000/v1", "OPENAI_API_KEY", "OPENAI_API_KEY"),
        ("https://api.openai.com/v1", "MINE", "MINE"),
    ],
)
def test_the_default_key_is_openais_own(
    url: str, named: str | None, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    monkeypatch.setenv("MINE", "named-key")
    assert key_variable(url, named) == variable
    assert api_key(url, named) == {None: NO_KEY, "OPENAI_API_KEY": "canary-key", "MINE": "named-key"}[variable]
