"""The connection to a model's server: its replies are bounded, and an address with a password is shown nowhere."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import openai
import pytest

from factory.errors import RecipeError
from tests.raw_endpoint import answering
from train.asking import openai_model
from train.endpoint import MAX_BODY, NO_KEY, connected
from train.navig.maps import nominatim

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (HEAD + b"\r\n" + b" " * (MAX_BODY + 1), "more than"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"), "packed"),
    ],
    ids=["too long", "packed"],
)
def test_a_reply_too_large_for_an_answer_is_none(sent: bytes, why: str) -> None:
    client = connected(answering([sent]), NO_KEY, tries=1, timeout_s=20)
    with pytest.raises(ValueError, match=why):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Where?"}])


def test_a_refusal_is_one_by_its_status_however_it_is_packed() -> None:
    sent = HEAD.replace(b"200 OK", b"400 Bad Request") + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"no")
    client = connected(answering([sent]), NO_KEY, tries=1, timeout_s=20)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Where?"}])


@pytest.mark.parametrize("made", [lambda url: openai_model(url, "m", name="guesser"), nominatim])
def test_an_address_with_a_password_is_refused_and_not_shown(made: Callable[[str], Any]) -> None:
    with pytest.raises(RecipeError, match=r"the address of the \w+: credentials do not belong") as caught:
        made("http://me:canary@localhost:8000/v1")
    assert "canary" not in str(caught.value)
