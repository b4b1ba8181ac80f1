from __future__ import annotations

import os
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.calls.files import write_sealed
from factory.calls.row import LedgerRow
from factory.errors import RecipeError
from factory.plugins.contracts import CallFailed, Question
from factory.teachers.replay import ReplayBackend
from schemas import Reply, Request, Turn
from tests.ledger_rows import ledger_row


def question(sample_id: str, *, turn: int = 0, draw: int = 0, purpose: str = "answer") -> Question:
    request = Request(purpose, (Turn("user", ("Where?",)),))
    return Question(key="", request=request, sample_id=sample_id, turn=turn, draw=draw)


def write(path: Path, *records: Any) -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records))
    return path


async def replies(path: Path, *asked: str | Question, teacher: str = "t") -> list[Reply]:
    async with ReplayBackend(teacher, path) as backend:
        return [await backend.complete(question(one) if isinstance(one, str) else one, {}) for one in asked]


async def digest(path: Path, sample_id: str) -> Any:
    async with ReplayBackend("t", path) as backend:
        return backend.inputs(question(sample_id))["recorded"]


async def test_objects_texts_and_raw_are_given_back_by_id(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        {"id": "a", "response": {"country": "Chad"}},
        b"",
        {"id": "b", "response": "<answer>country: Chad</answer>", "model": "m", "finish_reason": "length"},
        {"id": 3, "raw": "text", "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    )
    first, second, third = await replies(path, "a", "b", "3")
    assert first.text == '{"country":"Chad"}'
    assert (second.text, second.model, second.finish_reason) == ("<answer>country: Chad</answer>", "m", "length")
    assert (third.text, third.prompt_tokens, third.completion_tokens) == ("text", 7, 2)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("response", pa.array([Decimal("1.5")])),
        ("response", pa.array([{"clues": [{"seen": timedelta(1)}]}])),
        ("response", pa.array([[b"nested"]])),
        ("raw", pa.array([datetime(2026, 1, 1)])),
        ("usage", pa.array([{"prompt_tokens": Decimal(3)}])),
        ("model", pa.array([3])),
        ("turn", pa.array([0.5])),
        ("draw", pa.array(["x"])),
        ("id", pa.array([1.5])),
        ("purpose", pa.array([b"x"])),
    ],
)
async def test_a_column_of_another_kind_is_named(tmp_path: Path, column: str, values: pa.Array) -> None:
    table = {"id": pa.array(["a"]), "response": pa.array(["x"]), column: values}
    pq.write_table(pa.table(table), tmp_path / "r.parquet")
    with pytest.raises(RecipeError, match=rf"r\.parquet: column `{column}`: expected .*, found "):
        await replies(tmp_path / "r.parquet", "a")


async def test_a_column_that_is_deeper_than_any_answer_is_named(tmp_path: Path) -> None:
    kind = pa.string()
    for _ in range(80):
        kind = pa.struct({"a": kind})
    pq.write_table(pa.table({"id": ["a"], "response": pa.nulls(1, kind)}), tmp_path / "r.parquet")
    with pytest.raises(RecipeError, match=r"r\.parquet: column `response`: expected .*, found struct<") as caught:
        await replies(tmp_path / "r.parquet", "a")
    assert len(str(caught.value)) < 500


async def test_a_ledger_with_columns_of_another_kind_is_named(tmp_path: Path) -> None:
    columns = {"sample_id": ["a"], "teacher": [7], "status": ["ok"], "response": ["x"]}
    pq.write_table(pa.table(columns), tmp_path / "ledger.parquet")
    with pytest.raises(RecipeError, match="column `teacher`: expected text, found int64"):
        await replies(tmp_path / "ledger.parquet", "a")


async def test_text_that_is_not_utf_8_is_a_fault_of_the_file(tmp_path: Path) -> None:
    text = pa.array([b"caf\xe9"]).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"id": ["a"], "response": text}), tmp_path / "r.parquet")
    with pytest.raises(RecipeError, match=r"r\.parquet: not a readable Parquet file"):
        await replies(tmp_path / "r.parquet", "a")


