"""The connection to Label Studio against a server that does what it likes."""

from __future__ import annotations

import base64
import email.utils
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest

from annotation import client as client_module
from annotation.client import ATTEMPTS, Client, TooLarge, Unsure
from annotation.connection import Login
from annotation.replies import Anything
from factory.errors import EnvironmentFault
from tests.http_server import served

KEY = "canary0123456789canary0123456789canary01"
Answer = tuple[int, dict[str, str], bytes]


class Scripted(BaseHTTPRequestHandler):
    """Answers with what a test says, and notes what it is sent."""

    protocol_version = "HTTP/1.1"
    script: Callable[[str, int], Answer]
    seen: list[tuple[str, str, dict[str, str], bytes]]

    def _answer(self) -> None:
        cls = type(self)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        cls.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, headers, content = cls.script(self.path, len(cls.seen))
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def handler() -> type[Scripted]:
    return type("Handler", (Scripted,), {"seen": [], "script": staticmethod(lambda path, n: (200, {}, b"{}"))})


@pytest.fixture
def url(handler: type[Scripted]) -> Iterator[str]:
    with served(handler) as address:
        yield address.removesuffix("/v1")


def opened(url: str, key: str = KEY, call_s: float = 20.0, waits: list[float] | None = None) -> Client:
    login = Login(url=url, key=key, source="LABEL_STUDIO_API_KEY")
    return Client(login, call_s=call_s, sleep=(waits if waits is not None else []).append)


def test_what_may_be_asked_twice_is_asked_again_and_waits_as_told(url: str, handler: type[Scripted]) -> None:
    answers: list[Answer] = [
        (429, {"retry-after": "3"}, b""),
        (502, {}, b"<html>bad gateway</html>"),
        (200, {}, b'{"n": 1}'),
    ]
    handler.script = staticmethod(lambda path, n: answers[n - 1])
    waits: list[float] = []
    with opened(url, waits=waits) as client:
        assert client.get("/api/tasks", Anything).root == {"n": 1}
    assert 3 <= waits[0] <= 3.6 and 1 <= waits[1] <= 1.2
    assert {headers["authorization"] for _, _, headers, _ in handler.seen} == {f"Token {KEY}"}


def test_it_gives_up_after_some_attempts_and_says_what_to_do(url: str, handler: type[Scripted]) -> None:
    handler.script = staticmethod(lambda path, n: (500, {}, json.dumps({"detail": f"key {KEY} broke"}).encode()))
    waits: list[float] = []
    with opened(url, waits=waits) as client, pytest.raises(EnvironmentFault, match="the same command goes on") as fault:
        client.get("/api/tasks", Anything)
    assert len(handler.seen) == ATTEMPTS and len(waits) == ATTEMPTS - 1, "nobody waits for what is not asked again"
    assert "[redacted] broke" in str(fault.value) and KEY not in str(fault.value)


def shown(url: str, handler: type[Scripted], body: bytes, status: int = 500) -> str:
    """What a person is told of an answer."""
    handler.script = staticmethod(lambda path, n: (status, {}, body))
    with opened(url) as client, pytest.raises(EnvironmentFault) as fault:
        client.get("/api/tasks", Anything)
    return str(fault.value)


@pytest.mark.parametrize("before", [0, 290, 5_960, 5_970, 5_995, 99_970, 200_000])
@pytest.mark.parametrize("around", ["{}", '{{"detail": "{}"}}', '{{"other": ["{}"]}}'])
def test_no_part_of_a_key_is_shown_wherever_an_answer_is_cut(
    url: str, handler: type[Scripted], before: int, around: str
) -> None:
    for filler in (" ", "x"):
        told = shown(url, handler, around.format(filler * before + KEY).encode())
        assert KEY[:6] not in told


def test_what_a_server_says_is_shown_whatever_it_calls_it(url: str, handler: type[Scripted]) -> None:
    for body in ({"validation_errors": {"title": ["too long"]}}, {"detail": "too long"}, {"title": ["too long"]}):
        assert "too long" in shown(url, handler, json.dumps(body).encode(), 400)
    assert shown(url, handler, b"x" * 100_001, 400).endswith("HTTP 400 with 100,001 bytes")


def test_a_connection_that_fails_shows_no_key_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(EnvironmentFault) as fault:

        def speak() -> None:
            for _ in range(ATTEMPTS):
                connection, _ = listening.accept()
                connection.recv(65_536)
                connection.sendall(f"Token {KEY}\r\n\r\n".encode())
                connection.close()

        thread = threading.Thread(target=speak)
        thread.start()
        with opened(f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            client.get("/api/tasks", Anything)
    thread.join()
    assert "illegal status line" in str(fault.value) and KEY[:6] not in str(fault.value)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ({"retry-after": "2.5"}, 2.5, 3.0),
        ({"retry-after-ms": "350", "retry-after": "9"}, 0.35, 0.42),
        ({"retry-after": email.utils.formatdate(time.time() + 86_400, usegmt=True)}, 30.0, 30.0),
        ({"retry-after": "30"}, 30.0, 30.0),
    ],
)
def test_a_server_is_left_alone_for_as_long_as_it_asks_however_it_writes_that(
    url: str, handler: type[Scripted], header: dict[str, str], least: float, most: float
) -> None:
    handler.script = staticmethod(lambda path, n: (429, header, b"") if n == 1 else (200, {}, b"{}"))
    waits: list[float] = []
    with opened(url, waits=waits) as client:
        client.get("/api/tasks", Anything)
    assert len(waits) == 1 and least <= waits[0] <= most


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_makes_something_is_never_sent_twice_by_itself(url: str, handler: type[Scripted], status: int) -> None:
    handler.script = staticmethod(lambda path, n: (status, {"retry-after": "7"}, b""))
    with opened(url) as client, pytest.raises(Unsure) as unsure:
        client.make("/api/projects/1/import", Anything, [{"data": {}}])
    assert len(handler.seen) == 1 and unsure.value.wait_s == 7


