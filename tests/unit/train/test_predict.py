"""A model that is asked for `factory eval`: what is no answer stops it in words, and no secret stands in them."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.errors import EnvironmentFault, RecipeError
from tests.raw_endpoint import answering
from tests.training.tiny import make_release, tiny_row
from train.predict import _inputs, endpoint_predictions

CANARY = "Canary-Xy7+Qq2wEr5tYu8iOp"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return make_release(tmp_path / "release", 4, held_out=4)


def raw(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def asked(url: str, release: Path, **more: Any) -> list[dict[str, Any]]:
    return list(endpoint_predictions(url, "m", release, "validation", rows=1, at_once=1, **more))


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (raw(b"<html>Sign in</html>", kind="text/html"), "AttributeError"),
        (raw(b'{"choices": ['), "JSONDecodeError"),
        (raw(b'{"choices": [{"index": 0}]}'), "AttributeError"),
        (raw(b'{"choices": ["a"]}'), "AttributeError"),
        (raw(b'{"error": {"message": "no"}}'), "TypeError"),
        (raw(f'{{"error": "you sent {CANARY}"}}'.encode(), "401 Unauthorized"), "AuthenticationError 401"),
    ],
    ids=["a page", "broken JSON", "no message", "no choice", "an error in a 200", "a refused key"],
)
def test_what_is_no_reply_stops_the_evaluation_and_its_words_are_not_repeated(
    sent: bytes, kind: str, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEY", CANARY)
    with pytest.raises(EnvironmentFault, match=f"no answer to row 'validation-0000' \\({kind}\\)") as caught:
        asked(answering([sent]), release, api_key_env="SERVER_KEY")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_reply_without_a_choice_is_a_failed_answer(release: Path) -> None:
    assert asked(answering([raw(b'{"choices": []}')]), release) == [{"id": "validation-0000", "text": ""}]


@pytest.mark.parametrize("value", ["clé", "a\nb"])
def test_a_key_that_no_header_holds_is_named_by_its_variable(
    value: str, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEY", value)
    with pytest.raises(EnvironmentFault, match="variable SERVER_KEY holds characters that no API key has") as caught:
        asked("http://127.0.0.1:9/v1", release, api_key_env="SERVER_KEY")
    assert value not in str(caught.value)


def test_a_password_in_the_address_is_refused_and_not_shown(release: Path) -> None:
    with pytest.raises(RecipeError, match="credentials do not belong") as caught:
        asked(f"http://me:{CANARY}@127.0.0.1:9/v1", release)
    assert CANARY not in str(caught.value)


def test_a_damaged_file_is_told_as_every_command_tells_it(release: Path) -> None:
    for file in (release / "parquet").glob("validation-*"):
        file.write_bytes(file.read_bytes()[:-9] + b"x" * 9)
    with pytest.raises(RecipeError, match=r"validation-00000-of-00002\.parquet"):
        asked("http://127.0.0.1:9/v1", release)


def test_a_picture_that_cannot_be_decoded_is_told_by_its_row() -> None:
    values, _ = tiny_row(0, "validation")
    processor = SimpleNamespace(
        tokenizer=SimpleNamespace(all_special_tokens=[]), apply_chat_template=lambda *_, **__: ""
    )
    with pytest.raises(RecipeError, match="row 'validation-0000': a picture cannot be decoded"):
        _inputs(processor, [{**values, "images": [{"bytes": b"\xff\xd8 none"}]}])


REPLY = raw(b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Kenya \\ud800"}}]}')


def test_an_interrupt_loses_no_answer_that_is_under_way(release: Path) -> None:
    second, main = threading.Event(), threading.main_thread().ident

    def sent(number: int) -> bytes:
        if number:
            second.set()
        else:
            second.wait(10)
            signal.pthread_kill(main or 0, signal.SIGINT)
        return REPLY

    given: list[dict[str, Any]] = []
    with pytest.raises(KeyboardInterrupt):
        for row in endpoint_predictions(answering(sent), "m", release, "validation", at_once=2):
            given.append(row)  # noqa: PERF402 - those before an interrupt are looked at
    assert {"validation-0000", "validation-0001"} <= {row["id"] for row in given}


def test_an_interrupt_right_behind_a_question_that_was_sent_loses_no_answer(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after a thread has taken the question and before whoever asked knows of it."""
    submit, taken = ThreadPoolExecutor.submit, threading.Event()

    def interrupted(pool: ThreadPoolExecutor, call: Callable[..., Any], *given: Any) -> Any:
        submit(pool, call, *given)
        taken.wait(10)
        raise KeyboardInterrupt

    def sent(_: int) -> bytes:
        taken.set()
        return REPLY

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    given: list[dict[str, Any]] = []
    with pytest.raises(KeyboardInterrupt):
        for row in endpoint_predictions(answering(sent), "m", release, "validation"):
            given.append(row)  # noqa: PERF402 - those before an interrupt are looked at
    assert [row["id"] for row in given] == ["validation-0000"]


def test_what_is_under_way_is_given_before_what_stopped_it_and_what_is_there_is_not_asked(release: Path) -> None:
    second = threading.Event()

    def sent(number: int) -> bytes:
        if number:
            second.set()
        else:
            second.wait(10)
        return REPLY if number else raw(b"{}", "404 Not Found")

    given: list[dict[str, Any]] = []
    with pytest.raises(EnvironmentFault, match="NotFoundError 404"):
        for row in endpoint_predictions(answering(sent), "m", release, "validation", at_once=2):
            given.append(row)  # noqa: PERF402 - those before a fault are looked at
    assert given and all(row["text"] == "Kenya ?" for row in given)
    there = {row["id"] for row in given}
    rest = list(endpoint_predictions(answering(lambda _: REPLY), "m", release, "validation", skip=there))
    assert {row["id"] for row in rest} == {f"validation-{number:04d}" for number in range(4)} - there
