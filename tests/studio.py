"""Annotators of a real Label Studio for tests: accounts made through its sign-up page, answers sent through its API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2

from annotation.connection import Login

PASSWORD = "an Annotator's 1 password"


@dataclass(frozen=True, slots=True)
class Annotator:
    """An account of its own."""

    url: str
    email: str
    number: int
    token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of an API call, or None."""
        headers = {"Authorization": f"Token {self.token}"}
        answer = _connection().request(method, f"{self.url}{path}", json=body, headers=headers)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def answer(self, task: int, results: Sequence[Mapping[str, Any]], *, seconds: float = 12.5, **more: Any) -> int:
        """Submits an annotation and returns its number."""
        body = {"result": list(results), "lead_time": seconds, **more}
        return int(self.call("POST", f"/api/tasks/{task}/annotations/", body)["id"])


@cache
def _connection() -> httpx2.Client:
    """One for all calls: to make one takes longer than most calls do."""
    return httpx2.Client(timeout=120, trust_env=False)


def sign_up(login: Login, email: str) -> Annotator:
    """A new account of the server's organisation, by its invitation."""
    invitation = httpx2.get(
        f"{login.url}/api/invite", headers={"Authorization": f"Token {login.key}"}, timeout=60, trust_env=False
    ).json()["invite_url"]
    with httpx2.Client(base_url=login.url, timeout=120, trust_env=False) as browser:
        page = browser.get(invitation).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, page[:500]
        form = {"csrfmiddlewaretoken": token[1], "email": email, "password": PASSWORD}
        done = browser.post(invitation, data=form, headers={"Referer": f"{login.url}/"})
        assert done.status_code in (200, 302), done.text[:500]
        key = browser.get("/api/current-user/token").json()["token"]
        number = browser.get("/api/current-user/whoami").json()["id"]
    return Annotator(login.url, email, int(number), key)


def choice(name: str, *words: str) -> dict[str, Any]:
    """A part of a result, as the screen sends it."""
    return {"from_name": name, "to_name": "photo", "type": "choices", "value": {"choices": list(words)}}


def words(name: str, text: str) -> dict[str, Any]:
    """A part of a result, as the screen sends it."""
    return {"from_name": name, "to_name": "photo", "type": "textarea", "value": {"text": [text]}}


def number(name: str, value: float) -> dict[str, Any]:
    """A part of a result, as the screen sends it."""
    return {"from_name": name, "to_name": "photo", "type": "number", "value": {"number": value}}


def box(kind: str, x: float, y: float, width: float, height: float) -> dict[str, Any]:
    """A part of a result, as the screen sends it: per cent."""
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": [kind]}
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0}
    return {"from_name": "boxes", "to_name": "photo", "type": "rectanglelabels", "value": value, **size}
