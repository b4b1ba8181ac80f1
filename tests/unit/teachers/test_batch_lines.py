"""Rows of a batch's output: whose they are, what they say, and that no bytes of them do harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from factory.errors import CorruptBuild, EnvironmentFault
from factory.plugins.contracts import CallFailed
from factory.redact import Redactor
from factory.teachers import batch_lines
from factory.teachers.batch_box import Box
from factory.teachers.batch_lines import output_rows, question_line, read_row
from factory.teachers.batch_provider import Provider
from tests.fake_endpoint import completion

KEY = "sk-canary-0123456789"
NOTHING = Redactor()


def row(**parts: Any) -> bytes:
    return orjson.dumps({"response": None, "error": None, **parts})


def said(body: Any, status: int = 200) -> dict[str, Any]:
    return {"status_code": status, "request_id": "r", "body": body}


REPLY = said(orjson.loads(completion("Kazan")))


def test_a_question_is_one_line_with_its_key() -> None:
    line = question_line("ab" * 32, b'{"model":"m","messages":[{"role":"user","content":"a\\nb"}]}')
    assert b"\n" not in line
    found = orjson.loads(line)
    assert (found["custom_id"], found["method"], found["url"]) == ("ab" * 32, "POST", "/v1/chat/completions")
    assert found["body"]["messages"][0]["content"] == "a\nb"


def test_a_reply_is_read_as_that_of_a_call() -> None:
    reply = read_row(row(response=REPLY), NOTHING)
    assert (reply.text, reply.finish_reason, reply.prompt_tokens) == ("Kazan", "stop", 900)


@pytest.mark.parametrize(
    ("parts", "kind", "again", "fatal"),
    [
        ({"response": said({"error": {"message": "too long"}}, 400)}, "http_400", False, False),
        ({"response": said({"error": {"message": "slow down"}}, 429)}, "rate_limited", True, False),
        ({"response": said(None, 503)}, "http_503", True, False),
        ({"response": said({"error": {"message": "bad key"}}, 401)}, "credentials", False, True),
        ({"error": {"code": "batch_expired", "message": "late"}}, "batch_expired", True, False),
        ({"error": {"code": "batch_cancelled", "message": "late"}}, "batch_cancelled", True, False),
        ({"error": {"code": "odd", "message": "?"}}, "http_500", True, False),
        (
            {
                "response": said(None, 400),
                "error": {"error": {"message": "long", "type": "Bad", "code": 400}},
            },
            "http_400",
            False,
            False,
        ),
        ({"response": said({"choices": []})}, "bad_body", True, False),
        ({"response": said("words")}, "bad_body", True, False),
        ({"response": []}, "http_500", True, False),
    ],
)
def test_a_row_that_is_no_reply_says_why_and_nothing_of_an_endpoint(
    parts: dict[str, Any], kind: str, again: bool, fatal: bool
) -> None:
    with pytest.raises(CallFailed) as failed:
        read_row(row(**parts), NOTHING)
    found = failed.value
    assert (found.kind, found.retryable, found.fatal) == (kind, again, fatal)
    assert found.of_batch and not (found.down or found.waits or found.presses)


def test_rows_are_read_in_whatever_pieces_they_come() -> None:
    whole = b"\n".join(orjson.dumps({"custom_id": str(n), "response": REPLY}) for n in range(3)) + b"\n\n"
    for size in (1, 7, 1000, len(whole)):
        pieces = (whole[at : at + size] for at in range(0, len(whole), size))
        assert [(key, answer) for key, answer, _ in output_rows(pieces, NOTHING)] == [
            ("0", True),
            ("1", True),
            ("2", True),
        ]


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"7", b'{"custom_id": 7}', b'{"custom_id": null}', b"[" * 100_000, b"\xff\xfe", b"null"]
)
def test_what_is_no_row_is_nobody_s_and_ends_nothing(line: bytes) -> None:
    good = orjson.dumps({"custom_id": "k", "response": REPLY})
    assert [key for key, _, _ in output_rows([line + b"\n" + good], NOTHING)] == [None, "k"]


def test_a_row_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lines, "MAX_ROW", 1000)

    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 997
        yield b"\n" + orjson.dumps({"custom_id": "k", "error": {"code": "batch_expired"}})

    assert [key for key, _, _ in output_rows(endless(), NOTHING)] == [None, "k"]


def test_a_key_is_taken_out_before_a_row_is_kept() -> None:
    line = orjson.dumps({"custom_id": "k", "response": said(orjson.loads(completion(f"key {KEY}")))})
    ((_, answered, kept),) = output_rows([line], Redactor((KEY,)))
    assert answered and KEY.encode() not in kept and b"redacted" in kept


def test_half_a_character_is_replaced() -> None:
    line = b'{"custom_id": "k", "error": {"code": "odd", "message": "\\ud800"}}'
    ((key, _, kept),) = output_rows([line], NOTHING)
    assert key == "k" and kept


@pytest.mark.parametrize("name", ["../x", "a/b", "a?b", "", "é", 7, None, "x" * 200, KEY])
def test_a_name_that_is_none_gets_into_no_address(name: Any) -> None:
    provider = Provider("http://127.0.0.1:9/v1", KEY, None, "24h")
    with pytest.raises(EnvironmentFault, match="expected an id"):
        provider._plain(name, "/batches")


def test_a_box_that_somebody_else_made_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "t.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE VIEW asks AS SELECT 1 AS key")
    with pytest.raises(CorruptBuild, match="its tables are not those"):
        Box(path)


def test_a_damaged_batch_is_named(tmp_path: Path) -> None:
    box = Box(tmp_path / "t.sqlite")
    box.put([("k", b"{}")], 3)
    box.form(10, 1000)
    box._connection.execute("UPDATE batches SET tag = 7.5, rows = 'x'")
    with pytest.raises(CorruptBuild, match="is damaged"):
        box.batches("formed")
    box.close()