async def test_a_pipe_is_no_recording(tmp_path: Path) -> None:
    for name in ("r.jsonl", "r.parquet"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(RecipeError, match="no such file of recorded answers"):
            await replies(tmp_path / name, "a")


async def test_parquet_columns_may_hold_text_or_structs(tmp_path: Path) -> None:
    pl.DataFrame({"id": ["a"], "response": [{"country": "Chad", "city": None}], "model": ["m"]}).write_parquet(
        tmp_path / "r.parquet"
    )
    pl.DataFrame({"id": ["a"], "raw": ["plain"]}).write_parquet(tmp_path / "s.parquet")
    (struct,) = await replies(tmp_path / "r.parquet", "a")
    (text,) = await replies(tmp_path / "s.parquet", "a")
    assert orjson.loads(struct.text) == {"country": "Chad", "city": None}
    assert (struct.model, text.text) == ("m", "plain")


async def test_a_missing_id_is_a_typed_failure(tmp_path: Path) -> None:
    with pytest.raises(CallFailed) as caught:
        await replies(write(tmp_path / "r.jsonl", {"id": "a", "response": "x"}), "b")
    assert (caught.value.kind, caught.value.retryable) == ("not_recorded", False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{not json", "r.jsonl:2: not a JSON record"),
        (b"[1]", "r.jsonl:2: expected an object"),
        (b'{"response": "x"}', "r.jsonl:2: expected a text or number as `id`"),
        (b'{"id": "b"}', "r.jsonl:2: id 'b' has neither `response` nor `raw`"),
        (b'{"id": "a", "response": "y"}', "r.jsonl:2: id 'a' was recorded on line 1 already"),
        (b'{"id": "a", "turn": 0, "draw": 0, "response": "y"}', "r.jsonl:2: id 'a' was recorded on line 1 already"),
        (b'{"id": "a", "turn": -1, "response": "y"}', "r.jsonl:2: expected a number from 0 as `turn`, found -1"),
        (b'{"id": "a", "draw": "0", "response": "y"}', "r.jsonl:2: expected a number from 0 as `draw`, found '0'"),
        (b'{"id": "a", "purpose": 3, "response": "y"}', "r.jsonl:2: expected text as `purpose`, found 3"),
        (b'{"id": "b", "response": ' + b"[" * 300 + b"]" * 300 + b"}", "r.jsonl:2: not a JSON record (more than 64"),
        (b'{"id": "b", "response": [' + b"[]," * 600_000 + b"0]}", "r.jsonl:2: not a JSON record (more than 1,000,000"),
    ],
)
async def test_a_bad_line_is_named(tmp_path: Path, line: bytes, said: str) -> None:
    path = write(tmp_path / "r.jsonl", {"id": "a", "response": "x"}, line)
    with pytest.raises(RecipeError) as caught:
        await replies(path, "a")
    assert said in str(caught.value)


async def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file"):
        await replies(tmp_path / "none.jsonl")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(RecipeError, match=r"x\.parquet: not a readable Parquet file"):
        await replies(tmp_path / "x.parquet")
    pl.DataFrame({"id": ["a"], "text": ["b"]}).write_parquet(tmp_path / "y.parquet")
    with pytest.raises(RecipeError, match="columns `id` and `response`"):
        await replies(tmp_path / "y.parquet")
    pl.DataFrame({"id": ["a", "a"], "raw": ["b", "c"]}).write_parquet(tmp_path / "z.parquet")
    with pytest.raises(RecipeError, match="row 1: id 'a' was recorded in row 0"):
        await replies(tmp_path / "z.parquet")


async def test_only_a_changed_record_has_another_identity(tmp_path: Path) -> None:
    a, b = {"id": "a", "response": "x"}, {"id": "b", "response": "y"}
    one = write(tmp_path / "one.jsonl", a, b)
    two = write(tmp_path / "two.jsonl", {"id": "b", "response": "z"}, a)
    assert await digest(one, "a") == await digest(two, "a")
    assert await digest(one, "b") != await digest(two, "b")
    assert await digest(one, "c") is None


async def test_every_turn_draw_and_purpose_has_its_own_record(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        {"id": "a", "response": "first"},
        {"id": "a", "turn": 1, "response": "second"},
        {"id": "a", "draw": 1, "response": "again"},
        {"id": "a", "purpose": "judge", "response": "fine"},
    )
    asked = question("a"), question("a", turn=1), question("a", draw=1), question("a", purpose="judge")
    assert [reply.text for reply in await replies(path, *asked)] == ["first", "second", "again", "fine"]
    with pytest.raises(CallFailed, match="no record of turn 1, draw 1 for a"):
        await replies(path, question("a", turn=1, draw=1))


async def test_a_record_without_a_purpose_answers_any(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"id": "a", "response": "x"}, {"id": "b", "purpose": "judge", "response": "y"})
    (reply,) = await replies(path, question("a", purpose="judge"))
    assert reply.text == "x"
    with pytest.raises(CallFailed, match="not_recorded"):
        await replies(path, question("b"))


async def test_what_was_shown_of_the_truth_is_no_other_purpose(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"id": "a", "purpose": "answer", "response": "x"})
    (reply,) = await replies(path, question("a", purpose="answer+saw_country"))
    assert reply.text == "x"


async def test_turns_of_a_parquet_recording(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"id": ["a", "a"], "turn": [0, 1], "response": ["first", "second"], "purpose": [None, "check"]}
    )
    frame.write_parquet(tmp_path / "r.parquet")
    found = await replies(tmp_path / "r.parquet", question("a"), question("a", turn=1, purpose="check"))
    assert [reply.text for reply in found] == ["first", "second"]


def recorded(key: str, response: str, **changes: Any) -> LedgerRow:
    return ledger_row(key, response=response, **{"sample_id": "a"} | changes)


async def test_a_sealed_ledger_is_a_recording_of_its_teacher(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    rows = [
        recorded("1", "unreadable", finish_reason="length"),
        recorded("2", "repaired", attempt=1, finish_reason="stop"),
        recorded("3", "second turn", turn=1, purpose="answer+saw_place"),
        recorded("4", "second draw", draw=1),
        recorded("5", "somebody else's", teacher="u"),
        recorded("6", "", sample_id="b", status="permanent", error_kind="refused"),
    ]
    write_sealed(rows, path)
    found = await replies(path, question("a"), question("a", turn=1), question("a", draw=1))
    assert [reply.text for reply in found] == ["repaired", "second turn", "second draw"]
    assert (found[0].model, found[0].finish_reason) == ("m", "stop")
    (theirs,) = await replies(path, "a", teacher="u")
    assert theirs.text == "somebody else's"
    with pytest.raises(CallFailed, match="not_recorded"):
        await replies(path, "b")
    with pytest.raises(RecipeError, match="no teacher `v`; it has t, u"):
        await replies(path, "a", teacher="v")


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
async def test_a_name_is_found_in_either_form_of_unicode(tmp_path: Path, kind: str) -> None:
    composed, apart = "caf\u00e9.jpg", "cafe\u0301.jpg"
    for number, (recorded, asked) in enumerate([(composed, apart), (apart, composed)]):
        path = tmp_path / f"{number}.{kind}"
        if kind == "jsonl":
            write(path, {"id": recorded, "raw": "plain"})
        else:
            pl.DataFrame({"id": [recorded], "raw": ["plain"]}).write_parquet(path)
        assert (await replies(path, asked))[0].text == "plain"
