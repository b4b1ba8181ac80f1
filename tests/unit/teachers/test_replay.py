from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from factory.errors import RecipeError
from factory.generators.mp16_reason import mp16_reason
from factory.plugins.contracts import CallFailed, Reply
from factory.teachers.replay import ReplayBackend
from schemas import Sample

PROMPT = mp16_reason().prompt(Sample(id="", image="", lat=0, lon=0))


def write(path: Path, *records: Any) -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records))
    return path


async def replies(path: Path, *ids: str) -> list[Reply]:
    async with ReplayBackend("t", path) as backend:
        return [await backend.complete(PROMPT, id_, (), 0) for id_ in ids]


async def digest(path: Path, sample_id: str) -> Any:
    async with ReplayBackend("t", path) as backend:
        return backend.inputs(sample_id)["recorded"]


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