def test_a_body_that_is_too_large_is_told_apart(url: str, handler: type[Scripted]) -> None:
    handler.script = staticmethod(lambda path, n: (413, {}, b"<html>too large</html>"))
    with opened(url) as client, pytest.raises(TooLarge):
        client.make("/api/projects/1/import", Anything, [])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_where_it_came_from(url: str, handler: type[Scripted], status: int) -> None:
    handler.script = staticmethod(lambda path, n: (status, {}, b'{"detail": "Invalid token."}'))
    with opened(url) as client, pytest.raises(EnvironmentFault, match=r"LABEL_STUDIO_API_KEY \(HTTP .*Invalid token"):
        client.get("/api/projects", Anything)
    assert len(handler.seen) == 1


def test_no_redirect_is_followed(url: str, handler: type[Scripted]) -> None:
    handler.script = staticmethod(lambda path, n: (302, {"location": "http://127.0.0.1:1/api/tasks"}, b""))
    with opened(url) as client, pytest.raises(EnvironmentFault, match="sends us elsewhere"):
        client.get("/api/tasks", Anything)
    assert len(handler.seen) == 1


def test_no_proxy_of_the_environment_is_used(
    url: str, handler: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with opened(url) as client:
        assert client.get("/version", Anything).root == {}


def test_an_answer_beyond_the_bound_ends_the_call(
    url: str, handler: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.transport.MAX_BODY", 1000)
    handler.script = staticmethod(lambda path, n: (200, {}, b"[" + b" " * 2000 + b"]"))
    with opened(url) as client, pytest.raises(EnvironmentFault, match="sends more than"):
        client.get("/api/tasks", Anything)


def test_a_packed_answer_is_refused(url: str, handler: type[Scripted]) -> None:
    handler.script = staticmethod(lambda path, n: (200, {"content-encoding": "gzip"}, b"x"))
    with opened(url) as client, pytest.raises(EnvironmentFault, match="packed"):
        client.get("/api/tasks", Anything)


def test_a_slow_server_is_not_waited_for_for_ever(url: str, handler: type[Scripted]) -> None:
    def slow(path: str, n: int) -> Answer:
        time.sleep(0.6)
        return 200, {}, b"{}"

    handler.script = staticmethod(slow)
    with opened(url, call_s=0.2) as client, pytest.raises(Unsure, match="does not answer within"):
        client.make("/api/projects/1/import", Anything, [])


def test_announcements_of_an_answer_end_with_the_call() -> None:
    def announce(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while True:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: announce(listening.accept()[0]))
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with opened(address, call_s=0.5) as client, pytest.raises(Unsure, match="does not answer within"):
            client.make("/api/projects/1/import", Anything, [])
        thread.join()


def test_a_body_that_drips_ends_with_the_call(url: str, handler: type[Scripted]) -> None:
    def drips(path: str, n: int) -> Answer:
        return 200, {"transfer-encoding": "chunked"}, b"1000\r\n" + b" " * 0x0FFF

    handler.script = staticmethod(drips)
    with opened(url, call_s=0.3) as client, pytest.raises(Unsure, match="does not answer within"):
        client.make("/api/projects/1/import", Anything, [])


def test_a_page_that_is_no_json_asks_for_the_address(url: str, handler: type[Scripted]) -> None:
    handler.script = staticmethod(lambda path, n: (200, {}, b"<html>welcome</html>"))
    with opened(url) as client, pytest.raises(EnvironmentFault, match="is this its address"):
        client.get("/api/tasks", Anything)


def test_nobody_at_the_address_is_said_in_the_systems_words() -> None:
    with opened("http://127.0.0.1:9") as client, pytest.raises(EnvironmentFault, match="Connection refused"):
        client.get("/api/tasks", Anything)


def _jwt(name: str) -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, {"n": name})
    )
    return f"{head}.{body}.signature-{name}"


def test_a_personal_token_is_exchanged_and_renewed_when_it_expires(url: str, handler: type[Scripted]) -> None:
    given = iter(("first", "second"))

    def script(path: str, n: int) -> Answer:
        if path == "/api/token/refresh/":
            return 200, {}, json.dumps({"access": _jwt(next(given))}).encode()
        expired = handler.seen[-1][2]["authorization"] == f"Bearer {_jwt('first')}" and n > 2
        return (401, {}, b"{}") if expired else (200, {}, b"{}")

    handler.script = staticmethod(script)
    with opened(url, key=_jwt("personal")) as client:
        client.get("/a", Anything)
        client.get("/b", Anything)
    assert [path for _, path, _, _ in handler.seen] == ["/api/token/refresh/", "/a", "/b", "/api/token/refresh/", "/b"]
    assert json.loads(handler.seen[0][3]) == {"refresh": _jwt("personal")}
    assert handler.seen[-1][2]["authorization"] == f"Bearer {_jwt('second')}"


def test_the_waits_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    client = opened("http://127.0.0.1:9", waits=waits)
    client.wait(0, 86_400.0)
    assert waits == [client_module.LONGEST_WAIT_S]
