"""`factory doctor` asks endpoints through the guards of a build: none of them can fill it, hold it or lead it."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from factory.teachers.client import MAX_BODY
from tests.evil_endpoint import CANARY, escaped
from tests.http_server import served
from tests.real_build import Done, factory, make_photos, write_recipe

BUFFERS = 16 * 2**20
"""Bytes that the sockets of both sides may hold at most."""


class Asked:
    """What a server was asked and how much it could send."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.encodings: list[str] = []
        self.sent = 0


Respond = Callable[[BaseHTTPRequestHandler, Asked], None]


@contextmanager
def serving(respond: Respond) -> Iterator[tuple[str, Asked]]:
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.paths.append(self.path)
            asked.encodings.append(self.headers["Accept-Encoding"])
            with suppress(ConnectionError):
                respond(self, asked)

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as url:
        yield url, asked


def head(to: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    to.send_response(status)
    for name, value in headers.items():
        to.send_header(name.replace("_", "-"), value)
    to.end_headers()


def doctor(tmp_path: Path, url: str) -> Done:
    make_photos(tmp_path, 1)
    recipe = write_recipe(tmp_path, url, teacher_keys=", api_key_env: CANARY_KEY")
    done = factory("doctor", recipe, cwd=tmp_path, env={"CANARY_KEY": CANARY})
    assert "Traceback" not in done.stderr and CANARY[:12] not in done.stdout + done.stderr, done
    return done


def endless(to: BaseHTTPRequestHandler, asked: Asked) -> None:
    head(to, 200)
    for _ in range(2**14):
        to.wfile.write(b" " * 2**16)
        asked.sent += 2**16


def endless_error(to: BaseHTTPRequestHandler, asked: Asked) -> None:
    head(to, 500)
    for _ in range(2**14):
        to.wfile.write(b" " * 2**16)
        asked.sent += 2**16


@pytest.mark.parametrize("respond", [endless, endless_error])
def test_a_body_without_end_is_cut(tmp_path: Path, respond: Respond) -> None:
    with serving(respond) as (url, asked):
        done = doctor(tmp_path, url)
    assert done.returncode == 3 and f"a body of more than {MAX_BODY} bytes" in done.stdout
    assert asked.sent <= MAX_BODY + BUFFERS


def test_a_declared_size_is_believed_before_a_byte_is_read(tmp_path: Path) -> None:
    def huge(to: BaseHTTPRequestHandler, _: Asked) -> None:
        head(to, 200, Content_Length=str(2**33))

    with serving(huge) as (url, _):
        assert f"a body of more than {MAX_BODY} bytes" in doctor(tmp_path, url).stdout


def test_a_drip_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.teachers.models.LOOK_S", 1.0)

    def drip(to: BaseHTTPRequestHandler, _: Asked) -> None:
        head(to, 200)
        for _n in range(600):
            to.wfile.write(b" ")
            time.sleep(0.1)

    with serving(drip) as (url, _):
        done = doctor(tmp_path, url)
    assert done.returncode == 3 and "no whole answer within 1 s" in done.stdout


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(tmp_path: Path, status: int) -> None:
    with serving(lambda to, _: head(to, status, Location="/elsewhere", Content_Length="0")) as (url, asked):
        done = doctor(tmp_path, url)
    assert done.returncode == 3 and str(status) in done.stdout and asked.paths == ["/v1/models"]


def test_no_compression_is_offered_or_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(2**26))

    def packed(to: BaseHTTPRequestHandler, _: Asked) -> None:
        head(to, 200, Content_Encoding="gzip", Content_Length=str(len(bomb)))
        to.wfile.write(bomb)

    with serving(packed) as (url, asked):
        done = doctor(tmp_path, url)
    assert done.returncode == 3 and "compressed body" in done.stdout and asked.encodings == ["identity"]


MODELS = [CANARY, f"{'x' * 90}{CANARY}", "\u200b".join(CANARY), f"a {CANARY}", "\x1b]0;title\x07[bold]red[/bold]"]


def test_what_it_says_is_shown_without_the_key_and_as_plain_text(tmp_path: Path) -> None:
    body = json.dumps({"data": [{"id": name} for name in MODELS]}).encode()

    def models(to: BaseHTTPRequestHandler, _: Asked) -> None:
        head(to, 200, Content_Length=str(len(body)))
        to.wfile.write(body)

    with serving(models) as (url, _):
        done = doctor(tmp_path, url)
    assert "does not serve model-0" in done.stdout and "[redacted]" in done.stdout
    assert "\x1b" not in done.stdout and "[bold]red[/bold]" in done.stdout


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, f'{{"error": {{"message": "{"u" * 280} {CANARY}"}}}}'),
        (401, f'{{"error": {{"message": "wrong key {CANARY}"}}}}'),
        (200, f"<html>{'u' * 275} {CANARY}"),
        (200, f'{{"data": "{escaped(CANARY)}"}}'),
        (200, f'{{"data": [[1], {{"id": 7}}, {{"id": "{CANARY}"}}]}}'),
        (200, "[" * 100_000),
        (200, '"nothing"'),
        (200, ""),
    ],
)
def test_no_answer_is_too_odd(tmp_path: Path, status: int, body: str) -> None:
    def odd(to: BaseHTTPRequestHandler, _: Asked) -> None:
        head(to, status, Content_Length=str(len(body)), Retry_After=CANARY, X_Echo=CANARY)
        to.wfile.write(body.encode())

    with serving(odd) as (url, _):
        assert doctor(tmp_path, url).returncode == 3


def models_at(path: str) -> Respond:
    """A server that lists its models there, and knows no other address."""

    def respond(to: BaseHTTPRequestHandler, _: Asked) -> None:
        body = b'{"data": [{"id": "model-0"}]}' if to.path == path else b""
        head(to, 200 if body else 404, Content_Length=str(len(body)))
        to.wfile.write(body)

    return respond


def test_an_address_without_v1_is_told_the_one_that_answers(tmp_path: Path) -> None:
    with serving(models_at("/v1/models")) as (url, _):
        bare = url.removesuffix("/v1")
        done = doctor(tmp_path, bare)
    assert done.returncode == 3 and f"{bare} answers, but has no list of models there" in done.stdout
    assert f"write {bare}/v1" in done.stdout and "start it" not in done.stdout


def test_https_where_http_is_spoken_is_told_without_sending_the_key_in_the_clear(tmp_path: Path) -> None:
    keys: list[str] = []

    def models(to: BaseHTTPRequestHandler, asked: Asked) -> None:
        keys.append(to.headers["Authorization"])
        models_at("/v1/models")(to, asked)

    with serving(models) as (url, _):
        done = doctor(tmp_path, url.replace("http:", "https:"))
    assert done.returncode == 3 and "speaks no TLS" in done.stdout and f"write {url}" in done.stdout
    assert keys == ["Bearer EMPTY"]


def test_a_server_that_fails_is_not_told_to_be_started(tmp_path: Path) -> None:
    with serving(lambda to, _: head(to, 500, Content_Length="0")) as (url, _):
        done = doctor(tmp_path, url)
    assert "answers with an error of its own (500" in done.stdout and "it runs: look at its log" in done.stdout
